"""The VAE: pictures to latents at an eighth of their size and back, with more care for colour than for light."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, l1_loss, mse_loss

from colorizers.picture.color import rgb_to_lab
from colorizers.picture.dataset import center_square
from colorizers.training.initialize import clipped_rgb
from colorizers.training.recipe import Batch, Objective, Recipe
from colorizers.training.recipes.small_sd.networks import CELL, Autoencoder, SmallStableDiffusion, whole_cells
from colorizers.training.validation import SIZE, Figures

_PALE = 0.3  # of the pictures have less colour than they had, down to none
_MIDDLE, _SPREADS = (0.45, 0.0, 0.0), (0.25, 0.07, 0.07)  # about the mean and spread of Y, Cb and Cr in photographs
_CHROMA, _ANCHOR, _KL = 8.0, 0.1, 1e-4  # weights, beside L1 on Y


class Autoencoding(Objective):
    """L1 on the luma and the colour differences of what comes back, with a small Kullback-Leibler divergence.

    A method takes only the chroma of what the model paints, and keeps the photo's light: the differences weigh most.
    They are linear in sRGB, for the gradient of ab in dark tones drowns all others. The first three latents are held
    near the means of Y, Cb and Cr in their cell: left alone, light takes three of the four, and red and green are one.
    Some pictures are pale or gray, as those are that the model begins with. The divergence is that of Kingma and
    Welling (2014).
    """

    def __init__(self) -> None:
        super().__init__()
        self.network = SmallStableDiffusion(vae=Autoencoder())

    def forward(self, batch: Batch, step: int) -> dict[str, Tensor]:
        count, device = len(batch.lab), batch.lab.device
        chance, gain = torch.rand(2, count, 1, 1, 1, generator=batch.random, device=device)
        ab = torch.where(chance < _PALE, (2 * gain - 1).clamp(min=0), 1) * batch.lab[:, 1:]
        rgb = clipped_rgb(torch.cat((batch.lightness, ab), dim=1))
        vae = self.network.vae
        mean, spread = vae.distribution(rgb)
        vae.measure(mean)
        noise = torch.randn(mean.shape, generator=batch.random, device=device)
        back = vae.draw(mean + spread * noise).float()
        truth, answer = _luma_and_differences(rgb), _luma_and_differences(back)
        middle, spreads = torch.tensor((_MIDDLE, _SPREADS), device=device)[..., None, None]
        anchor = mse_loss(mean[:, :3].float(), (avg_pool2d(truth, CELL) - middle) / spreads)
        divergence = (mean**2 + spread**2 - 1).mean() / 2 - spread.log().mean()
        return {
            "chroma": _CHROMA * l1_loss(answer[:, 1:], truth[:, 1:]),
            "luma": l1_loss(answer[:, :1], truth[:, :1]),
            "anchor": _ANCHOR * anchor,
            "kl": _KL * divergence,
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


def _luma_and_differences(rgb: Tensor) -> Tensor:
    """SRGB (B, 3, H, W) in [0, 1] to Y in [0, 1], and Cb and Cr in [-0.5, 0.5], of ITU-R BT.601."""
    red, green, blue = rgb.unbind(1)
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    return torch.stack((luma, 0.564 * (blue - luma), 0.713 * (red - luma)), dim=1)


RECIPES = (
    Recipe(
        key="small_sd/vae",
        objective=lambda plan, materials: Autoencoding(),
        common={"weight_decay": 0.0, "schedule": "trapezoid", "ema": 0.998},
        cpu={"steps": 3000, "cool_down": 500, "batch": 16, "size": 64, "cool_size": 96, "warm_up": 100},
        gpu={"steps": 20000, "cool_down": 4000, "batch": 64, "size": 128, "cool_size": 128, "warm_up": 500},
    ),
)
