"""`train`: a recipe on photographs, with checkpoints, until its weights can be shipped."""

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

from colorizers.commands.flags import add_flags, flag, given_values
from colorizers.commands.numbers import positive
from colorizers.commands.outputs import shown
from colorizers.commands.packaged import PACKAGED, given_file
from colorizers.engine.local import find_device
from colorizers.errors import ColorizerError
from colorizers.options import validated
from colorizers.settings import get_settings
from colorizers.training import loop, validation
from colorizers.training.catalog import RECIPES, find
from colorizers.training.initialize import fill
from colorizers.training.photos import Photographs, decoded, training_paths, validation_paths
from colorizers.training.recipe import Materials, TrainingPlan
from colorizers.weights import store as weights

_JUDGES = ("teacher", "perceptual")
_MEASURED = 3  # steps that a dry run times, after one that it does not


def prepare(parser: argparse.ArgumentParser, argv: list[str]) -> None:
    """The arguments of `train`; a recipe's presets stand for the flags that are not given."""
    add = parser.add_argument
    recipes = "; ".join(f"{key.replace('/', ':')}: {recipe.about}" for key, recipe in RECIPES.items())
    add("recipe", metavar="METHOD[:WEIGHTS]", help=recipes)
    data = "folders of colour photos, tar shards, or folders of shards; shards named val-* are not trained on"
    add("--data", type=Path, nargs="+", required=True, metavar="PATH", help=data)
    val = "photos to measure with (default: the val-* shards among the data)"
    add("--val", type=Path, nargs="+", default=[], metavar="PATH", help=val)
    add("--out", type=Path, metavar="FOLDER", help="for checkpoints, log and weights (default: runs/METHOD_WEIGHTS)")
    add("--preset", choices=["cpu", "gpu"], help="numbers of the recipe (default: as the device is)")
    packaged = f"; {', '.join(PACKAGED)} is found where pip installed it"
    add("--start", type=given_file, metavar="FILE", help=f"weights to begin with: ours, or a backbone's{packaged}")
    add("--teacher", type=given_file, metavar="FILE", help=f"ImageNet weights to distil from{packaged}")
    add("--perceptual", type=given_file, metavar="FILE", help=f"ImageNet weights of the perceptual loss{packaged}")
    add("--processes", type=positive("--processes"), metavar="N", help="that share a batch (default: one a GPU)")
    add("--resume", action="store_true", help="go on exactly from the last checkpoint of the run in the folder")
    cool = "a run with a trapezoid: go on in a new folder from its checkpoint, cool down, and end"
    add("--cool-from", type=Path, metavar="FOLDER", help=cool)
    add("--dry-run", action="store_true", help="say how large the network is and how long it would take, and stop")
    add_flags(parser, "numbers of the run, whose defaults are the preset's where it has them", TrainingPlan)
    parser.set_defaults(run=run)


@dataclass(frozen=True)
class _Work:
    """What every process of a run needs; each reads the decoded photos for itself."""

    arguments: argparse.Namespace
    plan: TrainingPlan
    folder: Path
    device: str


def run(arguments: argparse.Namespace) -> int:
    """Train in this process, or in several that share every batch."""
    device = "cuda" if find_device(get_settings().device).type == "cuda" else "cpu"
    recipe = find(arguments.recipe)
    arguments.preset = arguments.preset or ("gpu" if device == "cuda" else "cpu")
    given = given_values(arguments, TrainingPlan)
    if arguments.start is None:
        given.setdefault("encoder_rate", 1.0)  # an encoder that begins at random learns like the rest
    folder = arguments.out or Path("runs") / recipe.key.replace("/", "_")
    plan = validated(TrainingPlan, recipe.plan(arguments.preset, given))
    if arguments.cool_from is not None:
        plan = _cooling(plan, arguments, folder)
    gpus = torch.cuda.device_count() if device == "cuda" else 0
    processes = arguments.processes or max(1, gpus)
    if gpus and processes > gpus:
        raise ColorizerError(f"There are {gpus} GPUs for {processes} processes; give --processes {gpus}.")
    _check_files(arguments, recipe.needs)
    _check_photos(arguments, plan, processes * plan.accumulation)
    work = _Work(arguments, plan, folder, device)
    if not arguments.dry_run:
        _check_folder(folder, arguments.resume)
    if processes == 1 or "RANK" in os.environ:
        _train(work)
    else:
        _share(processes, work)
    return 0


