import colorsys

import numpy as np
import pytest
import torch
from scipy.interpolate import UnivariateSpline

from colorizers.errors import ColorizerError
from colorizers.methods.catalog import METHODS
from colorizers.methods.method import finish_of
from colorizers.picture.color import fit_gamut, lab_to_rgb, rgb_to_lab
from colorizers.picture.compose import Chroma, compose
from colorizers.picture.finish import LOOKS, Finish, apply_finish, fix_contrast
from colorizers.picture.resize import resized

RAISED, LOWERED = (0, 70, 140, 210, 256), (0, 30, 80, 120, 192)


def finished(rgb: torch.Tensor, **values: float) -> torch.Tensor:
    """sRGB (3, H, W) after the finish."""
    return lab_to_rgb(apply_finish(rgb_to_lab(rgb), Finish(**values)))


def colours(height: int = 32, width: int = 32) -> torch.Tensor:
    return torch.rand(3, height, width, generator=torch.Generator().manual_seed(0))


def saturation(rgb: torch.Tensor) -> torch.Tensor:
    return (rgb.amax(0) - rgb.amin(0)) / rgb.amax(0)


def test_the_default_finish_changes_nothing():
    lab = rgb_to_lab(colours())
    assert torch.equal(apply_finish(lab, Finish()), lab)


@pytest.mark.parametrize("factor", [0.0, 0.5, 1.3])
def test_saturation_is_that_of_hsv(factor: float):
    rgb = colours(8, 8) * 0.5 + 0.3
    expected = []
    for pixel in rgb.flatten(1).T.tolist():
        hue, share, value = colorsys.rgb_to_hsv(*pixel)
        expected.append(colorsys.hsv_to_rgb(hue, share * factor, value))
    assert torch.allclose(finished(rgb, saturation=factor).flatten(1).T, torch.tensor(expected), atol=2e-3)


@pytest.mark.parametrize("values", [{"saturation": 1.5}, {"saturation": 0.6}, {"warmth": 0.7}, {"warmth": -1}])
def test_what_srgb_has_not_is_finished_as_the_nearest_that_it_has(values: dict[str, float]):
    tone, hue = torch.meshgrid(torch.linspace(10, 88, 40), torch.arange(0, 360, 5.0).deg2rad(), indexing="ij")
    wild = 130 * torch.stack((hue.cos(), hue.sin()))
    nearest, _ = fit_gamut(tone, wild)
    ours, wanted = (compose(tone, Chroma(ab), Finish(**values)).astype(int) for ab in (wild, nearest))
    assert np.abs(ours - wanted).max() <= 2


def test_a_deep_sky_stays_blue_under_more_saturation():
    tone, chroma = torch.meshgrid(torch.linspace(15, 70, 56), torch.tensor([40.0, 60.0, 90.0, 120.0]), indexing="ij")
    made = torch.from_numpy(compose(tone, Chroma(torch.stack((0 * chroma, -chroma))), Finish(saturation=1.5)))
    a, b = rgb_to_lab(made.movedim(-1, 0) / 255)[1:]
    assert (b < -20).all()
    assert (a > -10).all(), "no cyan"


@pytest.mark.parametrize(("warmth", "red", "blue"), [(1, RAISED, LOWERED), (-1, LOWERED, RAISED)])
def test_the_temperature_tables_are_the_splines_through_their_points(warmth: float, red: tuple, blue: tuple):
    gray = torch.linspace(0, 1, 256).expand(3, 1, 256)
    levels = np.arange(256)
    red, blue = (UnivariateSpline((0, 64, 128, 192, 256), points)(levels).clip(0, 255) / 255 for points in (red, blue))
    shifted = np.stack((red, levels / 255, blue))
    value = shifted.max(0)
    share = np.divide(value - shifted.min(0), value, out=np.zeros(256), where=value > 1e-6)
    table = UnivariateSpline((0, 64, 128, 192, 256), RAISED if warmth > 0 else LOWERED)(levels).clip(0, 255) / 255
    factor = np.interp(share * 255, levels, table) / share.clip(1e-3)
    expected = value - factor * (value - shifted)
    result = finished(gray, warmth=warmth).numpy()[:, 0]
    assert np.abs(result - expected)[:, 8:].max() < 2e-3


def test_warmer_is_yellower_and_redder_and_cooler_is_bluer():
    rgb = 0.2 + 0.6 * colours()
    b = {warmth: rgb_to_lab(finished(rgb, warmth=warmth))[2].mean().item() for warmth in (-1, -0.5, 0, 0.5, 1)}
    assert b[-1] < b[-0.5] < b[0] < b[0.5] < b[1]
    assert finished(rgb, warmth=1)[0].mean() > rgb[0].mean()


