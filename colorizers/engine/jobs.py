"""The data that goes into an engine and comes out of it; all of it can be pickled."""

import time
import uuid
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from colorizers.methods.method import Step
from colorizers.options import Options
from colorizers.picture.finish import Finish
from colorizers.picture.hints import Hints
from colorizers.picture.photo import Photo
from colorizers.picture.result import Coloring, Result
from colorizers.pool import PoolStats
from colorizers.weights.registry import Weights
from colorizers.words import Text


def _new_id() -> str:
    return uuid.uuid4().hex


@dataclass(frozen=True)
class JobRequest:
    """A photo and what to do with it, as a user asks for it.

    `options` and `finish` name what is to differ from the method's own; a `Finish` is taken as it is. `hints` are the
    user's colours, as `checked_hints` takes them.
    """

    photo: Photo
    method: str
    options: Mapping[str, Any] = field(default_factory=dict)
    finish: Finish | Mapping[str, Any] = field(default_factory=dict)
    hints: Any = ()
    id: str = field(default_factory=_new_id)


@dataclass(frozen=True)
class CheckedJob:
    """A request whose method exists and whose options and finish are valid and complete, the seed included."""

    photo: Photo
    method: str
    options: Options
    finish: Finish
    hints: Hints
    id: str


@dataclass(frozen=True)
class Waiting:
    """The job has not started; `ahead` jobs come first, which take so many seconds where that is known."""

    ahead: int
    seconds: float | None = None


@dataclass(frozen=True)
class Heartbeat:
    """No news. It comes four times a second while a step is long, so that closing the iterator takes effect."""


@dataclass(frozen=True)
class Done:
    """The last event of a job that succeeded: one coloring a variant, without those that were withheld."""

    colorings: tuple[Coloring, ...]

    def results(self, job: CheckedJob) -> tuple[Result, ...]:
        """The colorings with the photo, the finish and the hints of their job."""
        return tuple(Result(job.photo, coloring, job.finish, job.hints) for coloring in self.colorings)


Event = Waiting | Step | Heartbeat | Done


@dataclass
class Pace:
    """The speed at which the steps of a job follow each other."""

    first: Step | None = None
    since: float = 0.0

    def left(self, step: Step) -> float | None:
        """The seconds that are left at the pace of the steps after the first, in which a model may be loaded."""
        if step.done and self.first is None:
            self.first, self.since = step, time.monotonic()
        if self.first is None or step.fraction <= self.first.fraction:
            return None
        return (time.monotonic() - self.since) / (step.fraction - self.first.fraction) * (1 - step.fraction)


@dataclass(frozen=True)
class Health:
    """The device of a backend, for programs and for people, the state of its model pool, and its jobs at present."""

    device: str
    described: Text
    pool: PoolStats
    jobs: int = 0


@dataclass(frozen=True)
class WeightsState:
    """The weights of a backend: every entry of the registry by its key, and the keys of those that are installed."""

    registry: Mapping[str, Weights]
    installed: frozenset[str]


class Backend(Protocol):
    """The place where jobs run. Closing the iterator cancels the job."""

    def run(self, job: CheckedJob) -> Generator[Event, None, None]: ...

    def stop_early(self, job_id: str) -> None: ...

    def health(self) -> Health: ...

    def weights(self) -> WeightsState: ...

    def missing(self, method: str, options: Options) -> Sequence[Weights]: ...

    def download(self, keys: Sequence[str]) -> Iterator[Step | Heartbeat]: ...
