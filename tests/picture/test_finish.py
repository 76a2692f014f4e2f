import colorsys

import numpy as np
import pytest
import torch
from scipy.interpolate import UnivariateSpline

from colorizers.picture.color import lab_to_rgb, rgb_to_lab
from colorizers.picture.finish import Finish, apply_finish

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
