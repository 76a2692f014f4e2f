"""Colour without light in spaces other than Lab, as far as networks learn to say it."""

import torch
from torch import Tensor

_TO_UV = ((-0.14713, -0.28886, 0.436), (0.615, -0.51499, -0.10001))


def hue_vector(rgb: Tensor) -> Tensor:
    """Saturation and hue of HSV as one point: sRGB (B, 3, H, W) in [0, 1] to (B, 2, H, W), s cos h and s sin h.

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
    """The colour of analogue video: sRGB (B, 3, H, W) in [0, 1] to U and V (B, 2, H, W), ITU-R BT.601."""
    with torch.autocast(rgb.device.type, enabled=False):
        return torch.einsum("oc,bchw->bohw", torch.tensor(_TO_UV, device=rgb.device), rgb)
