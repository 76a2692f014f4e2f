"""The mark that says that colours are made by a machine is seen, small, and in one corner alone."""

import numpy as np
import pytest

from colorizers.picture.mark import marker


def with_mark(pixels: np.ndarray) -> np.ndarray:
    height, width = pixels.shape[:2]
    return marker((width, height))(pixels, slice(0, height))


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
@pytest.mark.parametrize("size", [(768, 1024), (1200, 500), (40, 40), (8, 300), (300, 8), (1, 1)])
def test_the_rest_of_the_picture_stays(kind: type, size: tuple[int, int]):
    most = np.iinfo(kind).max
    picture = np.full((*size, 3), most // 2, kind)
    changed = (with_mark(picture) != picture).any(-1)
    assert changed.any()
    if min(size) >= 500:
        rows, columns = np.nonzero(changed)
        assert rows.min() > 0.94 * size[0]
        assert columns.min() > 0.7 * size[1]


def test_it_is_the_same_when_the_picture_comes_in_strips():
    picture = np.random.default_rng(0).integers(0, 256, (601, 800, 3), dtype=np.uint8)
    mark, strips = marker((800, 601)), [slice(top, min(top + 7, 601)) for top in range(0, 601, 7)]
    assert np.array_equal(np.concatenate([mark(picture[rows], rows) for rows in strips]), with_mark(picture))


@pytest.mark.parametrize("level", [0, 128, 255])
def test_it_can_be_read_on_black_and_on_white(level: int):
    marked = with_mark(np.full((600, 800, 3), level, np.uint8)).astype(int)
    assert marked.max() - marked[np.any(marked != level, -1)].min() > 90
