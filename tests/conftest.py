"""What several test modules need: photographs made of numbers, and an engine that is ready at once."""

import io

import numpy as np
import pytest
import torch
from PIL import Image
from trivial_method import TrivialMethod

from colorizers.engine import Engine, LocalBackend
from colorizers.picture.photo import Photo
from colorizers.pool import ModelPool


def encoded(image: Image.Image, kind: str = "PNG", **options) -> bytes:
    """The bytes of a file that holds the image."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def engine_with(*methods) -> Engine:
    """An engine with these methods alone, on the CPU."""
    named = {method.name: method for method in methods}
    loaders = {family: load for method in methods for family, load in method.loaders.items()}
    return Engine(named, LocalBackend(named, ModelPool(loaders, torch.device("cpu"), 10**9)))


@pytest.fixture(scope="session")
def gray_pixels() -> np.ndarray:
    """A picture (48, 64) uint8 with every tone, edges and grain."""
    ramp = np.linspace(0, 255, 64)[None].repeat(48, 0)
    ramp[12:24, 20:40] = 255 - ramp[12:24, 20:40]
    return (ramp + np.random.default_rng(0).normal(0, 6, ramp.shape)).clip(0, 255).astype(np.uint8)


@pytest.fixture(scope="session")
def gray_photo(gray_pixels: np.ndarray) -> Photo:
    """The same as a decoded photo named `sample`."""
    return Photo.open(encoded(Image.fromarray(gray_pixels)), name="sample.png")


@pytest.fixture
def engine() -> Engine:
    """An engine with the trivial method."""
    return engine_with(TrivialMethod())
