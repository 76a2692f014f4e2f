"""VGG-19 (Simonyan and Zisserman 2014) of any width, run no further than the last requested layer."""

from collections.abc import Collection

from torch import Tensor, nn

from colorizers.networks.imagenet import Normalization

PUBLISHED = (64, 128, 256, 512, 512)
COMPACT = (24, 48, 96, 160, 160)
_CONVOLUTIONS = (2, 2, 4, 4, 4)


class VGG19(nn.Module):
    """Pictures (B, 3, H, W), sRGB in [0, 1], to the requested features by name, `relu1_1` to `relu5_4`.

    Stage k has `widths[k]` channels; each stage has half the size of the one before, rounded up. Parameters have
    torchvision's names of vgg19, or of vgg19_bn with `norm`.
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
            layers.append(nn.MaxPool2d(2, ceil_mode=True))  # rounded up, for pictures as narrow as 4 pixels
        self.features = nn.Sequential(*layers[:-1])
        self.normalize = Normalization()

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of the layers, in order."""
        return tuple(self._ends)

    def forward(self, pictures: Tensor, requested: Collection[str]) -> dict[str, Tensor]:
        features: dict[str, Tensor] = {}
        level, begin = self.normalize(pictures), 0
        for name in sorted(requested, key=self._ends.__getitem__):
            level = self.features[begin : self._ends[name]](level)
            features[name], begin = level, self._ends[name]
        return features


def _convolution(before: int, width: int) -> nn.Conv2d:
    convolution = nn.Conv2d(before, width, 3, padding=1)
    nn.init.kaiming_normal_(convolution.weight, nonlinearity="relu")
    return convolution
