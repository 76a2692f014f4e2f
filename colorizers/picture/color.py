"""Colour spaces: sRGB, CIE L*a*b* (D65) and the sRGB gamut at constant L* and hue, in torch.

Conventions everywhere in this package: channel first; RGB in [0, 1] and gamma-encoded unless a name says
*linear*; L* in [0, 100]; a* and b* in Lab units (about -128..127). dtype and device are preserved.
Constants: IEC 61966-2-1 (sRGB) and CIE 15:2004 (L*a*b*, D65 white, 2 degree observer).
"""

import functools

import torch
from torch import Tensor

WHITE_D65 = (0.95047, 1.0, 1.08883)
RGB_TO_XYZ = (
    (0.4124564, 0.3575761, 0.1804375),
    (0.2126729, 0.7151522, 0.0721750),
    (0.0193339, 0.1191920, 0.9503041),
)
_EPSILON = 216 / 24389
_KAPPA = 24389 / 27
_GAMUT_TOLERANCE = 1e-4  # in linear light; far below half an 8-bit step anywhere on the curve
_GAMUT_HALVINGS = 14  # leaves chroma within 1/16000 of the border


@functools.cache
def _matrices(dtype: torch.dtype, device: torch.device) -> tuple[Tensor, Tensor]:
    """The maps from linear RGB to white-relative XYZ and back."""
    forward = torch.tensor(RGB_TO_XYZ, dtype=torch.float64) / torch.tensor(WHITE_D65, dtype=torch.float64)[:, None]
    # Each row sums to one exactly, so that gray has a* = b* = 0.
    forward = forward / forward.sum(1, keepdim=True)
    return forward.to(device, dtype), torch.linalg.inv(forward).to(device, dtype)


def _mix(matrix: Tensor, channels: Tensor) -> Tensor:
    """Apply a 3x3 matrix to the channel axis of (..., 3, H, W)."""
    return (matrix @ channels.flatten(-2)).unflatten(-1, channels.shape[-2:])


def decode_srgb(rgb: Tensor) -> Tensor:
    """Gamma-encoded to linear sRGB, odd-symmetric below zero so that values out of gamut keep their sign."""
    size = rgb.abs()
    return torch.where(size <= 0.04045, size / 12.92, ((size + 0.055) / 1.055) ** 2.4).copysign(rgb)


def encode_srgb(linear: Tensor) -> Tensor:
    """Linear to gamma-encoded sRGB, odd-symmetric below zero; the inverse of `decode_srgb`."""
    size = linear.abs()
    return torch.where(size <= 0.0031308, size * 12.92, 1.055 * size ** (1 / 2.4) - 0.055).copysign(linear)


def _compress(relative: Tensor) -> Tensor:
    """CIE f(t): the cube root with its linear foot."""
    return torch.where(relative > _EPSILON, relative.clamp(min=_EPSILON).pow(1 / 3), (_KAPPA * relative + 16) / 116)


def _expand(compressed: Tensor) -> Tensor:
    """The inverse of `_compress`."""
    return torch.where(compressed > _EPSILON ** (1 / 3), compressed**3, (116 * compressed - 16) / _KAPPA)


def linear_rgb_to_lab(linear: Tensor) -> Tensor:
    """Linear RGB (..., 3, H, W) to L*a*b* (..., 3, H, W)."""
    forward, _ = _matrices(linear.dtype, linear.device)
    x, y, z = _compress(_mix(forward, linear)).unbind(-3)
    return torch.stack((116 * y - 16, 500 * (x - y), 200 * (y - z)), dim=-3)


def lab_to_linear_rgb(lab: Tensor) -> Tensor:
    """L*a*b* (..., 3, H, W) to linear RGB, not clipped: colours out of gamut leave [0, 1]."""
    _, backward = _matrices(lab.dtype, lab.device)
    lightness, a, b = lab.unbind(-3)
    y = (lightness + 16) / 116
    return _mix(backward, _expand(torch.stack((y + a / 500, y, y - b / 200), dim=-3)))


def rgb_to_lab(rgb: Tensor) -> Tensor:
    """sRGB (..., 3, H, W) in [0, 1] to L*a*b* (..., 3, H, W)."""
    return linear_rgb_to_lab(decode_srgb(rgb))


def lab_to_rgb(lab: Tensor) -> Tensor:
    """L*a*b* (..., 3, H, W) to sRGB, not clipped."""
    return encode_srgb(lab_to_linear_rgb(lab))


def rgb_to_lightness(rgb: Tensor) -> Tensor:
    """sRGB (..., 3, H, W) in [0, 1] to L* (..., H, W)."""
    forward, _ = _matrices(rgb.dtype, rgb.device)
    luminance = (forward[1, :, None, None] * decode_srgb(rgb)).sum(-3)
    return 116 * _compress(luminance) - 16


def gray_to_lightness(gray: Tensor) -> Tensor:
    """The L* of an sRGB gray value in [0, 1], of any shape."""
    return 116 * _compress(decode_srgb(gray)) - 16


def fit_gamut(lightness: Tensor, ab: Tensor) -> tuple[Tensor, Tensor]:
    """Bring colours into sRGB by reducing chroma at constant L* and hue.

    Takes L* (H, W) and ab (2, H, W); gives the fitted ab and its linear RGB (3, H, W) in [0, 1]. The largest
    share of the chroma that is still in gamut is found per pixel by bisection: at constant L* and hue the
    gamut is a segment that starts at gray.
    """
    linear = lab_to_linear_rgb(torch.cat((lightness[None], ab)))
    outside = ((linear < -_GAMUT_TOLERANCE) | (linear > 1 + _GAMUT_TOLERANCE)).any(0)
    if outside.any():
        far_lightness, far_ab = lightness[outside][:, None], ab[:, outside][..., None]
        low, high = torch.zeros_like(far_lightness), torch.ones_like(far_lightness)
        for _ in range(_GAMUT_HALVINGS):
            middle = (low + high) / 2
            trial = lab_to_linear_rgb(torch.cat((far_lightness[None], far_ab * middle)))
            fits = ((trial >= -_GAMUT_TOLERANCE) & (trial <= 1 + _GAMUT_TOLERANCE)).all(0)
            low, high = torch.where(fits, middle, low), torch.where(fits, high, middle)
        ab = ab.clone()
        ab[:, outside] = (far_ab * low)[..., 0]
        linear[:, outside] = lab_to_linear_rgb(torch.cat((far_lightness[None], far_ab * low)))[..., 0]
    return ab, linear.clamp_(0, 1)
