"""What is done to a network before it colours changes its speed, not its colours."""

import copy
from collections.abc import Callable

import pytest
import torch
from conftest import untrained
from shipped_networks import CPU, SHIPPED, colors, photo, seeded, shipped
from torch import nn

from colorizers.networks.ddcolor import TINY, DDColor
from colorizers.networks.deoldify import DeOldify
from colorizers.networks.prepared import prepared

LARGEST = 0.01  # difference in Lab units


@pytest.mark.parametrize("key", SHIPPED)
def test_a_prepared_network_gives_the_same_colours_without_norms(key: str):
    network, lightness = shipped(key), photo()
    before = colors(network, lightness)
    after = colors(prepared(network, CPU), lightness)
    assert before.std() > 1
    assert (after - before).abs().max() < LARGEST
    assert not any(isinstance(module, nn.BatchNorm2d) for module in network.modules())


@pytest.mark.parametrize("make", [lambda: DeOldify(deep=True), lambda: DDColor(TINY)], ids=["deoldify", "ddcolor"])
def test_a_spectral_norm_is_computed_once(make: Callable[[], nn.Module]):
    network = untrained(make)
    lightness = 100 * torch.rand(1, 1, 64, 64, generator=seeded(0))
    before = colors(copy.deepcopy(network), lightness)
    assert any(hasattr(module, "weight_orig") for module in network.modules())
    after = colors(prepared(network, CPU), lightness)
    assert not any(hasattr(module, "weight_orig") for module in network.modules())
    assert (after - before).norm() < 1e-3 * before.norm()
