"""Files that are refused, each in one sentence."""

import contextlib
import io
import struct
import zlib
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from conftest import encoded
from hostile_files import REFUSED
from hostile_files.png import chunk
from photo_cases import FORMATS, assert_lightness, oriented, refusal
from PIL import Image

from colorizers.errors import ColorizerError
from colorizers.picture.photo import Photo

# What is refused


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("share", [0.05, 0.5, 0.9])
def test_a_truncated_file_is_refused(kind: str, share: float):
    noise = np.random.default_rng(1).integers(0, 256, (64, 64), dtype=np.uint8)
    data = encoded(Image.fromarray(noise), kind)
    refusal(data[: int(len(data) * share)])


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
def test_no_flipped_byte_leads_to_anything_but_a_photo_or_a_sentence(gray_pixels: np.ndarray):
    random, read = np.random.default_rng(2), 0
    for kind in FORMATS:
        data = encoded(Image.fromarray(gray_pixels), kind, **({"exif": oriented(6)} if kind != "BMP" else {}))
        for _ in range(40):
            broken = bytearray(data)
            for position in random.integers(0, min(len(data), 600), 3):
                broken[position] = random.integers(256)
            with contextlib.suppress(ColorizerError):
                assert torch.isfinite(Photo.open(bytes(broken)).lightness).all()
                read += 1
    assert 0 < read < 40 * len(FORMATS), "some are read and some are not"


def test_an_empty_file_is_refused():
    assert "empty" in refusal(b"")


@pytest.mark.parametrize("brands", [b"heic\0\0\0\0mif1heic", b"mif1\0\0\0\0mif1heic"])
@pytest.mark.skipif(find_spec("pi_heif") is not None, reason="HEIC is read here")
def test_a_photo_of_a_phone_is_called_by_its_format_and_no_other_file_is(brands: bytes):
    with pytest.raises(ColorizerError, match=r"HEIC photo: install the package pi-heif, or save ") as refused:
        Photo.open(b"\0\0\0\x18ftyp" + brands, "IMG_0001.HEIC")
    assert "pi-heif" not in str(refused.value.for_visitors)
    assert "HEIC" not in refusal(b"a letter") + refusal(b"\0\0\0\x18ftypmif1\0\0\0\0mif1avif")


def png_of(width: int, height: int, body: bytes) -> bytes:
    header = struct.pack(">2I5B", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


@pytest.mark.parametrize("name", ["SVG", "PDF", "PostScript", "a zip", "a letter"])
def test_what_is_no_picture_is_refused_whatever_it_is_called(name: str, tmp_path: Path):
    path = tmp_path / "photo.png"
    path.write_bytes(REFUSED[name]())
    sentence = refusal(path)
    assert "photo.png" in sentence
    assert "PNG" in sentence
    assert str(tmp_path) not in sentence


def test_no_pixels_are_refused():
    refusal(png_of(0, 5, zlib.compress(b"")))


def test_huge_dimensions_are_refused_before_decoding():
    assert "60000x60000" in refusal(png_of(60000, 60000, b"")) or "far more pixels" in refusal(
        png_of(60000, 60000, b"")
    )


def test_a_file_over_the_cap_is_refused_before_decoding():
    sentence = refusal(b"\0" * 2_000_001, max_megabytes=2)
    assert "2 MB" in sentence


def test_a_picture_over_the_pixel_cap_is_refused_and_the_sentence_names_it():
    sentence = refusal(encoded(Image.new("1", (8001, 5001))))
    assert "8001x5001" in sentence
    assert "40 megapixels" in sentence


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_no_numbers_are_refused(value: float):
    refusal(encoded(Image.fromarray(np.array([[0.5, value]], np.float32)), "TIFF"))


@pytest.mark.parametrize("name", ["missing.png", "null\0byte.png", "", "x" * 5000])
def test_a_path_that_cannot_be_opened_is_refused(name: str, tmp_path: Path):
    assert str(tmp_path) not in refusal(f"{tmp_path}/{name}")


def test_a_tiff_of_very_many_pages_is_not_read_to_its_end():
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as tiff:
        for _ in range(120):
            tiff.write(np.full((2, 2), 50, np.uint8), contiguous=False, metadata=None)
    photo = Photo.open(file.getvalue())
    assert photo.size == (2, 2)
    assert "Only the first frame of 100 or more was used." in map(str, photo.notes)


def test_a_damaged_second_page_does_not_spoil_the_first(gray_pixels: np.ndarray):
    pages = [Image.fromarray(gray_pixels), Image.new("L", (99, 99))]
    data = encoded(pages[0], "TIFF", save_all=True, append_images=pages[1:])
    photo = Photo.open(data[: data.rindex(bytes(99 * 99))])
    assert_lightness(photo, gray_pixels / 255)
