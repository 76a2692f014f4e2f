"""The networks: colours at a quarter of any size, weights that fit exactly, and what each design promises."""

import re
import subprocess
import sys
from collections.abc import Callable

import pytest
import torch
from conftest import answer, untrained
from torch import Tensor, nn

from colorizers.networks.ab_bins import AbBins, gamut_bins, smoothed_prior
from colorizers.networks.adain import AdainUNet
from colorizers.networks.backbones import ResNet34, SwinB
from colorizers.networks.cnn import CNN
from colorizers.networks.color_decoder import ColorDecoder
from colorizers.networks.diffusion import ColorDiffusion
from colorizers.networks.efficientnet_lite import EfficientNetLite
from colorizers.networks.efficientnet_unet import EfficientNetUNet, ListeningUNet
from colorizers.networks.heads import AbHead, BinsHead, GainHead, RgbHead
from colorizers.networks.multicolor import MultiColorNetwork
from colorizers.networks.patchgan import PatchGAN
from colorizers.networks.resnet_unet import ResNetFeatures, ResNetUNet
from colorizers.networks.transformer import ColorTransformer
from colorizers.networks.unet import UNet
from colorizers.networks.vgg import VGG19
from colorizers.picture.color import rgb_to_lab
from colorizers.settings import PROJECT

BINS = len(gamut_bins())
NETWORKS: dict[str, tuple[Callable[[], nn.Module], int]] = {
    "efficientnet_unet bins": (EfficientNetUNet, BINS),
    "unet bins": (UNet, BINS),
    "unet ab": (lambda: UNet("ab"), 2),
    "unet rgb": (lambda: UNet("rgb"), 3),
    "cnn bins": (CNN, BINS),
    "cnn ab": (lambda: CNN("ab"), 2),
    "resnet_unet ab": (ResNetUNet, 2),
    "transformer ab": (ColorTransformer, 2),
    "multicolor ab": (MultiColorNetwork, 2),
    "diffusion ab": (ColorDiffusion, 2),
    "adain ab": (AdainUNet, 2),
    "adain rgb": (lambda: AdainUNet("rgb"), 3),
}
SIZES = [(64, 64), (96, 96), (130, 70), (1, 1), (2, 5), (65, 7), (3, 200)]


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module", params=NETWORKS)
def made(request: pytest.FixtureRequest) -> tuple[nn.Module, int]:
    """A network with random numbers, and how many planes its head has."""
    make, planes = NETWORKS[request.param]
    return untrained(make), planes


@pytest.fixture(scope="module")
def bins() -> AbBins:
    return AbBins()


# Every network


