"""`train`: train the weights of a recipe on photographs, resumable and with validation."""

import argparse
import os
import re
import shlex
import socket
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from colorizers.commands.flags import add_flags, flag, given_values, positive
from colorizers.commands.outputs import shown
from colorizers.commands.packaged import PACKAGED, given_file
from colorizers.devices import find_device
from colorizers.errors import ColorizerError
from colorizers.options import validated
from colorizers.settings import get_settings
from colorizers.training import hardware, loop, validation
from colorizers.training.catalog import RECIPES, find
from colorizers.training.initialize import load_matching
from colorizers.training.log import duration
from colorizers.training.photos import BatchOrder, Photographs, decoded, training_paths, validation_paths
from colorizers.training.recipe import Materials, TrainingPlan
from colorizers.weights.loading import read_header
from colorizers.weights.store import sha256

_LOSS_NETWORKS = ("teacher", "perceptual")
_TIMED_STEPS = 3  # of a dry run, after one to warm up
_DEVICE = re.compile(r"cpu|cuda(:\d{1,2})?")


def prepare(parser: argparse.ArgumentParser, argv: list[str]) -> None:
    """The arguments of `train`; flags that are not given have the recipe's presets."""
    add = parser.add_argument
    recipes = "; ".join(f"{key.replace('/', ':')}: {recipe.about}" for key, recipe in RECIPES.items())
    add("recipe", metavar="METHOD[:WEIGHTS]", help=recipes)
    data = "folders of color photos, tar shards, or folders of shards; shards named val-* are not trained on"
    add("--data", type=Path, nargs="+", required=True, metavar="PATH", help=data)
    val = "validation photos (default: the val-* shards among the data)"
    add("--val", type=Path, nargs="+", default=[], metavar="PATH", help=val)
    add(
        "--out",
        type=Path,
        metavar="FOLDER",
        help="folder for checkpoints, log and weights (default: runs/METHOD_WEIGHTS)",
    )
    add(
        "--preset",
        choices=["cpu", "gpu"],
        help="hyperparameters for this kind of device (default: the kind of --device)",
    )
    device = "cpu, cuda or one GPU such as cuda:1 (default: COLORIZERS_DEVICE)"
    add("--device", type=_device, metavar="DEVICE", help=device)
    packaged = f"; {', '.join(PACKAGED)} names those of the installed package"
    add(
        "--start",
        type=given_file,
        metavar="FILE",
        help=f"initial weights: of another recipe or of a backbone{packaged}",
    )
    add(
        "--teacher",
        type=given_file,
        metavar="FILE",
        help=f"ImageNet weights of the teacher of a distillation{packaged}",
    )
    add("--perceptual", type=given_file, metavar="FILE", help=f"ImageNet weights of the perceptual loss{packaged}")
    add(
        "--processes",
        type=positive("--processes"),
        metavar="N",
        help="processes that share each batch (default: one per GPU)",
    )
    add("--resume", action="store_true", help="continue exactly from the last checkpoint in the folder")
    cool = "continue a run with a trapezoid schedule in a new folder: cool down from its last checkpoint, and end"
    add("--cool-from", type=Path, metavar="FOLDER", help=cool)
    add("--dry-run", action="store_true", help="print the size of the network and the expected time, and stop")
    add_flags(parser, "hyperparameters (a preset may have other defaults)", TrainingPlan)
    parser.set_defaults(run=run)


@dataclass(frozen=True)
class _Job:
    """Input of every process of a run; each reads the decoded photos for itself."""

    arguments: argparse.Namespace
    plan: TrainingPlan
    folder: Path
    device: torch.device


def run(arguments: argparse.Namespace) -> int:
    """Train in this process, or in several that share every batch."""
    device = find_device(arguments.device or get_settings().device)
    hardware.check_device(device)
    recipe = find(arguments.recipe)
    arguments.preset = arguments.preset or ("gpu" if device.type == "cuda" else "cpu")
    given = given_values(arguments, TrainingPlan)
    if arguments.start is None:
        given.setdefault("encoder_rate", 1.0)  # a randomly initialised encoder trains like the rest
    folder = arguments.out or Path("runs") / recipe.key.replace("/", "_")
    plan = validated(TrainingPlan, recipe.plan(arguments.preset, given))
    if arguments.cool_from is not None:
        plan = _cooling(plan, arguments, folder)
    processes = _processes(arguments.processes, device)
    _check_files(arguments, recipe.needs)
    _check_photos(arguments, plan, processes * plan.accumulation)
    job = _Job(arguments, plan, folder, device)
    if not arguments.dry_run:
        _check_folder(folder, arguments.resume)
    if processes == 1 or "RANK" in os.environ:
        _train(job)
    else:
        _train_in_processes(processes, job)
    return 0


