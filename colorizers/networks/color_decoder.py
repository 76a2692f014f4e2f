"""The colour decoder of DDColor (Kang et al. 2023): a transformer decoder with learnt colour queries.

Parameter names are those of the published checkpoints.
"""

import itertools
import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

_HEADS = 8
_SCALES = 3
_LONGEST_WAVE = 10000.0


class ColorDecoder(nn.Module):
    """One map per colour query (B, queries, H, W) from features at three scales and a full-size feature map.

    The scales (B, c, h, w) come coarsest first; the feature map is (B, out, H, W). Each of the `layers` attends to one
    scale in turn, then to the other queries.
    """

    def __init__(
        self, channels: Sequence[int], out: int, *, queries: int = 100, width: int = 256, layers: int = 9,
        hidden: int = 2048,
    ) -> None:  # fmt: skip
        super().__init__()
        self.query_feat = nn.Embedding(queries, width)
        self.query_embed = nn.Embedding(queries, width)
        self.level_embed = nn.Embedding(_SCALES, width)
        self.input_proj = nn.ModuleList(nn.Conv2d(each, width, 1) for each in channels)
        self.transformer_cross_attention_layers = nn.ModuleList(_CrossAttention(width) for _ in range(layers))
        self.transformer_self_attention_layers = nn.ModuleList(_SelfAttention(width) for _ in range(layers))
        self.transformer_ffn_layers = nn.ModuleList(_FeedForward(width, hidden) for _ in range(layers))
        self.decoder_norm = nn.LayerNorm(width)
        self.color_embed = _Mlp(width, width, out)

    def forward(self, scales: Sequence[Tensor], picture: Tensor) -> Tensor:
        keys, values = (
            [],
            [],
        )  # (places, B, c), the order of nn.MultiheadAttention; another one is about twenty times slower
        for project, scale, level in zip(self.input_proj, scales, self.level_embed.weight, strict=True):
            height, width = scale.shape[-2:]
            tokens = (project(scale).flatten(2).movedim(2, 0) + level).contiguous()
            values.append(tokens)
            keys.append(tokens + _places(height, width, tokens))
        queries = self.query_feat.weight[:, None].repeat(1, picture.shape[0], 1)
        own = self.query_embed.weight[:, None]
        blocks = zip(
            self.transformer_cross_attention_layers, self.transformer_self_attention_layers,
            self.transformer_ffn_layers, itertools.cycle(range(_SCALES)), strict=False,
        )  # fmt: skip
        for cross_attention, self_attention, feed_forward, index in blocks:
            queries = cross_attention(queries, own, keys[index], values[index])
            queries = feed_forward(self_attention(queries, own))
        colors = self.color_embed(self.decoder_norm(queries))
        return torch.einsum("qbc,bchw->bqhw", colors, picture)


class _CrossAttention(nn.Module):
    """Attention of the queries to the picture."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.multihead_attn = nn.MultiheadAttention(width, _HEADS)
        self.norm = nn.LayerNorm(width)

    def forward(self, queries: Tensor, own: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        attended, _ = self.multihead_attn(queries + own, keys, values, need_weights=False)
        return self.norm(queries + attended)


class _SelfAttention(nn.Module):
    """Attention among the queries."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.self_attn = nn.MultiheadAttention(width, _HEADS)
        self.norm = nn.LayerNorm(width)

    def forward(self, queries: Tensor, own: Tensor) -> Tensor:
        placed = queries + own
        attended, _ = self.self_attn(placed, placed, queries, need_weights=False)
        return self.norm(queries + attended)


class _FeedForward(nn.Module):
    """Two linear layers on each query."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.linear1, self.linear2 = nn.Linear(width, hidden), nn.Linear(hidden, width)
        self.norm = nn.LayerNorm(width)

    def forward(self, queries: Tensor) -> Tensor:
        return self.norm(queries + self.linear2(torch.relu(self.linear1(queries))))


class _Mlp(nn.Module):
    """Three linear layers."""

    def __init__(self, width: int, hidden: int, out: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList((nn.Linear(width, hidden), nn.Linear(hidden, hidden), nn.Linear(hidden, out)))

    def forward(self, level: Tensor) -> Tensor:
        first, second, last = self.layers
        return last(torch.relu(second(torch.relu(first(level)))))


def _places(height: int, width: int, like: Tensor) -> Tensor:
    """Sine position embedding (h w, 1, c), half of it for y and half for x (Carion et al. 2020, normalised)."""
    channels = like.shape[-1] // 2
    rates = _LONGEST_WAVE ** (-2 * (torch.arange(channels, device=like.device) // 2) / channels)
    waves = []
    for count in (height, width):
        angle = 2 * math.pi * torch.arange(1, count + 1, device=like.device)[:, None] / (count + 1e-6) * rates
        waves.append(torch.stack((angle[:, 0::2].sin(), angle[:, 1::2].cos()), dim=-1).flatten(1))
    down, along = waves
    grid = torch.cat((down[:, None].expand(-1, width, -1), along[None].expand(height, -1, -1)), dim=-1)
    return grid.flatten(0, 1)[:, None].to(like.dtype)
