"""A JPEG that is written strip by strip is the one that Pillow writes at once."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from colorizers.picture import strips
from colorizers.picture.jpeg_strips import save_jpeg


@pytest.mark.parametrize("size", [(1, 1), (7, 300), (333, 250), (2048, 9), (500, 640)])
@pytest.mark.parametrize("pixels", [8, 5000])
def test_the_picture_is_what_pillow_writes(size: tuple[int, int], pixels: int, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(strips, "_IN_CACHE", pixels)
    noise = np.random.default_rng(0).integers(0, 256, (*size[::-1], 3), np.uint8)
    noise[: size[1] // 2] //= 16
    how = {"quality": 92, "dpi": (300, 300), "xmp": b"<x/>" * 100}
    save_jpeg(tmp_path / "strips.jpg", size, lambda rows: Image.fromarray(noise[rows]), **how)
    Image.fromarray(noise).save(tmp_path / "whole.jpg", subsampling=0, **how)
    with Image.open(tmp_path / "strips.jpg") as written, Image.open(tmp_path / "whole.jpg") as whole:
        assert written.size == size
        assert np.array_equal(np.asarray(written), np.asarray(whole))
        assert written.info["dpi"] == whole.info["dpi"]
        assert written.info["xmp"] == whole.info["xmp"]


def test_a_picture_as_wide_as_a_jpeg_can_be(tmp_path: Path):
    pixels = np.full((40, 65500, 3), 77, np.uint8)
    save_jpeg(tmp_path / "wide.jpg", (65500, 40), lambda rows: Image.fromarray(pixels[rows]), quality=92)
    with Image.open(tmp_path / "wide.jpg") as image:
        assert np.array_equal(np.asarray(image), pixels)
