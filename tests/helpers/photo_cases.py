"""Pictures and questions of several tests of photos."""

import numpy as np
import pytest
import torch
from PIL import ExifTags, Image
from skimage.color import rgb2lab

from colorizers.errors import ColorizerError
from colorizers.picture.naming import shown_name
from colorizers.picture.photo import Photo

FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "BMP", "AVIF")
LOSSLESS = {"WEBP": {"lossless": True}}
COLOURS = ("red", "lime", "blue", "yellow", "gray", "navy")


def lightness_of(gray: np.ndarray) -> np.ndarray:
    """L* of gray (H, W) in [0, 1], by scikit-image."""
    return rgb2lab(np.repeat(gray[..., None], 3, -1).astype(np.float64))[..., 0]


def refusal(source, **options) -> str:
    """The one sentence with which something is refused."""
    with pytest.raises(ColorizerError) as caught:
        Photo.open(source, **options)
    sentence = str(caught.value)
    assert sentence.endswith(".")
    assert sentence.count(". ") == 0, "one sentence"
    assert "\n" not in sentence
    assert len(sentence) < 250
    assert "Traceback" not in sentence
    return sentence


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


def assert_lightness(photo: Photo, gray: np.ndarray, within: float = 0.02) -> None:
    assert photo.lightness.dtype == torch.float32
    assert photo.lightness.shape == gray.shape
    assert np.abs(photo.lightness.numpy() - lightness_of(gray)).max() < within


def colour_image() -> Image.Image:
    """Six fields of colour, 30x20."""
    image = Image.new("RGB", (30, 20))
    for index, colour in enumerate(COLOURS):
        image.paste(colour, (10 * (index % 3), 10 * (index // 3), 10 * (index % 3) + 10, 10 * (index // 3) + 10))
    return image


def oriented(value: int) -> Image.Exif:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = value
    return exif
