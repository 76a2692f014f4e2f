"""TIFF in all its layouts: the picture as it is, or one sentence, and never another picture."""

import io
import itertools

import numpy as np
import pytest
import tifffile
from photo_cases import refusal
from PIL import Image, TiffImagePlugin

from colorizers.picture.decode import decode
from colorizers.picture.photo import Photo

GRAY = np.linspace(0, 1, 40 * 30).reshape(30, 40)
KINDS = ("u1", "u2", "u4", "i1", "i2", "i4", "f2", "f4", "f8")
READ = {("u1", 1), ("u1", 2), ("u1", 3), ("u1", 4), ("u2", 1), ("u2", 3), ("u2", 4), ("i4", 1), ("f4", 1)}


def planes(samples: int) -> np.ndarray:
    """Different pictures (30, 40, samples) in [0, 1]."""
    return np.stack([np.roll(GRAY, 7 * k, 1) for k in range(samples)], -1)


def written(values: np.ndarray, samples: int, separate: bool, **options: object) -> bytes:
    file = io.BytesIO()
    kind = {
        "photometric": "rgb" if samples >= 3 else "minisblack",
        "planarconfig": None if samples == 1 else "separate" if separate else "contig",
        "extrasamples": ["unassalpha"] if samples in (2, 4) else None,
    }
    values = values[..., 0] if samples == 1 else np.moveaxis(values, -1, 0) if separate else values
    tifffile.imwrite(file, values, metadata=None, **kind, **options)
    return file.getvalue()


@pytest.mark.parametrize("samples", [1, 2, 3, 4])
@pytest.mark.parametrize("kind", KINDS)
def test_a_layout_is_read_as_it_is_or_refused(kind: str, samples: int):
    truth, top = planes(samples), 1 if kind[0] == "f" else np.iinfo(kind).max
    values = (truth * top).astype(kind)
    for separate, compression, order in itertools.product((False, True), (None, "zlib"), "<>"):
        data = written(values, samples, separate, compression=compression, byteorder=order)
        if (kind, samples) not in READ:
            assert "a TIFF of a kind that cannot be read here" in refusal(data)
            continue
        pixels = decode(data).pixels
        found = pixels / 255 if pixels.dtype == np.uint8 else pixels
        assert np.abs(found - (truth[..., :3] if samples >= 3 else truth[..., 0])).max() < 0.01


def test_others_who_use_pillow_are_left_alone():
    decode(written(planes(1).astype("f4"), 1, False))
    assert not TiffImagePlugin.READ_LIBTIFF


@pytest.mark.parametrize("order", [(True, False), (False, True), (True, True, False, True)])
def test_the_photo_is_taken_and_not_its_preview(order: tuple[bool, ...]):
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as tiff:
        for preview in order:
            side, level = (8, 10) if preview else (30, 200)
            tiff.write(np.full((side, side), level, np.uint8), subfiletype=int(preview), metadata=None)
    photo = Photo.open(file.getvalue())
    assert photo.size == (30, 30)
    assert photo.gray.min() == 200


def test_a_large_page_behind_a_small_one_is_refused():
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as tiff:
        tiff.write(np.zeros((8, 8), np.uint8), subfiletype=1, metadata=None)
        tiff.write(np.zeros((5001, 8001), np.uint8), compression="zlib", metadata=None)
    assert "8001x5001" in refusal(file.getvalue())


@pytest.mark.parametrize("tag", [(50706, "B", 4, (1, 4, 0, 0), True), (254, "I", 1, 1, True)])
def test_a_raw_file_is_refused_by_what_it_is(tag: tuple):
    file = io.BytesIO()
    tifffile.imwrite(file, np.zeros((8, 8), np.uint8), metadata=None, extratags=[tag])
    assert "raw file of a camera" in refusal(file.getvalue())


def test_no_resolution_is_not_one():
    data = io.BytesIO()
    Image.new("L", (4, 4)).save(data, "TIFF", dpi=(1, 1))
    assert Photo.open(data.getvalue()).dpi is None
