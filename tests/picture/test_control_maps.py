"""What a ControlNet is shown of a photo: brightness, edges, lines, and maps that the user has made."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from conftest import encoded
from PIL import Image
from torch import Tensor

from colorizers.errors import ColorizerError
from colorizers.picture.color import gray_to_lightness
from colorizers.picture.control_maps import brightness, line_art, soft_edges, uploaded_map
from colorizers.picture.photo import Photo

DRAWINGS = (soft_edges, line_art)
SHAPE = (96, 160)


def step(contrast: float = 0.8) -> Tensor:
    """L* of a picture that is dark on the left and brighter on the right."""
    gray = torch.full(SHAPE, 0.5 - contrast / 2)
    gray[:, 80:] += contrast
    return gray_to_lightness(gray)


def grainy(spread: float) -> Tensor:
    """L* of middle gray with grain."""
    random = torch.Generator().manual_seed(0)
    return gray_to_lightness((0.5 + spread * torch.randn(SHAPE, generator=random)).clamp(0, 1))


def photo(pixels: np.ndarray) -> Photo:
    return Photo.open(encoded(Image.fromarray(pixels)), name="map.png")


@pytest.mark.parametrize("draw", [brightness, *DRAWINGS])
@pytest.mark.parametrize("lightness", [step(), grainy(0.3), grainy(0.3)[:1, :1], grainy(0.3)[:4]])
def test_maps_have_the_photos_size_and_stay_between_black_and_white(
    draw: Callable[[Tensor], Tensor], lightness: Tensor
):
    drawn = draw(lightness)
    assert drawn.shape == lightness.shape
    assert drawn.dtype == torch.float32
    assert ((drawn >= 0) & (drawn <= 1)).all()


def test_brightness_is_the_gray_level_of_the_file(gray_pixels: np.ndarray, gray_photo: Photo):
    assert brightness(gray_photo.lightness).numpy() == pytest.approx(gray_pixels / 255, abs=1e-3)


@pytest.mark.parametrize("draw", DRAWINGS)
@pytest.mark.parametrize("level", [0.0, 53.0, 100.0])
def test_nothing_is_drawn_where_there_is_nothing(draw: Callable[[Tensor], Tensor], level: float):
    assert draw(torch.full(SHAPE, level)).numpy() == pytest.approx(0, abs=1e-4)


@pytest.mark.parametrize("draw", DRAWINGS)
def test_an_edge_is_white_on_black(draw: Callable[[Tensor], Tensor]):
    drawn = draw(step())
    assert drawn[:, 77:83].amax(1).numpy() == pytest.approx(1)
    assert drawn[:, :60].max() < 0.01
    assert drawn[:, 100:].max() < 0.01


def test_soft_edges_lie_on_both_sides_and_say_how_strong_an_edge_is():
    drawn = soft_edges(step())
    assert drawn.numpy() == pytest.approx(drawn.flip(1).numpy(), abs=0.02)
    assert 0.05 < soft_edges(step(0.02)).max() < 0.5


def test_lines_lie_on_the_dark_side_as_a_pen_would_draw_them():
    gray = torch.full(SHAPE, 0.8)
    gray[:, 79:81] = 0.3
    drawn = line_art(gray_to_lightness(gray))
    assert drawn[:, 79:81].min() > 0.9
    assert drawn[:, 84:].max() < 0.01
    assert line_art(gray_to_lightness(1 - gray))[:, 79:81].max() == 0


@pytest.mark.parametrize("draw", DRAWINGS)
def test_grain_stays_faint(draw: Callable[[Tensor], Tensor]):
    assert draw(grainy(0.01)).max() < 0.25


def test_a_map_of_the_photos_size_is_taken_as_it_is():
    pixels = np.arange(64 * 96, dtype=np.uint16).reshape(64, 96) * 10
    assert uploaded_map(photo(pixels), (96, 64), (96, 64)).numpy() == pytest.approx(pixels / 65535, abs=1e-4)


@pytest.mark.parametrize("size", [(32, 24), (256, 192), (250, 190)])
def test_a_map_is_brought_to_size_whatever_its_own(size: tuple[int, int]):
    pixels = np.zeros((96, 128), np.uint8)
    pixels[:, 1::2] = 255
    drawn = uploaded_map(photo(pixels), (1000, 760), size)
    assert drawn.shape == size[::-1]
    assert ((drawn >= 0) & (drawn <= 1)).all()
    if size[0] < 128:
        assert drawn[2:-2, 2:-2].std() < 0.05  # stripes too fine for the size become gray


@pytest.mark.parametrize("size", [(128, 100), (96, 128), (1024, 1024)])
def test_a_map_of_another_shape_is_refused(size: tuple[int, int]):
    sizes = f"128x96 against {size[0]}x{size[1]}"
    with pytest.raises(ColorizerError, match=f"another shape than the photo \\({sizes}\\); give one of the same shape"):
        uploaded_map(photo(np.zeros((96, 128), np.uint8)), size, (64, 48))


def test_colours_of_a_map_count_as_their_brightness():
    pixels = np.zeros((64, 96, 3), np.uint8)
    pixels[:, 48:] = (255, 255, 0)
    drawn = uploaded_map(photo(pixels), (96, 64), (96, 64))
    assert drawn[:, 0].max() < 0.01
    assert drawn[:, -1].min() > 0.9
