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
_FOOT = _EPSILON ** (1 / 3)  # where the cube root meets its linear foot
_ENCODED_TOE, _LINEAR_TOE = 0.04045, 0.0031308  # where the sRGB curve meets its linear toe
_GAMUT_TOLERANCE = 1e-5  # in linear light: at black, where it weighs most, less than 0.01 of L*
_GAMUT_HALVINGS = 9
_MOST_CHROMA = 135.0  # of any colour in sRGB: blue has 133.8
_YELLOW_TOLERANCE = 0.28  # of L*, where the ray from gray leaves sRGB and comes back; 0.263 is needed
_YELLOW_LIGHTNESS = (90.0, 95.0, 98.0, 99.0)  # L* between which the tolerance grows, stays and falls
_YELLOW_HUE = (0.06, 0.12, 0.31, 0.37)  # the same for -a*/b*: the rays that come back have hues from 97.3 to 107.2


@functools.cache
def _matrices(dtype: torch.dtype, device: torch.device) -> tuple[Tensor, Tensor]:
    """The maps from linear RGB to white-relative XYZ and back."""
    with torch.inference_mode(False):  # they are kept, and gradients may flow through them later
        forward = torch.tensor(RGB_TO_XYZ, dtype=torch.float64) / torch.tensor(WHITE_D65, dtype=torch.float64)[:, None]
        # Each row sums to one exactly, so that gray has a* = b* = 0.
        forward = forward / forward.sum(1, keepdim=True)
        return forward.to(device, dtype), torch.linalg.inv(forward).to(device, dtype)


def _mix(matrix: Tensor, channels: Tensor) -> Tensor:
    """Apply a 3x3 matrix to the channel axis of (..., 3, H, W), in full precision under autocast too."""
    with torch.autocast(channels.device.type, enabled=False):
        return (matrix @ channels.flatten(-2)).unflatten(-1, channels.shape[-2:])


def _power(base: Tensor, exponent: float) -> Tensor:
    """`base ** exponent` for positive numbers, to 6 digits in float32 and in a third of the time."""
    return base.log2().mul_(exponent).exp2_()


# The curves below are sums of a line, fed up to the joint, and a power, fed from there on: far cheaper than where().


def decode_srgb(rgb: Tensor) -> Tensor:
    """Gamma-encoded to linear sRGB, odd-symmetric below zero so that values out of gamut keep their sign."""
    size = rgb.abs()
    toe = size.clamp(max=_ENCODED_TOE).div_(12.92).sub_(((_ENCODED_TOE + 0.055) / 1.055) ** 2.4)
    curve = _power(size.clamp(min=_ENCODED_TOE).add_(0.055), 2.4)
    return toe.add_(curve, alpha=1.055**-2.4).copysign(rgb)


def encode_srgb(linear: Tensor) -> Tensor:
    """Linear to gamma-encoded sRGB, odd-symmetric below zero; the inverse of `decode_srgb`."""
    size = linear.abs()
    toe = size.clamp(max=_LINEAR_TOE).mul_(12.92).sub_(1.055 * _LINEAR_TOE ** (1 / 2.4))
    return toe.add_(_power(size.clamp(min=_LINEAR_TOE), 1 / 2.4), alpha=1.055).copysign(linear)


def _compress(relative: Tensor) -> Tensor:
    """CIE f(t): the cube root with its linear foot."""
    foot = relative.clamp(max=_EPSILON).mul_(_KAPPA / 116).add_(16 / 116 - _FOOT)
    return foot.add_(_power(relative.clamp(min=_EPSILON), 1 / 3))


