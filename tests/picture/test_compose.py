import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image
from skimage.color import rgb2lab
from torch_threads import threads

from colorizers.options import controls
from colorizers.picture import strips
from colorizers.picture.color import lab_to_rgb, rgb_to_lab
from colorizers.picture.compose import Chroma, Painting, compose, painter, whole
from colorizers.picture.finish import Finish
from colorizers.picture.hints import Hint
from colorizers.picture.photo import Photo

SIZES = [(1, 1), (4000, 10), (10, 4000), (1, 257), (37, 53), (200, 3), (120, 160)]  # height, width


def photo_of(height: int, width: int, seed: int = 0) -> torch.Tensor:
    """L* with every tone from black to white, more of the darkest, where rounding weighs most."""
    share = torch.rand(height, width, generator=torch.Generator().manual_seed(seed))
    return 100 * share ** (1 + seed % 3)


def chroma(height: int, width: int, strength: float, seed: int = 0) -> Chroma:
    return Chroma(strength * (2 * torch.rand(2, height, width, generator=torch.Generator().manual_seed(seed)) - 1))


def painting(height: int, width: int) -> Painting:
    return Painting(torch.rand(3, height, width, generator=torch.Generator().manual_seed(0)))


def seen(pixels: np.ndarray) -> np.ndarray:
    """L*a*b* (H, W, 3) of pixels of 8 or 16 bits, as scikit-image sees it."""
    return rgb2lab(pixels / np.iinfo(pixels.dtype).max)


def finishes() -> st.SearchStrategy[Finish]:
    """Any finish that keeps the lock at 1."""
    values = {
        entry.name: st.one_of(st.sampled_from([entry.low, entry.high, entry.default]), st.floats(entry.low, entry.high))
        for entry in controls(Finish)
    }
    return st.builds(Finish, **values | {"luminance_lock": st.just(1.0), "contrast": st.just(0.0)})


outcomes = st.tuples(st.integers(1, 40), st.integers(1, 40), st.sampled_from([0.0, 20.0, 60.0, 180.0]))


@given(st.sampled_from(SIZES), finishes(), outcomes, st.integers(0, 2**16))
@example((120, 160), Finish(saturation=3, warmth=1, color_strength=2), (9, 9, 180.0), 2)
@example((120, 160), Finish(saturation=3, warmth=-1, edge_snap=1), (9, 9, 180.0), 0)
@example((4000, 10), Finish(saturation=3, warmth=-1, color_strength=1.75), (1, 1, 180.0), 2523)
@settings(max_examples=40, deadline=None)
def test_the_luminance_of_the_photo_stays_whatever_the_colours_and_the_finish(
    size: tuple[int, int], finish: Finish, shape: tuple[int, int, float], seed: int
):
    lightness, outcome = photo_of(*size, seed), chroma(*shape, seed)
    pixels = compose(lightness, outcome, finish)
    assert pixels.shape == (*size, 3)
    assert pixels.dtype == np.uint8
    error = np.abs(seen(pixels)[..., 0] - lightness.numpy())
    assert error.max() <= 0.5
    assert error.mean() <= 0.15 or lightness.numel() < 1000, "of one pixel the mean is its maximum"
    deep = compose(lightness, outcome, finish, bits=16)
    assert deep.dtype == np.uint16
    worst = 0.03  # of a photo that is one bright yellow all over
    assert np.abs(seen(deep)[..., 0] - lightness.numpy()).mean() <= worst


@given(finishes())
@settings(max_examples=15, deadline=None)
def test_a_painting_gives_its_colours_and_not_its_light(finish: Finish):
    lightness = photo_of(60, 50)
    painting = Painting(torch.rand(3, 20, 30, generator=torch.Generator().manual_seed(1)))
    error = np.abs(seen(compose(lightness, painting, finish))[..., 0] - lightness.numpy())
    assert error.max() <= 0.5
    assert error.mean() <= 0.15


@given(st.integers(1, 70), st.integers(1, 70), st.integers(1, 90), st.integers(1, 90))
@settings(max_examples=60, deadline=None)
def test_every_size_of_photo_takes_every_size_of_outcome(height: int, width: int, h: int, w: int):
    assert compose(photo_of(height, width), chroma(h, w, 50), Finish()).shape == (height, width, 3)


def test_with_the_lock_open_a_painting_is_shown_as_it_was_painted():
    painted = torch.rand(3, 40, 30, generator=torch.Generator().manual_seed(3))
    pixels = compose(photo_of(40, 30), Painting(painted), Finish(luminance_lock=0))
    assert np.abs(pixels / 255 - painted.movedim(0, -1).numpy()).max() < 1.5 / 255


