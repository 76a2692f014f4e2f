"""Output heads of the colouring networks, and how ab is decoded from their output.

Every head has `read(output, vividness)`, which gives ab (B, 2, h, w) in Lab units. Vividness is in [0, 1]; each head
defines its effect. All of them run in float32 under autocast too.
"""

from typing import Literal

import torch
from torch import Tensor, nn

from colorizers.networks.ab_bins import AbBins
from colorizers.networks.precision import in_float32
from colorizers.picture.color import rgb_to_lab

AB_SCALE = 16.0
"""About the standard deviation of a* and b* in photographs: networks predict ab in this unit."""

VIVIDNESS = 0.5  # the default
_TEMPERATURE = 0.4  # near the 0.38 of Zhang et al.
# At vividness 1:
_MIN_PRIOR_SHARE = 0.44  # of the prior correction in `AbBins.decode` is left
_GAIN = 1.0  # chroma grows by this share
_CONTRAST = 0.56  # and by its ratio to _MIDDLE_CHROMA to this power: strong colours gain more
# At any vividness:
_MIDDLE_CHROMA = 15.0  # Lab units
_MAX_RATIO = 2.0  # to _MIDDLE_CHROMA
_STRONG_CHROMA = 50.0  # Lab units; growth slows down towards it

Kind = Literal["bins", "ab", "rgb"]


class BinsHead(nn.Module):
    """A distribution over ab bins: features (B, c, h, w) to logits (B, n, h, w)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.bins = AbBins()
        self.conv = nn.Conv2d(channels, len(self.bins), 1)

    @in_float32
    def forward(self, features: Tensor) -> Tensor:
        logits: Tensor = self.conv(features)
        return logits

    @in_float32
    def read(self, logits: Tensor, vividness: float = VIVIDNESS) -> Tensor:
        """ab (B, 2, h, w): at vividness 0 with the full prior; towards 1 rare colours count more and chroma grows.

        Weak colours, where the network is unsure, grow less; very strong ones are held back against blotches. At
        equal colourfulness this costs less in CIEDE2000 than a weaker prior alone.
        """
        ab = self.bins.decode(logits, _TEMPERATURE, 1 - (1 - _MIN_PRIOR_SHARE) * vividness)
        chroma = ab.norm(dim=1, keepdim=True).clamp(min=1e-6)
        contrast = (chroma / _MIDDLE_CHROMA).clamp(max=_MAX_RATIO) ** (_CONTRAST * vividness)
        grown = (1 + _GAIN * vividness) * contrast * chroma
        slowed = grown * torch.sqrt((1 + (chroma / _STRONG_CHROMA) ** 2) / (1 + (grown / _STRONG_CHROMA) ** 2))
        return slowed / chroma * ab


class GainHead(nn.Module):
    """Gain on chroma, without a layer of its own, for a network that predicts ab (B, 2, h, w) in Lab units.

    At the vividness `neutral` the prediction is unchanged.
    """

    def __init__(self, neutral: float = VIVIDNESS) -> None:
        super().__init__()
        self._neutral = neutral

    @in_float32
    def read(self, ab: Tensor, vividness: float = VIVIDNESS) -> Tensor:
        """ab times a gain that is 1 at `neutral` and doubles with every 0.5 of vividness."""
        return 4.0 ** (vividness - self._neutral) * ab


class AbHead(GainHead):
    """Regression of ab: features (B, c, h, w) to ab (B, 2, h, w) in Lab units."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, 2, 1)

    @in_float32
    def forward(self, features: Tensor) -> Tensor:
        return AB_SCALE * self.conv(features)


class RgbHead(GainHead):
    """Regression of sRGB: features (B, c, h, w) to (B, 3, h, w) in [0, 1], of which `read` takes the chroma."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, 3, 1)

    @in_float32
    def forward(self, features: Tensor) -> Tensor:
        return torch.sigmoid(self.conv(features))

    @in_float32
    def read(self, rgb: Tensor, vividness: float = VIVIDNESS) -> Tensor:
        """ab of the picture, with the gain of `GainHead`."""
        return super().read(rgb_to_lab(rgb)[:, 1:], vividness)


Head = BinsHead | AbHead | RgbHead


def make_head(kind: Kind, channels: int) -> Head:
    """A head of this kind for features with this number of channels."""
    heads: dict[Kind, type[Head]] = {"bins": BinsHead, "ab": AbHead, "rgb": RgbHead}
    return heads[kind](channels)