def _expand(compressed: Tensor) -> Tensor:
    """The inverse of `_compress`."""
    foot = compressed.clamp(max=_FOOT).mul_(116 / _KAPPA).sub_(16 / _KAPPA + _EPSILON)
    return foot.add_(compressed.clamp(min=_FOOT) ** 3)


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

    Takes L* (H, W) and ab (2, H, W); gives the fitted ab and its linear RGB (3, H, W) in [0, 1]. At constant L* and
    hue the gamut is a segment that starts at gray, but not in bright yellow: there the ray leaves sRGB at the red
    end, by 0.03 of linear light at the most, and comes back. It is taken for a segment there too: see
    `_red_tolerance`. The longest chroma in it is found per pixel by bisection.
    """
    linear = lab_to_linear_rgb(torch.cat((lightness[None], ab)))
    outside = (~_in_gamut(linear - 0.5)).flatten().nonzero()[:, 0]
    if len(outside):
        far_lightness, far_ab = lightness.flatten()[outside], ab.flatten(1)[:, outside]
        far_ab = far_ab * (_MOST_CHROMA / torch.hypot(*far_ab)).clamp_(max=1)
        far_ab = far_ab * _share_in_gamut(far_lightness, far_ab)
        ab = ab.flatten(1).index_copy(1, outside, far_ab).view_as(ab)
        far = lab_to_linear_rgb(torch.cat((far_lightness[None], far_ab))[..., None])
        linear = linear.flatten(1).index_copy_(1, outside, far[..., 0]).view_as(linear)
    return ab, linear.clamp_(0, 1)


def _share_in_gamut(lightness: Tensor, ab: Tensor) -> Tensor:
    """The share (n,) of the chroma that sRGB holds, of L* (n,) and ab (2, n) outside of it."""
    tolerance = _red_tolerance(lightness, ab)
    share = _share_below_red(lightness, ab, tolerance)
    # Where more red is allowed, the ray may come back behind the place where it leaves: its far end is tried first.
    yellow = tolerance.nonzero()[:, 0]
    if len(yellow):
        lightness, ab, tolerance = lightness[yellow], ab[:, yellow], tolerance[yellow]
        far = _share_below_red(lightness, ab, torch.full_like(tolerance, 0.3))
        red = lab_to_linear_rgb(torch.cat((lightness[None], ab * far))[..., None])[0, :, 0]
        share[yellow] = torch.where(red <= 1 + tolerance, far, share[yellow])
    return share


def _red_tolerance(lightness: Tensor, ab: Tensor) -> Tensor:
    """By how much linear red (n,) may exceed 1 for L* (n,) and the hues of ab (2, n): 0 except in bright yellow.

    Clipping it changes L* by up to `_YELLOW_TOLERANCE`, and spares yellow up to 70 units of chroma.
    """
    forward, _ = _matrices(ab.dtype, ab.device)
    weight = _plateau(lightness, _YELLOW_LIGHTNESS) * _plateau(-ab[0] / ab[1].clamp(min=1e-6), _YELLOW_HUE)
    y = (lightness + 16) / 116
    return _YELLOW_TOLERANCE * 3 / 116 * y**2 / forward[1, 0] * weight  # L* = 116 Y^(1/3) - 16


def _plateau(values: Tensor, corners: tuple[float, float, float, float]) -> Tensor:
    """0 outside of the four corners, 1 between the inner two, linear between."""
    low, full, last, high = corners
    return torch.minimum((values - low) / (full - low), (high - values) / (high - last)).clamp_(0, 1)


def _share_below_red(lightness: Tensor, ab: Tensor, tolerance: Tensor) -> Tensor:
    """As `_share_in_gamut`, for a gamut in which red may exceed 1 by a tolerance (n,): to the first place outside.

    Only X and Z change with chroma.
    """
    _, backward = _matrices(ab.dtype, ab.device)
    y = (lightness + 16) / 116
    steps = torch.stack((ab[0] / 500, ab[1] / -200))
    gray = backward[:, 1:2] * _expand(y) - 0.5
    gray[0] -= tolerance  # what is bright has no red near 0

    def beyond(share: Tensor) -> Tensor:
        centered = torch.addmm(gray, backward[:, ::2], _expand(torch.addcmul(y, steps, share)))
        return centered.abs().amax(0) - (0.5 + _GAMUT_TOLERANCE)

    share = torch.zeros_like(lightness)
    for halving in range(1, _GAMUT_HALVINGS + 1):
        trial = share + 0.5**halving
        share = torch.where(beyond(trial) <= 0, trial, share)
    # The border lies in the last interval, about where the chord between its ends does; a colour inside stays.
    width = 0.5**_GAMUT_HALVINGS
    near, far = beyond(share).clamp_(max=0), beyond(share + width)
    return torch.where(far <= 0, 1.0, share - width * near / (far - near).clamp(min=1e-12))


def _in_gamut(centered: Tensor) -> Tensor:
    """Which pixels of linear RGB less a half (3, ...) are in sRGB, up to the tolerance."""
    return centered.abs().amax(0) <= 0.5 + _GAMUT_TOLERANCE


def gray_rgb(lightness: Tensor) -> Tensor:
    """L* (H, W) as sRGB (3, H, W)."""
    return lab_to_rgb(gray_lab(lightness))


def gray_lab(lightness: Tensor) -> Tensor:
    """L* (H, W) as Lab (3, H, W)."""
    return torch.stack((lightness, *torch.zeros(2, *lightness.shape, device=lightness.device)))
