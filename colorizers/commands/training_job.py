"""A run of `train`, in one process or several: what each of them does, and how the weights' header tells it."""

import argparse
import os
import shlex
import socket
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from colorizers.commands.flags import flag, given_values
from colorizers.commands.outputs import shown
from colorizers.errors import ColorizerError
from colorizers.settings import get_settings
from colorizers.training import hardware, loop, validation
from colorizers.training.catalog import find
from colorizers.training.initialize import load_matching
from colorizers.training.log import duration
from colorizers.training.photos import BatchOrder, Photographs, decoded, training_paths, validation_paths
from colorizers.training.recipe import Materials, TrainingPlan
from colorizers.weights.loading import read_header
from colorizers.weights.store import sha256
from colorizers.words import ENGLISH, Text, spoken

LOSS_NETWORKS = ("teacher", "perceptual")
_TIMED_STEPS = 3  # of a dry run, after one to warm up


@dataclass(frozen=True)
class TrainingJob:
    """Input of every process of a run; each reads the decoded photos for itself."""

    arguments: argparse.Namespace
    plan: TrainingPlan
    folder: Path
    device: torch.device


def photos_of(arguments: argparse.Namespace) -> tuple[Photographs, Photographs | None]:
    """Training photos, and validation photos or None."""
    cache = get_settings().cache_dir / "photos"
    held_out = validation_paths(arguments.data, arguments.val)
    return decoded(training_paths(arguments.data), cache), decoded(held_out, cache) if held_out else None


def train_in_processes(processes: int, job: TrainingJob) -> None:
    """Train in several processes; a ColorizerError in one of them is raised here."""
    errors = torch.multiprocessing.get_context("spawn").SimpleQueue()
    try:
        torch.multiprocessing.spawn(_process, (processes, _free_port(), job, errors), nprocs=processes)
    except torch.multiprocessing.ProcessExitedException:
        if errors.empty():
            raise
        raise ColorizerError(errors.get()) from None


def _process(rank: int, processes: int, port: int, job: TrainingJob, errors: Any) -> None:
    """One process of a run; the text of a ColorizerError goes to the parent process."""
    variables = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": processes, "MASTER_PORT": port}
    os.environ |= {"MASTER_ADDR": "127.0.0.1"} | {name: str(value) for name, value in variables.items()}
    if job.device.type == "cpu":
        os.environ["ACCELERATE_USE_CPU"] = "true"
    try:
        with spoken(get_settings().language):
            train(job)
    except ColorizerError as error:
        errors.put(error.text)
        sys.exit(2)
    torch.distributed.destroy_process_group()


def train(job: TrainingJob) -> None:
    """The run, or this process's part of it."""
    arguments, plan = job.arguments, job.plan
    photos, held_out = photos_of(arguments)
    accelerator = hardware.accelerator_for(job.device)
    recipe = find(arguments.recipe)
    torch.manual_seed(plan.seed)
    objective = recipe.objective(plan, Materials(photos, arguments.teacher, arguments.perceptual))
    if arguments.start is not None:
        required = "" if plan.encoder_rate else "encoder."
        summary = load_matching(objective.network, arguments.start, required)
        accelerator.print(Text("commands.train.start-read", summary=summary))
    training = loop.TrainingRun(objective, plan, accelerator, recipe.key, photos.sha256)
    if arguments.dry_run:
        accelerator.print(_forecast(training, photos.moved_if_small(accelerator.device)))
        return
    checkpoint = job.folder / loop.CHECKPOINT
    if arguments.cool_from is not None and not checkpoint.exists():
        checkpoint = arguments.cool_from / loop.CHECKPOINT
    if (arguments.resume or arguments.cool_from is not None) and checkpoint.exists():
        training.resume(checkpoint)
        place = {"step": training.step, "steps": plan.steps, "path": shown(checkpoint)}
        accelerator.print(Text("commands.train.step-read", **place))
    validated_on = [held_out.photo(k) for k in validation.evenly_spread(len(held_out))] if held_out else []
    device = hardware.device_label(accelerator).worded(ENGLISH)
    output = loop.RunOutput(job.folder, _provenance(arguments, photos, device))
    loop.train(training, photos, validated_on, recipe, output)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _forecast(training: loop.TrainingRun, photos: Photographs) -> Text:
    """The size of the network, its operations per photo, and the expected time from the speed of a few steps."""
    plan, network = training.plan, training.objective.network
    parameters = sum(parameter.numel() for parameter in network.parameters())
    order = BatchOrder(len(photos), plan.batch, 0, plan.subset, plan.refresh_every)
    batch = training.batch(photos, order, 0)
    with FlopCounterMode(display=False) as counter:
        training.learner(batch, 0)
    operations = counter.get_total_flops() / len(batch.lab)
    training.take_step(photos, order)
    start = time.monotonic()
    for _ in range(_TIMED_STEPS):
        training.take_step(photos, order)  # it reads its losses from the device, and so waits for it
    pace = (time.monotonic() - start) / _TIMED_STEPS
    return Text(
        "commands.train.forecast",
        parameters=parameters / 1e6,
        size=2 * parameters / 2**20,
        operations=operations / 1e9,
        side=plan.size,
        steps=plan.steps,
        batch=plan.batch,
        epochs=plan.steps / order.steps_per_epoch,
        speed=plan.batch / pace,
        device=hardware.device_label(training.accelerator),
        duration=duration(pace * plan.steps),
    )


def _provenance(arguments: argparse.Namespace, photos: Photographs, device: str) -> dict[str, str]:
    """How the weights were made, for their header, which holds strings only."""
    provenance = {
        "command": _command(arguments),
        "device": device,
        "photos": str(len(photos)),
        "photos_sha256": photos.sha256,
    }
    for name in ("start", *LOSS_NETWORKS):
        path = getattr(arguments, name)
        if path is None:
            continue
        provenance[f"{name}_sha256"] = sha256(path)
        command = read_header(path).get("command") if path.suffix == ".safetensors" else None
        if command:
            provenance[f"{name}_command"] = command
    return provenance


def _command(arguments: argparse.Namespace) -> str:
    """The command line without the folders of this machine."""
    words: list[Any] = ["python", "-m", "colorizers", "train", arguments.recipe]
    for name in ("data", "val"):
        if paths := getattr(arguments, name):
            words += [f"--{name}", *(path.resolve().name for path in paths)]
    for name in ("start", *LOSS_NETWORKS):
        if getattr(arguments, name) is not None:
            words += [f"--{name}", getattr(arguments, name).name]
    if arguments.cool_from is not None:
        words += ["--cool-from", arguments.cool_from.resolve().name]
    words += ["--preset", arguments.preset]
    for name, value in given_values(arguments, TrainingPlan).items():
        words += [flag(name), value]
    return shlex.join(map(str, words))
