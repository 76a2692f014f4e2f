"""Objectives that several recipes share: bins, ab or RGB, with or without a perceptual loss and a discriminator."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate, mse_loss

from colorizers.networks.ab_bins import AbBins, smoothed_prior
from colorizers.networks.heads import AB_SCALE
from colorizers.networks.patchgan import PatchGAN
from colorizers.picture.color import rgb_to_lab
from colorizers.training import losses
from colorizers.training.initialize import clipped_rgb, perceptual_features
from colorizers.training.photos import Photographs, crops, seeded
from colorizers.training.recipe import Batch, Frozen, Objective

_PRIOR_CROPS = 2048
_HINT_STOP, _MOST_RANDOM_HINTS, _LARGEST_HINT = 1 / 8, 24, 9  # chance that a hint is the last; hints; pixels


@dataclass(frozen=True)
class LossWeights:
    """Weights of the parts of a loss; zero leaves a part out."""

    l1: float = 1.0
    perceptual: float = 0.0
    adversarial: float = 0.0


class JudgedColors(Objective):
    """The part of a loss that looks at the coloured picture: perceptual and adversarial, if their networks are given.

    Training has two phases: from step `critic_after` on, the discriminator and the adversarial loss join.
    """

    def __init__(
        self, network: nn.Module, weights: LossWeights, features: Frozen | None = None,
        discriminator: PatchGAN | None = None, gan_loss: losses.GanLoss = "hinge", critic_after: int = 0,
    ) -> None:  # fmt: skip
        super().__init__()
        self.network = network
        self._weights, self._features, self._gan_loss, self._critic_after = weights, features, gan_loss, critic_after
        # In a tuple, so that it is not registered: it has an optimizer of its own.
        self._discriminator = () if discriminator is None else (Discriminator(discriminator, gan_loss),)
        self._pair: tuple[Tensor, Tensor] | None = None

    @property
    def discriminator(self) -> "Discriminator | None":
        return self._discriminator[0] if self._discriminator else None

    def judged(self, batch: Batch, step: int, ab: Tensor, truth: Tensor) -> dict[str, Tensor]:
        """The weighted parts for ab and the true ab, (B, 2, S/4, S/4) each."""
        parts = {}
        if self._features is not None:
            ours, theirs = (perceptual_features(self._features, _picture(batch, each)) for each in (ab, truth))
            parts["perceptual"] = self._weights.perceptual * losses.perceptual(ours, theirs)
        self._pair = None
        if self.discriminator is not None and step >= self._critic_after:
            fake = _picture(batch, ab)
            self._pair = (_picture(batch, truth), fake.detach())
            loss = losses.generator_loss(self.discriminator.scores(fake), self._gan_loss)
            parts["adversarial"] = self._weights.adversarial * loss
        return parts

    def discriminator_batch(self) -> tuple[Tensor, Tensor] | None:
        return self._pair


class AbRegression(JudgedColors):
    """L1 on ab, and what judges the picture."""

    def forward(self, batch: Batch, step: int) -> dict[str, Tensor]:
        truth = quarter_ab(batch)
        ab = self.network.head.read(self.network(batch.lightness))
        return {"l1": self._weights.l1 * losses.l1(ab, truth)} | self.judged(batch, step, ab, truth)


class BinClassification(JudgedColors):
    """Rebalanced soft cross-entropy over ab bins; the prior is counted on the photos before training.

    A discriminator, if there is one, judges the colours that are read from the bins at the default vividness.
    """

    def __init__(
        self, network: nn.Module, photos: Photographs, size: int,
        weights: LossWeights = LossWeights(), discriminator: PatchGAN | None = None, critic_after: int = 0,
    ) -> None:  # fmt: skip
        super().__init__(network, weights, discriminator=discriminator, critic_after=critic_after)
        count_prior(self.network.head.bins, photos, size)

    def forward(self, batch: Batch, step: int) -> dict[str, Tensor]:
        logits, truth, head = self._logits(batch), quarter_ab(batch), self.network.head
        parts = {"bins": losses.bins(logits, truth, head.bins)}
        return parts if self.discriminator is None else parts | self.judged(batch, step, head.read(logits), truth)

    def _logits(self, batch: Batch) -> Tensor:
        logits: Tensor = self.network(batch.lightness)
        return logits


class HintedBins(BinClassification):
    """As its base, for a network that also takes colour hints: each crop has a random number of true ones."""

    def _logits(self, batch: Batch) -> Tensor:
        logits: Tensor = self.network(batch.lightness, *random_hints(batch.lab[:, 1:], batch.random))
        return logits


def random_hints(ab: Tensor, random: torch.Generator) -> tuple[Tensor, Tensor]:
    """Squares of the mean true colour, as hints (B, 2, H, W), and a mask (B, 1, H, W) of where they are.

    Zhang et al. 2017: their number is geometric, most are near the middle, and their sides are 1 to 9 pixels.
    """
    count, _, height, width = ab.shape
    draws = torch.rand(count, 1, generator=random, device=ab.device)
    numbers = (draws.log() / math.log(1 - _HINT_STOP)).floor()
    rows, columns = (torch.arange(side, device=ab.device) + 0.5 for side in (height, width))
    hints, mask = torch.zeros_like(ab), torch.zeros_like(ab[:, :1])
    for k in range(_MOST_RANDOM_HINTS):
        y, x = (0.5 + torch.randn(2, count, 1, generator=random, device=ab.device) / 4).clamp(0, 1)
        half = (1 + (_LARGEST_HINT * torch.rand(count, 1, generator=random, device=ab.device)).floor()) / 2
        down, along = ((rows - y * height).abs() <= half), ((columns - x * width).abs() <= half)
        square = (down[:, :, None] & along[:, None, :] & (numbers > k)[:, :, None])[:, None]
        mean = (ab * square).sum((2, 3), keepdim=True) / square.sum((2, 3), keepdim=True).clamp(min=1)
        hints, mask = torch.where(square, mean, hints), mask.masked_fill(square, 1)
    return hints, mask


def count_prior(grid: AbBins, photos: Photographs, size: int) -> None:
    """Set the prior of a grid to the smoothed share of each bin in crops of the photos with this side."""
    device = torch.device("cpu")
    random = seeded(device, 0)
    counts = torch.zeros(len(grid))
    for indices in torch.randint(len(photos), (_PRIOR_CROPS,), generator=random).split(256):
        ab = avg_pool2d(rgb_to_lab(crops(photos.take(indices, device), size, random))[:, 1:], 4)
        nearest = torch.cdist(ab.movedim(1, -1).reshape(-1, 2), grid.centers.cpu()).argmin(1)
        counts += torch.bincount(nearest, minlength=len(counts))
    grid.prior.copy_(smoothed_prior(counts, grid.centers.cpu()))


def quarter_ab(batch: Batch) -> Tensor:
    """The true ab (B, 2, S/4, S/4) at the resolution of the networks' output."""
    return avg_pool2d(batch.lab[:, 1:], 4)


