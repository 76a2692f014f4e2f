"""Jobs in this process, on one device: one quick and one slow at a time."""

import queue
import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from colorizers.devices import described, find_device
from colorizers.engine.downloading import downloading
from colorizers.engine.jobs import CheckedJob, Done, Event, Health, Heartbeat, Waiting, WeightsState
from colorizers.engine.recovery import run_within_limits
from colorizers.engine.worker import Task, Worker
from colorizers.errors import Cancelled, ColorizerError, NotFinite
from colorizers.methods.catalog import find
from colorizers.methods.method import AnyMethod, Job, Start, Step, finish_of
from colorizers.options import Options, options_of_variant, validated
from colorizers.picture.compose import Outcome, is_finite, rounded
from colorizers.picture.photo import Photo
from colorizers.picture.record import Record, versions
from colorizers.picture.result import Coloring
from colorizers.pool import Leases, ModelPool, default_budget, default_offload_budget
from colorizers.settings import Settings
from colorizers.weights.registry import Weights
from colorizers.weights.store import WeightStore, missing_weights
from colorizers.words import Text

_POLL = 0.25  # seconds between looks at whether the other side is still there
_QUEUED_EVENTS = 8  # progress beyond these is dropped, the outcome never


class LocalBackend:
    """Runs jobs in the order in which they came, quick ones beside the slow ones; see `Backend`."""

    def __init__(self, methods: Mapping[str, AnyMethod], pool: ModelPool, check_pictures: bool = False) -> None:
        self.pool = pool
        self._methods = methods
        self._check_pictures = check_pictures
        self._workers = {True: Worker(), False: Worker()}  # of quick methods, and of the others
        self._stops: dict[str, threading.Event] = {}

    def run(self, job: CheckedJob) -> Generator[Event, None, None]:
        """As `Backend.run`."""
        events: queue.Queue[Event | BaseException] = queue.Queue()
        stop = self._stops[job.id] = threading.Event()
        task = Task(lambda task: self._work(job, task, events, stop))
        worker = self._workers[self._methods[job.method].info.quick]
        event: Event | BaseException | None = None
        try:
            self._check_weights(job)
            worker.add(task)
            while not isinstance(event, Done):
                event = _next(worker, task, events, wait=event is not None)
                if isinstance(event, BaseException):
                    raise event
                yield event
        finally:
            worker.cancel(task)
            if self._stops.get(job.id) is stop:
                del self._stops[job.id]
            del event  # an error knows this frame by its traceback: a circle that would keep the worker's memory

    def stop_early(self, job_id: str) -> None:
        """As `Engine.stop_early`; no effect after the job has ended."""
        if (stop := self._stops.get(job_id)) is not None:
            stop.set()

    def health(self) -> Health:
        """As `Engine.health`."""
        return Health(str(self.pool.device), described(self.pool.device), self.pool.stats(), len(self._stops))

    def weights(self) -> WeightsState:
        """As `Engine.weights`."""
        store = self.pool.store
        return WeightsState(store.registry, frozenset(key for key in store.registry if store.has(key)))

    def missing(self, method: str, options: Options) -> Sequence[Weights]:
        """As `Engine.missing`, with those of the methods whose colours the options start from."""
        own, store = self._methods[method], self.pool.store
        needed = list(own.needs(options, store))
        if self._must_check(own, options):
            needed.append(own.info.checker)
        for base, its in self._bases(options):
            needed += base.needs(its, store)
        return store.missing(needed)

    def download(self, keys: Sequence[str]) -> Iterator[Step | Heartbeat]:
        """As `Engine.download`."""
        return downloading(keys, self.pool.store)

    def _work(
        self, job: CheckedJob, task: Task, events: "queue.Queue[Event | BaseException]", stop: threading.Event
    ) -> None:
        def emit(event: Event) -> None:
            if task.cancelled.is_set():
                raise Cancelled
            if events.qsize() < _QUEUED_EVENTS:
                events.put(event)

        try:
            emit(Waiting(0))
            events.put(Done(self._colorings(job, emit, stop)))
        except BaseException as error:  # handed to the iterator, if it still waits for the job
            if not task.cancelled.is_set():
                events.put(error)

    def _colorings(self, job: CheckedJob, emit: Callable[[Event], None], stop: threading.Event) -> tuple[Coloring, ...]:
        method, options = self._methods[job.method], job.options
        lent = Job(
            models=Leases(self.pool),
            device=self.pool.device,
            report=emit,
            stop_early=stop.is_set,
            hints=job.hints,
            check_pictures=self._must_check(method, options),
        )

        def run(options: Options) -> Sequence[Outcome | None]:
            outcomes = self._run(method, job.photo, options, lent)
            if not all(outcome is None or is_finite(outcome) for outcome in outcomes):
                raise NotFinite(Text("engine.not-finite"))
            return outcomes

        started = time.monotonic()
        outcomes, used = run_within_limits(run, options, lent)
        seconds = time.monotonic() - started
        notes = (*job.photo.notes, *dict.fromkeys(lent.notes))
        if used != options:
            notes += (Text("engine.smaller-size"),)
        stopped = method.info.stops_early and stop.is_set()
        if stopped:
            notes += (Text("engine.stopped-early"),)
        return tuple(
            Coloring(
                outcome=rounded(outcome),
                record=_record(job, method, options_of_variant(used, k), lent.models.hashes, stopped),
                seconds=seconds,
                notes=notes,
                maps=lent.maps,
                variant=k,
            )
            for k, outcome in enumerate(outcomes)
            if outcome is not None
        )

    def _check_weights(self, job: CheckedJob) -> None:
        """Say which weights are missing before the job waits in the line."""
        if missing := self.missing(job.method, job.options):
            raise missing_weights(missing)

    def _must_check(self, method: AnyMethod, options: Options) -> bool:
        """Whether the pictures must be judged before they leave."""
        info = method.info
        return self._check_pictures and bool(info.checker) and method.key(options) not in info.unchecked

    def _bases(self, options: Options) -> list[tuple[AnyMethod, Options]]:
        """The methods whose colours these options ask to start from, and their options: their own, one variant, seed 0.

        Not the seed of the run, so that all its variants, each alone or together, have the same start.
        """
        wanted = (getattr(options, name, "gray") for name in ("start_from", "blend_with"))
        return [self._as_start(find(self._methods, name)) for name in wanted if name != "gray"]

    def _as_start(self, base: AnyMethod) -> tuple[AnyMethod, Options]:
        model, fixed = base.info.options, {"seed": 0, "variants": 1}
        return base, validated(model, {name: fixed[name] for name in fixed if name in model.model_fields})

    def _run(self, method: AnyMethod, photo: Photo, options: Options, job: Job) -> Sequence[Outcome | None]:
        """Run the method, after those that it starts from."""
        starts = tuple(self._start(base, its, photo, job) for base, its in self._bases(options))
        return method.run(photo, options, replace(job, starts=starts))

    def _start(self, base: AnyMethod, options: Options, photo: Photo, job: Job) -> Start:
        """The colours of a method for another one that starts from them."""
        title = base.info.title

        def report(step: Step) -> None:
            job.report(Step(0, 1, Text("progress.of-method", method=title, text=step.text), step.preview, share=0))

        outcome = base.run(photo, options, replace(job, report=report, stop_early=lambda: False))[0]
        if outcome is None:
            raise ColorizerError(Text("engine.no-start", method=title))
        return Start(outcome, finish_of(base.info, dict(options), {}))


