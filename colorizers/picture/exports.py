"""Pictures that show what colour a photo has gained: before and after side by side, and a wipe from one to the other.

They are small enough to be sent to somebody, and hold the record of the result as the result itself does.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from PIL import Image

from colorizers.options import Options, control
from colorizers.picture.compose import uncolored
from colorizers.picture.result import Result, on_white, with_alpha

Export = Literal["none", "side_by_side", "wipe_gif", "wipe_webp"]
ENDINGS: dict[Export, str] = {
    "side_by_side": "_side_by_side.jpg", "wipe_gif": "_wipe.gif", "wipe_webp": "_wipe.webp",
}  # fmt: skip
"""By the export, what its file name has after the stem of the result."""

_SIDE = 2048  # pixels: the long side of each of both pictures
_WIDEST = 2  # width by height; wider pictures stand one above the other
_GAP = 0.01  # of the long side
_WIPE_SIDE = 720
_STEPS = 36  # of a wipe
_STEP, _FIRST, _LAST = 50, 1000, 2000  # milliseconds that a frame is shown
_QUALITY = 90


class Exports(Options):
    """What to save beside a result."""

    export: Export = control("none")


def save_export(result: Result, export: Export, path: Path) -> None:
    """Write an export of a result; transparency is laid on white."""
    xmp = result.record.xmp()
    match export:
        case "side_by_side":
            side_by_side(*_before_and_after(result, _SIDE)).save(path, "JPEG", quality=_QUALITY, subsampling=0, xmp=xmp)
        case "wipe_gif":
            _save_wipe(path, "GIF", *_in_one_palette(*_before_and_after(result, _WIPE_SIDE)), comment=xmp)
        case "wipe_webp":
            both = _before_and_after(result, _WIPE_SIDE)
            _save_wipe(path, "WEBP", *both, quality=_QUALITY, minimize_size=True, xmp=xmp)


def side_by_side(before: Image.Image, after: Image.Image) -> Image.Image:
    """Two pictures of one size in one, the second on the right; where they are very wide, below."""
    width, height = before.size
    gap = max(1, round(_GAP * max(width, height)))
    right, down = (0, height + gap) if width > _WIDEST * height else (width + gap, 0)
    both = Image.new("RGB", (width + right, height + down), "white")
    both.paste(before)
    both.paste(after, (right, down))
    return both


def _before_and_after(result: Result, side: int) -> tuple[Image.Image, Image.Image]:
    """The photo without colour and with it, RGB, at most `side` pixels long."""
    small = result.preview(side)
    pictures = uncolored(small.photo.lightness), small.pixels()
    before, after = (on_white(with_alpha(pixels, small.photo.alpha)) for pixels in pictures)
    return before, after


def _in_one_palette(before: Image.Image, after: Image.Image) -> Iterator[Image.Image]:
    """Both pictures in the same 256 colours, so that nothing flickers in a GIF and only what changes takes space."""
    palette = side_by_side(before, after).quantize(256, Image.Quantize.MEDIANCUT)
    yield from (picture.quantize(palette=palette) for picture in (before, after))


def _wiped(before: Image.Image, after: Image.Image) -> Iterator[Image.Image]:
    """Frames in which `after` takes the place of `before` from the left.

    There is no line between both: of a white one WebP would leave traces behind.
    """
    width, height = before.size
    for step in range(_STEPS + 1):
        frame = before.copy()
        edge = round(width * step / _STEPS)
        frame.paste(after.crop((0, 0, edge, height)))
        yield frame


def _save_wipe(path: Path, kind: str, before: Image.Image, after: Image.Image, **how: object) -> None:
    """Write a wipe that begins again and again."""
    frames = _wiped(before, after)
    durations = [_FIRST, *[_STEP] * (_STEPS - 1), _LAST]
    next(frames).save(path, kind, save_all=True, append_images=frames, duration=durations, loop=0, **how)
