"""A contact sheet: several pictures of one photo side by side, each with its title and a few lines below."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont
from PIL.PngImagePlugin import PngInfo

from colorizers.options import Options, control
from colorizers.picture.record import xmp_packet
from colorizers.picture.resize import size_within
from colorizers.picture.result import on_white

SUFFIXES = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG"}
_ASPECT = 1.5  # width by height that a sheet comes near
_GAP = 16  # pixels
_NARROWEST = 260  # pixels of a cell, so that its lines can be read
_TITLE, _LINE = 20, 16  # pixels: sizes of letters
_LEADING = 1.35  # height of a line by the size of its letters
_PAPER, _INK, _PALE_INK = "white", "#1a1a1a", "#5a5a5a"
_QUALITY = 92


class SheetOptions(Options):
    """The look of a contact sheet."""

    picture_size: int = control(480, low=120, high=1024, step=20, unit="px")


@dataclass(frozen=True)
class Cell:
    """A picture and what is written below it."""

    picture: Image.Image
    title: str
    lines: tuple[str, ...] = ()


def contact_sheet(cells: Sequence[Cell], heading: str, note: str, options: SheetOptions) -> Image.Image:
    """All cells, from left to right and from top to bottom, below a heading and above a note.

    Pictures are reduced to `picture_size` at their long side, never enlarged; transparency is laid on white.
    """
    pictures = [_reduced(cell.picture, options.picture_size) for cell in cells]
    width = max(_NARROWEST, *(picture.width for picture in pictures))
    high = max(picture.height for picture in pictures)
    lines = [[part for line in cell.lines for part in _wrapped(line, width)] for cell in cells]
    height = high + _height(_TITLE) + max(map(len, lines)) * _height(_LINE)
    columns = _columns(len(cells), width + _GAP, height + _GAP)
    top = _GAP + _height(_TITLE) + _GAP // 2
    bottom = top + math.ceil(len(cells) / columns) * (height + _GAP)
    sheet = Image.new("RGB", (_GAP + columns * (width + _GAP), bottom + _height(_LINE) + _GAP // 2), _PAPER)
    _write(sheet, (_GAP, _GAP), heading, _TITLE, _INK, sheet.width - 2 * _GAP)
    for k, (cell, picture) in enumerate(zip(cells, pictures, strict=True)):
        left, upper = _GAP + k % columns * (width + _GAP), top + k // columns * (height + _GAP)
        sheet.paste(picture, (left, upper))
        below = upper + high
        _write(sheet, (left, below), cell.title, _TITLE, _INK, width)
        for number, line in enumerate(lines[k]):
            place = left, below + _height(_TITLE) + number * _height(_LINE)
            _write(sheet, place, line, _LINE, _PALE_INK, width)
    _write(sheet, (_GAP, bottom), note, _LINE, _PALE_INK, sheet.width - 2 * _GAP)
    return sheet


def save_sheet(sheet: Image.Image, path: Path) -> None:
    """Write a sheet as PNG or JPEG, as the path's suffix says, with the note that its colours are machine-made."""
    xmp = xmp_packet()
    if SUFFIXES[path.suffix.lower()] == "PNG":
        text = PngInfo()
        text.add_itxt("XML:com.adobe.xmp", xmp.decode())
        sheet.save(path, "PNG", pnginfo=text)
    else:
        sheet.save(path, "JPEG", quality=_QUALITY, subsampling=0, xmp=xmp)


def _reduced(picture: Image.Image, side: int) -> Image.Image:
    return on_white(picture).resize(size_within(picture.size, side), Image.Resampling.LANCZOS)


def _columns(count: int, width: int, height: int) -> int:
    """How many columns bring the sheet nearest to its aspect, with few places empty."""

    def fault(columns: int) -> float:
        rows = math.ceil(count / columns)
        return abs(math.log(columns * width / (rows * height) / _ASPECT)) + (rows * columns - count) / count

    return min(range(1, count + 1), key=fault)


def _wrapped(text: str, width: int) -> list[str]:
    """A text in lines that are no wider than that, as far as its words allow."""
    font, lines = ImageFont.load_default(_LINE), [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and font.getlength(longer) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def _write(sheet: Image.Image, place: tuple[int, int], text: str, size: int, color: str, width: int) -> None:
    """Write one line; what is too long for the width is cut."""
    font = ImageFont.load_default(size)
    whole = text
    while text and font.getlength(text) > width:
        text = f"{whole[: len(text) - 2].rstrip()}…" if len(text) > 2 else ""
    ImageDraw.Draw(sheet).text((place[0], place[1] + (_LEADING - 1) * size / 2), text, color, font)


def _height(size: int) -> int:
    return round(_LEADING * size)
