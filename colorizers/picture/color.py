"""Colour spaces: sRGB, CIE L*a*b* (D65) and the sRGB gamut at constant L* and hue, in torch.

Conventions everywhere in this package: channel first; RGB in [0, 1] and gamma-encoded unless a name says
*linear*; L* in [0, 100]; a* and b* in Lab units (about -128..127). dtype and device are preserved.
Constants: IEC 61966-2-1 (sRGB) and CIE 15:2004 (L*a*b*, D65 white, 2 degree observer).
"""

import functools
import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import grid_sample

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
_LIMITS = (321, 480)  # L* and hues at which the most chroma is known beforehand
_LIGHT_STEPS = 2**16 - 1  # of linear light: fine enough to tell all 8-bit levels, but for one pixel in hundreds
_YELLOW_TOLERANCE = 0.28  # of L*, where the ray from gray leaves sRGB and comes back; 0.263 is needed
_ANY_RED = 0.3  # more than red ever exceeds 1 where it comes back
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
    """The inverse of `_compress`: the linear foot is the tangent of the cube where they meet."""
    curved = compressed.clamp(min=_FOOT)
    below = compressed - curved
    return curved.pow_(3).add_(below, alpha=3 * _FOOT**2)


def linear_rgb_to_lab(linear: Tensor) -> Tensor:
    """Linear RGB (..., 3, H, W) to L*a*b* (..., 3, H, W)."""
    forward, _ = _matrices(linear.dtype, linear.device)
    x, y, z = _compress(_mix(forward, linear)).unbind(-3)
    return torch.stack((116 * y - 16, 500 * (x - y), 200 * (y - z)), dim=-3)


def lab_to_linear_rgb(lab: Tensor) -> Tensor:
    """L*a*b* (..., 3, H, W) to linear RGB, not clipped: colours out of gamut leave [0, 1]."""
    _, backward = _matrices(lab.dtype, lab.device)
    return _mix(backward, _relative(*lab.unbind(-3)))


