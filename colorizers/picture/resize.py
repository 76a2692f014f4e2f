"""The one way in which planes change their size."""

from collections.abc import Sequence

from torch import Tensor
from torch.nn.functional import interpolate


def resized(planes: Tensor, size: Sequence[int]) -> Tensor:
    """Planes (c, h, w) at another size, antialiased where they shrink."""
    shrinks = size[0] < planes.shape[1] or size[1] < planes.shape[2]
    return interpolate(planes[None], tuple(size), mode="bilinear", antialias=shrinks)[0]
