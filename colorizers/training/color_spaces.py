"""Chroma planes of colour spaces other than Lab, as training targets."""

import torch
from torch import Tensor


def hue_vector(rgb: Tensor) -> Tensor:
    """Saturation and hue of HSV as a vector (B, 2, H, W), s cos h and s sin h, from sRGB (B, 3, H, W) in [0, 1].

    Hue is a circle: red at 1 degree and red at 359 degrees are neighbours here.
    """
    red, green, blue = rgb.unbind(1)
    highest, lowest = rgb.amax(1), rgb.amin(1)
    span = (highest - lowest).clamp(min=1e-6)
    sixth = torch.where(
        highest == red,
        (green - blue) / span,
        torch.where(highest == green, 2 + (blue - red) / span, 4 + (red - green) / span),
    )
    saturation, hue = (highest - lowest) / highest.clamp(min=1e-6), sixth * torch.pi / 3
    return torch.stack((saturation * hue.cos(), saturation * hue.sin()), dim=1)


def uv(rgb: Tensor) -> Tensor:
    """U and V of analogue video (B, 2, H, W), ITU-R BT.601, from sRGB (B, 3, H, W) in [0, 1]."""
    red, green, blue = rgb.unbind(1)
    u = -0.14713 * red - 0.28886 * green + 0.436 * blue
    v = 0.615 * red - 0.51499 * green - 0.10001 * blue
    return torch.stack((u, v), dim=1)