def test_the_lock_blends_the_two_lights():
    lightness, painted = torch.full((8, 8), 30.0), lab_to_rgb(torch.tensor([70.0, 0, 0])[:, None, None]).expand(3, 8, 8)
    half = compose(lightness, Painting(painted), Finish(luminance_lock=0.5))
    assert np.abs(seen(half)[..., 0] - 50).max() < 0.3


@pytest.mark.parametrize("outcome", [chroma(7, 9, 70), painting(30, 20)], ids=["chroma", "painting"])
@pytest.mark.parametrize("finish", [Finish(), Finish(saturation=2, warmth=0.7, edge_snap=0.5, luminance_lock=0.4)])
@pytest.mark.parametrize("strip", [1, 97, 640])
def test_strips_do_not_show(outcome, finish: Finish, strip: int, monkeypatch: pytest.MonkeyPatch):
    lightness = photo_of(131, 32)
    whole = compose(lightness, outcome, finish, bits=16)
    monkeypatch.setattr(strips, "_IN_CACHE", strip)
    parts = compose(lightness, outcome, finish, bits=16)
    assert np.abs(parts.astype(int) - whole).max() <= 1


@pytest.mark.parametrize("bits", [8, 16])
def test_strips_on_several_threads_are_those_on_one(bits: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(strips, "_IN_CACHE", 600)
    lightness, outcome, finish = photo_of(300, 60), chroma(7, 9, 70), Finish(saturation=1.5, warmth=0.3)
    alone = compose(lightness, outcome, finish, bits)
    with threads(2):
        assert np.array_equal(compose(lightness, outcome, finish, bits), alone)


def test_levels_of_8_bits_are_those_of_16_bits_rounded():
    lightness, outcome = photo_of(400, 300), chroma(40, 30, 90)
    levels, deep = compose(lightness, outcome, Finish()), compose(lightness, outcome, Finish(), bits=16)
    assert np.abs(levels - deep / 257).max() <= 0.55


# A large gray photo, whose colours are looked up


LARGE = (3000, 2000)
FEW_COLOURS = (6, 8, 12)  # height and width of chroma, and how strong it is


@pytest.fixture
def large() -> Photo:
    noise = np.random.default_rng(3).normal(0, 25, LARGE)
    return Photo.of_pixels((np.linspace(0, 255, LARGE[1]) + noise).clip(0, 255).astype(np.uint8))


def looked_up(photo: Photo, outcome, finish: Finish, hints=()) -> np.ndarray:
    """The pixels of the photo by `painter`, which knows what it held."""
    width, height = photo.size
    return whole(painter(photo.lightness, outcome, finish, hints=hints, gray=photo.gray), (width, height))


@pytest.mark.parametrize(
    "finish",
    [
        Finish(),
        Finish(saturation=1.6, warmth=0.4, color_strength=1.2),
        Finish(warmth=-1, contrast=0.8, luminance_lock=0.3, edge_snap=0.5),
    ],
)
@pytest.mark.parametrize("hints", [(), (Hint(path=((0.3, 0.4),), color="#c02030"),)], ids=["plain", "hinted"])
def test_a_large_gray_photo_has_the_pixels_that_each_place_would_have_alone(large: Photo, finish: Finish, hints):
    outcome = chroma(*FEW_COLOURS)
    direct = compose(large.lightness, outcome, finish, hints=hints)
    found = looked_up(large, outcome, finish, hints)
    off = np.abs(found.astype(int) - direct)
    assert 0 < off.max() < 16, "looked up, or nothing would differ"
    assert (off > 1).mean() < 0.01
    assert off.mean() < 0.3


def test_a_large_gray_photo_keeps_its_light_to_the_level(large: Photo):
    gray = looked_up(large, Chroma(torch.zeros(2, 1, 1)), Finish())
    assert (gray == large.gray[..., None]).all()


def test_wild_chroma_of_a_large_photo_is_not_looked_up(large: Photo):
    outcome = chroma(*LARGE, 200)
    assert np.array_equal(looked_up(large, outcome, Finish()), compose(large.lightness, outcome, Finish()))


def test_a_large_photo_is_the_same_on_several_threads(large: Photo):
    outcome, finish = chroma(*FEW_COLOURS), Finish(saturation=1.3)
    alone = looked_up(large, outcome, finish)
    with threads(2):
        assert np.array_equal(looked_up(large, outcome, finish), alone)


def bicubic(plane: torch.Tensor, height: int, width: int) -> np.ndarray:
    """Pillow's bicubic, whose kernel is Keys' too: its own reference."""
    return np.asarray(Image.fromarray(plane.numpy()).resize((width, height), Image.Resampling.BICUBIC))


@pytest.mark.parametrize(("height", "width"), [(96, 160), (61, 47), (13, 300)])
def test_chroma_comes_to_full_size_by_bicubic_interpolation(height: int, width: int):
    outcome = chroma(12, 14, 20)
    lab = seen(compose(torch.full((height, width), 60.0), outcome, Finish(), bits=16))
    expected = np.stack([bicubic(plane, height, width) for plane in outcome.ab], axis=-1)
    inner = np.s_[height // 6 : -(height // 6), width // 6 : -(width // 6)]  # Pillow renormalises at the border
    assert np.abs(lab[..., 1:] - expected)[inner].max() < 0.1


def test_even_chroma_stays_even():
    lab = seen(
        compose(torch.full((50, 70), 55.0), Chroma(torch.tensor([20.0, -10.0])[:, None, None]), Finish(), bits=16)
    )
    assert np.abs(lab - [55, 20, -10]).max() < 0.1


def test_chroma_larger_than_the_photo_is_averaged_down():
    checkers = 20 * (-1.0) ** torch.arange(64)
    lab = seen(
        compose(torch.full((4, 4), 60.0), Chroma((checkers[:, None] * checkers / 20).expand(2, 64, 64)), Finish())
    )
    assert np.abs(lab[..., 1:]).max() < 2


def test_without_colour_the_picture_is_the_gray_of_the_photo():
    lightness = photo_of(50, 40)
    pixels = compose(lightness, chroma(5, 5, 60), Finish(color_strength=0))
    assert (pixels == pixels[..., :1]).all()
    assert np.array_equal(pixels, compose(lightness, Chroma(torch.zeros(2, 1, 1)), Finish()))


def test_strength_multiplies_the_chroma():
    lightness, outcome = torch.full((8, 8), 60.0), Chroma(torch.tensor([10.0, 6.0])[:, None, None])
    half, full, double = (
        seen(compose(lightness, outcome, Finish(color_strength=strength), bits=16))[..., 1:] for strength in (0.5, 1, 2)
    )
    assert np.abs(half - [5, 3]).max() < 0.1
    assert np.abs(full - [10, 6]).max() < 0.1
    assert np.abs(double - [20, 12]).max() < 0.1


def test_edge_snap_pulls_the_border_of_colours_to_the_edge_of_the_photo():
    lightness = torch.full((96, 96), 30.0)
    lightness[:, 50:] = 75.0
    blurred = torch.linspace(-20, 20, 12)[None, None].expand(2, 12, 12)
    plain, snapped = (seen(compose(lightness, Chroma(blurred), Finish(edge_snap=snap), bits=16)) for snap in (0, 1))
    jump = [lab[48, 54, 1] - lab[48, 45, 1] for lab in (plain, snapped)]
    assert jump[1] > 1.3 * jump[0]
    assert np.abs(snapped[..., 0] - lightness.numpy()).mean() < 0.01


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (3000, 2)])
def test_edge_snap_takes_every_size(size: tuple[int, int]):
    assert compose(photo_of(*size), chroma(4, 4, 30), Finish(edge_snap=1)).shape == (*size, 3)


def test_same_request_same_pixels():
    lightness, outcome, finish = photo_of(90, 70), chroma(9, 9, 90), Finish(saturation=1.4, warmth=-0.3, edge_snap=0.3)
    assert np.array_equal(compose(lightness, outcome, finish), compose(lightness, outcome, finish))


def test_what_went_in_is_left_as_it_was():
    lightness, outcome = photo_of(30, 30), chroma(30, 30, 120)
    kept = lightness.clone(), outcome.ab.clone()
    compose(lightness, outcome, Finish(saturation=2, warmth=1, color_strength=2))
    assert torch.equal(lightness, kept[0])
    assert torch.equal(outcome.ab, kept[1])


def test_round_trip_of_a_colour_picture_gives_the_picture():
    rgb = torch.rand(3, 33, 47, generator=torch.Generator().manual_seed(5))
    lab = rgb_to_lab(rgb)
    pixels = compose(lab[0], Chroma(lab[1:]), Finish())
    assert np.abs(pixels.astype(int) - (rgb.movedim(0, -1) * 255).round().numpy()).max() <= 1
