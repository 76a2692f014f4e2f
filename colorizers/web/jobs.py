"""A running job as a page sees it, without any component: so that every page can follow jobs in the same way."""

import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from colorizers.engine import Engine
from colorizers.engine.jobs import CheckedJob, Done, Event, Heartbeat, Pace, Waiting
from colorizers.methods.method import Step
from colorizers.picture.compose import Outcome
from colorizers.picture.result import Coloring
from colorizers.web import texts
from colorizers.web.closing import running
from colorizers.web.loss_plot import Losses
from colorizers.words import Text

_LOOK_EVERY = 0.5  # seconds between previews, and between plots of losses


class Phase(Enum):
    """Where a tab is."""

    EMPTY = auto()
    QUEUED = auto()
    RUNNING = auto()
    STOPPING = auto()
    STOPPED = auto()
    DONE = auto()
    FAILED = auto()

    @property
    def busy(self) -> bool:
        """Whether a job is waiting or running."""
        return self in (Phase.QUEUED, Phase.RUNNING, Phase.STOPPING)


@dataclass(frozen=True)
class JobView:
    """What there is to see of a job.

    `share` in [0, 1] is the part of the work that is done, None where nobody knows. `preview` and `losses` are there
    only when it is time to draw them again; `notes`, `colorings` and the `seconds` that it took when the job is done.
    """

    phase: Phase
    text: Text | None = None
    share: float | None = None
    notes: tuple[Text, ...] = ()
    preview: Outcome | None = None
    losses: Losses | None = None
    colorings: tuple[Coloring, ...] = ()
    seconds: float = 0.0


def follow(
    engine: Engine, job: CheckedJob, losses: Sequence[str], usual: float | None
) -> Generator[JobView, None, None]:
    """The views of a job, the last one when it is done; the same view again means no news.

    `losses` are the names of the losses that the method reports, `usual` the seconds that it took the last time.
    Closing the iterator cancels the job. Raises ColorizerError for mistakes that the user can mend.
    """
    follower = _Follower(job, Losses(losses), usual)
    with running(engine, job) as events:
        for event in events:
            follower.take(event)
            yield follower.view


class _Follower:
    """Turns the events of one job into views."""

    def __init__(self, job: CheckedJob, losses: Losses, usual: float | None) -> None:
        self._job = job
        self._losses = losses
        self._starting = texts.starting(usual)
        self._started = time.monotonic()
        self._looked = 0.0
        self._pace = Pace()
        self.view = JobView(Phase.QUEUED, self._starting)

    def take(self, event: Event) -> None:
        """Take the next event."""
        if isinstance(event, Waiting):
            self._started = time.monotonic()  # the time in the queue does not count
            text = texts.waiting(event.ahead, event.seconds) if event.ahead else self._starting
            self.view = JobView(Phase.QUEUED, text)
        elif isinstance(event, Step):
            self.view = self._step(event)
        elif isinstance(event, Done):
            self.view = self._done(event)
        else:
            assert isinstance(event, Heartbeat)

    def _step(self, step: Step) -> JobView:
        self._losses.add(step)
        left, now = self._pace.left(step), time.monotonic()
        draw = now - self._looked >= _LOOK_EVERY
        if draw:
            self._looked = now
        return JobView(
            Phase.RUNNING,
            texts.step(step.text, left if step.done else None),
            step.fraction if step.done else None,
            preview=step.preview if draw else None,
            losses=self._losses if draw else None,
        )

    def _done(self, done: Done) -> JobView:
        seconds = time.monotonic() - self._started
        notes = [note for note in done.colorings[0].notes if note not in self._job.photo.notes]
        return JobView(
            Phase.DONE,
            Text("status.done", duration=texts.brief(done.colorings[0].seconds)),
            notes=tuple(notes),
            losses=self._losses,
            colorings=done.colorings,
            seconds=seconds,
        )
