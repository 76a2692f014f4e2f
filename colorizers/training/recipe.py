"""Recipes: a network, its losses, and the hyperparameters of a training run."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

import torch
from PIL import Image
from torch import Tensor, nn

from colorizers.options import Options, control, seed
from colorizers.training.photos import Photographs
from colorizers.training.validation import ColorFunction, Figures, measure, sample_sheet
from colorizers.words import Text

LOWEST_RATE = 0.01  # of the peak learning rate


class TrainingPlan(Options):
    """The hyperparameters of a run. With the recipe and the photos they determine it, up to the order of float sums."""

    steps: int = control(6000, low=1, high=10_000_000, key="training.steps")
    batch: int = control(32, low=1, high=65536, key="training.batch")
    accumulation: int = control(1, low=1, high=1024, key="training.accumulation")
    size: int = control(128, low=32, high=1024, step=32, unit="px", key="training.size")
    cool_size: int = control(128, low=32, high=1024, step=32, unit="px", key="training.cool_size")
    learning_rate: float = control(1e-3, low=0, high=1, key="training.learning_rate")
    encoder_rate: float = control(1.0, low=0, high=1, key="training.encoder_rate")
    critic_after: int = control(0, low=0, high=10_000_000, key="training.critic_after")
    critic_width: int = control(64, low=8, high=256, key="training.critic_width")
    critic_rate: float = control(4e-4, low=0, high=1, key="training.critic_rate")
    weight_decay: float = control(1e-2, low=0, high=1, key="training.weight_decay")
    schedule: Literal["cosine", "trapezoid"] = control("cosine", key="training.schedule")
    warm_up: int = control(200, low=1, high=100_000, key="training.warm_up")
    cool_down: int = control(2000, low=1, high=1_000_000, key="training.cool_down")
    clip: float = control(1.0, low=0.001, high=1000, key="training.clip")
    ema: float = control(0.999, low=0, high=0.99999, key="training.ema")
    subset: float = control(1.0, low=0.0001, high=1, key="training.subset")
    refresh_every: int = control(1, low=1, high=1000, key="training.refresh_every")
    seed: int = seed(0)
    log_every: int = control(50, low=1, high=100_000, key="training.log_every")
    save_every: int = control(50, low=1, high=100_000, key="training.save_every")
    judge_every: int = control(500, low=1, high=100_000, key="training.judge_every")

    @property
    def cools_from(self) -> int:
        """The first step of the cool-down; `steps` for a cosine, which has none."""
        return self.steps if self.schedule == "cosine" else max(self.warm_up, self.steps - self.cool_down)

    def may_end_anywhere(self, step: int) -> bool:
        """Whether the run up to a step does not depend on its length."""
        return self.schedule == "trapezoid" and step <= self.cools_from

    def rate(self, step: int) -> float:
        """The learning rate at a step, as a share of the peak.

        The cool-down of a trapezoid is 1 - sqrt (Haegele et al., "Scaling Laws and Compute-Optimal Training Beyond
        Fixed Training Durations", 2024).
        """
        if step < self.warm_up:
            return (step + 1) / self.warm_up
        if self.schedule == "cosine":
            done = (step - self.warm_up) / max(1, self.steps - self.warm_up)
            share = (1 + math.cos(math.pi * min(1.0, done))) / 2
        else:
            share = 1 - math.sqrt(max(0, step - self.cools_from) / max(1, self.steps - self.cools_from))
        return LOWEST_RATE + (1 - LOWEST_RATE) * share

    def crop_size(self, step: int) -> int:
        """The side of the crops at a step, in pixels."""
        return self.size if step < self.cools_from else self.cool_size


@dataclass(frozen=True, eq=False)
class Batch:
    """Crops of a step: `lab` (B, 3, S, S) is the truth, `lightness` (B, 1, S, S) the input, half of it degraded.

    `label_ids` (B,) are -1 for photos without a label. `random` is the generator of the step's other random numbers;
    `second_crop` makes another crop of each photo, Lab (B, 3, S, S).
    """

    lightness: Tensor
    lab: Tensor
    label_ids: Tensor
    random: torch.Generator
    second_crop: Callable[[], Tensor]


class Objective(nn.Module):
    """A network with its losses and its validation.

    All registered modules are trained and in the checkpoint; `network` alone is averaged and exported. Pretrained
    networks of losses are wrapped in `Frozen`, so that they are not registered.
    """

    network: Any
    _frozen_parts: tuple[nn.Module, ...] = ()

    def freeze(self, part: nn.Module) -> None:
        """Exclude a part of the network from training, its batch norm statistics too."""
        part.requires_grad_(False).eval()
        self._frozen_parts += (part,)

    def train(self, mode: bool = True) -> Self:
        """As `nn.Module.train`; frozen parts stay in eval mode."""
        super().train(mode)
        for part in self._frozen_parts:
            part.eval()
        return self

    @property
    def discriminator(self) -> nn.Module | None:
        """The discriminator of a GAN, with its own optimizer: called with real and fake pictures it gives its loss."""
        return None

    def forward(self, batch: Batch, step: int) -> dict[str, Tensor]:
        """The weighted parts of the loss by name; their sum is minimised."""
        raise NotImplementedError

    def discriminator_batch(self) -> tuple[Tensor, Tensor] | None:
        """Real and fake pictures (B, 3, S, S) of the last batch for the discriminator; None if it is not trained."""
        return None

    def colored(self, network: Any, lab: Tensor) -> Tensor:
        """A network's colouring for validation: ab (1, 2, h, w) for a photo as Lab (1, 3, H, W) on its device."""
        ab: Tensor = network.head.read(network(lab[:, :1]).float())
        return ab

    @torch.inference_mode()
    def sheet(self, network: nn.Module, photos: list[Tensor]) -> Image.Image | None:
        """A contact sheet of colourings of photos, uint8 (3, H, W) each; None if the network makes no colours."""
        return sample_sheet(self._color_function(network), photos)

    @torch.inference_mode()
    def figures(self, network: nn.Module, photos: list[Tensor]) -> Figures:
        """Validation figures of a network on photos, uint8 (3, H, W) each."""
        return measure(self._color_function(network), photos)

    def _color_function(self, network: nn.Module) -> ColorFunction:
        """A network's colouring of photos on the CPU, whatever its device."""
        device = next(network.parameters()).device
        return lambda lab: self.colored(network, lab.to(device)).cpu()


class Frozen:
    """A pretrained network that is not trained; it moves to the device of its input."""

    def __init__(self, network: nn.Module) -> None:
        self._network: Any = network.eval().requires_grad_(False)

    @property
    def channels(self) -> tuple[int, ...]:
        """Channels of a teacher's features, finest first."""
        channels: tuple[int, ...] = self._network.channels
        return channels

    def __call__(self, pictures: Tensor) -> Any:
        return self._network.to(pictures.device)(pictures)


@dataclass(frozen=True)
class Materials:
    """Inputs of an objective beside the plan: the photos, and the files given with flags."""

    photos: Photographs
    teacher: Path | None = None
    perceptual: Path | None = None


@dataclass(frozen=True)
class Recipe:
    """One way to train the weights of one registry entry.

    `objective` is made from the plan and the materials; `common`, `cpu` and `gpu` are presets of `TrainingPlan`.
    `needs` names the file that must be given: `teacher`, `perceptual` or none.
    """

    key: str
    objective: Callable[[TrainingPlan, Materials], Objective]
    common: Mapping[str, Any]
    cpu: Mapping[str, Any]
    gpu: Mapping[str, Any]
    needs: str = ""

    @property
    def about(self) -> Text:
        """What it trains."""
        return Text(f"recipes.{self.key.replace('/', '.')}")

    def plan(self, preset: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """The hyperparameters of a preset, overridden by the given ones."""
        fast = {"save_every": 500} if preset == "gpu" else {}
        return fast | dict(self.common) | dict(self.gpu if preset == "gpu" else self.cpu) | dict(given)
