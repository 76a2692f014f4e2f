"""Before and after in one picture, and a wipe from one to the other."""

from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import torch
from conftest import encoded
from PIL import Image, ImageSequence

from colorizers.picture.compose import Chroma
from colorizers.picture.exports import ENDINGS, Export, save_export
from colorizers.picture.finish import Finish
from colorizers.picture.photo import Photo
from colorizers.picture.record import Record, read_record
from colorizers.picture.result import Coloring, Result

RECORD = Record(method="unet", options={}, finish=Finish().model_dump(), input_sha256="2" * 64)
ANIMATED: tuple[Export, ...] = ("wipe_gif", "wipe_webp")
COLOR = 25  # levels between the channels that nobody takes for gray


def result_of(image: Image.Image) -> Result:
    """An orange copy of a picture."""
    ab = torch.tensor((30.0, 40.0))[:, None, None]
    return Result(Photo.open(encoded(image)), Coloring(Chroma(ab), RECORD, seconds=0.1), Finish())


def exported(result: Result, export: Export, folder: Path) -> list[np.ndarray]:
    """The frames of an export, RGB."""
    path = folder / f"a{ENDINGS[export]}"
    save_export(result, export, path)
    with Image.open(path) as image:
        return [np.asarray(frame.convert("RGB")).astype(int) for frame in ImageSequence.Iterator(image)]


def spread(pixels: np.ndarray) -> float:
    """How far the channels are apart, in the middle of the pixels."""
    return float(np.median(np.ptp(pixels, axis=2)))


@pytest.fixture
def photo() -> Image.Image:
    return Image.linear_gradient("L").resize((160, 120)).point(lambda level: 90 + level // 3)


def test_before_is_on_the_left_and_after_on_the_right(photo: Image.Image, tmp_path: Path):
    (both,) = exported(result_of(photo), "side_by_side", tmp_path)
    assert both.shape == (120, 2 * 160 + 2, 3)
    assert spread(both[:, :158]) <= 2
    assert spread(both[:, 164:]) > COLOR


def test_a_panorama_has_after_below(photo: Image.Image, tmp_path: Path):
    (both,) = exported(result_of(photo.resize((300, 60))), "side_by_side", tmp_path)
    assert both.shape == (2 * 60 + 3, 300, 3)
    assert spread(both[:56]) <= 2
    assert spread(both[68:]) > COLOR


@pytest.mark.parametrize("export", ANIMATED)
def test_a_wipe_goes_from_before_to_after_from_the_left(export: Export, photo: Image.Image, tmp_path: Path):
    frames = exported(result_of(photo), export, tmp_path)
    assert {frame.shape for frame in frames} == {(120, 160, 3)}
    assert spread(frames[0]) <= 4
    assert spread(frames[-1]) > COLOR
    half = frames[len(frames) // 2]
    assert spread(half[:, :70]) > COLOR
    assert spread(half[:, 90:]) <= 4
    colored = [int((np.ptp(frame, axis=2) > COLOR).sum()) for frame in frames]
    assert colored == sorted(colored)


@pytest.mark.parametrize("export", ANIMATED)
def test_a_wipe_begins_again_and_shows_both_ends_longer(export: Export, photo: Image.Image, tmp_path: Path):
    exported(result_of(photo), export, tmp_path)
    with Image.open(tmp_path / f"a{ENDINGS[export]}") as image:
        assert image.info["loop"] == 0
        durations = []
        for frame in ImageSequence.Iterator(image):
            frame.load()
            durations.append(frame.info["duration"])
    assert min(durations[0], durations[-1]) >= 1000 > max(durations[1:-1])
    assert sum(durations) < 10_000


@pytest.mark.parametrize(("export", "limit"), [("side_by_side", 4200), ("wipe_gif", 720), ("wipe_webp", 720)])
def test_a_large_photo_gives_a_small_file(export: Export, limit: int, photo: Image.Image, tmp_path: Path):
    frames = exported(result_of(photo.resize((3000, 1700))), export, tmp_path)
    assert max(frames[0].shape) <= limit
    assert (tmp_path / f"a{ENDINGS[export]}").stat().st_size < 3_000_000


@pytest.mark.parametrize("export", ENDINGS)
@pytest.mark.parametrize("size", [(1, 1), (1, 90), (900, 2)])
def test_every_size_can_be_exported(export: Export, size: tuple[int, int], photo: Image.Image, tmp_path: Path):
    assert spread(exported(result_of(photo.resize(size)), export, tmp_path)[-1]) > COLOR or export == "side_by_side"


@pytest.mark.parametrize("export", ENDINGS)
def test_transparency_is_laid_on_white(export: Export, photo: Image.Image, tmp_path: Path):
    photo.putalpha(0)
    assert exported(result_of(photo), export, tmp_path)[-1].min() >= 250


@pytest.mark.parametrize("export", ENDINGS)
def test_the_record_is_in_the_file(export: Export, photo: Image.Image, tmp_path: Path):
    exported(result_of(photo), export, tmp_path)
    assert read_record(tmp_path / f"a{ENDINGS[export]}") == RECORD


def test_every_kind_has_an_ending():
    assert {"none", *ENDINGS} == {*get_args(Export)}