def _relative(lightness: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """The white-relative XYZ (..., 3, H, W) of L*, a* and b* (..., H, W)."""
    y = (lightness + 16) / 116
    return _expand(torch.stack((y.add(a, alpha=1 / 500), y, y.sub(b, alpha=1 / 200)), dim=-3))


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


@functools.cache
def lightness_of_levels() -> Tensor:
    """The L* (256,) of the 8-bit levels of gray."""
    return gray_to_lightness(torch.arange(256) / 255)


def fit_gamut(lightness: Tensor, ab: Tensor) -> tuple[Tensor, Tensor]:
    """Bring colours into sRGB by reducing chroma at constant L* and hue.

    Takes L* (H, W) and ab (2, H, W); gives the fitted ab and its linear RGB (3, H, W) in [0, 1]. At constant L* and
    hue the gamut is a segment that starts at gray, but not in bright yellow: there the ray leaves sRGB at the red
    end, by 0.03 of linear light at the most, and comes back. It is taken for a segment there too: see
    `_red_tolerance`. The longest chroma in it is found per pixel.
    """
    _, backward = _matrices(ab.dtype, ab.device)
    linear = _mix(backward, _relative(lightness, *ab))
    outside = _places((linear.amax(0) > 1 + _GAMUT_TOLERANCE) | (linear.amin(0) < -_GAMUT_TOLERANCE))
    if len(outside):
        far_ab, far = _fitted(lightness.flatten()[outside], ab.flatten(1)[:, outside])
        ab = ab.flatten(1).index_copy(1, outside, far_ab).view_as(ab)
        linear = linear.flatten(1).index_copy_(1, outside, far).view_as(linear)
    return ab, linear.clamp_(0, 1)


def pixels_in_gamut(lightness: Tensor, ab: Tensor) -> Tensor:
    """Pixels (H, W, 4) uint8, red, green, blue and 255, of what `fit_gamut` makes of L* (H, W) and ab (2, H, W).

    On the CPU only, in half the time of the way over `encode_srgb`. Where a colour lies between two levels, within
    0.03 of the middle, it may become the other one.
    """
    _, backward = _matrices(ab.dtype, ab.device)
    steps = _mix(_LIGHT_STEPS * backward, _relative(lightness, *ab)).to(torch.int32)
    together = (steps[0] | steps[1]).bitwise_or_(steps[2]).numpy().view(np.uint32)  # what is below 0 becomes large
    outside = _places(torch.from_numpy(together > _LIGHT_STEPS))
    if len(outside):
        _, far = _fitted(lightness.flatten().index_select(0, outside), ab.flatten(1).index_select(1, outside))
        steps.flatten(1).index_copy_(1, outside, (far.clamp_(0, 1) * _LIGHT_STEPS).to(torch.int32))
    red, green, blue = _levels(ab.device).index_select(0, steps.flatten()).view_as(steps)
    packed = red.add_(green, alpha=1 << 8).add_(blue, alpha=1 << 16).sub_(1 << 24)  # the last byte becomes 255
    return packed.view(torch.uint8).view(*packed.shape, 4)


@functools.cache
def _levels(device: torch.device) -> Tensor:
    """The 8-bit level in the middle of each step of linear light."""
    middles = torch.arange(0.5, _LIGHT_STEPS + 1, dtype=torch.float64, device=device) / _LIGHT_STEPS
    return (encode_srgb(middles.clamp(max=1)) * 255).round().to(torch.int32)


def _places(mask: Tensor) -> Tensor:
    """The indices (n,) at which a mask (H, W) is true."""
    if mask.device.type == "cpu":  # NumPy takes a third of torch's time
        return torch.from_numpy(np.flatnonzero(mask.numpy()))
    return mask.flatten().nonzero()[:, 0]


def _fitted(lightness: Tensor, ab: Tensor) -> tuple[Tensor, Tensor]:
    """The ab (2, n) on the border of sRGB, and its linear RGB (3, n), for L* (n,) and ab (2, n) outside."""
    share, linear = _near_limit(lightness, ab, 0)
    # Where more red is allowed, the ray may come back behind the place where it leaves: its far end is tried first.
    yellow = _places(lightness > _YELLOW_LIGHTNESS[0])
    if len(yellow):
        yellow = yellow[_red_tolerance(lightness[yellow], ab[:, yellow]) > 0]
    if len(yellow):
        share[yellow], linear[:, yellow] = _in_yellow(lightness[yellow], ab[:, yellow])
    return ab * share, linear


def _in_yellow(lightness: Tensor, ab: Tensor) -> tuple[Tensor, Tensor]:
    """As `_near_limit`, with the tolerance that bright yellow has."""
    share, linear = _near_limit(lightness, ab, _ANY_RED)
    tolerance = _red_tolerance(lightness, ab)
    left = _places(linear[0] > 1 + tolerance)
    if len(left):
        longest = ab[:, left] * (_MOST_CHROMA / torch.hypot(*ab[:, left]))
        found = _share_below_red(lightness[left], longest, tolerance[left])
        share[left] = (found * _MOST_CHROMA / torch.hypot(*ab[:, left])).clamp_(max=1)
        linear[:, left] = _ray(lightness[left], ab[:, left])(share[left])
    return share, linear


def _near_limit(lightness: Tensor, ab: Tensor, tolerance: float) -> tuple[Tensor, Tensor]:
    """The share (n,) that `_share_below_red` gives for one tolerance, and the linear RGB (3, n) there.

    It begins where the most chroma is known to be, about: within a unit of chroma around it each channel is nearly a
    line, and the border is where the first one reaches 0 or 1.
    """
    chroma = torch.hypot(*ab).clamp_(min=1e-6)
    linear = _ray(lightness, ab / chroma)
    start = (torch.minimum(_limit(lightness, ab, tolerance), chroma) - 0.5).clamp_(min=0)
    near = linear(start)
    step = linear(start + 1).sub_(near)
    room = torch.where(step > 0, 1 - near, near).add_(_GAMUT_TOLERANCE)
    room[0] += tolerance  # what is bright has no red near 0
    found = (start + (room / step.abs().clamp_(min=1e-9)).amin(0)).clamp_(min=0).minimum(chroma)
    return found / chroma, near.addcmul_(step, found - start)


def _limit(lightness: Tensor, ab: Tensor, tolerance: float) -> Tensor:
    """About the most chroma (n,) that sRGB has at L* (n,) and the hues of ab (2, n), where red may exceed 1."""
    limits = _limits(tolerance, ab.dtype, ab.device)
    places = torch.stack((torch.atan2(ab[1], ab[0]) / math.pi, lightness / 50 - 1), dim=-1)  # from -1 to 1
    return grid_sample(limits[None, None], places[None, None], padding_mode="border", align_corners=True)[0, 0, 0]


@functools.cache
def _limits(tolerance: float, dtype: torch.dtype, device: torch.device) -> Tensor:
    """The most chroma in sRGB, by L* from 0 to 100 and by hue from -180 to 180 degrees, where red may exceed 1."""
    tones, hues = _LIMITS
    lightness = torch.linspace(0, 100, tones, dtype=dtype, device=device)
    hue = torch.linspace(-math.pi, math.pi, hues + 1, dtype=dtype, device=device)
    lightness, hue = (plane.flatten() for plane in torch.meshgrid(lightness, hue, indexing="ij"))
    longest = _MOST_CHROMA * torch.stack((hue.cos(), hue.sin()))
    share = _share_below_red(lightness, longest, torch.full_like(lightness, tolerance))
    return (_MOST_CHROMA * share).view(tones, hues + 1)


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
    """The share (n,) of ab (2, n) at L* (n,) up to the first place outside of sRGB, found by bisection.

    Red may exceed 1 by a tolerance (n,).
    """
    linear, share = _ray(lightness, ab), torch.zeros_like(lightness)

    def beyond(share: Tensor) -> Tensor:
        centered = linear(share) - 0.5
        centered[0] -= tolerance  # what is bright has no red near 0
        return centered.abs_().amax(0) - (0.5 + _GAMUT_TOLERANCE)

    for halving in range(1, _GAMUT_HALVINGS + 1):
        trial = share + 0.5**halving
        share = torch.where(beyond(trial) <= 0, trial, share)
    # The border lies in the last interval, about where the chord between its ends does; a colour inside stays.
    width = 0.5**_GAMUT_HALVINGS
    near, far = beyond(share).clamp_(max=0), beyond(share + width)
    return torch.where(far <= 0, 1.0, share - width * near / (far - near).clamp(min=1e-12))


def _ray(lightness: Tensor, ab: Tensor) -> Callable[[Tensor], Tensor]:
    """A function that gives the linear RGB (3, n) of L* (n,) with a share (n,) of ab (2, n)."""
    _, backward = _matrices(ab.dtype, ab.device)
    y = (lightness + 16) / 116
    steps = torch.stack((ab[0] / 500, torch.zeros_like(y), ab[1] / -200))
    return lambda share: backward @ _expand(torch.addcmul(y, steps, share))


def gray_rgb(lightness: Tensor) -> Tensor:
    """L* (H, W) as sRGB (3, H, W)."""
    return lab_to_rgb(gray_lab(lightness))


def gray_lab(lightness: Tensor) -> Tensor:
    """L* (H, W) as Lab (3, H, W)."""
    return torch.stack((lightness, *torch.zeros(2, *lightness.shape, device=lightness.device)))