def test_warmer_is_more_saturated_and_cooler_is_less():
    rgb = 0.3 + 0.4 * colours()
    gray_ish = rgb.mean(0) + 0.3 * (rgb - rgb.mean(0))
    orange = gray_ish + torch.tensor([0.1, 0.0, -0.1])[:, None, None]
    assert saturation(finished(orange, warmth=0.5)).mean() > saturation(orange).mean()
    assert saturation(finished(orange, warmth=-0.5)).mean() < saturation(orange).mean()


@pytest.mark.parametrize("name", ["warmth", "saturation", "color_strength"])
def test_a_small_turn_of_a_knob_is_a_small_change(name: str):
    rgb, default = 0.3 + 0.4 * colours(), getattr(Finish(), name)
    before, after = finished(rgb, **{name: default}), finished(rgb, **{name: default + 0.01})
    assert 0 < (after - before).abs().max() < 0.03


def test_wild_colours_stay_finite():
    lab = torch.stack((100 * torch.rand(16, 16), *(720 * torch.rand(2, 16, 16) - 360)))
    for warmth in (-1, 1):
        assert torch.isfinite(apply_finish(lab, Finish(saturation=3, warmth=warmth, color_strength=2))).all()


# Looks


@pytest.mark.parametrize("look", LOOKS)
def test_every_look_is_a_finish_that_keeps_the_light(look: str):
    finish = Finish(**LOOKS[look])
    assert finish.luminance_lock == 1
    assert finish.contrast == 0


def test_a_look_goes_on_top_of_the_methods_own_finish_and_below_what_is_asked_for():
    info = METHODS["img2img"].info
    assert finish_of(info, {}, {"look": "natural"}) == info.finish
    cool = finish_of(info, {}, {"look": "cool", "edge_snap": 0.5})
    assert cool == info.finish.model_copy(update={**LOOKS["cool"], "edge_snap": 0.5})
    assert finish_of(info, {}, {"look": "cool", "warmth": 0.1}).warmth == 0.1
    with pytest.raises(ColorizerError, match="Look must be one of"):
        finish_of(info, {}, {"look": "technicolor"})


# Contrast that has faded


def faded(height: int = 60, width: int = 80) -> torch.Tensor:
    """L* from 40 to 70 in both directions."""
    rows, columns = torch.linspace(0, 1, height)[:, None], torch.linspace(0, 1, width)
    return 40 + 30 * (rows + columns) / 2


def test_contrast_that_has_faded_comes_back_without_clipping():
    lightness = faded()
    fixed = fix_contrast(lightness, 1)(lightness)
    assert fixed.min() >= 0
    assert fixed.max() <= 100
    assert fixed.max() - fixed.min() > 2 * (lightness.max() - lightness.min())
    ordered = fix_contrast(lightness, 1)(torch.linspace(0, 100, 1001)[None])
    assert (ordered.diff() >= 0).all(), "what was brighter stays brighter"
    half = fix_contrast(lightness, 0.5)(lightness)
    assert torch.allclose(half, (lightness + fixed) / 2, atol=1e-3)


@pytest.mark.parametrize(
    "lightness", [torch.linspace(0, 100, 4096).view(64, 64), torch.full((9, 9), 50.0), torch.tensor([[3.0]])]
)
def test_a_photo_with_all_tones_and_one_without_any_stay(lightness: torch.Tensor):
    assert torch.allclose(fix_contrast(lightness, 1)(lightness), lightness, atol=0.6)


def test_the_preview_and_the_full_size_get_the_same_contrast():
    large = faded(900, 1200) + 2 * torch.randn(900, 1200, generator=torch.Generator().manual_seed(0))
    small = resized(large[None], (450, 600))[0]
    tones = torch.linspace(0, 100, 101)[None]
    assert torch.allclose(fix_contrast(large, 1)(tones), fix_contrast(small, 1)(tones), atol=1)


def test_contrast_changes_the_light_of_the_result_and_nothing_else_does():
    lightness, outcome = faded(), Chroma(torch.full((2, 4, 4), 15.0))
    fixed = compose(lightness, outcome, Finish(contrast=1), bits=16)
    light = rgb_to_lab(torch.from_numpy(fixed / (2**16 - 1)).movedim(-1, 0).float())[0]
    assert torch.allclose(light, fix_contrast(lightness, 1)(lightness), atol=0.1)
    assert np.array_equal(compose(lightness, outcome, Finish()), compose(lightness, outcome, Finish(contrast=0)))
