"""Short runs of any recipe on two photographs."""

from pathlib import Path

import torch
from accelerate import Accelerator

from colorizers.training import loop
from colorizers.training.catalog import RECIPES
from colorizers.training.hardware import accelerator_for
from colorizers.training.photos import BatchOrder, Photographs
from colorizers.training.recipe import Materials, TrainingPlan


def run_of(
    key: str, photos: Photographs, backbone: Path, accelerator: Accelerator | None = None, preset: str = "cpu",
    **given: object,
) -> loop.TrainingRun:  # fmt: skip
    """A run of a recipe on two photographs a step; on the CPU unless an accelerator is given."""
    recipe = RECIPES[key]
    plan = TrainingPlan(**recipe.plan(preset, {"batch": 2, "size": 64, "warm_up": 1, "critic_width": 8} | given))
    torch.manual_seed(0)
    objective = recipe.objective(plan, Materials(photos, backbone, backbone))
    return loop.TrainingRun(objective, plan, accelerator or accelerator_for(torch.device("cpu")), key, photos.sha256)


def steps_of(run: loop.TrainingRun, photos: Photographs) -> list[dict[str, float]]:
    """The parts of the loss at every step of a run."""
    return [run.take_step(photos, BatchOrder(len(photos), 2, 0)) for _ in range(run.plan.steps)]
