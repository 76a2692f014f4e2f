"""Photographs for tests of the evaluation."""

import shutil
from pathlib import Path

import pytest
from evaluation_cases import PHOTOS


@pytest.fixture
def album(tmp_path: Path) -> Path:
    """Three colour photographs, a gray one and a broken one."""
    folder = tmp_path / "album"
    folder.mkdir()
    for name in ("astronaut.jpg", "coffee.jpg", "dog.jpg", "dog_gray.jpg"):
        shutil.copy(PHOTOS / name, folder)
    (folder / "torn.jpg").write_bytes((PHOTOS / "dog.jpg").read_bytes()[:200])
    return folder
