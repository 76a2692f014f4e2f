"""The engine: checks requests, runs them on a backend, and answers what surfaces must know of it."""

import contextlib
import random
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

from colorizers.engine.jobs import (
    Backend,
    CheckedJob,
    Done,
    Event,
    Health,
    Heartbeat,
    JobRequest,
    Waiting,
    WeightsState,
)
from colorizers.engine.line import Line, Visitor
from colorizers.engine.local import make_local_backend
from colorizers.errors import Cancelled, ColorizerError
from colorizers.methods.catalog import METHODS, REGISTRY, find
from colorizers.methods.method import AnyMethod, Step, finish_of
from colorizers.options import MAX_SEED, validated
from colorizers.picture.hints import checked_hints
from colorizers.picture.result import Result
from colorizers.settings import Settings, get_settings
from colorizers.weights.registry import Weights
from colorizers.weights.store import WeightStore, make_store
from colorizers.words import Text


class Engine:
    """Checks requests, settles their seeds and hands them to a backend; visitors wait in a line before that."""

    def __init__(self, methods: Mapping[str, AnyMethod], backend: Backend, line: Line | None = None) -> None:
        self.methods = methods
        self._backend = backend
        self._line = Line() if line is None else line
        self.ended: Callable[[str, str, float], None] = lambda method, outcome, seconds: None
        """Is told of each job that has ended: its method; `done`, `refused`, `cancelled` or `failed`; its seconds."""

    def turn(self, visitor: Visitor, *methods: str) -> AbstractContextManager[Iterator[Waiting]]:
        """A turn of a visitor for jobs by these methods, as `Line.turn`; open the photo when it has come."""
        quick = all(find(self.methods, name).info.quick for name in methods)
        return self._line.turn(visitor, quick, " ".join(sorted({*methods})))

    def close(self, why: Text) -> None:
        """Give no more turns; who waits for one is told why. Jobs that run go on."""
        self._line.close(why)

    def checked(self, request: JobRequest) -> CheckedJob:
        """The request with valid options and finish, and a seed; ColorizerError when it cannot run."""
        info = find(self.methods, request.method).info
        options = validated(info.options, dict(request.options))
        if getattr(options, "seed", 0) is None:
            options = options.model_copy(update={"seed": random.SystemRandom().randint(0, MAX_SEED)})
        finish = finish_of(info, dict(options), request.finish)
        return CheckedJob(request.photo, request.method, options, finish, checked_hints(request.hints), request.id)

    def run(self, job: CheckedJob, visitor: Visitor | None = None) -> Generator[Event, None, None]:
        """Run a job; events come as they happen, `Done` last. Closing the iterator cancels the job.

        Raises ColorizerError for mistakes that the user can mend, and when the visitor has not listened for too long.
        """
        outcome, begun = "cancelled", time.monotonic()
        heard = begun
        try:
            with contextlib.closing(self._backend.run(job)) as events:
                for event in events:
                    if visitor is not None:
                        heard = self._line.heard(visitor, heard)
                    outcome = "done" if isinstance(event, Done) else outcome
                    yield event
        except Exception as error:
            outcome = "refused" if isinstance(error, ColorizerError) else "failed"
            raise
        finally:
            self.ended(job.method, outcome, time.monotonic() - begun)

    def in_line(self) -> int:
        """How many visitors have a place in the line, those whose turn it is among them."""
        return len(self._line)

    def results(self, request: JobRequest) -> tuple[Result, ...]:
        """Run a request to its end."""
        job = self.checked(request)
        with contextlib.closing(self.run(job)) as events:
            for event in events:
                if isinstance(event, Done):
                    return event.results(job)
        raise Cancelled

    def stop_early(self, job_id: str) -> None:
        """Ask a running job for its partial result; methods without one ignore it."""
        self._backend.stop_early(job_id)

    def health(self) -> Health:
        """The device and the state of its model pool."""
        return self._backend.health()

    def weights(self) -> WeightsState:
        """Which weights exist, and which of them are installed where the jobs run."""
        return self._backend.weights()

    def missing(self, method: str, options: Mapping[str, Any]) -> Sequence[Weights]:
        """The weights that a method lacks for these options, which need not be complete: pictures may be left out."""
        info = find(self.methods, method).info
        return self._backend.missing(method, info.options.model_construct(**options))

    def download(self, keys: Sequence[str]) -> Generator[Step | Heartbeat, None, None]:
        """Download weights to where the jobs run; steps count megabytes. Closing the iterator stops it for now.

        `keys` are of weights that can be fetched. Raises ColorizerError for what goes wrong on the way.
        """
        yield from self._backend.download(keys)


def make_engine(
    methods: Mapping[str, AnyMethod] = METHODS, settings: Settings | None = None, store: WeightStore | None = None
) -> Engine:
    """An engine for this machine or a cluster, as the settings ask; `store` where they do not name the weights."""
    settings = settings or get_settings()
    store = store or make_store(REGISTRY, settings)
    if settings.engine == "local":
        return Engine(methods, make_local_backend(methods, settings, store), Line(settings.queue_size))
    from colorizers.engine.cluster import RayBackend

    return Engine(methods, RayBackend(methods, settings, store), Line(settings.queue_size, settings.most_replicas))