def _device(text: str) -> str:
    if not _DEVICE.fullmatch(text):
        raise ColorizerError("--device must be cpu, cuda or one GPU such as cuda:1.")
    return text


def _processes(wanted: int | None, device: torch.device) -> int:
    """The number of processes: the given one, else one per GPU, or one on a device that was named."""
    if device.type == "cpu":
        return wanted or 1
    gpus = 1 if device.index is not None else torch.cuda.device_count()
    if wanted is not None and wanted > gpus:
        raise ColorizerError(f"There are {gpus} GPUs for {wanted} processes; give --processes {gpus}.")
    return wanted or gpus


def _cooling(plan: TrainingPlan, arguments: argparse.Namespace, folder: Path) -> TrainingPlan:
    """The plan of a new or resumed run that cools down from another run's checkpoint."""
    if plan.schedule != "trapezoid":
        raise ColorizerError("Only a run with --schedule trapezoid can cool down; leave out --cool-from.")
    own, source = folder / loop.CHECKPOINT, arguments.cool_from / loop.CHECKPOINT
    if arguments.resume and own.exists():
        steps = loop.plan_of(loop.read_checkpoint(own)).steps
    elif source.is_file():
        steps = loop.read_checkpoint(source)["step"] + plan.cool_down
    else:
        raise ColorizerError(f"There is no run in {shown(arguments.cool_from)}; give the folder of one to --cool-from.")
    return plan.model_copy(update={"steps": steps})


def _train_in_processes(processes: int, job: _Job) -> None:
    """Train in several processes; a ColorizerError in one of them is raised here."""
    errors = torch.multiprocessing.get_context("spawn").SimpleQueue()
    try:
        torch.multiprocessing.spawn(_process, (processes, _free_port(), job, errors), nprocs=processes)
    except torch.multiprocessing.ProcessExitedException:
        if errors.empty():
            raise
        raise ColorizerError(errors.get()) from None


def _check_files(arguments: argparse.Namespace, needs: str) -> None:
    """Raise ColorizerError for a file that does not exist or that the recipe does not use."""
    for name in ("start", *_LOSS_NETWORKS):
        path: Path | None = getattr(arguments, name)
        if path is not None and not path.is_file():
            raise ColorizerError(f"There is no file {shown(path)}; give another with --{name}.")
        if path is not None and name in _LOSS_NETWORKS and name != needs:
            raise ColorizerError(f"The recipe {arguments.recipe} uses no {name} network; leave out --{name}.")


def _check_photos(arguments: argparse.Namespace, plan: TrainingPlan, parts: int) -> None:
    """Decode the photos, print which are left out, and raise ColorizerError if they are too few or overlap."""
    if plan.batch % parts or plan.batch < 2 * parts:
        raise ColorizerError(
            f"A batch of {plan.batch} cannot be split into {parts} parts of 2 photos or more; give another --batch."
        )
    training, held_out = _photos(arguments)
    for reason in training.left_out:
        print(f"left out: {shown(Path(reason))}", file=sys.stderr)
    print(f"{len(training)} photos to train on, {len(training.left_out)} left out, {len(training.labels)} labels")
    available = int(plan.subset * len(training))
    if available < plan.batch:
        raise ColorizerError(
            f"There are {available} color photographs for batches of {plan.batch}; "
            "give more with --data, or a smaller --batch."
        )
    if held_out is not None and (shared := set(training.digests) & set(held_out.digests)):
        raise ColorizerError(f"{len(shared)} photos are both in --data and in --val; leave them out of one.")


