"""Losses on predictions and truths; every function gives one number, the mean over pixels or patches.

ab is (B, 2, H, W) in Lab units and divided by AB_SCALE inside, so that weights mean the same in every recipe.
"""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, l1_loss, mse_loss, relu, smooth_l1_loss

from colorizers.evaluation.metrics import colorfulness
from colorizers.networks.ab_bins import AbBins
from colorizers.networks.heads import AB_SCALE

GanLoss = Literal["hinge", "vanilla"]


def l1(ab: Tensor, truth: Tensor) -> Tensor:
    """Mean absolute error: its best answer is the median colour."""
    return l1_loss(ab / AB_SCALE, truth / AB_SCALE)


def l2(ab: Tensor, truth: Tensor) -> Tensor:
    """Mean squared error: its best answer is the mean colour."""
    return mse_loss(ab / AB_SCALE, truth / AB_SCALE)


def smooth_l1(ab: Tensor, truth: Tensor) -> Tensor:
    """L2 for small errors, L1 for large ones."""
    return smooth_l1_loss(ab / AB_SCALE, truth / AB_SCALE)


def bins(logits: Tensor, truth: Tensor, grid: AbBins) -> Tensor:
    """Soft cross-entropy of logits (B, n, h, w) with ab, weighted by the rarity of each pixel's nearest bin.

    Zhang, Isola, Efros, "Colorful Image Colorization" (2016), equations 2 to 4.
    """
    index, share = grid.encode(truth)
    log_odds = torch.log_softmax(logits.float(), dim=1).movedim(1, -1).gather(-1, index)
    return -(grid.class_weights()[index[..., 0]] * (share * log_odds).sum(-1)).mean()


def perceptual(features: Sequence[Tensor], truth: Sequence[Tensor]) -> Tensor:
    """Mean distance of feature maps (B, c, h, w), each normalised to unit length at every place (Zhang et al. 2018)."""
    pairs = zip(features, truth, strict=True)
    return torch.stack([(_unit(ours) - _unit(theirs)).pow(2).sum(1).mean() for ours, theirs in pairs]).mean()


def _unit(features: Tensor) -> Tensor:
    return torch.nn.functional.normalize(features.float(), dim=1)


def generator_loss(scores: Tensor, game: GanLoss) -> Tensor:
    """What the generator pays for the critic's scores of its pictures; low when the critic takes them for real."""
    scores = scores.float()
    if game == "hinge":
        return -scores.mean()
    return binary_cross_entropy_with_logits(scores, torch.ones_like(scores))


def discriminator_loss(real: Tensor, fake: Tensor, game: GanLoss) -> Tensor:
    """What the critic pays for its scores of real pictures and of the generator's."""
    real, fake = real.float(), fake.float()
    if game == "hinge":
        return (relu(1 - real).mean() + relu(1 + fake).mean()) / 2
    zero = binary_cross_entropy_with_logits(fake, torch.zeros_like(fake))
    return (binary_cross_entropy_with_logits(real, torch.ones_like(real)) + zero) / 2


def dullness(rgb: Tensor) -> Tensor:
    """One less the colourfulness of sRGB (B, 3, H, W) in [0, 1] as a share of 100 (Hasler and Suesstrunk 2003)."""
    return 1 - colorfulness(rgb).mean() / 100


def classes(logits: Tensor, label_ids: Tensor) -> Tensor:
    """Cross-entropy of class logits (B, n); photos without a label (-1) do not count."""
    if (label_ids < 0).all():
        return 0 * logits.sum()
    return cross_entropy(logits, label_ids, ignore_index=-1)
