"""torchvision classifiers as feature networks for style transfer, run no further than the last requested layer.

Like `VGG19`, each has `layers`, the names of its layers, and returns the requested ones as (B, c, h, w).
"""

from collections.abc import Collection, Iterator

from torch import Tensor, nn

from colorizers.networks.imagenet import Normalization

_RESNET_BLOCKS = (3, 4, 6, 3)
_SWIN_BLOCKS = (2, 2, 18, 2)


def _names(blocks: tuple[int, ...]) -> tuple[str, ...]:
    return ("stem", *(f"block{stage}_{k}" for stage, count in enumerate(blocks, 1) for k in range(1, count + 1)))


class ResNet34(nn.Module):
    """ResNet-34 (He et al. 2015) without its classifier: `stem` at 1/2 size, `block1_1` to `block4_3` at 1/4 to 1/32.

    Parameters have torchvision's names.
    """

    layers = _names(_RESNET_BLOCKS)

    def __init__(self) -> None:
        from torchvision.models import resnet34

        super().__init__()
        self.normalize = Normalization()
        network = resnet34()
        self.conv1, self.bn1, self.relu, self.maxpool = network.conv1, network.bn1, network.relu, network.maxpool
        self.layer1, self.layer2 = network.layer1, network.layer2
        self.layer3, self.layer4 = network.layer3, network.layer4

    def forward(self, pictures: Tensor, requested: Collection[str]) -> dict[str, Tensor]:
        return _requested(self._levels(self.normalize(pictures)), self.layers, requested)

    def _levels(self, level: Tensor) -> Iterator[Tensor]:
        level = self.relu(self.bn1(self.conv1(level)))
        yield level
        level = self.maxpool(level)
        for stage in (self.layer1, self.layer2, self.layer3, self.layer4):
            for block in stage:
                level = block(level)
                yield level


class SwinB(nn.Module):
    """Swin-B (Liu et al. 2021) without its last norm and classifier: `stem` to `block4_2`, at 1/4 to 1/32 of the size.

    Parameters have torchvision's names.
    """

    layers = _names(_SWIN_BLOCKS)

    def __init__(self) -> None:
        from torchvision.models import swin_b

        super().__init__()
        self.normalize = Normalization()
        self.features = swin_b().features

    def forward(self, pictures: Tensor, requested: Collection[str]) -> dict[str, Tensor]:
        found = _requested(self._levels(self.normalize(pictures)), self.layers, requested)
        return {name: features.movedim(-1, 1) for name, features in found.items()}  # Swin keeps channels last

    def _levels(self, level: Tensor) -> Iterator[Tensor]:
        level = self.features[0](level)
        yield level
        for k in range(1, len(self.features)):
            if k % 2 == 0:  # patch merging between two stages
                level = self.features[k](level)
                continue
            for block in self.features[k]:
                level = block(level)
                yield level


def _requested(levels: Iterator[Tensor], names: tuple[str, ...], requested: Collection[str]) -> dict[str, Tensor]:
    """The requested levels by name; the network is not run beyond the last of them."""
    found: dict[str, Tensor] = {}
    for name, level in zip(names, levels):  # noqa: B905 - it ends early
        if name in requested:
            found[name] = level
        if len(found) == len(set(requested)):
            break
    return found
