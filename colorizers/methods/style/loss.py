"""Losses of neural style transfer: content, style (Gram), total variation."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

LOSSES = ("content", "style", "smoothness")
_ORIGINAL_STYLE = 10  # times what was asked for: its five style terms stood in a list that was repeated ten times


@dataclass(frozen=True)
class Layers:
    """The layers of the style loss, from the finest to the coarsest, and the layer of the content loss."""

    style: tuple[str, ...]
    content: str


@dataclass(frozen=True)
class LossWeights:
    """The weight of each loss, and among the style layers of each of them.

    `relative` compares in shares of what the fixed picture has, so that every layer of every network counts alike: the
    1/(4 N^2 M^2) of Gatys, Ecker and Bethge (2016), equation 4, falls out. Else Grams and features are compared as
    they are, as "Color Reconstruction for Monochrome Images as Style Transfer" does.
    """

    content: float
    style: float
    smoothness: float
    layers: Mapping[str, float]
    relative: bool = True


class StyleLoss:
    """The weighted losses of a picture, whose gradients flow to it; what is fixed is computed once."""

    def __init__(self, network: Any, layers: Layers, weights: LossWeights, content: Tensor, reference: Tensor) -> None:
        """`content` and `reference` are sRGB (3, H, W) in [0, 1]; layers that do not count are not run."""
        self._network, self._weights = network, weights
        self._content_layer = layers.content
        self._grams: dict[str, Tensor] = {}
        self._content = None
        with torch.no_grad():
            counted = [name for name in layers.style if weights.style * weights.layers[name] > 0]
            if counted:
                self._grams = {name: self._gram(f) for name, f in network(reference[None], counted).items()}
            if weights.content > 0:
                self._content = network(content[None], [layers.content])[layers.content]

    def __call__(self, rgb: Tensor, canvas: Tensor) -> dict[str, Tensor]:
        """The parts whose sum falls, of sRGB (3, H, W); smoothness is that of what is optimised, (c, h, w)."""
        wanted = {*self._grams, *([] if self._content is None else [self._content_layer])}
        features = self._network(rgb[None], wanted) if wanted else {}
        weights, zero = self._weights, canvas.new_zeros(())
        shares = [weights.layers[name] * self._mse(self._gram(features[name]), gram)
                  for name, gram in self._grams.items()]  # fmt: skip
        style = torch.stack(shares).sum() if shares else zero
        content = zero if self._content is None else self._mse(features[self._content_layer], self._content)
        if weights.relative:
            style = style / (sum(weights.layers.values()) or 1)
        else:
            style = _ORIGINAL_STYLE * style
        return {
            "content": weights.content * content,
            "style": weights.style * style,
            "smoothness": weights.smoothness * total_variation(canvas),
        }

    def _gram(self, features: Tensor) -> Tensor:
        """The Gram matrix (c, c) of feature maps (1, c, h, w): a mean over places (and channels, unless relative)."""
        flat = features[0].flatten(1)
        gram = flat @ flat.T / flat.shape[1]
        return gram if self._weights.relative else gram / len(flat)

    def _mse(self, own: Tensor, fixed: Tensor) -> Tensor:
        """The mean squared difference, in shares of the fixed one's mean square where losses are relative."""
        apart = (own - fixed).square().mean()
        return apart / fixed.square().mean().clamp(min=1e-12) if self._weights.relative else apart


def total_variation(planes: Tensor) -> Tensor:
    """Half the mean absolute differences of neighbours down and along planes (c, h, w); 0 for one row and column."""
    down, along = planes.diff(dim=1).abs(), planes.diff(dim=2).abs()
    return (down.sum() / max(1, down.numel()) + along.sum() / max(1, along.numel())) / 2