def _cooling(plan: TrainingPlan, arguments: argparse.Namespace, folder: Path) -> TrainingPlan:
    """The plan of a run that cools down from another one's checkpoint, or that has begun to."""
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


def _share(processes: int, work: _Work) -> None:
    """Train in several processes; what one of them refuses is refused here."""
    refusals = torch.multiprocessing.get_context("spawn").SimpleQueue()
    try:
        torch.multiprocessing.spawn(_one_of_several, (processes, _free_port(), work, refusals), nprocs=processes)
    except torch.multiprocessing.ProcessExitedException:
        if refusals.empty():
            raise
        raise ColorizerError(refusals.get()) from None


def _check_files(arguments: argparse.Namespace, needs: str) -> None:
    """Stop at a file that is not there, or that the recipe has no use for."""
    for name in ("start", *_JUDGES):
        path: Path | None = getattr(arguments, name)
        if path is not None and not path.is_file():
            raise ColorizerError(f"There is no file {shown(path)}; give another with --{name}.")
        if path is not None and name in _JUDGES and name != needs:
            raise ColorizerError(f"The recipe {arguments.recipe} has no {name}; leave out --{name}.")


def _check_photos(arguments: argparse.Namespace, plan: TrainingPlan, parts: int) -> None:
    """Decode what was not decoded before, say what is left out, and stop when it is not enough or not apart."""
    if plan.batch % parts or plan.batch < 2 * parts:
        raise ColorizerError(
            f"A batch of {plan.batch} cannot be cut into {parts} equal parts of 2 photos or more; give another --batch."
        )
    training, held_out = _photos(arguments)
    for reason in training.left_out:
        print(f"left out: {shown(Path(reason))}", file=sys.stderr)
    print(f"{len(training)} photos to train on, {len(training.left_out)} left out, {len(training.labels)} labels")
    if (there := int(plan.subset * len(training))) < plan.batch:
        raise ColorizerError(
            f"There are {there} colour photographs for batches of {plan.batch}; "
            "give more with --data, or a smaller --batch."
        )
    if held_out is not None and (shared := set(training.digests) & set(held_out.digests)):
        raise ColorizerError(f"{len(shared)} photos are both in --data and in --val; leave them out of one.")


def _photos(arguments: argparse.Namespace) -> tuple[Photographs, Photographs | None]:
    """What to train on, and what to judge by."""
    cache = get_settings().cache_dir / "photos"
    held_out = validation_paths(arguments.data, arguments.val)
    return decoded(training_paths(arguments.data), cache), decoded(held_out, cache) if held_out else None


def _check_folder(folder: Path, resume: bool) -> None:
    if (folder / loop.CHECKPOINT).exists() and not resume:
        raise ColorizerError(f"{shown(folder)} holds a run already; go on with --resume, or name another with --out.")
    if resume and not folder.is_dir():
        raise ColorizerError(f"There is no run in {shown(folder)} to go on with; leave out --resume.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ColorizerError(
            f"The folder {shown(folder)} cannot be made ({reason}); give another with --out."
        ) from error


def _one_of_several(rank: int, processes: int, port: int, work: _Work, refusals: Any) -> None:
    """One process of a run; what the user can mend goes to the one that began it."""
    said = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": processes, "MASTER_PORT": port}
    os.environ |= {"MASTER_ADDR": "127.0.0.1"} | {name: str(value) for name, value in said.items()}
    if work.device == "cpu":
        os.environ["ACCELERATE_USE_CPU"] = "true"
    try:
        _train(work)
    except ColorizerError as error:
        refusals.put(str(error))
        sys.exit(2)
    torch.distributed.destroy_process_group()


