"""The objectives that recipes share: colours as bins, colours as ab, with or without judges and a critic."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate, mse_loss

from colorizers.networks.ab_bins import AbBins, smoothed_prior
from colorizers.networks.heads import AB_SCALE
from colorizers.networks.patchgan import PatchGAN
from colorizers.picture.color import lab_to_rgb, rgb_to_lab
from colorizers.training import losses
from colorizers.training.photos import Photographs, crops, seeded
from colorizers.training.recipe import Batch, Frozen, Objective
from colorizers.training.start import perceived

_PRIOR_CROPS = 4096
_DISTANCES = {"l1": losses.l1, "l2": losses.l2, "smooth_l1": losses.smooth_l1}


class Bins(Objective):
    """Rebalanced soft cross-entropy over ab bins; the prior is counted on the photos when the run begins."""

    def __init__(self, network: nn.Module, photos: Photographs) -> None:
        super().__init__()
        self.network = network
        self.grid: AbBins = self.network.head.bins
        self.grid.prior.copy_(prior(photos, self.grid))

    def forward(self, batch: Batch, step: int) -> dict[str, Tensor]:
        return {"bins": losses.bins(self.network(batch.lightness), quarter_ab(batch), self.grid)}


def prior(photos: Photographs, grid: AbBins) -> Tensor:
    """The share of each bin (n,) in crops of the photos, smoothed."""
    random = seeded(torch.device("cpu"), 0)
    counts = torch.zeros(len(grid))
    for chosen in torch.randint(len(photos), (_PRIOR_CROPS,), generator=random).split(256):
        ab = avg_pool2d(rgb_to_lab(crops(photos, chosen, 64, random))[:, 1:], 4)
        nearest = torch.cdist(ab.movedim(1, -1).reshape(-1, 2), grid.centers.cpu()).argmin(1)
        counts += torch.bincount(nearest, minlength=len(counts))
    return smoothed_prior(counts, grid.centers.cpu())


def quarter_ab(batch: Batch) -> Tensor:
    """The true ab (B, 2, S/4, S/4) at the size at which the networks speak."""
    return avg_pool2d(batch.lab[:, 1:], 4)


@dataclass(frozen=True)
class Weights:
    """How much each part of the loss counts; zero leaves it out."""

    l1: float = 1.0
    l2: float = 0.0
    smooth_l1: float = 0.0
    perceptual: float = 0.0
    colour: float = 0.0
    adversarial: float = 0.0


class Regression(Objective):
    """ab by distances, with perceptual, colourfulness and adversarial parts as the weights say.

    The critic and the adversarial part join at step `critic_after`: what comes before is the first of two phases.
    """

    def __init__(
        self, network: nn.Module, weights: Weights, judge: Frozen | None = None, critic: PatchGAN | None = None,
        game: losses.Game = "hinge", critic_after: int = 0,
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
        said, truth, weights = self.network(batch.lightness), quarter_ab(batch), self._weights
        ab = self.network.head.read(said)
        wanted = {name: getattr(weights, name) for name in _DISTANCES}
        parts = {name: weight * _DISTANCES[name](ab, truth) for name, weight in wanted.items() if weight}
        if self._judge or self.critic is not None or weights.colour:
            parts |= self._on_pictures(_picture(batch, ab), _picture(batch, truth), step)
        return parts

    def _on_pictures(self, ours: Tensor, real: Tensor, step: int) -> dict[str, Tensor]:
        """The parts that look at whole pictures, Lab (B, 3, S, S)."""
        weights, parts = self._weights, {}
        if self._judge:
            with torch.no_grad():
                wanted = perceived(self._judge, real)
            parts["perceptual"] = weights.perceptual * losses.perceptual(perceived(self._judge, ours), wanted)
        if weights.colour:
            with torch.autocast(ours.device.type, enabled=False):
                parts["colour"] = weights.colour * losses.dullness(lab_to_rgb(ours.float()).clamp(0, 1))
        self._fake = None
        if self.critic is not None and step >= self._critic_after:
            self._fake = (real, ours.detach())
            parts["adversarial"] = weights.adversarial * losses.fools(self.critic.scores(ours), self._game)
        return parts

    def contest(self) -> tuple[Tensor, Tensor] | None:
        return self._fake


class Critic(nn.Module):
    """A PatchGAN and its side of the game, on Lab pictures (B, 3, S, S)."""

    def __init__(self, network: PatchGAN, game: losses.Game) -> None:
        super().__init__()
        self.network = network
        self._game = game

    def forward(self, real: Tensor, fake: Tensor) -> Tensor:
        """What the critic pays."""
        real_scores, fake_scores = self.network(_even(torch.cat((real, fake)))).chunk(2)
        return losses.tells_apart(real_scores, fake_scores, self._game)

    def scores(self, lab: Tensor) -> Tensor:
        """Its view of pictures, without learning from it."""
        for parameter in self.network.parameters():
            parameter.requires_grad_(False)
        scores: Tensor = self.network(_even(lab))
        for parameter in self.network.parameters():
            parameter.requires_grad_(True)
        return scores


class Painting(Objective):
    """The whole picture by L2 on sRGB, as the source systems' plain U-Nets learn it."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, batch: Batch, step: int) -> dict[str, Tensor]:
        truth = avg_pool2d(lab_to_rgb(batch.lab).clamp(0, 1), 4)
        return {"l2": mse_loss(self.network(batch.lightness).float(), truth)}


def _picture(batch: Batch, ab: Tensor) -> Tensor:
    """Lab (B, 3, S, S): the photo's own light with ab from a quarter of the size."""
    wide = interpolate(ab.float(), batch.lab.shape[-2:], mode="bilinear", align_corners=False)
    return torch.cat((batch.lab[:, :1], wide), dim=1)


def _even(lab: Tensor) -> Tensor:
    """Each channel about in [-1, 1]."""
    return torch.cat((lab[:, :1] / 50 - 1, lab[:, 1:] / (3 * AB_SCALE)), dim=1)