class Discriminator(nn.Module):
    """A PatchGAN with its loss, on Lab pictures (B, 3, S, S)."""

    def __init__(self, network: PatchGAN, gan_loss: losses.GanLoss) -> None:
        super().__init__()
        self.network = network
        self._gan_loss = gan_loss

    def forward(self, real: Tensor, fake: Tensor) -> Tensor:
        """The loss of the discriminator on real and fake pictures."""
        real_scores, fake_scores = self.network(_scaled(torch.cat((real, fake)))).chunk(2)
        return losses.discriminator_loss(real_scores, fake_scores, self._gan_loss)

    def scores(self, lab: Tensor) -> Tensor:
        """Scores of pictures for the generator's loss; gradients flow to the pictures alone."""
        for parameter in self.network.parameters():
            parameter.requires_grad_(False)
        scores: Tensor = self.network(_scaled(lab))
        for parameter in self.network.parameters():
            parameter.requires_grad_(True)
        return scores


class RgbRegression(Objective):
    """L2 on sRGB, the loss of the source systems' plain U-Nets."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, batch: Batch, step: int) -> dict[str, Tensor]:
        truth = avg_pool2d(clipped_rgb(batch.lab), 4)
        return {"l2": mse_loss(self.network(batch.lightness), truth)}


def _picture(batch: Batch, ab: Tensor) -> Tensor:
    """Lab (B, 3, S, S) from the photo's own L* and ab (B, 2, S/4, S/4)."""
    wide = interpolate(ab, batch.lab.shape[-2:], mode="bilinear", align_corners=False)
    return torch.cat((batch.lab[:, :1], wide), dim=1)


def _scaled(lab: Tensor) -> Tensor:
    """Lab with each channel about in [-1, 1]."""
    return torch.cat((lab[:, :1] / 50 - 1, lab[:, 1:] / (3 * AB_SCALE)), dim=1)
