import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.color import lab2rgb, rgb2lab

from colorizers.picture.color import (
    decode_srgb,
    encode_srgb,
    fit_gamut,
    gray_to_lightness,
    lab_to_rgb,
    rgb_to_lab,
    rgb_to_lightness,
)
from colorizers.picture.finish import Finish, apply_finish

LEVELS = torch.arange(256) / 255


def cube(side: int = 18) -> torch.Tensor:
    """Every colour of a grid over sRGB, (3, side, side * side)."""
    steps = torch.linspace(0, 1, side)
    return torch.stack(torch.meshgrid(steps, steps, steps, indexing="ij")).reshape(3, side, -1)


def judged(rgb: torch.Tensor) -> np.ndarray:
    """L*a*b* (3, H, W) of sRGB (3, H, W) as scikit-image sees it."""
    return rgb2lab(rgb.double().numpy(), channel_axis=0)


def pixels(lightness: list[float], ab: list[tuple[float, float]]) -> tuple[torch.Tensor, torch.Tensor]:
    """L* (1, n) and ab (2, 1, n) of n single colours."""
    return torch.tensor([lightness]), torch.tensor(ab).T[:, None].contiguous()


def test_lab_is_that_of_scikit_image():
    # Its matrix has six digits and its white differs in the fifth: a tenth of a Lab unit at the most.
    assert np.abs(rgb_to_lab(cube()).numpy() - judged(cube())).max() < 0.02


def test_rgb_from_lab_is_that_of_scikit_image():
    lab = rgb_to_lab(cube())
    assert np.abs(lab_to_rgb(lab).numpy() - lab2rgb(lab.double().numpy(), channel_axis=0)).max() < 0.2 / 255


def test_every_colour_survives_the_round_trip():
    assert (lab_to_rgb(rgb_to_lab(cube())) - cube()).abs().max() < 0.05 / 255


def test_gray_has_no_ab():
    gray = LEVELS.expand(3, 1, 256)
    assert rgb_to_lab(gray)[1:].abs().max() < 1e-3


def test_black_is_0_and_white_is_100():
    assert gray_to_lightness(torch.tensor([0.0, 1.0])).tolist() == pytest.approx([0, 100], abs=1e-4)


def test_all_ways_to_lightness_agree():
    gray = LEVELS.expand(3, 1, 256)
    assert torch.allclose(rgb_to_lightness(gray)[0], gray_to_lightness(LEVELS), atol=1e-4)
    assert torch.allclose(rgb_to_lightness(cube()), rgb_to_lab(cube())[0], atol=1e-4)


def test_the_srgb_curve_and_its_inverse_meet_also_outside_of_0_and_1():
    values = torch.linspace(-0.5, 1.5, 4001)
    assert torch.allclose(encode_srgb(decode_srgb(values)), values, atol=1e-5)
    assert (decode_srgb(values).diff() > 0).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_dtype_is_kept(dtype: torch.dtype):
    assert rgb_to_lab(cube(3).to(dtype)).dtype == dtype
    assert lab_to_rgb(rgb_to_lab(cube(3).to(dtype))).dtype == dtype


def test_colours_in_gamut_are_left_untouched():
    lab = rgb_to_lab(cube())
    ab, linear = fit_gamut(lab[0], lab[1:])
    assert torch.equal(ab, lab[1:])
    assert torch.allclose(encode_srgb(linear), cube(), atol=0.05 / 255)


def may_clip_red(lightness: torch.Tensor, ab: torch.Tensor) -> torch.Tensor:
    """Bright yellow, the one place where sRGB is not a segment at constant L* and hue."""
    hue = torch.atan2(ab[1], ab[0]).rad2deg()
    return (lightness > 90) & (lightness < 99) & (hue > 93) & (hue < 111)


tones = st.lists(st.floats(0, 100, width=32), min_size=1, max_size=30)
wild = st.floats(-180, 180, width=32)


