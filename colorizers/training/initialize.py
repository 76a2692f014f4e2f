"""Initial weights from files: for the network that is trained, and for frozen networks of losses."""

from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from colorizers.errors import ColorizerError
from colorizers.networks.efficientnet_lite import EfficientNetLite
from colorizers.networks.imagenet import Normalization
from colorizers.networks.precision import in_float32
from colorizers.picture.color import lab_to_rgb
from colorizers.training.recipe import Frozen
from colorizers.weights.loading import read_state
from colorizers.words import Text

VGG, EFFICIENTNET = "VGG-16", "EfficientNet-Lite2"
_PERCEPTUAL_LEVELS = 3  # of a feature network, from the finest on
_NAMES_SHOWN = 6  # of randomly initialised layers

_RENAMINGS: tuple[Callable[[str], str], ...] = (
    lambda name: name.removeprefix("features."),
    lambda name: "encoder." + name.removeprefix("features."),
    lambda name: name.removeprefix("encoder."),
)
"""A file may hold the same network, the backbone of its encoder, or a network whose encoder it is."""


def load_matching(network: nn.Module, path: Path, required: str = "") -> Text:
    """Load every tensor of a file that fits one of the network's by name and shape; describe the result.

    A published backbone fills the network's `encoder`; its first convolution is summed over RGB if the network has one
    channel. The grid of bins is not loaded: its prior depends on the photos of this run. Raises ColorizerError if
    nothing fits, or if a tensor whose name begins with `required` is not in the file.
    """
    state = read_state(path)
    own = {name: value for name, value in network.state_dict().items() if ".bins." not in name}
    matching: dict[str, Tensor | None] = {}
    for rename in _RENAMINGS:
        candidate = _matching(state, own, rename)
        if len(candidate) > len(matching):
            matching = candidate
    loaded = {name: value for name, value in matching.items() if value is not None}
    if not loaded:
        raise ColorizerError(Text("training.nothing-fits", file=path.name))
    missing = own.keys() - loaded.keys()
    if required and any(name.startswith(required) for name in missing):
        raise ColorizerError(Text("training.frozen-part-missing", file=path.name, part=required.rstrip(".")))
    with torch.no_grad():
        for name, value in loaded.items():
            own[name].copy_(value)
    if missing:
        layers = _layers(missing)
        return Text("training.partly-loaded", loaded=len(loaded), total=len(own), file=path.name, layers=layers)
    return Text("training.loaded", loaded=len(loaded), total=len(own), file=path.name)


def _matching(
    state: Mapping[str, Tensor], own: Mapping[str, Tensor], rename: Callable[[str], str]
) -> dict[str, Tensor | None]:
    """The file's tensors whose new names are the network's; None where the shape differs."""
    found = {}
    for old_name, value in state.items():
        name = rename(old_name)
        if name in own:
            found[name] = _reshaped(value, own[name])
    return found


def _reshaped(value: Tensor, own: Tensor) -> Tensor | None:
    """A tensor in the network's shape, None if it has another; a convolution of RGB is summed to one channel."""
    if value.ndim == 4 and value.shape[1] == 3 and own.shape[1] == 1:
        value = value.sum(1, keepdim=True)
    return value if value.shape == own.shape else None


def _layers(tensors: set[str]) -> Text | list[str]:
    """The first layers of a set of tensors, by name."""
    layers = sorted({name.rpartition(".")[0] for name in tensors})
    return Text("weights.and-more", names=layers[:_NAMES_SHOWN]) if len(layers) > _NAMES_SHOWN else layers


def feature_network(path: Path | None, flag: str, accepted: tuple[str, ...] = (VGG, EFFICIENTNET)) -> Frozen:
    """The frozen feature network in a file: pictures (B, 3, H, W) in [-1, 1] to a list of feature maps.

    Raises ColorizerError if the file does not hold an accepted network under its published tensor names.
    """
    if path is None:
        raise ColorizerError(Text("training.network-missing", networks=accepted, flag=flag))
    state = read_state(path)
    name = EFFICIENTNET if "_conv_stem.weight" in state else VGG
    problem = ColorizerError(Text("training.another-network", file=path.name, networks=accepted, flag=flag))
    if name not in accepted:
        raise problem
    network = _NETWORKS[name]()
    expected = network.state_dict()
    found = {name: value for name, value in state.items() if name in expected}
    if any(name not in found or found[name].shape != value.shape for name, value in expected.items()):
        raise problem
    network.load_state_dict(found)
    return Frozen(network.float())


class VGGFeatures(nn.Module):
    """VGG-16 up to relu4_3: pictures (B, 3, H, W) in [-1, 1] to features at 1/2, 1/4 and 1/8 of the size."""

    def __init__(self) -> None:
        from torchvision.models import vgg16

        super().__init__()
        self.normalize = Normalization()
        self.features = vgg16().features[:23]

    def forward(self, pictures: Tensor) -> list[Tensor]:
        level, features = self.normalize((pictures + 1) / 2), []
        for index, layer in enumerate(self.features):
            level = layer(level)
            if index in (8, 15, 22):
                features.append(level)
        return features


def perceptual_features(network: Frozen, lab: Tensor) -> list[Tensor]:
    """Features of Lab pictures (B, 3, H, W) for a perceptual loss; gradients flow to the pictures."""
    features: list[Tensor] = network(2 * clipped_rgb(lab) - 1)
    return features[:_PERCEPTUAL_LEVELS]


@in_float32
def clipped_rgb(lab: Tensor) -> Tensor:
    """sRGB (..., 3, H, W) clipped to [0, 1] from Lab (..., 3, H, W)."""
    return lab_to_rgb(lab).clamp(0, 1)


_NETWORKS: dict[str, Callable[[], nn.Module]] = {
    VGG: VGGFeatures,
    EFFICIENTNET: lambda: EfficientNetLite(channels=3),
}
