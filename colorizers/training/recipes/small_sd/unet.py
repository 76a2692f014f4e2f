"""The U-Net and its text encoder: noisy latents of a captioned photo to clean ones, from noise or from gray."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from colorizers.networks.diffusion import SCHEDULE
from colorizers.picture.color import rgb_to_lab
from colorizers.training.initialize import clipped_rgb
from colorizers.training.photos import seeded
from colorizers.training.recipe import Batch, Objective, Recipe
from colorizers.training.recipes.small_sd.autoencoder import (
    CHANNELS,
    LIGHTS,
    Autoencoder,
    latents_of,
    whole_cells,
)
from colorizers.training.recipes.small_sd.captions import captions
from colorizers.training.recipes.small_sd.networks import (
    SmallStableDiffusion,
    text_encoder,
    unet,
)
from colorizers.training.recipes.small_sd.tokenizer import tokenizer
from colorizers.training.schedules import signal_and_noise, signal_variance
from colorizers.training.validation import Figures

_DRAWS = 2  # noisy versions of each photo
_UNCAPTIONED = 0.1  # of them have no caption
_OTHER_START = 0.6  # and of them begin with other colours than they end with, at a strength between
_STRENGTHS = (0.3, 1.0)
_GRAY_STARTS = 0.6  # of the photos, whose other colours are none
_TINT, _TINTS = 8.0, 3  # what is wrong with the others: its standard deviation, in Lab units, at places a side
# Of the photos so many are made gray, and so on, with captions that say so.
_GRAY, _IN_OTHER_LIGHT, _MORE_OR_LESS = 0.03, 0.12, 0.12
_LIGHT = 24.0  # Lab units of b* by which other light differs at most
_SATURATION = (0.3, 1.6)
_LIGHT_WEIGHT = 1 / 8  # of the squared error of the light, whose latents are larger and which the program knows
_JUDGED_EVERY, _JUDGED_STEPS, _JUDGED_STRENGTH, _JUDGED_GUIDANCE = 5, 8, 0.75, 2.0
_JUDGED_WORDS = "natural color photograph, realistic colors"


class LatentDenoising(Objective):
    """Mean squared error of the velocity (Salimans, Ho 2022) of latents under a caption.

    A sampler that begins with other latents y than those of its answer x, at a step of signal a' and noise s', comes
    past a x + s (n + a'/s' (y - x)) at the steps below: as if the noise n were shifted. Part of the draws are such, so
    that the network learns to colour from gray, or to mend colours that are there, at any strength.
    """

    signal_variance: Tensor

    def __init__(self, labels: Sequence[str]) -> None:
        super().__init__()
        self.tokenizer = tokenizer()
        self.network = SmallStableDiffusion(vae=Autoencoder(), text_encoder=text_encoder(self.tokenizer), unet=unet())
        self.freeze(self.network.vae)
        self._labels = labels
        self.register_buffer("signal_variance", signal_variance(SCHEDULE), persistent=False)

    def forward(self, batch: Batch, step: int) -> dict[str, Tensor]:
        random, device = batch.random, batch.lab.device
        wanted = recolored(torch.cat((batch.lightness, batch.lab[:, 1:]), dim=1), random)
        states = self._states(self.network, self._captions(wanted, batch)).repeat_interleave(_DRAWS, dim=0)
        clean, start = (
            latents_of(clipped_rgb(lab)).repeat_interleave(_DRAWS, dim=0) for lab in (wanted, starting(wanted, random))
        )
        chance, caption_chance, strength, share = torch.rand(4, len(clean), generator=random, device=device)
        strength = torch.where(chance < _OTHER_START, _STRENGTHS[0] + (_STRENGTHS[1] - _STRENGTHS[0]) * strength, 1)
        count = len(self.signal_variance)
        first = (strength * count).long().clamp(max=count) - 1
        signal, sigma = self.factors(first)
        noise = torch.randn(clean.shape, generator=random, device=device)
        noise = shifted(noise, start, clean, signal / sigma)
        steps = (share * (first + 1)).long()
        signal, sigma = self.factors(steps)
        empty = self._states(self.network, [""])
        states = torch.where((caption_chance < _UNCAPTIONED)[:, None, None], empty, states)
        predicted = self.predicted(batch, signal * clean + sigma * noise, steps, states)
        error = (predicted.float() - (signal * noise - sigma * clean)) ** 2
        light, colors = error.split((LIGHTS, CHANNELS - LIGHTS), dim=1)
        return {"light": _LIGHT_WEIGHT * light.mean(), "colors": colors.mean()}

    def predicted(self, batch: Batch, noisy: Tensor, steps: Tensor, states: Tensor) -> Tensor:
        """The velocity that the network predicts for noisy latents."""
        velocity: Tensor = self.network.unet(noisy, steps, states).sample
        return velocity

    def factors(self, steps: Tensor) -> tuple[Tensor, Tensor]:
        """The factors (B, 1, 1, 1) of the clean latents and of the noise after these steps (B,)."""
        return signal_and_noise(self.signal_variance[steps])

    def colored(self, network: Any, lab: Tensor) -> Tensor:
        """From gray, in a few steps of DDIM (Song et al. 2021) with guidance, its noise the same for every photo."""
        height, width = lab.shape[-2:]
        gray = whole_cells(clipped_rgb(lab * torch.tensor([1.0, 0, 0], device=lab.device)[:, None, None]))
        latents = network.vae.encode(gray)
        states = self._states(network, ["", _JUDGED_WORDS])
        last = _JUDGED_STRENGTH * len(self.signal_variance) - 1
        timesteps = torch.linspace(last, 0, _JUDGED_STEPS + 1).long().to(lab.device)
        noise = torch.randn(latents.shape, generator=seeded(lab.device, 0), device=lab.device)
        for now in timesteps[:-1]:
            signal, sigma = self.factors(now[None])
            noisy = signal * latents + sigma * noise
            uncond, cond = self.guided(network, noisy.repeat(2, 1, 1, 1), now, states, gray).float().chunk(2)
            velocity = uncond + _JUDGED_GUIDANCE * (cond - uncond)
            latents, noise = signal * noisy - sigma * velocity, sigma * noisy + signal * velocity
        return rgb_to_lab(network.vae.decode(latents))[:, 1:, :height, :width]

    def guided(self, network: Any, noisy: Tensor, timestep: Tensor, states: Tensor, gray: Tensor) -> Tensor:
        """As `predicted`, of the averaged network and for one photo, gray sRGB (1, 3, H, W) in [0, 1]."""
        velocity: Tensor = network.unet(noisy, timestep, states).sample
        return velocity

    @torch.inference_mode()
    def figures(self, network: nn.Module, photos: list[Tensor]) -> Figures:
        """As `Objective.figures`, on every fifth photo, for each takes many steps."""
        return super().figures(network, photos[::_JUDGED_EVERY])

    def _captions(self, lab: Tensor, batch: Batch) -> list[str]:
        labels = [self._labels[k] if k >= 0 else "" for k in batch.label_ids.tolist()]
        seed = torch.randint(2**31, (1,), generator=batch.random, device=lab.device)
        return captions(lab, labels, int(seed))

    def _states(self, network: Any, words: list[str]) -> Tensor:
        """The text encoder's states (B, 48, D) of texts."""
        tokens = self.tokenizer(words, padding="max_length", truncation=True, return_tensors="pt").input_ids
        states: Tensor = network.text_encoder(tokens.to(network.text_encoder.device)).last_hidden_state
        return states


