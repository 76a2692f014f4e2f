"""Control maps of a photo other than depth: gray pictures in [0, 1] at the size of the result."""

import torch
from torch import Tensor

from colorizers.errors import ColorizerError
from colorizers.picture.color import gray_rgb
from colorizers.picture.photo import Photo
from colorizers.picture.resize import resized
from colorizers.words import Text

_SHAPE_TOLERANCE = 1.03  # by which the proportions of an uploaded map may differ
_EDGE_SIGMA = 2.0  # pixels: edges as wide as a learnt detector draws them at 512
_LINE_SIGMA, _GRAIN_SIGMA = 3.0, 0.7  # pixels: what lies around a line, and what is finer than one
_GRAIN = 0.015  # gray levels by which grain is darker than its surroundings
_WHITE = 0.98  # the share of a picture that is not drawn in full white
_WEAKEST_EDGE, _WEAKEST_LINE = 0.02, 0.08  # what full white means at least, so that grain stays faint


def uploaded_map(picture: Photo, photo_size: tuple[int, int], size: tuple[int, int]) -> Tensor:
    """A map that the user has made of a photo, as (H, W) in [0, 1], brought to a size; sizes are width and height.

    Raises ColorizerError when its proportions differ from the photo's by more than 3 %.
    """
    (own_width, own_height), (width, height) = picture.size, photo_size
    stretch = own_width * height / (own_height * width)
    if max(stretch, 1 / stretch) > _SHAPE_TOLERANCE:
        own, wanted = f"{own_width}x{own_height}", f"{width}x{height}"
        raise ColorizerError(Text("stable_diffusion.shape-of-depth", own=own, wanted=wanted))
    return brightness(resized(picture.lightness[None], size[::-1])[0])


def brightness(lightness: Tensor) -> Tensor:
    """L* (H, W) as sRGB gray levels (H, W) in [0, 1]."""
    return gray_rgb(lightness)[0].clamp(0, 1)


def soft_edges(lightness: Tensor) -> Tensor:
    """L* (H, W) to soft white edges on black, (H, W) in [0, 1], as HED (Xie and Tu 2015) draws them.

    The magnitude of the gradient of a Gaussian (Canny 1986, section VI).
    """
    from kornia.filters import spatial_gradient

    along, down = spatial_gradient(_blurred(brightness(lightness), _EDGE_SIGMA)[None, None])[0, 0]
    return _white_at_most(torch.hypot(along, down), _WEAKEST_EDGE)


def line_art(lightness: Tensor) -> Tensor:
    """L* (H, W) to white lines on black, (H, W) in [0, 1], where a photo is darker than its surroundings.

    The difference of two Gaussians (Marr and Hildreth 1980, section 3), less what grain makes of it.
    """
    gray = brightness(lightness)
    darker = _blurred(gray, _LINE_SIGMA) - _blurred(gray, _GRAIN_SIGMA)
    return _white_at_most((darker - _GRAIN).clamp(min=0), _WEAKEST_LINE)


def _blurred(plane: Tensor, sigma: float) -> Tensor:
    from kornia.filters import gaussian_blur2d

    side = 2 * round(3 * sigma) + 1
    return gaussian_blur2d(plane[None, None], (side, side), (sigma, sigma), "replicate")[0, 0]


def _white_at_most(strength: Tensor, weakest: float) -> Tensor:
    """Strengths of 0 and more in [0, 1]: white are the strongest of the picture, none of them below `weakest`."""
    return (strength / strength.quantile(_WHITE).clamp(min=weakest)).clamp(max=1)
