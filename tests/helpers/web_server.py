"""A running web app for the tests: the shipped methods, and the trivial ones whose steps wait at a gate."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from trivial_method import TransferMethod, TrivialMethod

from colorizers.engine import Engine, make_engine
from colorizers.engine.line import Line
from colorizers.methods.catalog import METHODS
from colorizers.settings import get_settings
from colorizers.web import serve


@dataclass
class Gate:
    """Lets the steps of the trivial methods through, or holds each one until it is let through."""

    held: bool = False
    reached: threading.Event = field(default_factory=threading.Event)
    _passes: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    def __call__(self, done: int) -> None:
        if self.held:
            self.reached.set()
            assert self._passes.acquire(timeout=120), "nobody opened the gate"

    def hold(self) -> None:
        """From now on, hold every step."""
        self.held, self._passes = True, threading.Semaphore(0)
        self.reached.clear()

    def let_through(self, steps: int) -> None:
        """Let some steps pass."""
        self._passes.release(steps)

    def open(self) -> None:
        """Hold nothing any more."""
        self.held = False
        self._passes.release(10_000)


@dataclass(frozen=True)
class Server:
    """Where the app answers, the gate of its trivial methods, and its engine."""

    url: str
    gate: Gate
    engine: Engine


@contextlib.contextmanager
def settings(**wanted: object) -> Iterator[None]:
    """Run with these settings."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in wanted.items():
            patch.setenv(f"COLORIZERS_{name.upper()}", str(value))
        get_settings.cache_clear()
        yield
    get_settings.cache_clear()


@contextlib.contextmanager
def running_server(line: Line | None = None) -> Iterator[Server]:
    """The app on a free port, with the settings of the moment, or another line before its engine."""
    gate = Gate()
    trivial = {method.info.name: method for method in (TrivialMethod(gate), TransferMethod(gate))}
    engine = make_engine({**METHODS, **trivial})
    engine._line = engine._line if line is None else line
    page = serve(engine, port=free_port())
    try:
        yield Server(page.local_url.rstrip("/"), gate, engine)
    finally:
        gate.open()
        page.close()


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
