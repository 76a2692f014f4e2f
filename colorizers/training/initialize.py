"""Pretrained beginnings: weights from a file into a network, or a frozen network that judges pictures."""

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from colorizers.errors import ColorizerError
from colorizers.networks.efficientnet_lite import EfficientNetLite
from colorizers.networks.imagenet import normalised
from colorizers.picture.color import lab_to_rgb
from colorizers.training.recipe import Frozen
from colorizers.weights import store as weights

VGG, EFFICIENTNET = "VGG-16", "EfficientNet-Lite2"
_PERCEIVED = 3  # levels of a feature network that a perceptual loss compares, from the finest on


def fill(network: nn.Module, path: Path, whole: str = "") -> str:
    """Take every tensor of a file that has the name and shape of one of the network's; says in words how many.

    A published backbone fills the network's `encoder`, its first convolution summed over RGB where the network has
    one channel. The grid of bins is left alone: its prior belongs to the photos of this run. Raises ColorizerError
    when nothing fits, or when a tensor is left whose name begins with `whole`.
    """
    state = weights.read_state(path)
    own = {name: value for name, value in network.state_dict().items() if ".bins." not in name}
    named = [{prefix + name.removeprefix("features."): value for name, value in state.items()}
             for prefix in ("", "encoder.")]  # fmt: skip
    named.append({name.removeprefix("encoder."): value for name, value in state.items()})
    fitting = max(([(n, _fitted(v, own[n])) for n, v in names.items() if n in own] for names in named), key=len)
    taken = {name: value for name, value in fitting if value is not None}
    if not taken:
        raise ColorizerError(f"No tensor of {path.name} fits this network; give another file with --start.")
    left = own.keys() - taken.keys()
    if whole and any(name.startswith(whole) for name in left):
        raise ColorizerError(
            f"{path.name} does not fill the {whole.rstrip('.')}, which is to stay as it is; "
            "give another file with --start, or an --encoder-rate."
        )
    with torch.no_grad():
        for name, value in taken.items():
            own[name].copy_(value)
    fresh = sorted({name.rpartition(".")[0] for name in left})
    begun = f"; begun afresh: {', '.join(fresh[:6])}{' ...' if len(fresh) > 6 else ''}" if fresh else ""
    return f"{len(taken)} of {len(own)} tensors from {path.name}{begun}"


def _fitted(value: Tensor, own: Tensor) -> Tensor | None:
    """The value in the network's shape; None when it has another one."""
    if value.ndim == 4 and value.shape[1] == 3 and own.shape[1] == 1:
        value = value.sum(1, keepdim=True)
    return value if value.shape == own.shape else None


def feature_network(path: Path | None, flag: str, accepted: tuple[str, ...] = (VGG, EFFICIENTNET)) -> Frozen:
    """The frozen feature network in a file: pictures (B, 3, H, W) in [-1, 1] to a list of feature maps.

    It is one of those accepted, its tensors named as published. ColorizerError when it is not.
    """
    names = " or ".join(accepted)
    if path is None:
        raise ColorizerError(f"This recipe needs the weights of {names}; give their file with {flag}.")
    state = {name.removeprefix("features."): value for name, value in weights.read_state(path).items()}
    name = EFFICIENTNET if "_conv_stem.weight" in state else VGG
    problem = ColorizerError(f"{path.name} does not hold {names}; give another file with {flag}.")
    if name not in accepted:
        raise problem
    network = _NETWORKS[name]()
    wanted = network.state_dict()
    found = {name: value for name, value in state.items() if name in wanted}
    if any(name not in found or found[name].shape != value.shape for name, value in wanted.items()):
        raise problem
    network.load_state_dict(found)
    return Frozen(network.float())


class VGGFeatures(nn.Sequential):
    """VGG-16 up to relu4_3: pictures (B, 3, H, W) in [-1, 1] to features at 1/2, 1/4 and 1/8 of the size."""

    def __init__(self) -> None:
        from torchvision.models import vgg16

        super().__init__(*vgg16().features[:23])

    def forward(self, pictures: Tensor) -> list[Tensor]:
        level, features = normalised((pictures + 1) / 2), []
        for index, layer in enumerate(self):
            level = layer(level)
            if index in (8, 15, 22):
                features.append(level)
        return features


def perceived(judge: Frozen, lab: Tensor) -> list[Tensor]:
    """What a feature network sees of Lab pictures (B, 3, H, W); gradients flow to the pictures."""
    features: list[Tensor] = judge(2 * true_rgb(lab) - 1)
    return features[:_PERCEIVED]


def true_rgb(lab: Tensor) -> Tensor:
    """Lab (..., 3, H, W) to sRGB in [0, 1], in full precision under autocast too."""
    with torch.autocast(lab.device.type, enabled=False):
        return lab_to_rgb(lab.float()).clamp(0, 1)


_NETWORKS: dict[str, Callable[[], nn.Module]] = {
    VGG: VGGFeatures,
    EFFICIENTNET: lambda: EfficientNetLite(channels=3),
}
