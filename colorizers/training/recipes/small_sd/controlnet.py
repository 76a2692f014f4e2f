"""A ControlNet by which the photo's brightness, or its lines, at the photo's own pixels, guides the U-Net."""

from typing import Any

import torch
from torch import Tensor

from colorizers.picture.control_maps import brightness, line_art, soft_edges
from colorizers.training.recipe import Batch, Recipe
from colorizers.training.recipes.small_sd.networks import (
    controlnet,
)
from colorizers.training.recipes.small_sd.unet import LatentDenoising

_MAPS, _SHARES = (brightness, soft_edges, line_art), (0.6, 0.2, 0.2)


class Control(LatentDenoising):
    """As for the U-Net, which rests; the ControlNet begins as a copy of its way down, made at the first step."""

    def __init__(self, labels: tuple[str, ...]) -> None:
        super().__init__(labels)
        network = self.network
        network.add_module("controlnet", controlnet(network.unet))
        self.freeze(network.unet)
        self.freeze(network.text_encoder)

    def forward(self, batch: Batch, step: int) -> dict[str, Tensor]:
        if step == 0:  # what --start brought came after the network was made
            copy = controlnet(self.network.unet).state_dict()
            of_the_unet = {name: value for name, value in copy.items() if not name.startswith("controlnet_")}
            own = self.network.controlnet.state_dict()
            self.network.controlnet.load_state_dict({**own, **of_the_unet})
        return super().forward(batch, step)

    def predicted(self, batch: Batch, noisy: Tensor, steps: Tensor, states: Tensor) -> Tensor:
        kinds = torch.multinomial(torch.tensor(_SHARES), len(batch.lab), replacement=True, generator=batch.random)
        planes = [_MAPS[kind](light[0]) for kind, light in zip(kinds.tolist(), batch.lightness, strict=True)]
        maps = torch.stack(planes)[:, None].expand(-1, 3, -1, -1)
        return _guided(self.network, noisy, steps, states, maps.repeat_interleave(len(noisy) // len(maps), dim=0))

    def guided(self, network: Any, noisy: Tensor, timestep: Tensor, states: Tensor, gray: Tensor) -> Tensor:
        return _guided(network, noisy, timestep, states, gray.expand(len(noisy), -1, -1, -1))


def _guided(network: Any, noisy: Tensor, steps: Tensor, states: Tensor, gray: Tensor) -> Tensor:
    downs, middle = network.controlnet(noisy, steps, states, gray, return_dict=False)
    velocity: Tensor = network.unet(
        noisy, steps, states, down_block_additional_residuals=downs, mid_block_additional_residual=middle
    ).sample
    return velocity


RECIPES = (
    Recipe(
        key="small_sd/controlnet",
        objective=lambda plan, materials: Control(materials.photos.labels),
        common={"weight_decay": 0.0, "schedule": "trapezoid", "learning_rate": 5e-4, "ema": 0.998},
        cpu={"steps": 10000, "cool_down": 1500, "batch": 16, "size": 128, "cool_size": 128, "warm_up": 100},
        gpu={"steps": 20000, "cool_down": 4000, "batch": 256, "size": 192, "cool_size": 192, "warm_up": 500},
    ),
)