def _train(work: _Work) -> None:
    """The run, or this process's part of it."""
    arguments, plan = work.arguments, work.plan
    photos, held_out = _photos(arguments)
    accelerator = loop.accelerator_of(work.device)
    recipe = find(arguments.recipe)
    torch.manual_seed(plan.seed)
    objective = recipe.objective(plan, Materials(photos, arguments.teacher, arguments.perceptual))
    if arguments.start is not None:
        begun = fill(objective.network, arguments.start, whole="" if plan.encoder_rate else "encoder.")
        accelerator.print(f"start: {begun}")
    state = loop.TrainingRun(objective, plan, accelerator, recipe.key, photos.sha256)
    if arguments.dry_run:
        accelerator.print(_forecast(state, photos.to(accelerator.device)))
        return
    checkpoint = work.folder / loop.CHECKPOINT
    if arguments.cool_from is not None and not checkpoint.exists():
        checkpoint = arguments.cool_from / loop.CHECKPOINT
    if (arguments.resume or arguments.cool_from is not None) and checkpoint.exists():
        state.resume(checkpoint)
        accelerator.print(f"step {state.step}/{plan.steps} read from {shown(checkpoint)}")
    judged = [held_out.photo(k) for k in validation.chosen(len(held_out))] if held_out else []
    place = loop.Place(work.folder, _provenance(arguments, photos, loop.device_words(accelerator)))
    loop.train(state, photos, judged, recipe, place)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _forecast(state: loop.TrainingRun, photos: Photographs) -> str:
    """The size of the network, the work of a photo, and how long the run would take at the speed of a few steps."""
    plan, network = state.plan, state.objective.network
    parameters = sum(parameter.numel() for parameter in network.parameters())
    order = loop.BatchOrder(len(photos), plan.batch, 0, plan.subset, plan.refresh_every)
    batch = state.batch(photos, order, 0)
    with FlopCounterMode(display=False) as counter:
        state.learner(batch, 0)
    work = counter.get_total_flops() / len(batch.lab)
    state.take_step(photos, order)
    began = time.monotonic()
    for _ in range(_MEASURED):
        state.take_step(photos, order)
    pace = (time.monotonic() - began) / _MEASURED
    return (
        f"{parameters / 1e6:.2f} M parameters, {2 * parameters / 2**20:.1f} MiB as fp16; "
        f"{work / 1e9:.2f} GFLOP a photo of {plan.size} px, forward, with its losses; {plan.steps} steps of "
        f"{plan.batch}, {plan.steps / order.steps_per_epoch:.1f} epochs; {plan.batch / pace:.1f} photos/s on "
        f"{loop.device_words(state.accelerator)}: {loop.duration(pace * plan.steps)}"
    )


def _provenance(arguments: argparse.Namespace, photos: Photographs, device: str) -> dict[str, str]:
    """What a reader needs to know of how the weights were made; safetensors headers hold strings only."""
    said = {
        "command": _command(arguments),
        "device": device,
        "photos": str(len(photos)),
        "photos_sha256": photos.sha256,
    }
    for name in ("start", *_JUDGES):
        path = getattr(arguments, name)
        if path is not None:
            said[f"{name}_sha256"] = weights.sha256(path)
            if path.suffix == ".safetensors" and (told := weights.read_header(path).get("command")):
                said[f"{name}_command"] = told
    return said


def _command(arguments: argparse.Namespace) -> str:
    """The call as anyone could type it, without the folders of this machine."""
    words: list[Any] = ["python", "-m", "colorizers", "train", arguments.recipe]
    for name in ("data", "val"):
        if paths := getattr(arguments, name):
            words += [f"--{name}", *(path.resolve().name for path in paths)]
    for name in ("start", *_JUDGES):
        if getattr(arguments, name) is not None:
            words += [f"--{name}", getattr(arguments, name).name]
    if arguments.cool_from is not None:
        words += ["--cool-from", arguments.cool_from.resolve().name]
    words += ["--preset", arguments.preset]
    for name, value in given_values(arguments, TrainingPlan).items():
        words += [flag(name), value]
    return shlex.join(map(str, words))
