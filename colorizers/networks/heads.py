"""Output heads of the colouring networks, and how ab is decoded from their output.

Every head has `read(output, vividness)`, which gives ab (B, 2, h, w) in Lab units. Vividness is in [0, 1]; each head
defines its effect. All of them run in float32 under autocast too.
"""

from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from colorizers.networks.ab_bins import AbBins
from colorizers.networks.precision import in_float32
from colorizers.picture.color import rgb_to_lab

AB_SCALE = 16.0
"""About the standard deviation of a* and b* in photographs: networks predict ab in this unit."""

VIVIDNESS = 0.5  # the default
CALM = 0.7  # the default of networks that predict ab itself
_TEMPERATURE = 0.5  # the 0.38 of Zhang et al. leaves more places gray at the same error
_MIN_PRIOR_SHARE = 0.44  # of the prior correction in `AbBins.decode` is left at vividness 1
_CONTRAST = 0.8  # chroma grows by its ratio to _MIDDLE_CHROMA to this power too, at vividness 1
_MIDDLE_CHROMA = 15.0  # Lab units
_MAX_RATIO = 2.0  # to _MIDDLE_CHROMA


class _Growth(NamedTuple):
    """How chroma grows with vividness; Lab units."""

    gain: float  # at vividness 1
    strong: float  # growth slows down towards this chroma


_OF_BINS = _Growth(1.4, 60.0)
_OF_REGRESSION = _Growth(2.0, 80.0)

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
        """ab (B, 2, h, w): at vividness 0 with the full prior; towards 1 rare colours count more and chroma grows."""
        ab = self.bins.decode(logits, _TEMPERATURE, 1 - (1 - _MIN_PRIOR_SHARE) * vividness)
        return _grown(ab, vividness, _OF_BINS)


class GainHead(nn.Module):
    """Gain on chroma, without a layer of its own, for a network that predicts ab (B, 2, h, w) in Lab units.

    At the vividness `neutral` the prediction is unchanged; above it strong colours grow more than weak ones.
    """

    def __init__(self, neutral: float = VIVIDNESS) -> None:
        super().__init__()
        self._neutral = neutral

    @in_float32
    def read(self, ab: Tensor, vividness: float = VIVIDNESS) -> Tensor:
        """ab (B, 2, h, w): every 0.5 of vividness below `neutral` halves the chroma."""
        share = (vividness - self._neutral) / (1 - self._neutral)
        return 4.0 ** (vividness - self._neutral) * ab if share <= 0 else _grown(ab, share, _OF_REGRESSION)


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


def _grown(ab: Tensor, share: float, growth: _Growth) -> Tensor:
    """ab (B, 2, h, w) with more chroma; `share` in [0, 1] is how far towards the most.

    Weak colours, where a network is unsure, grow by the root of the gain, and very strong ones are held back against
    blotches: at equal colourfulness this costs less in CIEDE2000 than one gain for all.
    """
    gain = growth.gain**share
    chroma = ab.norm(dim=1, keepdim=True).clamp(min=1e-6)
    contrast = (chroma / _MIDDLE_CHROMA).clamp(max=_MAX_RATIO) ** (_CONTRAST * share)
    grown = (gain * contrast).clamp(min=gain**0.5) * chroma
    slowed = grown * torch.sqrt((1 + (chroma / growth.strong) ** 2) / (1 + (grown / growth.strong) ** 2))
    return slowed / chroma * ab


def make_head(kind: Kind, channels: int) -> Head:
    """A head of this kind for features with this number of channels."""
    heads: dict[Kind, type[Head]] = {"bins": BinsHead, "ab": AbHead, "rgb": RgbHead}
    return heads[kind](channels)
