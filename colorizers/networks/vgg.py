"""VGG-19 (Simonyan and Zisserman 2014) of any width, run no further than the layers that are asked for."""

from collections.abc import Collection

from torch import Tensor, nn

from colorizers.networks.imagenet import normalised

PUBLISHED = (64, 128, 256, 512, 512)
COMPACT = (24, 48, 96, 160, 160)
_CONVOLUTIONS = (2, 2, 4, 4, 4)


class VGG19(nn.Module):
    """Pictures (B, 3, H, W), sRGB in [0, 1], to the features that are asked for: `relu1_1` to `relu5_4`.

    The first stage has `widths[0]` channels at full size, each other its own at half the size of the one before,
    rounded up. Parameters are named as torchvision names those of vgg19, or of vgg19_bn with `norm`.
    """

    def __init__(self, widths: tuple[int, ...] = PUBLISHED, norm: bool = False) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        self._ends: dict[str, int] = {}
        before = 3
        for stage, (width, count) in enumerate(zip(widths, _CONVOLUTIONS, strict=True), 1):
            for k in range(1, count + 1):
                layers.append(_convolution(before, width))
                layers += [nn.BatchNorm2d(width)] if norm else []
                layers.append(nn.ReLU())
                self._ends[f"relu{stage}_{k}"] = len(layers)
                before = width
            layers.append(nn.MaxPool2d(2, ceil_mode=True))  # rounded up: a strip of 4 pixels passes too
        self.features = nn.Sequential(*layers[:-1])

    @property
    def layers(self) -> tuple[str, ...]:
        """The names of the layers, the first one first."""
        return tuple(self._ends)

    def forward(self, pictures: Tensor, wanted: Collection[str]) -> dict[str, Tensor]:
        features: dict[str, Tensor] = {}
        level, begin = normalised(pictures), 0
        for name in sorted(wanted, key=self._ends.__getitem__):
            level = self.features[begin : self._ends[name]](level)
            features[name], begin = level, self._ends[name]
        return features


def _convolution(before: int, width: int) -> nn.Conv2d:
    convolution = nn.Conv2d(before, width, 3, padding=1)
    nn.init.kaiming_normal_(convolution.weight, nonlinearity="relu")
    return convolution
