"""Colours after a reference picture: by a network that sees its palette, and by statistics alone."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from conftest import encoded, untrained
from PIL import Image

from colorizers.__main__ import main
from colorizers.engine import Engine, make_engine
from colorizers.engine.jobs import JobRequest
from colorizers.errors import ColorizerError
from colorizers.evaluation.metrics import ciede2000
from colorizers.methods.catalog import REGISTRY
from colorizers.networks.adain import AdainUNet
from colorizers.picture.color import rgb_to_lab
from colorizers.picture.photo import Photo
from colorizers.picture.record import read_record
from colorizers.picture.result import Result
from colorizers.settings import PROJECT, get_settings

COLOURED = [path.with_stem(path.stem.removesuffix("_gray")) for path in (PROJECT / "test_images").glob("*_gray.jpg")]
SAMPLES = 128  # pixels along the side of what is seen of a reference


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """An engine whose weights are random numbers."""
    folder = tmp_path_factory.mktemp("weights")
    safetensors.torch.save_file(untrained(AdainUNet).state_dict(), folder / REGISTRY["adain/lab"].file)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLORIZERS_WEIGHTS_DIR", str(folder))
        get_settings.cache_clear()
        yield make_engine()
    get_settings.cache_clear()


def opened(image: Image.Image, name: str = "colours.png") -> Photo:
    return Photo.open(encoded(image), name=name)


def small(path: Path) -> Photo:
    """A photograph with its long side at 160 pixels."""
    with Image.open(path) as image:
        image.thumbnail((160, 160))
        return opened(image)


@pytest.fixture(scope="module")
def references() -> tuple[Photo, Photo]:
    """Two pictures of other palettes."""
    return opened(Image.new("RGB", (60, 40), (200, 60, 30))), opened(Image.new("RGB", (60, 40), (20, 90, 180)))


def coloured(engine: Engine, photo: Photo, reference: Photo, **options: object) -> Result:
    usual = {"reference": reference, "working_size": 64, "vividness": 0.5}
    return engine.results(JobRequest(photo, "adain", usual | options))[0]


# By a network


@pytest.mark.parametrize("statistics", [False, True])
def test_strength_is_how_much_the_reference_counts(
    engine: Engine, gray_photo: Photo, references: tuple[Photo, Photo], statistics: bool
):
    def change(strength: float) -> float:
        one, other = (
            coloured(engine, gray_photo, each, style_strength=strength, palette_transfer=statistics).coloring.outcome.ab
            for each in references
        )
        return (one - other).abs().max().item()

    assert change(0) == 0, "the reference is not looked at"
    assert 0.1 < change(0.5) < change(1)


def test_what_is_in_the_reference_and_its_shape_do_not_count(engine: Engine, gray_photo: Photo):
    flat = Image.new("RGB", (300, 200), (200, 60, 30))
    views = (flat, flat.transpose(Image.Transpose.FLIP_LEFT_RIGHT), flat.crop((10, 20, 100, 170)), flat.resize((33, 1)))
    first, *others = (coloured(engine, gray_photo, opened(view)).pixels() for view in views)
    assert all(np.array_equal(first, other) for other in others)


def test_what_is_transparent_in_the_reference_does_not_count(engine: Engine, gray_photo: Photo):
    seen = Image.new("RGBA", (64, 64), (200, 60, 30, 255))
    half = Image.new("RGBA", (64, 64), (20, 90, 180, 0))
    half.paste(seen.crop((0, 0, 64, 32)), (0, 0))
    for statistics in (False, True):
        whole, cut = (
            coloured(engine, gray_photo, opened(view), palette_transfer=statistics).coloring.outcome.ab
            for view in (seen, half)
        )
        assert torch.allclose(whole, cut, atol=0.5)


def test_a_reference_without_colours_is_refused_in_one_sentence(engine: Engine, gray_photo: Photo):
    for statistics in (False, True):
        with pytest.raises(ColorizerError) as caught:
            coloured(engine, gray_photo, gray_photo, palette_transfer=statistics)
        assert str(caught.value) == "The reference sample has no colours; choose a colour picture."


def test_the_command_line_takes_a_reference_and_names_it_in_the_record(
    engine: Engine, gray_photo: Photo, tmp_path: Path
):
    photo, reference, made, again = (tmp_path / name for name in ("gray.png", "reference.png", "made.png", "again.png"))
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 30), np.uint8)).save(photo)
    Image.new("RGB", (60, 40), (200, 60, 30)).save(reference)
    words = [photo, "--reference", reference]
    assert main([str(word) for word in ("colorize", *words, "-m", "adain", "-o", made)]) == 0
    record = read_record(made)
    assert record.pictures == {"reference": Photo.open(reference).sha256}
    assert list(record.weights) == ["adain/lab"]
    assert main([str(word) for word in ("colorize", *words, "--from", made, "-o", again)]) == 0
    assert np.array_equal(np.asarray(Image.open(made)), np.asarray(Image.open(again)))


# By statistics


@pytest.mark.parametrize("name", ["bridge", "coffee", "hopper"])
def test_a_palette_is_carried_over_without_any_weights(no_weights: None, name: str):
    photo = small(PROJECT / "test_images" / f"{name}.jpg")
    reference = small(PROJECT / "test_images" / "citrus.jpg")
    result = coloured(make_engine(), photo, reference, palette_transfer=True)
    assert result.record.weights == {}
    spread, mean = torch.std_mean(result.coloring.outcome.ab, (1, 2))
    wanted, center = torch.std_mean(reference.reference_lab(SAMPLES)[1:], (1, 2))
    assert torch.allclose(mean, center, atol=0.01)
    assert torch.allclose(spread, wanted, rtol=0.01)


def test_colours_that_have_nothing_to_do_with_tones_are_not_made_up(no_weights: None, gray_photo: Photo):
    lots = np.random.default_rng(0)
    tones, sides = lots.integers(60, 196, (SAMPLES, SAMPLES, 1)), lots.choice((-1, 1), (SAMPLES, SAMPLES, 1))
    reference = opened(Image.fromarray((tones + sides * (30, -10, 10)).astype(np.uint8)))
    ab = coloured(make_engine(), gray_photo, reference, palette_transfer=True).coloring.outcome.ab
    wanted = reference.reference_lab(SAMPLES)[1:]
    assert torch.allclose(ab.mean((1, 2)), wanted.mean((1, 2)), atol=0.01)
    assert (ab.std((1, 2)) < wanted.std((1, 2)) / 2).all(), "pink and green are as frequent in every tone"


def test_photographs_come_nearer_to_the_truth_by_their_own_palette_than_gray_is(no_weights: None):
    engine, ours, grays = make_engine(), [], []
    for path in COLOURED:
        photo = small(path)
        assert photo.rgb is not None
        truth, made = (
            rgb_to_lab(torch.from_numpy(rgb.copy()).movedim(-1, 0) / 255)
            for rgb in (photo.rgb, coloured(engine, photo, photo, palette_transfer=True).pixels())
        )
        gray = torch.cat((truth[:1], torch.zeros_like(truth[1:])))
        ours.append(ciede2000(made[None], truth[None]).mean().item())
        grays.append(ciede2000(gray[None], truth[None]).mean().item())
    assert len(ours) > 8
    assert sum(ours) < 0.8 * sum(grays)
