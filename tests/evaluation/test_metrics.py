import math

import numpy as np
import pytest
import torch
from skimage.color import deltaE_ciede2000
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from colorizers.evaluation.metrics import (
    ab_rmse,
    ab_statistics,
    ciede2000,
    colorfulness,
    colorfulness_ddcolor,
    diversity,
    gray_fraction,
    lightness_error,
    moved,
    psnr,
    ssim,
)

# Sharma, Wu and Dalal (2005), table 1: the pairs that are hard to get right, and their differences.
SHARMA = [
    ((50.0, 2.6772, -79.7751), (50.0, 0.0, -82.7485), 2.0425),
    ((50.0, 3.1571, -77.2803), (50.0, 0.0, -82.7485), 2.8615),
    ((50.0, 2.8361, -74.0200), (50.0, 0.0, -82.7485), 3.4412),
    ((50.0, -1.3802, -84.2814), (50.0, 0.0, -82.7485), 1.0000),
    ((50.0, 0.0, 0.0), (50.0, -1.0, 2.0), 2.3669),
    ((50.0, 2.4900, -0.0010), (50.0, -2.4900, 0.0009), 7.1792),
    ((50.0, 2.4900, -0.0010), (50.0, -2.4900, 0.0011), 7.2195),
    ((50.0, 2.5, 0.0), (50.0, 0.0, -2.5), 4.3065),
    ((50.0, 2.5, 0.0), (73.0, 25.0, -18.0), 27.1492),
    ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
    ((22.7233, 20.0904, -46.6940), (23.0331, 14.9730, -42.5619), 2.0373),
    ((2.0776, 0.0795, -1.1350), (0.9033, -0.0636, -0.5514), 0.9082),
]


def colours(seed: int, batch: int = 3) -> torch.Tensor:
    """Lab (B, 3, 40, 40), gray among it."""
    random = torch.Generator().manual_seed(seed)
    lightness = 100 * torch.rand(batch, 1, 40, 40, generator=random)
    lab = torch.cat((lightness, 240 * torch.rand(batch, 2, 40, 40, generator=random) - 120), 1)
    lab[:, 1:, :5] = 0
    return lab


@pytest.mark.parametrize(("first", "second", "difference"), SHARMA)
def test_ciede2000_of_the_published_pairs(first: tuple, second: tuple, difference: float):
    one, other = (torch.tensor(lab, dtype=torch.float64)[None, :, None, None] for lab in (first, second))
    assert ciede2000(one, other).item() == pytest.approx(difference, abs=1e-4)
    assert ciede2000(other, one).item() == pytest.approx(difference, abs=1e-4)


def test_ciede2000_is_that_of_scikit_image():
    one, other = colours(0), colours(1)
    expected = deltaE_ciede2000(one.double().numpy(), other.double().numpy(), channel_axis=1)
    assert ciede2000(one, other).shape == (3, 40, 40)
    assert np.abs(ciede2000(one, other).numpy() - expected).max() < 2e-3
    assert ciede2000(one, one).abs().max() == 0


def test_colourfulness_of_four_pixels_worked_out_by_hand():
    # red, green, blue, white: rg = 255, -255, 0, 0; yb = 127.5, 127.5, -255, 0.
    rgb = torch.tensor([[[1, 0], [0, 1]], [[0, 1], [0, 1]], [[0, 0], [1, 1]]]).float()[None]
    spread = math.sqrt((2 * 255**2) / 4 + (2 * 127.5**2 + 255**2) / 4)
    assert colorfulness(rgb).item() == pytest.approx(spread, rel=1e-6), "both means are 0"
    # two red, two black: rg = 255, 255, 0, 0; yb = 127.5, 127.5, 0, 0.
    rgb = torch.tensor([[[1, 1], [0, 0]], [[0, 0], [0, 0]], [[0, 0], [0, 0]]]).float()[None]
    by_hand = math.hypot(127.5, 63.75) + 0.3 * math.hypot(127.5, 63.75)
    assert colorfulness(rgb).item() == pytest.approx(by_hand, rel=1e-6)


def test_colourfulness_of_ddcolor_takes_absolute_values_first():
    # the same four pixels: |rg| = 255, 255, 0, 0; |yb| = 127.5, 127.5, 255, 0.
    rgb = torch.tensor([[[1, 0], [0, 1]], [[0, 1], [0, 1]], [[0, 0], [1, 1]]]).float()[None]
    variance = 127.5**2 + (2 * 127.5**2 + 255**2) / 4 - 127.5**2
    by_hand = math.sqrt(variance) + 0.3 * math.hypot(127.5, 127.5)
    assert colorfulness_ddcolor(rgb).item() == pytest.approx(by_hand, rel=1e-6)
    random = torch.rand(4, 3, 9, 9, generator=torch.Generator().manual_seed(0))
    assert (colorfulness_ddcolor(random) < colorfulness(random)).all()


