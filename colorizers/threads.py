"""The processor's threads: how operations wait for one another, and work that is shared out in pieces.

By itself torch shares out every single operation, and waits each time for the last of its threads: hundreds of times a
photo. On a core that another program keeps busy that thread is not running. So what can be cut into pieces is: each
piece stays on one thread, and nobody waits but at the end.
"""

import functools
import os
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Piece = TypeVar("Piece")
Made = TypeVar("Made")

_SPINS = "1000"  # of a waiting thread, 10 to 50 microseconds


def wait_briefly(environment: MutableMapping[str, str] = os.environ, platform: str = sys.platform) -> None:
    """Have threads that wait for others fall asleep after some microseconds: one that spins longer holds the core that
    the others wait for, and one that sleeps at once wakes late, hundreds of times in a network.

    GNU's OpenMP, which torch has on Linux, can be told so; that of other systems can only be told to sleep at once.
    Only before torch is imported; what the user has set stays.
    """
    if {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"} & environment.keys():
        return
    if platform == "linux":
        environment.update(OMP_WAIT_POLICY="ACTIVE", GOMP_SPINCOUNT=_SPINS)
    else:
        environment["OMP_WAIT_POLICY"] = "PASSIVE"


def shared_out(work: Callable[[Piece], Made], pieces: Iterable[Piece]) -> Iterator[Made]:
    """What `work` makes of each piece, in their order: as `map`, but side by side, each piece on one thread.

    Nothing is side by side where torch has one thread to itself, as it has within `work`.
    """
    import torch

    return map(work, pieces) if torch.get_num_threads() == 1 else _pool().map(work, pieces)


_MAKING_POOL = threading.Lock()


def _pool() -> ThreadPoolExecutor:
    with _MAKING_POOL:
        return _made_pool()


@functools.cache
def _made_pool() -> ThreadPoolExecutor:
    """As many threads as torch has, in each of which torch has one."""
    import torch

    count = torch.get_num_threads()
    pool, together = ThreadPoolExecutor(count, "colorizers-piece"), threading.Barrier(count)

    def settle(_: int) -> None:
        torch.get_num_threads()  # at the first look a thread takes the number that is everybody's
        together.wait()  # so that each thread gets one of these calls
        torch.set_num_threads(1)

    list(pool.map(settle, range(count)))
    torch.set_num_threads(count)  # is so already in this thread, but new ones take the number that was set last
    return pool
