"""A contact sheet: every picture is on it, in order, large enough and labelled."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from colorizers.errors import ColorizerError
from colorizers.options import validated
from colorizers.picture.sheet import Cell, SheetOptions, contact_sheet, save_sheet

COLORS = ("red", "lime", "blue", "yellow", "magenta", "cyan", "navy")


def cells(size: tuple[int, int] = (300, 200), count: int = 7) -> list[Cell]:
    return [Cell(Image.new("RGB", size, color), color, ("1.00 s",)) for color in COLORS[:count]]


def sheet_of(cells: list[Cell], side: int = 300) -> np.ndarray:
    return np.asarray(contact_sheet(cells, "heading", "note", SheetOptions(picture_size=side))).astype(int)


def place(sheet: np.ndarray, color: str) -> tuple[int, int, int, int]:
    """The top, left, height and width of all pixels of a colour."""
    wanted = np.asarray(Image.new("RGB", (1, 1), color))[0, 0]
    rows, columns = np.nonzero((sheet == wanted).all(2))
    return int(rows.min()), int(columns.min()), int(np.ptp(rows)) + 1, int(np.ptp(columns)) + 1


def test_every_picture_is_there_in_the_order_of_reading():
    sheet = sheet_of(cells())
    places = [place(sheet, color) for color in COLORS]
    assert places == sorted(places)
    assert {size for _, _, *size in [(*each[:2], each[2:]) for each in places] for size in size} == {(200, 300)}


@pytest.mark.parametrize(
    ("size", "shown"), [((3000, 2000), (200, 300)), ((100, 50), (50, 100)), ((9, 3000), (300, 1)), ((1, 1), (1, 1))]
)
def test_pictures_are_made_smaller_and_never_larger(size: tuple[int, int], shown: tuple[int, int]):
    assert place(sheet_of(cells(size)), "red")[2:] == shown


@pytest.mark.parametrize("size", [(300, 200), (200, 300), (300, 60), (60, 300)])
@pytest.mark.parametrize("count", [2, 3, 4, 7])
def test_a_sheet_is_neither_a_ribbon_nor_a_tower(size: tuple[int, int], count: int):
    height, width, _ = sheet_of(cells(size, count)).shape
    assert 0.4 < width / height < 4


def test_what_is_written_stands_below_its_picture_and_inside_its_cell():
    wordy = Cell(Image.new("RGB", (300, 200), "red"), "long " * 40, ("long " * 60,))
    sheet = sheet_of([wordy, Cell(Image.new("RGB", (300, 200), "lime"), "")])
    top, left, height, width = place(sheet, "red")
    ink = (sheet.max(2) < 200) & (np.ptp(sheet, axis=2) < 30)
    below = ink[top + height : -25]
    assert below[:, left : left + width].sum() > 500
    assert not below[:, left + width + 1 :].any()


def test_lines_that_are_too_long_go_on_below():
    heights = {}
    for words in (1, 30):
        line = " ".join(["word"] * words)
        heights[words] = sheet_of([Cell(Image.new("RGB", (300, 200), "red"), "title", (line,))]).shape[0]
    assert heights[30] > heights[1] + 60


def test_without_words_nothing_is_written():
    plain = [Cell(Image.new("RGB", (300, 200), "red"), "")]
    sheet = np.asarray(contact_sheet(plain, "", "", SheetOptions()))
    assert {tuple(pixel) for pixel in sheet.reshape(-1, 3)} == {(255, 255, 255), (255, 0, 0)}


def test_transparency_is_laid_on_white():
    clear = Cell(Image.new("RGBA", (300, 200), (255, 0, 0, 0)), "")
    assert not (sheet_of([clear]) == (255, 0, 0)).all(2).any()


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "A.JPEG"])
def test_a_file_says_that_the_colours_are_machine_made(name: str, tmp_path: Path):
    save_sheet(contact_sheet(cells(), "", "", SheetOptions()), tmp_path / name)
    with Image.open(tmp_path / name) as image:
        assert image.format == ("PNG" if name == "a.png" else "JPEG")
        xmp = image.info.get("xmp") or image.info["XML:com.adobe.xmp"].encode()
    assert b"compositeWithTrainedAlgorithmicMedia" in xmp


def test_a_size_that_cannot_be_is_refused():
    with pytest.raises(ColorizerError, match=r"^Picture size must be a whole number from 120 to 1024\.$"):
        validated(SheetOptions, {"picture_size": 5000})
