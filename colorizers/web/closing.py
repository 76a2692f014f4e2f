"""The end of the server: jobs that wait are refused in a sentence, and so are those that do not end in a moment."""

import contextlib
import threading
from collections.abc import Iterator

from colorizers.engine import Engine
from colorizers.engine.jobs import CheckedJob, Event
from colorizers.errors import ColorizerError
from colorizers.web.listening import visitor
from colorizers.words import Text

_MOMENT = 3.0  # seconds: Docker kills what has not ended after ten
_CLOSING = Text("page.closing")
_LAST_WORDS = 1.0  # seconds in which the sentences reach those who wait


class _Jobs:
    """Those that run; the process ends once, so that there is one of these."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._running = 0
        self.refused = False

    @contextlib.contextmanager
    def one(self) -> Iterator[None]:
        with self._changed:
            self._running += 1
        try:
            yield
        finally:
            with self._changed:
                self._running -= 1
                self._changed.notify_all()

    def wait(self, seconds: float) -> None:
        """Until none runs, but no longer than that."""
        with self._changed:
            self._changed.wait_for(lambda: not self._running, seconds)


_jobs = _Jobs()


@contextlib.contextmanager
def running(engine: Engine, job: CheckedJob) -> Iterator[Iterator[Event]]:
    """The events of a job, which ends with the block; ColorizerError when the server ends or nobody listens."""
    with contextlib.closing(engine.run(job, visitor())) as events, _jobs.one():
        yield _until_refused(events)


def _until_refused(events: Iterator[Event]) -> Iterator[Event]:
    for event in events:
        if _jobs.refused:
            raise ColorizerError(_CLOSING)
        yield event


def end_jobs(engine: Engine) -> None:
    """Return when no job of the engine waits or runs any more, and whoever waited for one has been told."""
    engine.close(_CLOSING)
    _jobs.wait(_MOMENT)
    _jobs.refused = True
    _jobs.wait(_LAST_WORDS)
    threading.Event().wait(_LAST_WORDS)
