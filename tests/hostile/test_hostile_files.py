"""Some hundreds of hostile files: each is a photo or one sentence, small in memory, and the next photo opens."""

import pytest
import torch
from hostile_files import BOMBS, FILES, NAMES, REFUSED, good
from memory import small_memory

from colorizers.errors import ColorizerError
from colorizers.picture.naming import shown_name
from colorizers.picture.photo import Photo

OPENED = (
    *(f"{kind}, {fault}" for kind in ("PNG", "JPEG", "WEBP", "TIFF", "BMP") for fault in (
        "twice", "a megabyte behind", "with HTML behind", "with a zip behind")),
    *(f"{kind}, EXIF: {fault}" for kind in ("PNG", "JPEG", "WEBP") for fault in (
        "orientation 0", "orientation 9", "orientation 65535", "offsets beyond the end", "orientation twice")),
    "PNG, 1 bit", "PNG, 2 bits", "PNG, 4 bits", "PNG, 16 bits", "PNG, animated, no frames", "PNG, animated, two frames",
    "PNG, a profile that is none", "PNG, XMP that is cut off", "PNG, text with markup", "PNG, no resolution",
    "PNG with 150 MB behind its pixels", "TIFF with a strip of 150 MB",
    "JPEG, no end", "JPEG, 5,000 comments", "JPEG, XMP that is none",
    "JPEG, a profile that is none", "JPEG, CMYK", "JPEG, CMYK with a profile that is none", "JPEG, two pictures",
    "JPEG, many pictures, none of them there", "TIFF, a directory that follows itself", "TIFF, orientation 9",
    "TIFF, a subdirectory that is its own", "TIFF, 1 bit by fax", "TIFF, float32 big-endian", "TIFF, int32 big-endian",
    "TIFF, 16 bits of colour in planes", "TIFF, large offsets", "TIFF, 120 pages", "WEBP, animated", "AVIF, animated",
    "WEBP, a profile that is none", "BMP, upside down",
)  # fmt: skip
SMALL = 100  # MB; a photo of 40 megapixels, which is the most that is taken, has more


def sentence_on(data: bytes, name: str = "photo.png") -> str | None:
    """The one sentence with which a file is refused; None when it is a photo."""
    try:
        photo = Photo.open(data, name=name)
    except ColorizerError as error:
        sentence = str(error)
    else:
        assert torch.isfinite(photo.lightness).all()
        assert (photo.lightness >= 0).all()
        assert (photo.lightness <= 100.01).all()
        return None
    assert sentence.endswith(".")
    assert sentence.replace(shown_name(name), "").count(". ") == 0, "one sentence"
    assert sentence.isprintable()
    assert "<" not in sentence
    assert len(sentence) < 250
    return sentence


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@pytest.mark.parametrize("name", [name for name in FILES if name not in BOMBS])
def test_a_file_is_a_photo_or_one_sentence_and_the_next_one_opens(name: str):
    sentence = sentence_on(FILES[name]())
    if name in OPENED:
        assert sentence is None
    if name in REFUSED:
        assert sentence is not None
    assert sentence_on(good()) is None


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_takes_no_memory(name: str):
    data = BOMBS[name]()
    assert len(data) < 25e6, "small enough to be sent"
    with small_memory(SMALL):
        sentence = sentence_on(data)
    assert (sentence is None) == (name in OPENED)
    assert sentence_on(good()) is None


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("data", [good(), b"no picture"], ids=["photo", "no photo"])
def test_a_name_does_no_harm(name: str, data: bytes):
    sentence = sentence_on(data, name)
    assert (sentence is None) == (data == good())
    assert not {"\u202e", "/", "\\"} & set(sentence or "")
    stem = Photo.open(good(), name=name).name
    assert not {"/", "\\", "\0", "<", " "} & set(stem)
    assert 0 < len(stem.encode()) <= 80
    assert not stem.startswith((".", "-"))


def test_there_are_hundreds_and_each_is_small():
    assert len(FILES) > 500
    assert {*OPENED} <= {*FILES}
