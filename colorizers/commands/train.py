"""`train`: train the weights of a recipe on photographs, resumable and with validation."""

import argparse
import os
import re
import sys
from pathlib import Path

import torch

from colorizers.commands.flags import add_flags, given_values, path, positive
from colorizers.commands.outputs import reason_of, shown
from colorizers.commands.packaged import PACKAGED, given_file
from colorizers.commands.training_job import LOSS_NETWORKS, TrainingJob, photos_of, train, train_in_processes
from colorizers.devices import find_device
from colorizers.errors import ColorizerError
from colorizers.options import validated
from colorizers.settings import get_settings
from colorizers.training import hardware, loop
from colorizers.training.catalog import RECIPES, find
from colorizers.training.recipe import TrainingPlan
from colorizers.words import Text

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
    job = TrainingJob(arguments, plan, folder, device)
    if not arguments.dry_run:
        _check_folder(folder, arguments.resume)
    if processes == 1 or "RANK" in os.environ:
        train(job)
    else:
        train_in_processes(processes, job)
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


def _check_files(arguments: argparse.Namespace, needs: str) -> None:
    """Raise ColorizerError for a file that does not exist or that the recipe does not use."""
    for name in ("start", *LOSS_NETWORKS):
        path: Path | None = getattr(arguments, name)
        if path is not None and not path.is_file():
            raise ColorizerError(Text("commands.no-file-for-flag", path=shown(path), flag=name))
        if path is not None and name in LOSS_NETWORKS and name != needs:
            raise ColorizerError(Text("commands.train.no-such-network", recipe=arguments.recipe, network=name))


def _check_photos(arguments: argparse.Namespace, plan: TrainingPlan, parts: int) -> None:
    """Decode the photos, print which are left out, and raise ColorizerError if they are too few or overlap."""
    if plan.batch % parts or plan.batch < 2 * parts:
        raise ColorizerError(Text("commands.train.batch-too-small", batch=plan.batch, parts=parts))
    training, held_out = photos_of(arguments)
    for reason in training.left_out:
        print(Text("commands.left-out", reason=shown(Path(reason))), file=sys.stderr)
    counts = {"training": len(training), "left_out": len(training.left_out), "labels": len(training.labels)}
    print(Text("commands.train.photos", **counts))
    available = int(plan.subset * len(training))
    if available < plan.batch:
        raise ColorizerError(Text("commands.train.too-few-photos", photos=available, batch=plan.batch))
    if held_out is not None and (shared := set(training.digests) & set(held_out.digests)):
        raise ColorizerError(Text("commands.train.shared-photos", count=len(shared)))


def _check_folder(folder: Path, resume: bool) -> None:
    if (folder / loop.CHECKPOINT).exists() and not resume:
        raise ColorizerError(Text("commands.train.run-exists", path=shown(folder)))
    if resume and not folder.is_dir():
        raise ColorizerError(Text("commands.train.no-run", path=shown(folder)))
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ColorizerError(Text("commands.train.no-folder", path=shown(folder), reason=reason_of(error))) from error
