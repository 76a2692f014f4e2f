"""Diffusion on colour: seeds, samplers, the mean of several samples, previews, and the schedules of noise."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pytest
import torch
from conftest import encoded, engine_with, untrained
from PIL import Image
from torch import Tensor, nn

from colorizers.engine import Engine
from colorizers.engine.jobs import JobRequest
from colorizers.methods.diffusion import METHOD, Diffusion, SamplerName
from colorizers.methods.method import Step
from colorizers.networks.diffusion import CELL, SCHEDULE, ColorDiffusion, Scene
from colorizers.networks.heads import AB_SCALE, GainHead
from colorizers.options import MAX_SEED, controls
from colorizers.picture.photo import Photo
from colorizers.picture.result import Result
from colorizers.pool import Loader
from colorizers.training.recipes.diffusion import LINEAR, Denoising
from colorizers.training.schedules import signal_variance

Prediction = Literal["velocity", "noise"]
SAMPLERS: tuple[SamplerName, ...] = ("ddim", "ddpm")
KEPT = signal_variance(SCHEDULE)


class Knowing(nn.Module):
    """A denoiser that makes no mistakes: `clean` makes the truth of noisy colours and the shares of truth and noise.

    `on_step(n)` is called before its n-th answer.
    """

    def __init__(
        self, clean: Callable[[Tensor, Tensor, Tensor], Tensor], kept: Tensor = KEPT,
        predicts: Prediction = "velocity", on_step: Callable[[int], None] = lambda step: None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.encoder, self.head = nn.Identity(), GainHead()
        self._clean, self._kept, self._predicts, self._on_step = clean, kept, predicts, on_step
        self._steps = 0

    def scene(self, lightness: Tensor) -> Scene:
        height, width = lightness.shape[-2:]
        return Scene(torch.zeros(len(lightness), CELL**2, height // CELL, width // CELL), [])

    def forward(self, noisy: Tensor, steps: Tensor, scene: Scene) -> Tensor:
        self._steps += 1
        self._on_step(self._steps)
        kept = self._kept[steps][:, None, None, None]
        signal, rest = kept.sqrt(), (1 - kept).sqrt()
        clean = self._clean(noisy, signal, rest)
        noise = (noisy - signal * clean) / rest
        return noise if self._predicts == "noise" else signal * noise - rest * clean


@dataclass(frozen=True)
class Lent(Diffusion):
    """The method, with a network from here."""

    network: nn.Module = field(default_factory=nn.Module)

    @property
    def loaders(self) -> dict[str, Loader]:
        return {self.info.name: lambda key, device, reader: self.network}


def photo_of(width: int, height: int) -> Photo:
    return Photo.open(encoded(Image.fromarray(np.random.default_rng(0).integers(0, 256, (height, width), np.uint8))))


def coloured(engine: Engine, photo: Photo, **options: object) -> tuple[Result, ...]:
    """A small run: one variant of one sample, few steps, as vivid as the network says, unless it is said."""
    usual = {"variants": 1, "samples_per_result": 1, "steps": 3, "seed": 0, "working_size": 64, "vividness": 0.5}
    return engine.results(JobRequest(photo, "diffusion", usual | options))


@pytest.fixture(scope="module")
def engine() -> Engine:
    """With a network of random numbers."""
    return engine_with(Lent(METHOD.info, METHOD.networks, network=untrained(ColorDiffusion)))


# Seeds and variants


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_variant_is_what_its_own_seed_gives_alone(engine: Engine, gray_photo: Photo, sampler: SamplerName):
    together = coloured(engine, gray_photo, variants=3, seed=MAX_SEED - 1, samples_per_result=2, sampler=sampler)
    seeds = [result.record.options["seed"] for result in together]
    assert seeds == [MAX_SEED - 1, MAX_SEED, 0]
    for result, seed in zip(together, seeds, strict=True):
        (alone,) = coloured(engine, gray_photo, seed=seed, samples_per_result=2, sampler=sampler)
        assert torch.allclose(result.coloring.outcome.ab, alone.coloring.outcome.ab, atol=0.01)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_the_same_seed_gives_the_same_pixels_and_another_seed_others(
    engine: Engine, gray_photo: Photo, sampler: SamplerName
):
    one, again, other = (coloured(engine, gray_photo, seed=seed, sampler=sampler)[0].pixels() for seed in (7, 7, 8))
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)


def test_a_result_is_the_mean_of_the_samples_that_its_seed_gives(gray_photo: Photo):
    def samples(seed: int) -> Tensor:
        random = torch.Generator().manual_seed(seed)
        return AB_SCALE * torch.cat([torch.randn(1, 2, 16, 21, generator=random) for _ in range(5)])

    its_first_noise = Knowing(lambda noisy, signal, rest: noisy / (signal + rest))
    engine = engine_with(Lent(METHOD.info, METHOD.networks, network=its_first_noise))
    results = coloured(engine, gray_photo, variants=2, samples_per_result=5, seed=4)
    for seed, result in zip((4, 5), results, strict=True):
        assert torch.allclose(result.coloring.outcome.ab, samples(seed).mean(0), atol=0.05)
    (single,) = coloured(engine, gray_photo, seed=4)
    assert torch.allclose(single.coloring.outcome.ab, samples(4)[0], atol=0.05)


@pytest.mark.parametrize("samples", [None, 8], ids=["default", "8 samples"])
def test_all_variants_that_its_control_offers_are_made(engine: Engine, gray_photo: Photo, samples: int | None):
    most = next(entry.high for entry in controls(METHOD.info.options) if entry.name == "variants")
    asked = {"variants": int(most), "seed": 0, "steps": 2, "working_size": 64}
    asked |= {} if samples is None else {"samples_per_result": samples}
    results = engine.results(JobRequest(gray_photo, "diffusion", asked))
    assert len(results) == most
    assert len({result.pixels().tobytes() for result in results}) == most


# Samplers


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("steps", [2, 20])
@pytest.mark.parametrize("size", [(1, 1), (65, 97), (1000, 30)], ids=lambda size: "{}x{}".format(*size))
def test_any_photo_is_coloured_in_few_steps_or_many(
    engine: Engine, size: tuple[int, int], steps: int, sampler: SamplerName
):
    (result,) = coloured(engine, photo_of(*size), steps=steps, sampler=sampler)
    assert result.pixels().shape == (size[1], size[0], 3)
    assert torch.isfinite(result.coloring.outcome.ab).all()
    assert result.coloring.outcome.ab.norm(dim=0).max() > 0.1, "in colour"


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("steps", [2, 20])
def test_a_denoiser_that_knows_the_colours_is_believed(gray_photo: Photo, steps: int, sampler: SamplerName):
    truth = torch.rand(2, 16, 21, generator=torch.Generator().manual_seed(0)) - 0.5
    engine = engine_with(Lent(METHOD.info, METHOD.networks, network=Knowing(lambda noisy, *_: truth.expand_as(noisy))))
    (result,) = coloured(engine, gray_photo, steps=steps, sampler=sampler)
    assert torch.allclose(result.coloring.outcome.ab, AB_SCALE * truth, atol=0.01)


@pytest.mark.parametrize("predicts", ["velocity", "noise"])
def test_a_recipe_judges_by_the_colours_that_its_network_has_learnt(predicts: Prediction):
    guesses: list[Tensor] = []

    def clean(noisy: Tensor, signal: Tensor, rest: Tensor) -> Tensor:
        guesses.append(noisy / (signal + rest))
        return guesses[-1]

    schedule = SCHEDULE if predicts == "velocity" else LINEAR
    network = Knowing(clean, signal_variance(schedule), predicts)
    ab = Denoising(network, schedule, predicts).colored(network, torch.full((1, 3, 64, 96), 50.0))
    assert ab.shape == (1, 2, 16, 24)
    assert all(torch.allclose(guess, guesses[0], atol=1e-3) for guess in guesses), "from the first step to the last"
    assert torch.allclose(ab, AB_SCALE * guesses[0], atol=0.05)


# While it runs


def test_previews_come_before_the_end(gray_photo: Photo):
    seen = threading.Semaphore(0)
    network = Knowing(lambda noisy, *_: torch.zeros_like(noisy), on_step=lambda step: seen.acquire(timeout=10))
    request = JobRequest(gray_photo, "diffusion", {"variants": 2, "steps": 5, "seed": 0, "working_size": 64})
    steps = []
    engine = engine_with(Lent(METHOD.info, METHOD.networks, network=network))
    for event in engine.run(engine.checked(request)):
        if isinstance(event, Step):
            steps.append(event)
            seen.release()
    assert [step.done for step in steps] == sorted(step.done for step in steps)
    assert {step.done for step in steps} == set(range(6))
    assert {step.total for step in steps} == {5}
    previews = [step.preview for step in steps if step.preview is not None and step.done < 5]
    assert previews
    assert all(preview.ab.shape == (2, 16, 21) for preview in previews)


def test_who_leaves_after_two_steps_is_not_worked_for_any_longer(gray_photo: Photo):
    left, answers = threading.Event(), []

    def on_step(step: int) -> None:
        answers.append(step)
        if step == 3:
            left.wait(10)

    engine = engine_with(
        Lent(METHOD.info, METHOD.networks, network=Knowing(lambda noisy, *_: torch.zeros_like(noisy), on_step=on_step))
    )
    events = engine.run(engine.checked(JobRequest(gray_photo, "diffusion", {"variants": 1, "steps": 50, "seed": 0})))
    while not (isinstance(event := next(events), Step) and event.done == 2):
        pass
    events.close()
    left.set()
    coloured(engine, gray_photo, steps=2)  # has its turn when the first job has ended
    assert len(answers) <= 3 + 2


# What is left of a picture after each step


def test_the_schedules_are_those_of_their_papers():
    steps = torch.arange(1001, dtype=torch.float64) / 1000
    left = torch.cos((steps + 0.008) / 1.008 * torch.pi / 2) ** 2  # Nichol and Dhariwal (2021)
    root = (left[1:] / left[:-1]).clamp(min=1 - 0.999).cumprod(0).sqrt()
    moved = (root - root[-1]) * root[0] / (root[0] - root[-1])  # Lin et al. (2023), algorithm 1
    assert torch.allclose(KEPT, (moved**2).float(), atol=1e-4)
    assert KEPT[-1] == pytest.approx(0, abs=1e-6), "pure noise at the last step"
    ho = (1 - torch.linspace(1e-4, 0.02, 500, dtype=torch.float64)).cumprod(0).float()
    assert torch.allclose(signal_variance(LINEAR), ho, atol=1e-4)
