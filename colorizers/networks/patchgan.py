"""The 70x70 PatchGAN discriminator of Isola et al., "Image-to-Image Translation with Conditional Adversarial
Networks" (2017), with spectral norm (Miyato et al. 2018) in place of batch norm."""

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d
from torch.nn.utils.parametrizations import spectral_norm


class PatchGAN(nn.Module):
    """Lab pictures (B, 3, H, W), each channel about in [-1, 1], to one score per patch (B, 1, H/8 - 2, W/8 - 2)."""

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        channels = (3, width, 2 * width, 4 * width, 8 * width)
        layers: list[nn.Module] = []
        for k, stride in enumerate((2, 2, 2, 1)):
            layers += [spectral_norm(_Conv2d(channels[k], channels[k + 1], 4, stride, 1)), nn.LeakyReLU(0.2)]
        self.layers = nn.Sequential(*layers, spectral_norm(_Conv2d(channels[-1], 1, 4, 1, 1)))

    def forward(self, lab: Tensor) -> Tensor:
        return self.layers(lab)


class _Conv2d(nn.Conv2d):
    """A convolution that computes its normalised weight in float32: half precision spoils the power iteration."""

    def forward(self, planes: Tensor) -> Tensor:
        with torch.autocast(planes.device.type, enabled=False):
            weight = self.weight
        return conv2d(planes, weight, self.bias, self.stride, self.padding)
