"""A change of the code changes no colours: results at default options are those that were stored."""

import numpy as np
import pytest
from PIL import Image
from stored_results import METHOD_NAMES, PHOTOS, path_of, result_of

from colorizers.engine import Engine, make_engine
from colorizers.picture.record import read_record

LARGEST_MEAN, LARGEST_MEAN_OF_DESCENT = 0.1, 5.0  # of 255; hundreds of steps of descent enlarge what is rounded
SLOW = ("style", "diffusion")
METHODS = [pytest.param(name, marks=pytest.mark.slow if name in SLOW else ()) for name in METHOD_NAMES]


@pytest.fixture(scope="module")
def engine() -> Engine:
    return make_engine()


@pytest.mark.parametrize("photo", PHOTOS)
@pytest.mark.parametrize("method", METHODS)
def test_the_colours_are_as_stored(engine: Engine, method: str, photo: str):
    path = path_of(method, photo)
    result, stored = result_of(engine, method, photo), read_record(path)
    assert result.record.weights == stored.weights, "new weights: make the stored results anew"
    difference = result.pixels().astype(int) - np.asarray(Image.open(path))
    assert np.abs(difference).mean() < (LARGEST_MEAN_OF_DESCENT if method == "style" else LARGEST_MEAN)
