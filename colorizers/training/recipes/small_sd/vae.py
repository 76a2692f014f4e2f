"""The VAE's decoder: from latents, the means of small cells, to pictures, with more care for colour than for light."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import l1_loss

from colorizers.picture.color import rgb_to_lab
from colorizers.picture.dataset import center_square
from colorizers.training.initialize import clipped_rgb
from colorizers.training.recipe import Batch, Objective, Recipe
from colorizers.training.recipes.small_sd.autoencoder import (
    Autoencoder,
    latents_of,
    luma_and_differences,
    whole_cells,
)
from colorizers.training.recipes.small_sd.networks import (
    SmallStableDiffusion,
)
from colorizers.training.validation import SIZE, Figures

_PALE = 0.3  # of the pictures have less colour than they had, down to none
_NOISE = 0.1  # spread of what is wrong with the latents, as with those that a run ends with
_CHROMA = 8.0  # weight, beside L1 on Y


class Autoencoding(Objective):
    """L1 on the luma and the colour differences of what comes back from the latents.

    A method takes only the chroma of what the model paints, and keeps the photo's light: the differences weigh most.
    They are linear in sRGB, for the gradient of ab in dark tones drowns all others. Some pictures are pale or gray,
    as those are that the model begins with. Only the branches of the decoder are trained: all else is set.
    """

    def __init__(self) -> None:
        super().__init__()
        self.network = SmallStableDiffusion(vae=Autoencoder())
        vae = self.network.vae
        self.freeze(vae)
        for branch in vae.branches():
            branch.requires_grad_(True)

    def forward(self, batch: Batch, step: int) -> dict[str, Tensor]:
        count, device = len(batch.lab), batch.lab.device
        chance, gain = torch.rand(2, count, 1, 1, 1, generator=batch.random, device=device)
        ab = torch.where(chance < _PALE, (2 * gain - 1).clamp(min=0), 1) * batch.lab[:, 1:]
        rgb = clipped_rgb(torch.cat((batch.lightness, ab), dim=1))
        latents = latents_of(rgb)
        noise = torch.randn(latents.shape, generator=batch.random, device=device)
        latents = (latents + _NOISE * noise).requires_grad_()  # torch 2.11 crashes in the first group norm without it
        back = self.network.vae.draw(latents).float()
        truth, answer = luma_and_differences(rgb), luma_and_differences(back)
        return {
            "chroma": _CHROMA * l1_loss(answer[:, 1:], truth[:, 1:]),
            "luma": l1_loss(answer[:, :1], truth[:, :1]),
        }

    def colored(self, network: Any, lab: Tensor) -> Tensor:
        """The ab of a photo that has passed through the latents."""
        height, width = lab.shape[-2:]
        back: Tensor = network.vae.decode(network.vae.encode(whole_cells(clipped_rgb(lab))))
        return rgb_to_lab(back)[:, 1:, :height, :width]

    @torch.inference_mode()
    def figures(self, network: nn.Module, photos: list[Tensor]) -> Figures:
        """As `Objective.figures`, with the mean distance in ab; by that the best weights are kept."""
        coloring, total = self._color_function(network), 0.0
        for photo in photos:
            lab = rgb_to_lab(center_square(photo, SIZE))[None]
            total += (coloring(lab) - lab[:, 1:]).norm(dim=1).mean().item()
        distance = total / len(photos)
        return Figures(distance, super().figures(network, photos).values | {"ab_distance": distance})


RECIPES = (
    Recipe(
        key="small_sd/vae",
        objective=lambda plan, materials: Autoencoding(),
        common={"weight_decay": 0.0, "schedule": "trapezoid", "learning_rate": 2e-4, "ema": 0.998},
        cpu={"steps": 3000, "cool_down": 500, "batch": 16, "size": 64, "cool_size": 96, "warm_up": 100},
        gpu={"steps": 20000, "cool_down": 4000, "batch": 64, "size": 128, "cool_size": 128, "warm_up": 500},
    ),
)
