"""What a user tunes after the model has run, at no model cost: strength, saturation, warmth, contrast, the lock."""

import functools
from collections.abc import Callable, Mapping
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from colorizers.options import Options, control, validated
from colorizers.picture.color import decode_srgb, encode_srgb, fit_gamut, linear_rgb_to_lab
from colorizers.picture.resize import resized, size_within

# The tables of minkyu-choi04/image_colorize: smoothing splines through these points (8-bit values) make a picture
# warmer by raising red and saturation and lowering blue, cooler by the reverse.
_SPLINE_AT = (0, 64, 128, 192, 256)
_RAISED = (0, 70, 140, 210, 256)
_LOWERED = (0, 30, 80, 120, 192)
_FINE = 4096  # steps in which the tables are applied
_TONES = (2.0, 98.0)  # the L* at which nearly all of a photo begins and ends that is not faded
_FADED = 0.005  # the share of pixels that are darker, and that are brighter, than nearly all
_MOST_STRETCHED = 3.0  # times the contrast; what is flatter, such as fog, stays rather flat
_LOOKED_AT = 512  # pixels: tones are found at this size, so that a preview and the full size have the same


class Finish(Options):
    """The finish of a picture; the default leaves the colours as the method gave them."""

    color_strength: float = control(1.0, low=0, high=2, step=0.05)
    saturation: float = control(1.0, low=0, high=3, step=0.05)
    warmth: float = control(0.0, low=-1, high=1, step=0.05)
    contrast: float = control(0.0, low=0, high=1, step=0.05)
    luminance_lock: float = control(1.0, low=0, high=1, step=0.05, advanced=True)
    edge_snap: float = control(0.0, low=0, high=1, step=0.05, advanced=True)


LookName = Literal["natural", "vivid", "muted", "kodachrome", "autochrome", "cool"]
LOOKS: Mapping[str, Mapping[str, float]] = {
    "natural": {},
    "vivid": {"color_strength": 1.1, "saturation": 1.35},
    "muted": {"color_strength": 0.8, "saturation": 0.7},
    "kodachrome": {"color_strength": 1.15, "saturation": 1.25, "warmth": 0.15},
    "autochrome": {"color_strength": 0.8, "saturation": 0.75, "warmth": 0.3},
    "cool": {"warmth": -0.25},
}
"""By its name, what a look changes of the method's own finish. Those of film names recall a film, they measure none."""


class Looks(Options):
    """A finish by name: what else is given of the finish goes before it."""

    look: LookName = control("natural", finish=LOOKS)


def spelled_out(wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Values of a finish with those of the `look` among them, which others go before; ColorizerError for no look."""
    look = validated(Looks, {name: wanted[name] for name in Looks.model_fields if name in wanted}).look
    return {**LOOKS[look], **{name: value for name, value in wanted.items() if name not in Looks.model_fields}}


def apply_finish(lab: Tensor, finish: Finish) -> Tensor:
    """Strength, saturation and warmth on Lab (3, h, w); the lock is left to `compose`.

    Saturation and warmth begin with what sRGB has of a colour: further out RGB would not keep the hue, and a deep blue
    with more saturation would be a cyan.
    """
    if finish.color_strength != 1:
        lab = torch.cat((lab[:1], lab[1:] * finish.color_strength))
    if finish.saturation == 1 and finish.warmth == 0:
        return lab
    _, linear = fit_gamut(lab[0].clamp(0, 100), lab[1:])
    rgb = _warmed(_saturated(encode_srgb(linear), finish.saturation), finish.warmth)
    return linear_rgb_to_lab(decode_srgb(rgb))


def fix_contrast(lightness: Tensor, amount: float) -> Callable[[Tensor], Tensor]:
    """A function that gives rows (h, w) of a photo's L* (H, W) the contrast that has faded, by an amount in [0, 1].

    Its tones, but for the outermost, are stretched towards black and white, along a line that bends at both ends and
    never falls: nothing is clipped, and what has all tones already stays as it is.
    """
    if amount == 0:
        return lambda rows: rows
    low, high = _tones(lightness)
    darkest, brightest = min(low, _TONES[0]), max(high, _TONES[1])
    room = brightest - darkest - (high - low)
    share = amount * min(1.0, (_MOST_STRETCHED - 1) * (high - low) / max(room, 1e-6))
    new_low, new_high = low + share * (darkest - low), high + share * (brightest - high)

    def stretched(rows: Tensor) -> Tensor:
        below, above = new_low / max(low, 1e-6), (100 - new_high) / max(100 - high, 1e-6)
        inner = (new_high - new_low) / max(high - low, 1e-6)
        line = new_low + inner * (rows.clamp(low, high) - low)
        return line + below * (rows.clamp(max=low) - low) + above * (rows.clamp(min=high) - high)

    return stretched


def _tones(lightness: Tensor) -> tuple[float, float]:
    """The L* between which nearly all of a photo (H, W) lies."""
    height, width = lightness.shape
    small = resized(lightness[None], size_within((height, width), _LOOKED_AT)).flatten()
    ordered = small.sort().values
    last = len(ordered) - 1
    low, high = (ordered[round(share * last)].clamp(0, 100).item() for share in (_FADED, 1 - _FADED))
    return low, high


def _saturated(rgb: Tensor, factor: float | Tensor) -> Tensor:
    """HSV saturation times `factor`, up to 1, at constant hue and value."""
    value, least = rgb.amax(0, keepdim=True), rgb.amin(0, keepdim=True)
    most = value / (value - least).clamp(min=1e-6)
    return torch.lerp(value, rgb, most.clamp(max=factor))


def _warmed(rgb: Tensor, warmth: float) -> Tensor:
    """The colour-temperature tables, blended with the identity by |warmth|."""
    if warmth == 0:
        return rgb
    red_points, blue_points = (_RAISED, _LOWERED) if warmth > 0 else (_LOWERED, _RAISED)
    share = abs(warmth)
    red, green, blue = rgb
    rgb = torch.stack((red + share * _shift(red, red_points), green, blue + share * _shift(blue, blue_points)))
    value = rgb.amax(0)
    saturation = ((value - rgb.amin(0)) / value.clamp(min=1e-6)).clamp(0, 1)
    return _saturated(rgb, 1 + share * _shift(saturation, red_points) / saturation.clamp(min=1e-3))


def _shift(channel: Tensor, points: tuple[int, ...]) -> Tensor:
    """By how much a table moves each value; values outside [0, 1] move like the nearest end."""
    position = channel.clamp(0, 1).mul_(_FINE).add_(0.5).long()
    return _shifts(points).to(channel.device).index_select(0, position.flatten()).view_as(channel)


@functools.cache
def _shifts(points: tuple[int, ...]) -> Tensor:
    """What the points' table adds to each of `_FINE` + 1 values from 0 to 1."""
    from scipy.interpolate import UnivariateSpline

    table = UnivariateSpline(_SPLINE_AT, points)(np.arange(256)) / 255
    values = np.linspace(0, 1, _FINE + 1)
    fine = np.interp(values, np.linspace(0, 1, 256), table.clip(0, 1))
    return torch.from_numpy((fine - values).astype(np.float32))
