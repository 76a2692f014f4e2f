"""Photos in the current folder, for the tests of the command line."""

from pathlib import Path

import numpy as np
import pytest
import skimage.color
import skimage.data
from conftest import encoded
from PIL import Image
from trivial_method import TrivialMethod

from colorizers.methods.catalog import METHODS


@pytest.fixture(scope="session")
def gray() -> np.ndarray:
    """A real photograph in black and white, (120, 96) uint8."""
    picture = Image.fromarray(skimage.data.astronaut()).convert("L").crop((100, 0, 340, 300))
    return np.asarray(picture.resize((96, 120), Image.Resampling.LANCZOS))


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, empty."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def photo(here: Path, gray: np.ndarray) -> Path:
    """portrait.png in the current folder, named as a user would."""
    Image.fromarray(gray).save("portrait.png")
    return Path("portrait.png")


@pytest.fixture
def family(here: Path, gray: np.ndarray) -> Path:
    """A folder with four good photos, a bad one, and files that are no pictures."""
    folder = Path("family")
    (folder / "1932" / "summer").mkdir(parents=True)
    Image.fromarray(gray).save(folder / "oma.png")
    Image.fromarray(gray[::-1]).save(folder / "oma.jpg")
    Image.fromarray(gray).save(folder / "1932" / "Ann & Bob.tif")
    Image.fromarray(gray[:7, :5]).save(folder / "1932" / "summer" / "sea.BMP")
    (folder / "1932" / "cut.png").write_bytes(encoded(Image.fromarray(gray))[:500])
    (folder / "letter.txt").write_text("Dear Ann,")
    (folder / "._oma.png").write_bytes(b"left by a file manager")
    return folder


@pytest.fixture
def trivial(monkeypatch: pytest.MonkeyPatch) -> None:
    """A method with variants, a seed and a picture among its options."""
    monkeypatch.setitem(METHODS, "trivial", TrivialMethod())
