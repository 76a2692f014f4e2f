"""From a method's outcome to the pixels of the result: full size, finish, luminance lock, gamut, in strips."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from colorizers.picture.color import encode_srgb, fit_gamut, lightness_of_levels, pixels_in_gamut, rgb_to_lab
from colorizers.picture.color_table import LEVELS, ColorTable, cells_of, distinct
from colorizers.picture.finish import Finish, apply_finish, fix_contrast
from colorizers.picture.hints import Hints, spread
from colorizers.picture.resize import resized, size_within
from colorizers.picture.strips import in_strips

_LEVELS = 2**16 - 1
_CUBIC = -0.5  # Keys (1981)
_LARGE = 1 << 20  # pixels
_ROWS_LOOKED_AT = 64
_SNAP_SIDE = 1024  # pixels; colour borders are snapped at this size
_SNAP_RADIUS, _SNAP_EPS = 8, 1e-3


@dataclass(frozen=True, eq=False)
class Chroma:
    """What a method says of colour: ab (2, h, w) float32 in Lab units, at any resolution."""

    ab: Tensor


@dataclass(frozen=True, eq=False)
class Painting:
    """A whole picture that a method painted: sRGB (3, h, w) float32 in [0, 1], at any resolution."""

    rgb: Tensor


@dataclass(frozen=True, eq=False)
class PackedPainting:
    """A painting in half the memory: sRGB (3, h, w) uint16."""

    levels: np.ndarray


Outcome = Chroma | Painting
Kept = Outcome | PackedPainting


def is_finite(outcome: Outcome) -> bool:
    """Whether all of an outcome are numbers, and none infinite."""
    return bool((outcome.ab if isinstance(outcome, Chroma) else outcome.rgb).isfinite().all())


def rounded(outcome: Outcome) -> Outcome:
    """A painting in 16-bit levels, so that it is the same before and after `packed`; other outcomes as they are."""
    return _unpacked(packed(outcome)) if isinstance(outcome, Painting) else outcome


def packed(outcome: Kept) -> Kept:
    """A painting as it is kept for later; other outcomes, which are small, as they are."""
    if not isinstance(outcome, Painting):
        return outcome
    levels = (outcome.rgb.detach().float().cpu().clamp(0, 1) * _LEVELS).round()
    return PackedPainting(levels.to(torch.int32).numpy().astype(np.uint16))


def turned(outcome: Kept, quarter_turns: int) -> Kept:
    """The outcome for the photo turned counter-clockwise by multiples of 90 degrees."""
    if isinstance(outcome, PackedPainting):
        return PackedPainting(np.ascontiguousarray(np.rot90(outcome.levels, quarter_turns, (1, 2))))
    if isinstance(outcome, Chroma):
        return Chroma(torch.rot90(outcome.ab, quarter_turns, (1, 2)).contiguous())
    return Painting(torch.rot90(outcome.rgb, quarter_turns, (1, 2)).contiguous())


def ab_at(outcome: Kept, along: float, down: float) -> Tensor:
    """The ab (2,) of an outcome at a place, in shares of its width and height."""
    if isinstance(outcome, PackedPainting):
        y, x = place_at(outcome.levels.shape, along, down)
        return ab_at(_unpacked(PackedPainting(outcome.levels[:, y : y + 1, x : x + 1])), 0, 0)
    planes = planes_of(outcome)
    y, x = place_at(planes.shape, along, down)
    return planes[-2:, y, x].detach().float().cpu()


def place_at(shape: Sequence[int], along: float, down: float) -> tuple[int, int]:
    """The row and the column of planes (..., h, w) at shares of width and height."""
    height, width = shape[-2:]
    return min(int(down * height), height - 1), min(int(along * width), width - 1)


def bytes_of(outcome: Kept) -> int:
    """What an outcome takes in memory."""
    if isinstance(outcome, PackedPainting):
        return outcome.levels.nbytes
    return (outcome.ab if isinstance(outcome, Chroma) else outcome.rgb).nbytes


def _unpacked(outcome: Kept) -> Outcome:
    if not isinstance(outcome, PackedPainting):
        return outcome
    return Painting(torch.from_numpy(outcome.levels.astype(np.float32)) / _LEVELS)


def compose(lightness: Tensor, outcome: Kept, finish: Finish, bits: int = 8, hints: Hints | Tensor = ()) -> np.ndarray:
    """The finished picture (H, W, 3), uint8 or uint16, of a photo's L* (H, W) and a method's outcome; see `painter`."""
    height, width = lightness.shape
    return whole(painter(lightness, outcome, finish, bits, hints), (width, height), bits)


def whole(paint: Callable[[slice], np.ndarray], size: tuple[int, int], bits: int = 8) -> np.ndarray:
    """The picture (H, W, 3), uint8 or uint16, of a size, width and height, of which a `painter` gives any rows."""
    width, height = size
    result = np.empty((height, width, 3), np.uint8 if bits == 8 else np.uint16)

    def fill(rows: slice) -> None:
        part = paint(rows)
        for channel in range(3):
            result[rows, :, channel] = part[..., channel]

    in_strips(size, fill)
    return result


def painter(
    lightness: Tensor,
    outcome: Kept,
    finish: Finish,
    bits: int = 8,
    hints: Hints | Tensor = (),
    gray: np.ndarray | None = None,
) -> Callable[[slice], np.ndarray]:
    """A function that gives any rows of the finished picture as soon as they are needed.

    They are (h, W, 4) uint8, red, green, blue and 255, or of 16 bits (h, W, 3) uint16.

    Hints take the place of the outcome's colours before the finish, so that every method and finish honours them;
    they may be given as `held` makes them for the photo. `gray` is what the photo held, see `Photo`: where that has
    8 bits, a large picture takes a third of the time, and few pixels differ by more than a level.

    With the luminance lock at 1 the L* of every pixel is the photo's, up to rounding, and up to 0.3 in bright yellow;
    `contrast` is the one exception: it stretches the photo's L*.
    Colours out of sRGB lose chroma at constant L* and hue: see `fit_gamut`.
    """
    height, width = lightness.shape
    small = planes_of(outcome).detach().float().cpu()
    if finish.edge_snap > 0:
        small = _snapped(small, lightness, finish.edge_snap)
    rows_of = _enlarger(small, height, width)
    planes = hints if isinstance(hints, Tensor) else held(hints, lightness)
    hinted = None if planes is None else _enlarger(planes, height, width)
    contrasted = fix_contrast(lightness, finish.contrast)

    def colors_of(rows: slice) -> Tensor:
        lab = rows_of(rows)
        if hinted is not None:
            weight, *colors = hinted(rows)
            lab[-2:] = torch.lerp(lab[-2:], torch.stack(colors), weight.clamp(0, 1))
        return lab

    def finished(own: Tensor, colors: Tensor) -> np.ndarray:
        lab = torch.cat((own[None], colors)) if len(colors) == 2 else colors
        lab = apply_finish(lab, finish)
        light = own if finish.luminance_lock == 1 else torch.lerp(lab[0].clamp(0, 100), own, finish.luminance_lock)
        return _quantised(light, lab[1:], bits)

    if gray is not None and gray.dtype == np.uint8 and gray.size >= _LARGE and bits == 8 and len(small) == 2:
        cells = _some_cells(height, colors_of)
        if LEVELS * len(cells) < gray.size / 8:  # looking up repays
            tones = contrasted(lightness_of_levels()[None])
            table = ColorTable(lambda ab: finished(tones.expand(ab.shape[1:]), ab), cells)
            return lambda rows: table.pixels(gray[rows], colors_of(rows))
    return lambda rows: finished(contrasted(lightness[rows]), colors_of(rows))


def _some_cells(height: int, colors_of: Callable[[slice], Tensor]) -> Tensor:
    """Most of the cells of a `ColorTable` in which the colours of a picture lie: those of some of its rows."""
    looked_at = range(0, height, max(1, height // _ROWS_LOOKED_AT))
    return distinct(torch.cat([cells_of(colors_of(slice(row, row + 1))) for row in looked_at]))


def uncolored(lightness: Tensor) -> np.ndarray:
    """The pixels (H, W, 3) uint8 of L* (H, W) without colour."""
    return compose(lightness, Chroma(torch.zeros(2, 1, 1)), Finish())


def planes_of(outcome: Kept) -> Tensor:
    """The ab (2, h, w) of chroma, or the Lab (3, h, w) of a painting."""
    plain = _unpacked(outcome)
    return plain.ab if isinstance(plain, Chroma) else rgb_to_lab(plain.rgb.clamp(0, 1))


def _quantised(lightness: Tensor, ab: Tensor, bits: int) -> np.ndarray:
    """The pixels, as a `painter` gives them, that have this L* (h, w) and, as far as they can, this ab (2, h, w)."""
    if bits == 8:
        return pixels_in_gamut(lightness, ab).numpy()
    levels = (encode_srgb(fit_gamut(lightness, ab)[1]) * _LEVELS).round_().to(torch.int32).numpy().astype(np.uint16)
    return np.stack([*levels], axis=-1)


def _enlarger(small: Tensor, height: int, width: int) -> Callable[[slice], Tensor]:
    """A function that gives any rows of planes (c, h, w) at this size."""
    small = _narrowed(small, height, width)
    wide = _resample(small, width)
    index, weight = _cubic_taps(small.shape[1], height)
    return lambda rows: _interpolated(wide, index[rows], weight[rows])


def _narrowed(small: Tensor, height: int, width: int) -> Tensor:
    """The planes (c, h, w) brought down, with antialiasing, where they are larger than the photo."""
    target = (min(small.shape[1], height), min(small.shape[2], width))
    return small if target == tuple(small.shape[1:]) else resized(small, target)


def _cubic_taps(length: int, target: int) -> tuple[Tensor, Tensor]:
    """For each of `target` positions the 4 source indices and weights of bicubic interpolation, edges repeated."""
    position = (torch.arange(target, dtype=torch.float64) + 0.5) * length / target - 0.5
    first = position.floor()
    taps = torch.arange(-1, 3)
    distance = (position[:, None] - first[:, None] - taps).abs()
    near = (_CUBIC + 2) * distance**3 - (_CUBIC + 3) * distance**2 + 1
    far = _CUBIC * (distance**3 - 5 * distance**2 + 8 * distance - 4)
    weight = torch.where(distance <= 1, near, far).float()
    return (first.long()[:, None] + taps).clamp(0, length - 1), weight


def _interpolated(planes: Tensor, index: Tensor, weight: Tensor) -> Tensor:
    """The rows of planes (c, h, w) weighted by taps (n, 4) to planes (c, n, w)."""
    first, last = int(index.min()), int(index.max())
    matrix = torch.zeros(len(index), last - first + 1).scatter_add_(1, index - first, weight)
    return matrix @ planes[:, first : last + 1]


def _resample(planes: Tensor, width: int) -> Tensor:
    """Planes (c, h, w) to (c, h, width), bicubic along the rows."""
    index, weight = _cubic_taps(planes.shape[2], width)
    wide = planes[:, :, index[:, 0]] * weight[:, 0]
    for tap in range(1, index.shape[1]):
        wide += planes[:, :, index[:, tap]] * weight[:, tap]
    return wide


def held(hints: Hints, lightness: Tensor) -> Tensor | None:
    """Where hints hold, and their colours, as `spread` gives them, pulled to the photo's edges; None without hints."""
    if not hints:
        return None
    planes = spread(hints, lightness)
    cell = min(_SNAP_SIDE, max(lightness.shape)) / max(planes.shape)  # pixels of a place of the grid
    return _snapped(planes, lightness, 1, max(1, round(1.25 * cell)))


def _snapped(planes: Tensor, lightness: Tensor, share: float, radius: int = _SNAP_RADIUS) -> Tensor:
    """Colour borders pulled to the photo's edges by a fast guided filter (He and Sun 2015), blended by `share`."""
    from kornia.filters import guided_blur

    height, width = lightness.shape
    size = size_within((height, width), _SNAP_SIDE)
    guide = resized(lightness[None], size)[None] / 100
    plain = torch.nn.functional.interpolate(planes[None], size, mode="bicubic", antialias=True)
    snapped = guided_blur(
        guide, plain, 2 * radius + 1, _SNAP_EPS, border_type="replicate", subsample=max(1, radius // 2)
    )
    return torch.lerp(plain, snapped, share)[0]
