"""The pictures of test_images/references/: our own, drawn again by anyone who runs their script."""

import hashlib
import runpy

import numpy as np
import pytest
from PIL import Image

from colorizers.picture.dataset import REFERENCES
from colorizers.settings import PROJECT

PHOTOS = PROJECT / "test_images"
SHIPPED = sorted((PHOTOS / REFERENCES).iterdir())


@pytest.fixture(scope="module")
def script() -> dict:
    """What docs/references.py defines."""
    return runpy.run_path(str(PROJECT / "docs" / "references.py"))


def test_each_shipped_picture_is_one_that_the_script_draws(script: dict):
    assert [path.name for path in SHIPPED] == sorted(f"{picture.__name__}.jpg" for picture in script["PICTURES"])
    assert all(path.stat().st_size <= 150_000 for path in SHIPPED)


def test_the_script_draws_the_shipped_picture_again(script: dict):
    again = np.asarray(script["drawn"](script["mosaic"]), float)
    shipped = np.asarray(Image.open(PHOTOS / REFERENCES / "mosaic.jpg"), float)
    assert np.abs(again - shipped).mean() < 6, "8-bit steps: JPEG is off by 4, another mosaic by 34"


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_each_has_dark_middle_and_light_tones_to_take_colours_from(path):
    dark, light = np.percentile(Image.open(path).convert("L"), (2, 98))
    assert dark < 80
    assert light > 170


def test_the_list_of_hashes_names_every_picture_to_try():
    lines = (line.split("  ") for line in (PHOTOS / "SHA256SUMS").read_text().splitlines())
    found = {path.relative_to(PHOTOS).as_posix(): path for path in PHOTOS.rglob("*.jpg")}
    assert {name: digest for digest, name in lines} == {
        name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in found.items()
    }
