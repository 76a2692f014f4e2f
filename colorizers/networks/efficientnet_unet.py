"""U-Nets with an EfficientNet-Lite2 encoder, which may start from ImageNet weights."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d, adaptive_max_pool2d, interpolate, pad

from colorizers.networks.blocks import conv_block, decode_pyramid, decoder_levels, network_input, quarter
from colorizers.networks.efficientnet_lite import STRIDE, EfficientNetLite
from colorizers.networks.heads import AB_SCALE, Kind, make_head

_SCALES = (4, 8, 16, 32)  # of the encoder's features
WIDTHS = (96, 128, 192)  # of the decoder, at 1/4, 1/8 and 1/16
PYRAMID = WIDTHS[::-1]  # of `EfficientNetPyramid`
_LISTENING = 64  # channels between hints and what they add to the encoder's features


class EfficientNetPyramid(nn.Module):
    """Pictures (B, 1, H, W) in [-1, 1], sides multiples of 32, to features of the pixel decoder.

    They have `PYRAMID` channels at 1/16, 1/8 and 1/4 of the size. `added` goes to the encoder.
    """

    def __init__(self) -> None:
        super().__init__()
        self.encoder = EfficientNetLite()
        self.up = nn.ModuleList(_Up(*level) for level in decoder_levels(self.encoder.channels, WIDTHS))

    def forward(self, pictures: Tensor, added: Sequence[Tensor] = ()) -> list[Tensor]:
        return decode_pyramid(self.up, self.encoder(pictures, added))


class EfficientNetUNet(EfficientNetPyramid):
    """L* (B, 1, H, W) in [0, 100] to the output of its head, at ceil(H/4) x ceil(W/4)."""

    def __init__(self, kind: Kind = "bins") -> None:
        super().__init__()
        self.head = make_head(kind, WIDTHS[0])

    def forward(self, lightness: Tensor) -> Tensor:  # type: ignore[override]
        finest = super().forward(network_input(lightness, STRIDE))[-1]
        return quarter(self.head(finest), lightness)


class ListeningUNet(EfficientNetUNet):
    """The same, which also takes colour hints: at each level they are added to the features of the encoder."""

    def __init__(self) -> None:
        super().__init__()
        self.listening = nn.ModuleList(_Listening(channels) for channels in self.encoder.channels)

    def forward(self, lightness: Tensor, ab: Tensor | None = None, mask: Tensor | None = None) -> Tensor:  # type: ignore[override]
        """`ab` (B, 2, H, W) in Lab units holds the hints, and `mask` (B, 1, H, W) is 1 where there are any, else 0."""
        pictures = network_input(lightness, STRIDE)
        if ab is None or mask is None:
            ab, mask = torch.zeros_like(lightness).expand(-1, 2, -1, -1), torch.zeros_like(lightness)
        size = pictures.shape[-2:]
        hints = pad(torch.cat((ab * mask / AB_SCALE, mask), 1), (0, size[1] - ab.shape[-1], 0, size[0] - ab.shape[-2]))
        added = [
            part(hints, (size[0] // scale, size[1] // scale))
            for scale, part in zip(_SCALES, self.listening, strict=True)
        ]
        finest = EfficientNetPyramid.forward(self, pictures, added)[-1]
        return quarter(self.head(finest), lightness)


class _Listening(nn.Sequential):
    """Hints (B, 3, H, W) to what they add to features (B, channels, h, w); at first nothing."""

    def __init__(self, channels: int) -> None:
        last = nn.Conv2d(_LISTENING, channels, 1, bias=False)
        nn.init.zeros_(last.weight)
        super().__init__(nn.Conv2d(3, _LISTENING, 3, padding=1), nn.ReLU(inplace=True), last)

    def forward(self, hints: Tensor, size: tuple[int, int]) -> Tensor:  # type: ignore[override]
        """A place of the features hears the mean colour of the hints in it, however small they are."""
        share = adaptive_avg_pool2d(hints, size)
        colors = share[:, :2] / share[:, 2:].clamp(min=1e-6)
        added: Tensor = super().forward(torch.cat((colors, adaptive_max_pool2d(hints[:, 2:], size)), 1))
        return added


class _Up(nn.Sequential):
    """Decoder block: upsample, concatenate the skip, convolve twice."""

    def __init__(self, channels: int, skip: int, width: int) -> None:
        super().__init__(*conv_block(channels + skip, width))

    def forward(self, level: Tensor, skip: Tensor) -> Tensor:  # type: ignore[override]
        wide = interpolate(level, scale_factor=2.0, mode="bilinear", align_corners=False)
        joined: Tensor = super().forward(torch.cat((wide, skip), dim=1))
        return joined