def _next(
    worker: Worker, task: Task, events: "queue.Queue[Event | BaseException]", wait: bool
) -> Event | BaseException:
    """The next event; the place in the line, or a heartbeat, where there is none."""
    try:
        return events.get(timeout=_POLL) if wait else events.get_nowait()
    except queue.Empty:
        ahead = worker.ahead(task)
        return Waiting(ahead) if ahead or not wait else Heartbeat()


def _record(job: CheckedJob, method: AnyMethod, options: Options, hashes: Mapping[str, str], stopped: bool) -> Record:
    values = dict(options)
    pictures = {name: value for name, value in values.items() if isinstance(value, Photo)}
    return Record(
        method=job.method,
        options={name: value for name, value in values.items() if name not in pictures},
        finish=job.finish.model_dump(),
        weights=dict(hashes),
        pictures={name: value.sha256 for name, value in pictures.items()},
        input_sha256=job.photo.sha256,
        versions=versions(method.info.libraries),
        stopped_early=stopped,
    )


def make_local_backend(methods: Mapping[str, AnyMethod], settings: Settings, store: WeightStore) -> LocalBackend:
    """A backend with a pool of its own, as the settings ask."""
    device = find_device(settings.device)
    budget = int(settings.memory_budget_gb * 1e9) if settings.memory_budget_gb else default_budget(device)
    loaders = {family: load for method in methods.values() for family, load in method.loaders.items()}
    pool = ModelPool(loaders, device, budget, default_offload_budget(device), store)
    if settings.pool_policy == "eager":
        _load_all(pool, loaders)
    return LocalBackend(methods, pool, settings.checks_pictures)


def _load_all(pool: ModelPool, families: Mapping[str, Any]) -> None:
    """Load all installed files; folders, such as Stable Diffusion, are too large to be loaded unasked."""
    keys = [key for family in families for key in pool.store.keys_of(family)]
    for key in keys:
        if pool.store.has(key) and not pool.store.entry(key).folders:
            with pool.lease(key):
                pass
