"""The end of the server: running jobs get a moment to end, and those that do not are refused in a sentence."""

import contextlib
import threading
from collections.abc import Generator, Iterator
from typing import TypeVar

from colorizers.errors import ColorizerError
from colorizers.words import Text

_MOMENT = 3.0  # seconds: Docker kills what has not ended after ten
_LAST_WORDS = 1.0  # seconds in which the sentences reach those who wait

Event = TypeVar("Event")


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


def until_closing(events: Generator[Event, None, None]) -> Generator[Event, None, None]:
    """The events of a job; ColorizerError when the server ends before it does. Closing it closes them."""
    with contextlib.closing(events), _jobs.one():
        for event in events:
            if _jobs.refused:
                raise ColorizerError(Text("page.closing"))
            yield event


def end_jobs() -> None:
    """Return when no job runs any more, and whoever waited for one has been told."""
    _jobs.wait(_MOMENT)
    _jobs.refused = True
    _jobs.wait(_LAST_WORDS)
    threading.Event().wait(_LAST_WORDS)