@torch.inference_mode()
def test_a_network_answers_at_a_quarter_of_any_size(made: tuple[nn.Module, int]):
    network, planes = made
    for height, width in SIZES:
        lightness = 100 * torch.rand(2, 1, height, width, generator=seeded(0))
        output = answer(network, lightness)
        assert output.shape == (2, planes, -(-height // 4), -(-width // 4))
        assert torch.isfinite(output).all()
        colours = network.head.read(output, 0.5)
        assert colours.shape == (2, 2, *output.shape[2:])
        assert torch.isfinite(colours).all()


@torch.inference_mode()
def test_a_photo_gets_the_same_colours_alone_and_beside_another(made: tuple[nn.Module, int]):
    network, _ = made
    pair = 100 * torch.rand(2, 1, 40, 56, generator=seeded(1))
    assert torch.allclose(answer(network, pair)[:1], answer(network, pair[:1]), atol=0.01)


def test_its_weights_are_small_enough_to_be_shipped(made: tuple[nn.Module, int]):
    network, _ = made
    assert 2 * sum(value.numel() for value in network.state_dict().values()) < 16 * 2**20, "bytes in half precision"


def test_every_parameter_learns(made: tuple[nn.Module, int]):
    network, _ = made
    network.zero_grad()
    answer(network, 100 * torch.rand(2, 1, 64, 64, generator=seeded(2))).square().mean().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


def test_a_state_dict_is_loaded_strictly(made: tuple[nn.Module, int]):
    network, _ = made
    state = network.state_dict()
    network.load_state_dict(state)
    *others, last = state
    with pytest.raises(RuntimeError, match=re.escape(last)):
        network.load_state_dict({name: state[name] for name in others})
    with pytest.raises(RuntimeError, match=r"head\.extra"):
        network.load_state_dict(state | {"head.extra": torch.zeros(1)})
    with pytest.raises(RuntimeError, match="size mismatch"):
        network.load_state_dict(state | {last: torch.zeros(5)})


def test_networks_and_training_wait_for_no_heavy_library():
    program = """
import pkgutil, sys
import colorizers.networks, colorizers.training
for package in (colorizers.networks, colorizers.training):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        __import__(module.name)
heavy = {"kornia", "diffusers", "transformers", "gradio", "torchvision", "torchmetrics"}
print(sorted(heavy & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# What each design promises


@torch.inference_mode()
def test_efficientnet_lite_sees_what_the_published_network_sees():
    import timm

    torch.manual_seed(0)
    published = timm.create_model("tf_efficientnet_lite2", features_only=True, out_indices=(1, 2, 3, 4)).eval()
    ours = EfficientNetLite(channels=3).eval()
    theirs = published.state_dict()
    assert [tuple(value.shape) for value in theirs.values()] == [
        tuple(value.shape) for value in ours.state_dict().values()
    ]
    ours.load_state_dict(dict(zip(ours.state_dict(), theirs.values(), strict=True)))
    pictures = 2 * torch.rand(2, 3, 64, 96, generator=seeded(3)) - 1
    features = ours(pictures)
    assert tuple(level.shape[1] for level in features) == ours.channels
    for one, other in zip(features, published(pictures), strict=True):
        assert torch.allclose(one, other, atol=1e-4 * float(other.abs().max()))


def test_the_resnet_takes_published_weights_as_torchvision_names_them():
    from torchvision.models import resnet18

    published = {name: value.shape for name, value in resnet18().state_dict().items()}
    ours = {name: value.shape for name, value in ResNetFeatures().state_dict().items() if not name.startswith("last.")}
    assert {name for name in ours if ours[name] != published[name]} == {"conv1.weight"}, "which sees one channel"


def test_heads_are_exact_under_mixed_precision():
    features = torch.rand(1, 4, 6, 6, generator=seeded(4))
    for head in (BinsHead(4), AbHead(4), RgbHead(4)):
        exact = head(features)
        with torch.autocast("cpu", torch.bfloat16):
            assert torch.equal(head(features), exact)
            read_under_autocast = head.read(exact)
        assert torch.equal(read_under_autocast, head.read(exact))


def test_a_network_answers_in_full_precision_under_mixed_precision(made: tuple[nn.Module, int]):
    network, _ = made
    with torch.autocast("cpu", torch.bfloat16):
        output = answer(network, 100 * torch.rand(1, 1, 64, 64, generator=seeded(4)))
    assert output.dtype == torch.float32


def test_the_power_iteration_of_the_patchgan_runs_in_full_precision():
    """CUDA's autocast would run its products in half precision, the CPU's would not: so the switch itself is asked."""
    discriminator, switches = PatchGAN(8), []
    for layer in discriminator.layers:
        for normalised_weight in getattr(layer, "parametrizations", {}).values():
            normalised_weight.register_forward_hook(lambda *_: switches.append(torch.is_autocast_enabled("cpu")))
    with torch.autocast("cpu", torch.bfloat16):
        scores = discriminator(torch.rand(1, 3, 32, 32))
    assert switches == [False] * 5
    assert scores.dtype == torch.bfloat16, "the convolutions themselves are mixed"


@pytest.mark.parametrize("network", [ResNet34, SwinB, VGG19])
def test_imagenet_statistics_move_with_a_network_and_are_not_saved(network: Callable[[], nn.Module]):
    with torch.device("meta"):
        made = network()
    assert made.normalize.mean.is_meta
    assert not [name for name in made.state_dict() if "normalize" in name]


def test_a_score_of_the_patchgan_sees_70_by_70_pixels():
    torch.manual_seed(0)
    critic = PatchGAN().eval()
    lab = torch.rand(1, 3, 160, 160, generator=seeded(5), requires_grad=True)
    scores = critic(lab)
    assert scores.shape == (1, 1, 18, 18)
    (seen,) = torch.autograd.grad(scores[0, 0, 9, 9], lab)
    rows, columns = (seen[0].abs().sum(0) > 0).nonzero().T
    assert (rows.max() - rows.min() + 1, columns.max() - columns.min() + 1) == (70, 70)


@torch.inference_mode()
def test_what_the_whole_photo_shows_reaches_every_pixel_of_the_cnn():
    network = untrained(lambda: CNN("ab"))
    for height, width in ((256, 256), (200, 408), (96, 96), (9, 5)):
        lightness = 100 * torch.rand(1, 1, height, width, generator=seeded(6))
        changed = lightness.clone()
        changed[..., : height // 4 + 1, : width // 4 + 1] = 100
        far = (network(changed) - network(lightness))[..., -1, -1]
        assert far.abs().max() > 0.01, "the corner that was left as it was"


def test_colour_queries_see_all_three_scales():
    torch.manual_seed(0)
    decoder = ColorDecoder((12, 10, 8), 8, queries=4, width=16, layers=3, hidden=32)
    scales = [torch.rand(1, count, side, side, generator=seeded(7)) for count, side in ((12, 2), (10, 4), (8, 8))]
    for scale in scales:
        scale.requires_grad_()
    maps = decoder(scales, scales[-1].detach())
    assert maps.shape == (1, 4, 8, 8)
    for seen in torch.autograd.grad(maps.square().sum(), scales):
        assert (seen.abs().sum(1) > 0).all(), "at every place"


# How colours are read


def read(head: nn.Module, output: Tensor) -> list[float]:
    """Mean chroma at growing vividness."""
    return [head.read(output, vividness).norm(dim=1).mean().item() for vividness in (0.0, 0.25, 0.5, 0.75, 1.0)]


@pytest.mark.parametrize(("head", "planes"), [(AbHead(4), 2), (RgbHead(4), 3)], ids=["ab", "rgb"])
def test_vividness_is_a_gain_on_the_chroma_of_a_regression(head: nn.Module, planes: int):
    output = torch.rand(1, planes, 6, 6, generator=seeded(8))
    chroma = read(head, output)
    assert chroma == sorted(chroma)
    assert chroma[0] == pytest.approx(chroma[2] / 2, rel=1e-4)
    as_said = output if planes == 2 else rgb_to_lab(output)[:, 1:]
    assert torch.allclose(head.read(output), as_said, atol=1e-4), "as the network says, when nobody asks"


def test_more_vividness_favours_colours_of_which_the_network_is_sure():
    chroma = torch.tensor([2.0, 15.0, 30.0, 60.0, 120.0])
    ab = torch.stack((0.6 * chroma, -0.8 * chroma))[None, :, None]
    for head in (GainHead(), GainHead(0.75)):
        grown = head.read(ab, 1.0)
        weak, middling, sure, strong, extreme = (grown.norm(dim=1) / chroma).flatten().tolist()
        assert 1 < weak < middling < sure
        assert sure > strong > extreme > 1, "held back, but not less than it was"
        assert torch.allclose(grown[:, 0] / grown[:, 1], ab[:, 0] / ab[:, 1]), "of the same hue"


def test_vividness_lets_rare_colours_through_in_a_classification():
    head = untrained(EfficientNetUNet).head
    assert isinstance(head, BinsHead)
    chroma = read(head, 3 * torch.rand(1, BINS, 6, 6, generator=seeded(9)))
    assert chroma == sorted(chroma)
    assert chroma[4] > 1.5 * chroma[0]


# The bins


def test_the_bins_cover_every_colour_of_srgb():
    rgb = torch.rand(3, 100, 100, generator=seeded(0))
    ab = rgb_to_lab(rgb)[1:].flatten(1).T
    distance = torch.cdist(ab, gamut_bins()).amin(1)
    assert distance.max() < 5 * 2**0.5 + 1e-3
    assert 250 < BINS < 400, "about the 313 of the paper"


def test_ab_survives_encoding_and_decoding(bins: AbBins):
    rgb = torch.rand(1, 3, 20, 20, generator=seeded(1))
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
    logits = 3 * torch.rand(1, len(bins), 4, 4, generator=seeded(2))
    chroma = [bins.decode(logits, 0.5, share).norm(dim=1).mean() for share in (0.0, 0.5, 1.0)]
    assert chroma[0] > chroma[1] > chroma[2]


def test_class_weights_have_mean_one_under_the_prior_before_they_are_bounded(bins: AbBins):
    counts = torch.rand(len(bins), generator=seeded(3)) + 1
    bins.prior.copy_(smoothed_prior(counts, bins.centers))
    assert bins.prior.sum() == pytest.approx(1, abs=1e-5)
    assert (bins.prior * bins.class_weights(0, 1e9)).sum() == pytest.approx(1, abs=1e-5)


# The one that listens


@torch.inference_mode()
def test_a_network_that_listens_begins_as_the_one_that_does_not():
    plain, listening = untrained(EfficientNetUNet), ListeningUNet().eval()
    assert all(name.startswith("listening") for name in listening.load_state_dict(plain.state_dict(), strict=False)[0])
    lightness = 100 * torch.rand(1, 1, 70, 100, generator=seeded(0))
    ab, mask = torch.full((1, 2, 70, 100), 40.0), torch.ones(1, 1, 70, 100)
    assert torch.equal(listening(lightness, ab, mask), plain(lightness))


@torch.inference_mode()
def test_a_network_hears_a_hint_of_one_pixel_but_no_colour_where_there_is_no_hint():
    network = untrained(ListeningUNet)
    for part in network.listening:
        nn.init.normal_(part[-1].weight, generator=seeded(1))
    lightness = 100 * torch.rand(1, 1, 70, 100, generator=seeded(0))
    ab, mask = torch.full((1, 2, 70, 100), 40.0), torch.zeros(1, 1, 70, 100)
    assert torch.equal(network(lightness, ab, mask), network(lightness))
    mask[..., 69, 99] = 1
    assert (network(lightness, ab, mask) - network(lightness)).abs().max() > 0.01
