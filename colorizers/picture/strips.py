"""The strips into which a picture is cut: each is worked on by one thread, several side by side."""

from collections.abc import Callable

from colorizers.threads import shared_out

_IN_CACHE = 3 << 17  # pixels: with fewer, threads mostly wait until Python lets them begin the next operation


def in_strips(size: tuple[int, int], work: Callable[[slice], None]) -> None:
    """Do the work for all rows of a picture of a size, width and height."""
    width, height = size
    list(shared_out(work, strips(height, rows_in_cache(width))))  # until all are done


def strips(height: int, rows: int) -> list[slice]:
    """The rows of a picture, so many at a time."""
    return [slice(top, min(top + rows, height)) for top in range(0, height, rows)]


def rows_in_cache(width: int) -> int:
    """How many rows of a picture are worked on at a time, on one thread."""
    return max(1, _IN_CACHE // width)
