"""Classifiers whose features tell content and style: torchvision's, run no further than the layers that are asked for.

Like `VGG19` each has `layers`, the names of its layers, and gives those that are asked for as (B, c, h, w).
"""

from collections.abc import Collection, Iterator

from torch import Tensor, nn

from colorizers.networks.imagenet import normalised

_RESNET_BLOCKS = (3, 4, 6, 3)
_SWIN_BLOCKS = (2, 2, 18, 2)


def _names(blocks: tuple[int, ...]) -> tuple[str, ...]:
    return ("stem", *(f"block{stage}_{k}" for stage, count in enumerate(blocks, 1) for k in range(1, count + 1)))


class ResNet34(nn.Module):
    """ResNet-34 (He et al. 2015): the stem at 1/2 of the size, `block1_1` to `block4_3` at 1/4 to 1/32.

    Parameters are named as torchvision names them; without the classifier.
    """

    layers = _names(_RESNET_BLOCKS)

    def __init__(self) -> None:
        from torchvision.models import resnet34

        super().__init__()
        network = resnet34()
        self.conv1, self.bn1, self.relu, self.maxpool = network.conv1, network.bn1, network.relu, network.maxpool
        self.layer1, self.layer2 = network.layer1, network.layer2
        self.layer3, self.layer4 = network.layer3, network.layer4

    def forward(self, pictures: Tensor, wanted: Collection[str]) -> dict[str, Tensor]:
        return _asked(self._levels(normalised(pictures)), self.layers, wanted)

    def _levels(self, level: Tensor) -> Iterator[Tensor]:
        level = self.relu(self.bn1(self.conv1(level)))
        yield level
        level = self.maxpool(level)
        for stage in (self.layer1, self.layer2, self.layer3, self.layer4):
            for block in stage:
                level = block(level)
                yield level


class SwinB(nn.Module):
    """Swin-B (Liu et al. 2021): the patches of the stem and `block1_1` to `block4_2`, at 1/4 to 1/32 of the size.

    Parameters are named as torchvision names them; without the last norm and the classifier.
    """

    layers = _names(_SWIN_BLOCKS)

    def __init__(self) -> None:
        from torchvision.models import swin_b

        super().__init__()
        self.features = swin_b().features

    def forward(self, pictures: Tensor, wanted: Collection[str]) -> dict[str, Tensor]:
        found = _asked(self._levels(normalised(pictures)), self.layers, wanted)
        return {name: features.movedim(-1, 1) for name, features in found.items()}  # channels are last in it

    def _levels(self, level: Tensor) -> Iterator[Tensor]:
        level = self.features[0](level)
        yield level
        for k in range(1, len(self.features)):
            if k % 2 == 0:  # between two stages: patches are merged
                level = self.features[k](level)
                continue
            for block in self.features[k]:
                level = block(level)
                yield level


def _asked(levels: Iterator[Tensor], names: tuple[str, ...], wanted: Collection[str]) -> dict[str, Tensor]:
    """Those levels that are wanted; what comes after the last of them is not run."""
    found: dict[str, Tensor] = {}
    for name, level in zip(names, levels):  # noqa: B905 - it ends early
        if name in wanted:
            found[name] = level
        if len(found) == len(set(wanted)):
            break
    return found
