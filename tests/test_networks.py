import pytest
import torch

from colorizers.networks.ab_bins import AbBins, gamut_bins, smoothed_prior
from colorizers.networks.unet import UNet
from colorizers.picture.color import rgb_to_lab


@pytest.fixture(scope="module")
def network() -> UNet:
    torch.manual_seed(0)
    return UNet()


@pytest.fixture(scope="module")
def bins() -> AbBins:
    return AbBins()


@pytest.mark.parametrize(("height", "width"), [(64, 64), (96, 96), (130, 130), (1, 1), (65, 7), (3, 200)])
@torch.inference_mode()
def test_the_unet_gives_logits_at_a_quarter_of_any_size(network: UNet, height: int, width: int):
    logits = network.eval()(50 + torch.zeros(2, 1, height, width))
    assert logits.shape == (2, len(network.bins), -(-height // 4), -(-width // 4))
    assert torch.isfinite(logits).all()


def test_every_parameter_learns(network: UNet):
    network.train().zero_grad()
    network(100 * torch.rand(2, 1, 64, 64)).square().mean().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


def test_a_state_dict_is_loaded_strictly(network: UNet):
    state = network.state_dict()
    assert "bins.centers" in state
    assert "bins.prior" in state
    UNet().load_state_dict(state)
    del state["head.bias"]
    with pytest.raises(RuntimeError, match=r"head\.bias"):
        UNet().load_state_dict(state)


def test_the_bins_cover_every_colour_of_srgb():
    rgb = torch.rand(3, 100, 100, generator=torch.Generator().manual_seed(0))
    ab = rgb_to_lab(rgb)[1:].flatten(1).T
    distance = torch.cdist(ab, gamut_bins()).amin(1)
    assert distance.max() < 5 * 2**0.5 + 1e-3
    assert 250 < len(gamut_bins()) < 400, "about the 313 of the paper"


def test_ab_survives_encoding_and_decoding(bins: AbBins):
    rgb = torch.rand(1, 3, 20, 20, generator=torch.Generator().manual_seed(1))
    ab = rgb_to_lab(rgb)[:, 1:] * 0.7
    index, weight = bins.encode(ab)
    assert index.shape == weight.shape == (1, 20, 20, 5)
    assert torch.allclose(weight.sum(-1), torch.ones(1, 20, 20))
    logits = torch.full((1, len(bins), 20, 20), -1e4)
    logits.scatter_(1, index.movedim(-1, 1), weight.movedim(-1, 1).log())
    decoded = bins.decode(logits, temperature=1, prior_share=0)
    assert (decoded - ab).abs().mean() < 2
    assert (decoded - ab).abs().max() < 8


def test_a_sure_prediction_is_read_as_its_bin_at_any_temperature(bins: AbBins):
    logits = torch.full((1, len(bins), 1, 1), -1e3)
    logits[0, 17] = 1e3
    for temperature in (0.2, 1.0):
        assert torch.allclose(bins.decode(logits, temperature, 1.0)[0, :, 0, 0], bins.centers[17])


def test_the_prior_put_back_makes_rare_colours_rare_again():
    centers = gamut_bins()
    gray = int((centers**2).sum(1).argmin())
    bins = AbBins(centers)
    bins.prior.copy_(smoothed_prior(torch.nn.functional.one_hot(torch.tensor(gray), len(centers)).float(), centers))
    logits = 3 * torch.rand(1, len(bins), 4, 4, generator=torch.Generator().manual_seed(2))
    chroma = [bins.decode(logits, 0.5, share).norm(dim=1).mean() for share in (0.0, 0.5, 1.0)]
    assert chroma[0] > chroma[1] > chroma[2]


def test_class_weights_have_mean_one_under_the_prior_before_they_are_bounded(bins: AbBins):
    counts = torch.rand(len(bins), generator=torch.Generator().manual_seed(3)) + 1
    bins.prior.copy_(smoothed_prior(counts, bins.centers))
    assert bins.prior.sum() == pytest.approx(1, abs=1e-5)
    assert (bins.prior * bins.class_weights(0, 1e9)).sum() == pytest.approx(1, abs=1e-5)
