"""One thread that runs tasks in the order in which they came."""

import threading
import weakref
from collections import deque
from collections.abc import Callable

_LAST_STEP = 10.0  # seconds that a task gets to see that it was cancelled when the process ends


class Task:
    """A function that runs once, unless it was cancelled before; it must look at `cancelled` itself."""

    def __init__(self, run: Callable[["Task"], None]) -> None:
        self._run = run
        self.cancelled = threading.Event()

    def __call__(self) -> None:
        if not self.cancelled.is_set():
            self._run(self)


class Worker:
    """Runs tasks one at a time. The thread starts with the first task and ends with the worker or the process.

    The process would abort if a thread were inside torch when it ends: so tasks are cancelled then, and waited for.
    """

    def __init__(self) -> None:
        self._line = _Line()
        self.close = weakref.finalize(self, _close, self._line)

    def add(self, task: Task) -> None:
        """Put a task at the end of the line."""
        with self._line.changed:
            self._line.tasks.append(task)
            if self._line.thread is None:
                self._line.thread = threading.Thread(target=_work, args=(self._line,), daemon=True, name="colorizers")
                self._line.thread.start()
            self._line.changed.notify_all()

    def ahead(self, task: Task) -> int:
        """How many tasks come before this one, the running one among them; 0 when it runs or has run."""
        with self._line.changed:
            return self._line.tasks.index(task) if task in self._line.tasks else 0

    def cancel(self, task: Task) -> None:
        """Cancel a task; one that has not started leaves the line."""
        task.cancelled.set()
        with self._line.changed:
            if task in self._line.tasks and task is not self._line.tasks[0]:
                self._line.tasks.remove(task)


class _Line:
    """The tasks in their order, the running one first."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.tasks: deque[Task] = deque()
        self.thread: threading.Thread | None = None
        self.closed = False


def _work(line: _Line) -> None:
    while True:
        with line.changed:
            line.changed.wait_for(lambda: line.tasks or line.closed)
            if line.closed:
                return
            task = line.tasks[0]
        task()
        with line.changed:
            line.tasks.popleft()
        del task  # it would keep a photo until the next one comes


def _close(line: _Line) -> None:
    with line.changed:
        line.closed = True
        for task in line.tasks:
            task.cancelled.set()
        line.changed.notify_all()
    if line.thread is not None and line.thread is not threading.current_thread():
        line.thread.join(_LAST_STEP)
