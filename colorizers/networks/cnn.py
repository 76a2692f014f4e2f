"""The multi-path CNN of Iizuka, Simo-Serra, Ishikawa, "Let there be Color!" (2016), at half its widths.

Low-level features feed two branches: a mid-level one that keeps the picture's size, and a global one that sees the
whole photo at a fixed size and describes its content in one vector. Both are fused at every pixel before colouring.
The global branch ends in average pooling, not in a flattened map, so that photos of any size fit.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from colorizers.networks.blocks import conv_norm, network_input, quarter
from colorizers.networks.heads import Kind, make_head

STRIDE = 8
GLOBAL_SIDE = 96  # pixels, at which the global branch sees the whole photo
DESCRIPTION = 256  # channels of the global branch
FUSED = 128  # channels of the global vector, of the mid-level features and of their fusion
COLOR = 96  # channels of the colouring network at 1/4


class CNN(nn.Module):
    """L* (B, 1, H, W) in [0, 100] to the output of its head, at ceil(H/4) x ceil(W/4)."""

    def __init__(self, kind: Kind = "bins") -> None:
        super().__init__()
        self.low = nn.Sequential(
            conv_norm(1, 32, stride=2),
            conv_norm(32, 64),
            conv_norm(64, 64, stride=2),
            conv_norm(64, 128),
            conv_norm(128, 128, stride=2),
            conv_norm(128, 256),
        )
        self.mid = nn.Sequential(conv_norm(256, 256), conv_norm(256, FUSED))
        self.whole = nn.Sequential(
            conv_norm(256, 256, stride=2),
            conv_norm(256, 256),
            conv_norm(256, 256, stride=2),
            conv_norm(256, DESCRIPTION),
        )
        self.describe = nn.Sequential(nn.Linear(DESCRIPTION, 256), nn.ReLU(), nn.Linear(256, FUSED), nn.ReLU())
        self.fuse = nn.Sequential(nn.Conv2d(2 * FUSED, FUSED, 1), nn.ReLU())
        self.color = nn.ModuleList((conv_norm(FUSED, FUSED), conv_norm(FUSED, COLOR), conv_norm(COLOR, COLOR)))
        self.head = make_head(kind, COLOR)

    def forward(self, lightness: Tensor) -> Tensor:
        return self.colors_and_description(lightness)[0]

    def colors_and_description(self, lightness: Tensor) -> tuple[Tensor, Tensor]:
        """Output of the head, and the global branch's vector (B, DESCRIPTION) for a classifier."""
        low = self.low(network_input(lightness, STRIDE))
        content = self.whole(self._whole_photo(lightness, low)).mean((2, 3))
        described = self.describe(content)[:, :, None, None].expand(-1, -1, *low.shape[-2:])
        level = self.color[0](self.fuse(torch.cat((self.mid(low), described), dim=1)))
        level = interpolate(level, scale_factor=2.0, mode="bilinear", align_corners=False)
        for block in self.color[1:]:
            level = block(level)
        return quarter(self.head(level), lightness), content

    def _whole_photo(self, lightness: Tensor, low: Tensor) -> Tensor:
        """Low-level features at the global branch's size; reuses `low` if the photo has that size."""
        if lightness.shape[-2:] == (GLOBAL_SIDE, GLOBAL_SIDE):
            return low
        whole = interpolate(lightness, (GLOBAL_SIDE, GLOBAL_SIDE), mode="bilinear", antialias=True)
        return self.low(network_input(whole, STRIDE))
