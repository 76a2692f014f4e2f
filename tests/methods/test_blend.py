"""A blend has the colours of its two methods, as they look in their own tabs, at the share that was asked for."""

import numpy as np
import pytest

from colorizers.engine import Engine, make_engine
from colorizers.engine.jobs import JobRequest
from colorizers.errors import ColorizerError
from colorizers.picture.photo import Photo
from colorizers.settings import PROJECT


@pytest.fixture(scope="module")
def engine() -> Engine:
    return make_engine()


@pytest.fixture(scope="module")
def photo() -> Photo:
    return Photo.open(PROJECT / "test_images" / "coffee_gray.jpg").reduced(96)


def pixels(engine: Engine, photo: Photo, method: str, **options: object) -> np.ndarray:
    return engine.results(JobRequest(photo, method, options))[0].pixels().astype(float)


@pytest.mark.parametrize("second", ["resnet_unet", "gan"])
def test_a_share_of_nothing_is_the_first_method_and_of_all_the_second(engine: Engine, photo: Photo, second: str):
    ends = [pixels(engine, photo, "blend", blend_with=second, second_share=share) for share in (0, 1)]
    for end, method in zip(ends, ("unet", second), strict=True):
        assert np.abs(end - pixels(engine, photo, method)).mean() < 1


def test_a_share_of_a_half_lies_between_both(engine: Engine, photo: Photo):
    first, second = (pixels(engine, photo, name) for name in ("unet", "gan"))
    half = pixels(engine, photo, "blend", blend_with="gan")
    apart = np.abs(first - second).mean()
    assert np.abs(half - first).mean() == pytest.approx(apart / 2, rel=0.2)
    assert np.abs(half - second).mean() == pytest.approx(apart / 2, rel=0.2)


def test_the_record_names_both_and_their_weights(engine: Engine, photo: Photo):
    record = engine.results(JobRequest(photo, "blend", {"blend_with": "gan"}))[0].record
    assert (record.options["start_from"], record.options["blend_with"]) == ("unet", "gan")
    assert {key.partition("/")[0] for key in record.weights} == {"unet", "gan"}


def test_a_method_that_is_not_quick_cannot_be_blended(engine: Engine, photo: Photo):
    with pytest.raises(ColorizerError, match="Blend with must be one of"):
        engine.results(JobRequest(photo, "blend", {"blend_with": "diffusion"}))
