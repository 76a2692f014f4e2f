"""The mark that says that colours are made by a machine is seen, small, and in one corner alone."""

import numpy as np
import pytest

from colorizers.picture.mark import with_mark


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


@pytest.mark.parametrize("level", [0, 128, 255])
def test_it_can_be_read_on_black_and_on_white(level: int):
    marked = with_mark(np.full((600, 800, 3), level, np.uint8)).astype(int)
    assert marked.max() - marked[np.any(marked != level, -1)].min() > 90