def shifted(noise: Tensor, start: Tensor, clean: Tensor, ratio: Tensor) -> Tensor:
    """The noise by which clean latents become the noisy start, where signal and noise have this ratio (B, 1, 1, 1)."""
    return noise + ratio * (start - clean)


def recolored(lab: Tensor, random: torch.Generator) -> Tensor:
    """Lab (B, 3, H, W) of which some are gray, in warmer or colder light, or more or less saturated."""
    kind, light, gain = torch.rand(3, len(lab), 1, 1, 1, generator=random, device=lab.device)
    lightness, ab = lab[:, :1], lab[:, 1:]
    warmth = _LIGHT * (2 * light - 1) * torch.tensor([0.3, 1.0], device=lab.device)[:, None, None]
    in_other_light = ab + warmth * (lightness / 60).clamp(max=1)
    saturated = ab * (_SATURATION[0] + (_SATURATION[1] - _SATURATION[0]) * gain)
    edges = _GRAY, _GRAY + _IN_OTHER_LIGHT, _GRAY + _IN_OTHER_LIGHT + _MORE_OR_LESS
    ab = torch.where(kind < edges[2], torch.where(kind < edges[1], in_other_light, saturated), ab)
    return torch.cat((lightness, torch.where(kind < edges[0], 0, ab)), dim=1)


def starting(lab: Tensor, random: torch.Generator) -> Tensor:
    """Lab (B, 3, H, W) as a run may start from: most of them gray, the others too pale and in wrong tints."""
    kind, gain = torch.rand(2, len(lab), 1, 1, 1, generator=random, device=lab.device)
    tints = torch.randn(len(lab), 2, _TINTS, _TINTS, generator=random, device=lab.device)
    tint = _TINT * interpolate(tints, lab.shape[-2:], mode="bilinear", align_corners=True)
    ab = torch.where(kind < _GRAY_STARTS, 0, gain * lab[:, 1:] + tint)
    return torch.cat((lab[:, :1], ab), dim=1)


RECIPES = (
    Recipe(
        key="small_sd/unet",
        objective=lambda plan, materials: LatentDenoising(materials.photos.labels),
        common={"weight_decay": 0.0, "schedule": "trapezoid", "learning_rate": 5e-4, "ema": 0.999},
        cpu={
            "steps": 60000, "cool_down": 5000, "batch": 16, "size": 64, "cool_size": 96, "warm_up": 200,
            "judge_every": 1000,
        },
        gpu={
            "steps": 60000, "cool_down": 10000, "batch": 256, "size": 192, "cool_size": 192, "warm_up": 1000,
            "learning_rate": 1e-3, "ema": 0.9998,
        },
    ),
)  # fmt: skip