def test_gray_has_no_colourfulness():
    gray = torch.rand(2, 1, 8, 8).expand(2, 3, 8, 8)
    assert max(colorfulness(gray).abs().max(), colorfulness_ddcolor(gray).abs().max()) < 1e-3


def test_psnr_is_that_of_scikit_image_and_capped():
    one, other = torch.rand(2, 3, 9, 9), torch.rand(2, 3, 9, 9)
    for index in range(2):
        expected = peak_signal_noise_ratio(other[index].numpy(), one[index].numpy(), data_range=1)
        assert psnr(one, other)[index].item() == pytest.approx(expected, abs=1e-3)
    assert psnr(one, one).tolist() == [99, 99]


def test_ssim_is_that_of_scikit_image():
    random = torch.Generator().manual_seed(0)
    truth = torch.rand(1, 3, 64, 48, generator=random)
    pictures = torch.cat((truth, 1 - truth, (truth + 0.2 * torch.rand(1, 3, 64, 48, generator=random)).clamp(0, 1)))
    settings = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 1.0}
    for picture, similarity in zip(pictures, ssim(pictures, truth).tolist(), strict=True):
        one, other = picture.double().numpy(), truth[0].double().numpy()
        # scikit-image leaves the frame of half a window out of its mean.
        _, everywhere = structural_similarity(one, other, channel_axis=0, full=True, **settings)
        assert similarity == pytest.approx(everywhere.mean(), abs=0.01)
    assert ssim(truth, truth).item() == pytest.approx(1, abs=1e-6)


def test_ab_rmse_is_over_both_channels_and_heeds_no_lightness():
    one = torch.zeros(1, 3, 4, 4)
    other = torch.tensor([50.0, 1.0, 7.0])[None, :, None, None].expand(1, 3, 4, 4)
    assert ab_rmse(one, other).tolist() == [5]


def test_diversity_is_the_mean_over_all_pairs():
    variants = torch.zeros(3, 3, 4, 4)
    variants[1, 1], variants[2, 1] = 6, 18  # 6, 18 and 12 apart in a* alone
    assert diversity(variants).item() == pytest.approx(12 / math.sqrt(2))
    assert diversity(variants[:2]).item() == pytest.approx(6 / math.sqrt(2))
    assert diversity(variants[:1].expand(4, 3, 4, 4)).item() == 0


def test_statistics_are_those_of_numpy_for_a_and_b_alone():
    lab = colours(0)
    ab = lab[:, 1:].double().numpy()
    assert ab_statistics(lab).shape == (3, 2, 2)
    assert np.allclose(ab_statistics(lab)[:, 0], ab.mean((2, 3)), atol=1e-4)
    assert np.allclose(ab_statistics(lab)[:, 1], ab.std((2, 3)), atol=1e-4)


class TestMoved:
    def test_is_the_share_of_the_way_for_each_statistic(self):
        start, goal = 40 * torch.randn(2, 5, 2, 2, generator=torch.Generator().manual_seed(0))
        shares = torch.tensor([0.25, 1.5])
        end = start + shares[:, None] * (goal - start)
        assert torch.allclose(moved(start, end, goal), shares)
        assert moved(start, goal, goal).tolist() == [1, 1]
        assert moved(start, start, goal).tolist() == [0, 0]

    def test_weighs_long_ways_more_and_heeds_no_step_aside(self):
        start, goal = torch.zeros(2, 1, 2), torch.tensor([[[30.0, 0.0]], [[10.0, 0.0]]])
        end = torch.tensor([[[30.0, 7.0]], [[0.0, -4.0]]])
        assert moved(start, end, goal).item() == pytest.approx(30 * 30 / (30 * 30 + 10 * 10))

    def test_of_no_way_is_no_number(self):
        assert moved(torch.ones(2, 2, 2), torch.zeros(2, 2, 2), torch.ones(2, 2, 2)).isnan().all()


def test_gray_fraction_counts_pixels_of_little_chroma():
    ab = torch.tensor([[[0.0, 3.0], [3.0, -50.0]], [[0.0, 2.6], [2.7, 0.0]]])
    lab = torch.cat((torch.full((1, 2, 2), 40.0), ab))[None]
    assert gray_fraction(lab).tolist() == [0.5]


def test_lightness_error_is_of_lightness_alone():
    one = torch.zeros(1, 3, 2, 2)
    other = torch.tensor([[1.0, -3.0], [0.0, 0.0]]).expand(1, 3, 2, 2)
    assert lightness_error(one, other).tolist() == [1]
