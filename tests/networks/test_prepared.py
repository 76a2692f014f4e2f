"""What is done to a network before it colours changes its speed, not its colours."""

import copy
from collections.abc import Callable

import pytest
import torch
from conftest import answer, untrained
from torch import Tensor, nn

from colorizers.methods.catalog import METHODS, REGISTRY
from colorizers.methods.trained import Trained
from colorizers.networks.ddcolor import TINY, DDColor
from colorizers.networks.deoldify import DeOldify
from colorizers.networks.prepared import prepared
from colorizers.picture.photo import Photo
from colorizers.settings import PROJECT, get_settings
from colorizers.weights.store import WeightReader, make_store

CPU = torch.device("cpu")
LARGEST = 0.01  # difference in Lab units
ONE_PASS = ("unet", "adain", "transformer", "resnet_unet", "gan", "multicolor", "cnn")
SHIPPED = [key for name in ONE_PASS for key in METHODS[name].own_weights]
NORMS = nn.BatchNorm2d | nn.BatchNorm1d


def shipped(key: str) -> nn.Module:
    """A network with its weights, as a file gives it."""
    name, _, weights = key.partition("/")
    method = METHODS[name]
    assert isinstance(method, Trained)
    return WeightReader(make_store(REGISTRY, get_settings())).load_into(method.networks[weights](), key).eval()


def photo() -> Tensor:
    """L* (1, 1, H, W) of a photo at the default working size."""
    return Photo.open(PROJECT / "test_images" / "coffee_gray.jpg").network_lightness(160)[None, None]


@torch.inference_mode()
def colors(network: nn.Module, lightness: Tensor) -> Tensor:
    """ab as the method reads it."""
    return network.head.read(answer(network, lightness), 0.5)


@pytest.mark.parametrize("key", SHIPPED)
def test_a_prepared_network_gives_the_same_colours_without_norms(key: str):
    network, lightness = shipped(key), photo()
    before = colors(network, lightness)
    after = colors(prepared(network, CPU), lightness)
    assert before.std() > 1
    assert (after - before).abs().max() < LARGEST
    assert not any(isinstance(module, NORMS) for module in network.modules())


@pytest.mark.parametrize("make", [lambda: DeOldify(deep=True), lambda: DDColor(TINY)], ids=["deoldify", "ddcolor"])
def test_a_spectral_norm_is_computed_once(make: Callable[[], nn.Module]):
    network = untrained(make)
    lightness = 100 * torch.rand(1, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    before = colors(copy.deepcopy(network), lightness)
    assert any(hasattr(module, "weight_orig") for module in network.modules())
    after = colors(prepared(network, CPU), lightness)
    assert not any(hasattr(module, "weight_orig") for module in network.modules())
    assert (after - before).norm() < 1e-3 * before.norm()