@given(tones, st.data())
@settings(max_examples=60, deadline=None)
def test_colours_out_of_gamut_lose_chroma_and_nothing_else(lightness: list[float], data: st.DataObject):
    pairs = data.draw(st.lists(st.tuples(wild, wild), min_size=len(lightness), max_size=len(lightness)))
    tone, ab = pixels(lightness, pairs)
    fitted, linear = fit_gamut(tone, ab)
    assert linear.min() >= 0
    assert linear.max() <= 1
    seen = judged(encode_srgb(linear))
    yellow = may_clip_red(tone, ab).numpy()
    assert (np.abs(seen[0] - tone.numpy()) < np.where(yellow, 0.4, 0.02)).all(), "L* stays"
    assert (fitted.norm(dim=0) <= ab.norm(dim=0) + 1e-4).all(), "chroma never grows"
    turned = fitted[0] * ab[1] - fitted[1] * ab[0]
    assert (turned.abs() <= 1e-3 * ab.norm(dim=0).clamp(min=1)).all(), "hue stays"
    assert ((fitted * ab).sum(0) >= -1e-3).all(), "and is not turned round"
    assert (np.abs(seen[1:] - fitted.numpy()) < np.where(yellow, 2, 0.3)).all(), "the RGB is that of the fitted ab"


def test_no_more_chroma_is_taken_than_needed():
    tone, ab = pixels([50.0, 30.0, 80.0], [(180.0, 0.0), (0.0, -180.0), (-100.0, 150.0)])
    fitted, _ = fit_gamut(tone, ab)
    beyond = lab_to_rgb(torch.cat((tone[None], fitted * 1.01)))
    assert ((beyond < -1e-4) | (beyond > 1 + 1e-4)).any(0).all()


@pytest.mark.parametrize("gain", [1.05, 1.2, 1.5])
def test_a_colour_of_srgb_keeps_its_chroma_when_more_is_asked(gain: float):
    lab = rgb_to_lab(cube(33))
    fitted, linear = fit_gamut(lab[0], lab[1:] * gain)
    assert (fitted.norm(dim=0) >= lab[1:].norm(dim=0) - 2).all()
    assert (rgb_to_lightness(encode_srgb(linear)) - lab[0]).abs().max() < 0.4


def test_more_chroma_asked_never_gives_less():
    hues = torch.cat((torch.arange(0, 360, 5.0), torch.arange(96, 109, 0.25))).deg2rad()
    tone, hue = torch.meshgrid(torch.cat((torch.arange(2, 90, 4.0), torch.arange(90, 99, 0.25))), hues, indexing="ij")
    before = torch.zeros_like(tone)
    for chroma in range(1, 200):
        fitted, _ = fit_gamut(tone, chroma * torch.stack((hue.cos(), hue.sin())))
        assert (fitted.norm(dim=0) - before).min() > -0.1, f"asked for {chroma}"
        before = fitted.norm(dim=0)


def test_a_ramp_of_yellows_stays_a_ramp_under_more_saturation():
    blue = torch.linspace(200, 0, 81)
    ramp = torch.stack((torch.full_like(blue, 255), torch.full_like(blue, 250), blue))[:, None] / 255
    lab = rgb_to_lab(ramp)
    more = apply_finish(lab, Finish(saturation=1.15))
    fitted, _ = fit_gamut(lab[0], more[1:])
    chroma = fitted.norm(dim=0)[0]
    assert (chroma >= lab[1:].norm(dim=0)[0] - 2).all()
    assert chroma.diff().abs().max() < 3, "without steps"


def test_black_and_white_have_no_room_for_colour():
    tone, ab = pixels([0.0, 100.0], [(90.0, 90.0), (90.0, 90.0)])
    _, linear = fit_gamut(tone, ab)
    assert torch.allclose(linear[:, 0, 0], torch.zeros(3), atol=1e-4)
    assert torch.allclose(linear[:, 0, 1], torch.ones(3), atol=1e-4)


def test_one_wild_pixel_does_not_touch_its_neighbours():
    lab = rgb_to_lab(cube())
    ab = lab[1:].clone()
    ab[:, 5, 5] = torch.tensor([180.0, -180.0])
    fitted, _ = fit_gamut(lab[0], ab)
    same = torch.ones_like(lab[0], dtype=torch.bool)
    same[5, 5] = False
    assert torch.equal(fitted[:, same], lab[1:, same])
