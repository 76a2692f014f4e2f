"""The one way in which planes change their size, how large they become, and into which strips they are cut."""

from collections.abc import Sequence

from torch import Tensor
from torch.nn.functional import interpolate

_IN_CACHE = 3 << 17  # pixels: with fewer, threads mostly wait until Python lets them begin the next operation


def resized(planes: Tensor, size: Sequence[int]) -> Tensor:
    """Planes (c, h, w) at another size, antialiased where they shrink."""
    shrinks = size[0] < planes.shape[1] or size[1] < planes.shape[2]
    return interpolate(planes[None], tuple(size), mode="bilinear", antialias=shrinks)[0]


def size_within(size: tuple[int, int], longest: int) -> tuple[int, int]:
    """A size brought down until its longer side is `longest`, its shape kept; a smaller one as it is."""
    scale = min(1.0, longest / max(size))
    first, second = (max(1, round(side * scale)) for side in size)
    return first, second


def strips(height: int, rows: int) -> list[slice]:
    """The rows of a picture, so many at a time."""
    return [slice(top, min(top + rows, height)) for top in range(0, height, rows)]


def rows_in_cache(width: int) -> int:
    """How many rows of a picture are worked on at a time, on one thread."""
    return max(1, _IN_CACHE // width)
