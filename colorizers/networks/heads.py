"""The last layer of a colouring network, and how colours are read from what it says.

Every head gives `read(output, vividness)`: what the network said, to ab (B, 2, h, w) in Lab units. Vividness is in
[0, 1]; each head says what it means for it.
"""

from typing import Literal

import torch
from torch import Tensor, nn

from colorizers.networks.ab_bins import AbBins
from colorizers.picture.color import rgb_to_lab

AB_SCALE = 16.0
"""About the standard deviation of a* and b* in photographs: a network's numbers are near one when multiplied by it."""

VIVIDNESS = 0.5  # when nobody asks for another
_TEMPERATURE = 0.4  # near the 0.38 of Zhang et al.
_DARING = 0.56  # of the prior is left out at full vividness,
_GAIN = 1.0  # so much is added to chroma, as a share,
_CONTRAST = 0.56  # and this is the exponent by which sure colours gain more than others
_MIDDLE_CHROMA = 15.0  # Lab units; what the exponent leaves alone,
_SUREST = 2.0  # and the multiple of it from which it makes no difference
_STRONG_CHROMA = 50.0  # Lab units; growth slows down towards it

Kind = Literal["bins", "ab", "rgb"]


class BinsHead(nn.Module):
    """A distribution over ab bins: features (B, c, h, w) to logits (B, n, h, w)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.bins = AbBins()
        self.conv = nn.Conv2d(channels, len(self.bins), 1)

    def forward(self, features: Tensor) -> Tensor:
        return self.conv(features)

    def read(self, logits: Tensor, vividness: float = VIVIDNESS) -> Tensor:
        """At vividness 0 the honest odds, see `AbBins.decode`; towards 1 rare colours count more and chroma grows.

        It grows more where it is stronger, for what is weak here is what the network is not sure of, but not into
        blotches. At equal colourfulness this costs less in CIEDE2000 than the prior alone.
        """
        ab = self.bins.decode(logits, _TEMPERATURE, 1 - _DARING * vividness)
        chroma = ab.norm(dim=1, keepdim=True).clamp(min=1e-6)
        sure = (chroma / _MIDDLE_CHROMA).clamp(max=_SUREST) ** (_CONTRAST * vividness)
        grown = (1 + _GAIN * vividness) * sure * chroma
        slowed = grown * torch.sqrt((1 + (chroma / _STRONG_CHROMA) ** 2) / (1 + (grown / _STRONG_CHROMA) ** 2))
        return slowed / chroma * ab


class GainHead(nn.Module):
    """Reads ab (B, 2, h, w) in Lab units; by itself it has no layer, for a network that says ab anyway.

    At the vividness `neutral` it reads what the network says.
    """

    def __init__(self, neutral: float = VIVIDNESS) -> None:
        super().__init__()
        self._neutral = neutral

    def read(self, ab: Tensor, vividness: float = VIVIDNESS) -> Tensor:
        """Vividness is a gain on chroma, which doubles with every half: one at `neutral`."""
        return 4.0 ** (vividness - self._neutral) * ab


class AbHead(GainHead):
    """One colour a pixel: features (B, c, h, w) to ab (B, 2, h, w) in Lab units."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, 2, 1)

    def forward(self, features: Tensor) -> Tensor:
        return AB_SCALE * self.conv(features)


class RgbHead(GainHead):
    """A whole picture: features (B, c, h, w) to sRGB (B, 3, h, w) in [0, 1], of which only the chroma is read."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, 3, 1)

    def forward(self, features: Tensor) -> Tensor:
        return torch.sigmoid(self.conv(features))

    def read(self, rgb: Tensor, vividness: float = VIVIDNESS) -> Tensor:
        """Vividness is that of `GainHead`."""
        return super().read(rgb_to_lab(rgb.float())[:, 1:], vividness)


Head = BinsHead | AbHead | RgbHead


def make_head(kind: Kind, channels: int) -> Head:
    """A head of this kind for features of so many channels."""
    heads: dict[Kind, type[Head]] = {"bins": BinsHead, "ab": AbHead, "rgb": RgbHead}
    return heads[kind](channels)
