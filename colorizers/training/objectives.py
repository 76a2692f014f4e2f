"""The objectives that recipes share: colours as bins, colours as ab, with or without judges and a critic."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate, mse_loss

from colorizers.networks.ab_bins import AbBins, smoothed_prior
from colorizers.networks.heads import AB_SCALE
from colorizers.networks.patchgan import PatchGAN
from colorizers.picture.color import rgb_to_lab
from colorizers.training import losses
from colorizers.training.initialize import perceived, true_rgb
from colorizers.training.photos import Photographs, crops, seeded
from colorizers.training.recipe import Batch, Frozen, Objective

_PRIOR_CROPS = 2048


class BinClassification(Objective):
    """Rebalanced soft cross-entropy over ab bins; the prior is counted on the photos when the run begins."""

    def __init__(self, network: nn.Module, photos: Photographs, size: int) -> None:
        super().__init__()
        self.network = network
        count_prior(self.network.head.bins, photos, size)

    def forward(self, batch: Batch, step: int) -> dict[str, Tensor]:
        return {"bins": losses.bins(self.network(batch.lightness), quarter_ab(batch), self.network.head.bins)}


def count_prior(grid: AbBins, photos: Photographs, size: int) -> None:
    """Set the prior of a grid to the smoothed share of each bin in crops of the photos with this side."""
    random = seeded(torch.device("cpu"), 0)
    counts = torch.zeros(len(grid))
    for chosen in torch.randint(len(photos), (_PRIOR_CROPS,), generator=random).split(256):
        ab = avg_pool2d(rgb_to_lab(crops(photos, chosen, size, random))[:, 1:], 4)
        nearest = torch.cdist(ab.movedim(1, -1).reshape(-1, 2), grid.centers.cpu()).argmin(1)
        counts += torch.bincount(nearest, minlength=len(counts))
    grid.prior.copy_(smoothed_prior(counts, grid.centers.cpu()))


def quarter_ab(batch: Batch) -> Tensor:
    """The true ab (B, 2, S/4, S/4) at the size at which the networks speak."""
    return avg_pool2d(batch.lab[:, 1:], 4)


@dataclass(frozen=True)
class LossWeights:
    """How much each part of the loss counts; zero leaves it out."""

    l1: float = 1.0
    perceptual: float = 0.0
    adversarial: float = 0.0


class AbRegression(Objective):
    """ab by L1, with perceptual and adversarial parts as the weights say.

    The critic and the adversarial part join at step `critic_after`: what comes before is the first of two phases.
    """

    def __init__(
        self, network: nn.Module, weights: LossWeights, judge: Frozen | None = None, critic: PatchGAN | None = None,
        game: losses.GanLoss = "hinge", critic_after: int = 0,
    ) -> None:  # fmt: skip
        super().__init__()
        self.network = network
        self._weights, self._judge, self._game, self._critic_after = weights, judge, game, critic_after
        self._critic = () if critic is None else (Critic(critic, game),)  # in a tuple: it learns by itself
        self._fake: tuple[Tensor, Tensor] | None = None

    @property
    def critic(self) -> "Critic | None":
        return self._critic[0] if self._critic else None

    def forward(self, batch: Batch, step: int) -> dict[str, Tensor]:
        truth = quarter_ab(batch)
        ab = self.network.head.read(self.network(batch.lightness))
        parts = {"l1": self._weights.l1 * losses.l1(ab, truth)}
        if self._judge is not None:
            seen, wanted = (perceived(self._judge, _picture(batch, each)) for each in (ab, truth))
            parts["perceptual"] = self._weights.perceptual * losses.perceptual(seen, wanted)
        self._fake = None
        if self.critic is not None and step >= self._critic_after:
            ours = _picture(batch, ab)
            self._fake = (_picture(batch, truth), ours.detach())
            parts["adversarial"] = self._weights.adversarial * losses.generator_loss(
                self.critic.scores(ours), self._game
            )
        return parts

    def discriminator_batch(self) -> tuple[Tensor, Tensor] | None:
        return self._fake


class Critic(nn.Module):
    """A PatchGAN and its side of the game, on Lab pictures (B, 3, S, S)."""

    def __init__(self, network: PatchGAN, game: losses.GanLoss) -> None:
        super().__init__()
        self.network = network
        self._game = game

    def forward(self, real: Tensor, fake: Tensor) -> Tensor:
        """What the critic pays."""
        real_scores, fake_scores = self.network(_even(torch.cat((real, fake)))).chunk(2)
        return losses.discriminator_loss(real_scores, fake_scores, self._game)

    def scores(self, lab: Tensor) -> Tensor:
        """Its view of pictures, without learning from it."""
        for parameter in self.network.parameters():
            parameter.requires_grad_(False)
        scores: Tensor = self.network(_even(lab))
        for parameter in self.network.parameters():
            parameter.requires_grad_(True)
        return scores


class RgbRegression(Objective):
    """The whole picture by L2 on sRGB, as the source systems' plain U-Nets learn it."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, batch: Batch, step: int) -> dict[str, Tensor]:
        truth = avg_pool2d(true_rgb(batch.lab), 4)
        return {"l2": mse_loss(self.network(batch.lightness).float(), truth)}


def _picture(batch: Batch, ab: Tensor) -> Tensor:
    """Lab (B, 3, S, S): the photo's own light with ab from a quarter of the size."""
    wide = interpolate(ab.float(), batch.lab.shape[-2:], mode="bilinear", align_corners=False)
    return torch.cat((batch.lab[:, :1], wide), dim=1)


def _even(lab: Tensor) -> Tensor:
    """Each channel about in [-1, 1]."""
    return torch.cat((lab[:, :1] / 50 - 1, lab[:, 1:] / (3 * AB_SCALE)), dim=1)