def _photos(arguments: argparse.Namespace) -> tuple[Photographs, Photographs | None]:
    """Training photos, and validation photos or None."""
    cache = get_settings().cache_dir / "photos"
    held_out = validation_paths(arguments.data, arguments.val)
    return decoded(training_paths(arguments.data), cache), decoded(held_out, cache) if held_out else None


def _check_folder(folder: Path, resume: bool) -> None:
    if (folder / loop.CHECKPOINT).exists() and not resume:
        raise ColorizerError(f"{shown(folder)} holds a run already; continue it with --resume, or give another --out.")
    if resume and not folder.is_dir():
        raise ColorizerError(f"There is no run in {shown(folder)} to continue; leave out --resume.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ColorizerError(
            f"The folder {shown(folder)} cannot be created ({reason}); give another with --out."
        ) from error


def _process(rank: int, processes: int, port: int, job: _Job, errors: Any) -> None:
    """One process of a run; the sentence of a ColorizerError goes to the parent process."""
    variables = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": processes, "MASTER_PORT": port}
    os.environ |= {"MASTER_ADDR": "127.0.0.1"} | {name: str(value) for name, value in variables.items()}
    if job.device.type == "cpu":
        os.environ["ACCELERATE_USE_CPU"] = "true"
    try:
        _train(job)
    except ColorizerError as error:
        errors.put(str(error))
        sys.exit(2)
    torch.distributed.destroy_process_group()


def _train(job: _Job) -> None:
    """The run, or this process's part of it."""
    arguments, plan = job.arguments, job.plan
    photos, held_out = _photos(arguments)
    accelerator = hardware.accelerator_for(job.device)
    recipe = find(arguments.recipe)
    torch.manual_seed(plan.seed)
    objective = recipe.objective(plan, Materials(photos, arguments.teacher, arguments.perceptual))
    if arguments.start is not None:
        required = "" if plan.encoder_rate else "encoder."
        accelerator.print(f"start: {load_matching(objective.network, arguments.start, required)}")
    training = loop.TrainingRun(objective, plan, accelerator, recipe.key, photos.sha256)
    if arguments.dry_run:
        accelerator.print(_forecast(training, photos.moved_if_small(accelerator.device)))
        return
    checkpoint = job.folder / loop.CHECKPOINT
    if arguments.cool_from is not None and not checkpoint.exists():
        checkpoint = arguments.cool_from / loop.CHECKPOINT
    if (arguments.resume or arguments.cool_from is not None) and checkpoint.exists():
        training.resume(checkpoint)
        accelerator.print(f"step {training.step}/{plan.steps} read from {shown(checkpoint)}")
    validated_on = [held_out.photo(k) for k in validation.evenly_spread(len(held_out))] if held_out else []
    output = loop.RunOutput(job.folder, _provenance(arguments, photos, hardware.device_label(accelerator)))
    loop.train(training, photos, validated_on, recipe, output)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _forecast(training: loop.TrainingRun, photos: Photographs) -> str:
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
    return (
        f"{parameters / 1e6:.2f} M parameters, {2 * parameters / 2**20:.1f} MiB as fp16; "
        f"{operations / 1e9:.2f} GFLOP per photo of {plan.size} px, forward, with its losses; {plan.steps} steps of "
        f"{plan.batch}, {plan.steps / order.steps_per_epoch:.1f} epochs; {plan.batch / pace:.1f} photos/s on "
        f"{hardware.device_label(training.accelerator)}: {duration(pace * plan.steps)}"
    )


def _provenance(arguments: argparse.Namespace, photos: Photographs, device: str) -> dict[str, str]:
    """How the weights were made, for their header, which holds strings only."""
    provenance = {
        "command": _command(arguments),
        "device": device,
        "photos": str(len(photos)),
        "photos_sha256": photos.sha256,
    }
    for name in ("start", *_LOSS_NETWORKS):
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
    for name in ("start", *_LOSS_NETWORKS):
        if getattr(arguments, name) is not None:
            words += [f"--{name}", getattr(arguments, name).name]
    if arguments.cool_from is not None:
        words += ["--cool-from", arguments.cool_from.resolve().name]
    words += ["--preset", arguments.preset]
    for name, value in given_values(arguments, TrainingPlan).items():
        words += [flag(name), value]
    return shlex.join(map(str, words))
