"""The app in a process of its own, as a user starts it."""

import contextlib
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
_LOOK_EVERY = 0.02  # seconds
_PATIENCE = 60  # seconds for an answer


class OwnServer:
    """A server on a free port, and its process; `how` goes to Popen."""

    def __init__(self, **how: Any) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self.process = subprocess.Popen([sys.executable, "app.py", "--port", str(port)], cwd=ROOT, **how)

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self.process.poll() is None

    def wait_until_ready(self) -> None:
        """Return when the page has been sent; RuntimeError when the server ends instead."""
        while self.alive:
            try:
                urllib.request.urlopen(self.url, timeout=_PATIENCE).read()
                return
            except OSError:  # nobody listens yet, or the machine is busy
                time.sleep(_LOOK_EVERY)
        raise RuntimeError(self.last_words())

    def last_words(self) -> str:
        """What is known of why it has ended."""
        return "The server has ended."


@contextlib.contextmanager
def own_server(**how: Any) -> Iterator[OwnServer]:
    """A server that answers, and ends with the block."""
    running = OwnServer(**how)
    try:
        running.wait_until_ready()
        yield running
    finally:
        running.process.terminate()
        running.process.wait(30)
