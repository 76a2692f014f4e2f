"""How much memory something takes, as the kernel counts it."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

PROCESS = Path("/proc/self")


@contextlib.contextmanager
def small_memory(megabytes: int) -> Iterator[None]:
    """Meanwhile, this process never takes so much more memory than before; skips where nobody counts it."""
    try:
        (PROCESS / "clear_refs").write_text("5")  # the most that was ever taken is forgotten
    except OSError:
        pytest.skip("the kernel does not say how much memory a process has taken")
    before = _taken("VmRSS")
    yield
    assert _taken("VmHWM") - before < megabytes


def _taken(name: str) -> float:
    (line,) = (line for line in (PROCESS / "status").read_text().splitlines() if line.startswith(name))
    return int(line.split()[1]) / 1000
