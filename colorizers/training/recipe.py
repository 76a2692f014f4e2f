"""What a recipe is: a network with its losses, and the numbers of a run."""

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
from colorizers.training.validation import Coloring, Figures, measure, sample_sheet

LOWEST_RATE = 0.01  # of the peak learning rate


class TrainingPlan(Options):
    """The numbers of a run. With its recipe and its photos they determine it, up to the order of float sums."""

    steps: int = control(6000, low=1, high=10_000_000, help="Optimizer steps of the whole run.")
    batch: int = control(32, low=1, high=65536, help="Photos a step, over all processes.")
    accumulation: int = control(1, low=1, high=1024, help="Parts in which a batch is computed, to save memory.")
    size: int = control(128, low=32, high=1024, step=32, unit="px", help="Side of the crops.")
    cool_size: int = control(128, low=32, high=1024, step=32, unit="px", help="Side of the crops in a cool-down.")
    learning_rate: float = control(1e-3, low=0, high=1, help="Peak, of AdamW.")
    encoder_rate: float = control(
        1.0, low=0, high=1, help="Share of the learning rate for a started encoder; 0: it rests."
    )
    critic_after: int = control(0, low=0, high=10_000_000, help="Steps before the critic joins, where there is one.")
    critic_width: int = control(64, low=8, high=256, help="Channels of the critic's first layer.")
    critic_rate: float = control(4e-4, low=0, high=1, help="Learning rate of the critic, where there is one.")
    weight_decay: float = control(1e-2, low=0, high=1, help="Of AdamW.")
    schedule: Literal["cosine", "trapezoid"] = control(
        "cosine", help="How the rate falls after the warm-up: all the way, or in a cool-down at the end."
    )
    warm_up: int = control(200, low=1, high=100_000, help="Steps in which the rate rises.")
    cool_down: int = control(2000, low=1, high=1_000_000, help="Last steps of a trapezoid, in which the rate falls.")
    clip: float = control(1.0, low=0.001, high=1000, help="Largest norm of a gradient.")
    ema: float = control(0.999, low=0, high=0.99999, help="Decay of the averaged weights, which are what is shipped.")
    subset: float = control(1.0, low=0.0001, high=1, help="Share of the photos in an epoch.")
    refresh_every: int = control(1, low=1, high=1000, help="Epochs after which the subset is chosen anew.")
    seed: int = seed(0)
    log_every: int = control(50, low=1, high=100_000, help="Steps between lines of the log.")
    save_every: int = control(50, low=1, high=100_000, help="Steps between checkpoints.")
    judge_every: int = control(500, low=1, high=100_000, help="Steps between figures, sample sheets and weights.")

    @property
    def cools_from(self) -> int:
        """The step at which the cool-down begins; a cosine has none."""
        return self.steps if self.schedule == "cosine" else max(self.warm_up, self.steps - self.cool_down)

    def may_end_anywhere(self, step: int) -> bool:
        """Whether at a step nothing has happened yet that depends on how long the run is."""
        return self.schedule == "trapezoid" and step <= self.cools_from

    def rate(self, step: int) -> float:
        """The share of the peak learning rate at a step.

        A trapezoid's cool-down falls as 1 - sqrt (Haegele et al., "Scaling Laws and Compute-Optimal Training Beyond
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
    """Crops of a step: `lab` (B, 3, S, S) as they are, `lightness` (B, 1, S, S) as the network sees it, degraded or not.

    `random` is for what else is drawn in the step; `another` makes another crop of each photo, Lab (B, 3, S, S).
    """

    lightness: Tensor
    lab: Tensor
    label_ids: Tensor
    random: torch.Generator
    another: Callable[[], Tensor]


class Objective(nn.Module):
    """What is trained: a network, what its losses need beside it, and how it is judged.

    Everything registered here learns and lies in the checkpoint; `network` alone is averaged and shipped. Pretrained
    judges are kept from registration by `Frozen`.
    """

    network: Any
    _resting: tuple[nn.Module, ...] = ()

    def rest(self, part: nn.Module) -> None:
        """Leave a part of the network as it is, its statistics too: it learns nothing, and costs no backward pass."""
        part.requires_grad_(False).eval()
        self._resting += (part,)

    def train(self, mode: bool = True) -> Self:
        """As `nn.Module.train`, but for what rests."""
        super().train(mode)
        for part in self._resting:
            part.eval()
        return self

    @property
    def critic(self) -> nn.Module | None:
        """What learns against the network, with an optimizer of its own: `critic(real, fake)` gives its loss."""
        return None

    def forward(self, batch: Batch, step: int) -> dict[str, Tensor]:
        """The parts of the loss, each with its weight: their sum is what falls."""
        raise NotImplementedError

    def discriminator_batch(self) -> tuple[Tensor, Tensor] | None:
        """Real and fake pictures of the last batch for the critic; None when it rests."""
        return None

    def colored(self, network: Any, lab: Tensor) -> Tensor:
        """How a network colours, to be judged: ab (1, 2, h, w) for a photo as Lab (1, 3, H, W) on its device."""
        ab: Tensor = network.head.read(network(lab[:, :1]).float())
        return ab

    @torch.inference_mode()
    def sheet(self, network: nn.Module, photos: list[Tensor]) -> Image.Image | None:
        """What a network makes of a few photographs, to look at; None when it makes no colours."""
        return sample_sheet(self._judged(network), photos)

    @torch.inference_mode()
    def figures(self, network: nn.Module, photos: list[Tensor]) -> Figures:
        """How good a network is on photographs that it has never seen, uint8 (3, H, W) each."""
        return measure(self._judged(network), photos)

    def _judged(self, network: nn.Module) -> Coloring:
        """A network's colouring, from the CPU and back to it."""
        device = next(network.parameters()).device
        return lambda lab: self.colored(network, lab.to(device)).cpu()


class Frozen:
    """A pretrained network that judges or teaches and never learns, on whatever device it is asked."""

    def __init__(self, network: nn.Module) -> None:
        self._network: Any = network.eval().requires_grad_(False)

    @property
    def channels(self) -> tuple[int, ...]:
        """Of the features of a teacher, the finest first."""
        channels: tuple[int, ...] = self._network.channels
        return channels

    def __call__(self, pictures: Tensor) -> Any:
        return self._network.to(pictures.device)(pictures)


@dataclass(frozen=True)
class Materials:
    """What an objective is made of, beside the plan: the photos, and the files given with flags."""

    photos: Photographs
    teacher: Path | None = None
    perceptual: Path | None = None


@dataclass(frozen=True)
class Recipe:
    """One way to train the weights of one registry entry.

    `objective` gets the plan and the materials; `common`, `cpu` and `gpu` are presets of `TrainingPlan`. `needs` is the file
    beside the photos that it is made of: `teacher` or `perceptual`.
    """

    key: str
    about: str
    objective: Callable[[TrainingPlan, Materials], Objective]
    common: Mapping[str, Any]
    cpu: Mapping[str, Any]
    gpu: Mapping[str, Any]
    needs: str = ""

    def plan(self, preset: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """The numbers of a preset, with those that were given in their place."""
        rare = {"save_every": 500} if preset == "gpu" else {}
        return rare | dict(self.common) | dict(self.gpu if preset == "gpu" else self.cpu) | dict(given)
