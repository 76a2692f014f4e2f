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

from colorizers.commands.flags import add_flags, flag, given_values, path, positive
from colorizers.commands.outputs import reason_of, shown
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
from colorizers.words import ENGLISH, Text, spoken

_LOSS_NETWORKS = ("teacher", "perceptual")
_TIMED_STEPS = 3  # of a dry run, after one to warm up
_DEVICE = re.compile(r"cpu|cuda(:\d{1,2})?")


def prepare(parser: argparse.ArgumentParser, argv: list[str]) -> None:
    """The arguments of `train`; flags that are not given have the recipe's presets."""
    add = parser.add_argument
    recipes = "; ".join(f"{key.replace('/', ':')}: {recipe.about}" for key, recipe in RECIPES.items())
    add("recipe", metavar="METHOD[:WEIGHTS]", help=recipes)
    data = str(Text("commands.train.data"))
    add("--data", type=path, nargs="+", required=True, metavar="PATH", help=data)
    add("--val", type=path, nargs="+", default=[], metavar="PATH", help=str(Text("commands.train.val")))
    add("--out", type=path, metavar="FOLDER", help=str(Text("commands.train.out")))
    add("--preset", choices=["cpu", "gpu"], help=str(Text("commands.train.preset")))
    add("--device", type=_device, metavar="DEVICE", help=str(Text("commands.train.device")))
    start = str(Text("commands.train.start", packaged=PACKAGED))
    add("--start", type=given_file, metavar="FILE", help=start)
    teacher = str(Text("commands.train.teacher", packaged=PACKAGED))
    add("--teacher", type=given_file, metavar="FILE", help=teacher)
    perceptual = str(Text("commands.train.perceptual", packaged=PACKAGED))
    add("--perceptual", type=given_file, metavar="FILE", help=perceptual)
    processes = str(Text("commands.train.processes"))
    add("--processes", type=positive("--processes"), metavar="N", help=processes)
    add("--resume", action="store_true", help=str(Text("commands.train.resume")))
    add("--cool-from", type=path, metavar="FOLDER", help=str(Text("commands.train.cool-from")))
    add("--dry-run", action="store_true", help=str(Text("commands.train.dry-run")))
    add_flags(parser, str(Text("commands.train.hyperparameters")), TrainingPlan)
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
        raise ColorizerError(Text("commands.train.device-form"))
    return text


def _processes(wanted: int | None, device: torch.device) -> int:
    """The number of processes: the given one, else one per GPU, or one on a device that was named."""
    if device.type == "cpu":
        return wanted or 1
    gpus = 1 if device.index is not None else torch.cuda.device_count()
    if wanted is not None and wanted > gpus:
        raise ColorizerError(Text("commands.train.fewer-gpus", gpus=gpus, processes=wanted))
    return wanted or gpus


def _cooling(plan: TrainingPlan, arguments: argparse.Namespace, folder: Path) -> TrainingPlan:
    """The plan of a new or resumed run that cools down from another run's checkpoint."""
    if plan.schedule != "trapezoid":
        raise ColorizerError(Text("commands.train.cannot-cool"))
    own, source = folder / loop.CHECKPOINT, arguments.cool_from / loop.CHECKPOINT
    if arguments.resume and own.exists():
        steps = loop.plan_of(loop.read_checkpoint(own)).steps
    elif source.is_file():
        steps = loop.read_checkpoint(source)["step"] + plan.cool_down
    else:
        raise ColorizerError(Text("commands.train.no-run-to-cool", path=shown(arguments.cool_from)))
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
            raise ColorizerError(Text("commands.no-file-for-flag", path=shown(path), flag=name))
        if path is not None and name in _LOSS_NETWORKS and name != needs:
            raise ColorizerError(Text("commands.train.no-such-network", recipe=arguments.recipe, network=name))


def _check_photos(arguments: argparse.Namespace, plan: TrainingPlan, parts: int) -> None:
    """Decode the photos, print which are left out, and raise ColorizerError if they are too few or overlap."""
    if plan.batch % parts or plan.batch < 2 * parts:
        raise ColorizerError(Text("commands.train.batch-too-small", batch=plan.batch, parts=parts))
    training, held_out = _photos(arguments)
    for reason in training.left_out:
        print(Text("commands.left-out", reason=shown(Path(reason))), file=sys.stderr)
    counts = {"training": len(training), "left_out": len(training.left_out), "labels": len(training.labels)}
    print(Text("commands.train.photos", **counts))
    available = int(plan.subset * len(training))
    if available < plan.batch:
        raise ColorizerError(Text("commands.train.too-few-photos", photos=available, batch=plan.batch))
    if held_out is not None and (shared := set(training.digests) & set(held_out.digests)):
        raise ColorizerError(Text("commands.train.shared-photos", count=len(shared)))


def _photos(arguments: argparse.Namespace) -> tuple[Photographs, Photographs | None]:
    """Training photos, and validation photos or None."""
    cache = get_settings().cache_dir / "photos"
    held_out = validation_paths(arguments.data, arguments.val)
    return decoded(training_paths(arguments.data), cache), decoded(held_out, cache) if held_out else None


def _check_folder(folder: Path, resume: bool) -> None:
    if (folder / loop.CHECKPOINT).exists() and not resume:
        raise ColorizerError(Text("commands.train.run-exists", path=shown(folder)))
    if resume and not folder.is_dir():
        raise ColorizerError(Text("commands.train.no-run", path=shown(folder)))
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ColorizerError(Text("commands.train.no-folder", path=shown(folder), reason=reason_of(error))) from error


def _process(rank: int, processes: int, port: int, job: _Job, errors: Any) -> None:
    """One process of a run; the text of a ColorizerError goes to the parent process."""
    variables = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": processes, "MASTER_PORT": port}
    os.environ |= {"MASTER_ADDR": "127.0.0.1"} | {name: str(value) for name, value in variables.items()}
    if job.device.type == "cpu":
        os.environ["ACCELERATE_USE_CPU"] = "true"
    try:
        with spoken(get_settings().language):
            _train(job)
    except ColorizerError as error:
        errors.put(error.text)
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
