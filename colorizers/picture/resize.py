"""The one way in which planes change their size, and how large they become."""

from collections.abc import Sequence

from torch import Tensor
from torch.nn.functional import interpolate


def resized(planes: Tensor, size: Sequence[int]) -> Tensor:
    """Planes (c, h, w) at another size, antialiased where they shrink."""
    shrinks = size[0] < planes.shape[1] or size[1] < planes.shape[2]
    return interpolate(planes[None], tuple(size), mode="bilinear", antialias=shrinks)[0]


def size_within(size: tuple[int, int], longest: int) -> tuple[int, int]:
    """A size brought down until its longer side is `longest`, its shape kept; a smaller one as it is."""
    scale = min(1.0, longest / max(size))
    first, second = (max(1, round(side * scale)) for side in size)
    return first, second
