"""The networks of the one-pass methods with their shipped weights, and what they say of a photo."""

import torch
from conftest import reader
from torch import Tensor, nn

from colorizers.methods.catalog import METHODS
from colorizers.methods.trained import Trained
from colorizers.picture.photo import Photo
from colorizers.settings import PROJECT

CPU = torch.device("cpu")
ONE_PASS = ("unet", "adain", "transformer", "resnet_unet", "gan", "multicolor", "cnn")
SHIPPED = [key for name in ONE_PASS for key in METHODS[name].own_weights]


def shipped(key: str) -> nn.Module:
    """A network with its weights, as a file gives it."""
    name, _, weights = key.partition("/")
    method = METHODS[name]
    assert isinstance(method, Trained)
    return reader().load_into(method.networks[weights](), key).eval()


def photo() -> Tensor:
    """L* (1, 1, H, W) of a photo at the default working size."""
    return Photo.open(PROJECT / "test_images" / "coffee_gray.jpg").network_lightness(160)[None, None]


@torch.inference_mode()
def colors(network: nn.Module, lightness: Tensor) -> Tensor:
    """ab (B, 2, h, w) as the method reads it; where a reference is needed, some noise."""
    given = [lightness]
    if hasattr(network, "style"):
        given.append(network.style(100 * torch.rand(len(lightness), 3, 32, 32, generator=seeded(0))))
    return network.head.read(network(*given), 0.5)


def seeded(seed: int) -> torch.Generator:
    """A generator of random numbers that are the same each time."""
    return torch.Generator().manual_seed(seed)
