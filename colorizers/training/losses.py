"""Losses on predictions and targets; each is one number, the mean over pixels or patches, computed in float32.

ab is (B, 2, H, W) in Lab units and divided by AB_SCALE inside, so that loss weights are comparable between recipes.
"""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, l1_loss, mse_loss, normalize, relu

from colorizers.networks.ab_bins import AbBins
from colorizers.networks.heads import AB_SCALE
from colorizers.networks.precision import in_float32

GanLoss = Literal["hinge", "vanilla"]


@in_float32
def l1(ab: Tensor, truth: Tensor) -> Tensor:
    """Mean absolute error; its optimum is the median colour."""
    return l1_loss(ab / AB_SCALE, truth / AB_SCALE)


@in_float32
def l2(ab: Tensor, truth: Tensor) -> Tensor:
    """Mean squared error; its optimum is the mean colour."""
    return mse_loss(ab / AB_SCALE, truth / AB_SCALE)


@in_float32
def bins(logits: Tensor, truth: Tensor, grid: AbBins) -> Tensor:
    """Soft cross-entropy of logits (B, n, h, w) with ab, weighted by the rarity of each pixel's nearest bin.

    Zhang, Isola, Efros, "Colorful Image Colorization" (2016), equations 2 to 4.
    """
    index, share = grid.encode(truth)
    log_odds = torch.log_softmax(logits, dim=1).movedim(1, -1).gather(-1, index)
    return -(grid.class_weights()[index[..., 0]] * (share * log_odds).sum(-1)).mean()


def perceptual(features: Sequence[Tensor], truth: Sequence[Tensor]) -> Tensor:
    """Mean squared distance of feature maps (B, c, h, w), normalised to unit length per place (Zhang et al. 2018)."""
    return torch.stack([_unit_distance(ours, theirs) for ours, theirs in zip(features, truth, strict=True)]).mean()


@in_float32
def _unit_distance(features: Tensor, truth: Tensor) -> Tensor:
    return (normalize(features, dim=1) - normalize(truth, dim=1)).pow(2).sum(1).mean()


@in_float32
def generator_loss(scores: Tensor, kind: GanLoss) -> Tensor:
    """Loss of the generator from the discriminator's scores of its pictures: low if they are scored as real."""
    if kind == "hinge":
        return -scores.mean()
    return binary_cross_entropy_with_logits(scores, torch.ones_like(scores))


@in_float32
def discriminator_loss(real: Tensor, fake: Tensor, kind: GanLoss) -> Tensor:
    """Loss of the discriminator from its scores of real and of generated pictures."""
    if kind == "hinge":
        return (relu(1 - real).mean() + relu(1 + fake).mean()) / 2
    zero = binary_cross_entropy_with_logits(fake, torch.zeros_like(fake))
    return (binary_cross_entropy_with_logits(real, torch.ones_like(real)) + zero) / 2


@in_float32
def classes(logits: Tensor, label_ids: Tensor) -> Tensor:
    """Cross-entropy of class logits (B, n); photos without a label (-1) do not count, and none at all gives 0."""
    labelled = (label_ids >= 0).sum()
    return cross_entropy(logits, label_ids, ignore_index=-1, reduction="sum") / labelled.clamp(min=1)
