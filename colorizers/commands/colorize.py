"""`colorize`: photographs in, photographs in colour out, one at a time."""

import argparse
import sys
import warnings
from pathlib import Path
from typing import Any, get_args

from PIL import Image
from tqdm import tqdm

from colorizers.commands import outputs
from colorizers.commands.flags import add_flags
from colorizers.commands.request import ColorizeRequest, Remake, request_of
from colorizers.engine import Engine, make_engine
from colorizers.engine.jobs import CheckedJob, Done, Pace
from colorizers.errors import Cancelled, ColorizerError
from colorizers.methods.catalog import METHODS, find
from colorizers.methods.method import AnyMethod, Step
from colorizers.picture.record import read_record
from colorizers.picture.result import Format, Result

_DESCRIPTION = """\
Colour photographs. One photo becomes <stem>_<method>.png in the current folder, or what -o says. Several photos, or a
folder with all that is in it, become pictures of the same stems and subfolders in the folder that -o names, else in
<folder>_color, or in color when several are given. Photos that share a stem keep their suffix in the name: a_jpg.png,
a_png.png. A photo that is read is never written over. Existing results are kept: for a single photo that is an error;
of several they are skipped, so that an interrupted run can be continued. --overwrite replaces them. Exit code: 0, or 2
when a photo or an option was refused."""


def prepare(parser: argparse.ArgumentParser, argv: list[str]) -> None:
    """The arguments of `colorize`, with the flags of the method that they ask for."""
    parser.usage = f"{parser.prog} PHOTO_OR_FOLDER... [-m METHOD] [-o OUT] [--flag value...]"
    parser.description = _DESCRIPTION
    warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # Photo has its own, lower limit
    method, remake = _asked_for(parser, argv)
    add = parser.add_argument
    add("photos", nargs="+", type=_path, metavar="PHOTO_OR_FOLDER")
    add("-m", "--method", metavar="METHOD", help=f"{', '.join(METHODS)} (default: {next(iter(METHODS))})")
    add("-o", "--out", metavar="OUT", help="the file, or the folder, that the results become")
    add("--format", choices=get_args(Format), help="of the results (default: as OUT is named, else png)")
    add("--bits", type=int, choices=(8, 16), default=8, help="in each channel; 16 makes TIFF (default: 8)")
    add("--keep-exif", action="store_true", help="keep the photo's EXIF data, which may tell places and names")
    add("--overwrite", action="store_true", help="replace results that exist already")
    add("--checkpoint", type=Path, metavar="PATH", help="take the weights that the options choose from this file")
    add("--model", metavar="PATH_OR_ID", help="Stable Diffusion 1.x of your own: a folder that diffusers saved, a "
        ".safetensors file, or OWNER/NAME that weights download --model has fetched")  # fmt: skip
    add("--controlnet", metavar="PATH_OR_ID", help="a ControlNet of your own in the place of the one that --control-by "
        "means: a folder, or OWNER/NAME that weights download --controlnet has fetched")  # fmt: skip
    add("--from", dest="source", type=Path, metavar="RESULT",
        help="make RESULT again from its photo: method, options, seed and finish are those of its record, and may not "
        "be given; a second picture that it took must be given again, and may be no other")  # fmt: skip
    add_flags(parser, f"{method.info.name}: {method.info.title}", method.info.options)
    add_flags(parser, "finish", method.info.finish)
    parser.set_defaults(run=run, chosen=method, remake=remake)


def run(arguments: argparse.Namespace) -> int:
    """Colour what was asked for; 2 when some of several photos failed."""
    photos: list[Path] = arguments.photos
    single = len(photos) == 1 and not photos[0].is_dir()
    if arguments.remake is not None and not single:
        raise ColorizerError("--from makes one picture again; give its photo alone.")
    suffix = outputs.suffix_of(arguments.format, arguments.bits)
    if single:
        plan = outputs.plan_single(photos[0], arguments.out, arguments.chosen.info.name, suffix)
        outputs.check_format(plan.tasks[0].target, arguments.format, arguments.bits)
    else:
        plan = outputs.plan_many(photos, arguments.out, suffix)
    request = request_of(arguments, [task.photo for task in plan.tasks])
    engine = make_engine(store=request.store)
    with tqdm(total=len(plan.tasks), unit="photo", leave=False, disable=None) as bar:
        if plan.folder is not None:
            return _colorize_many(engine, request, plan, plan.folder, bar)
        written = _colorize_one(engine, request, plan.tasks[0], bar)
    print(*written, sep="\n")
    return 0


def _colorize_many(
    engine: Engine, request: ColorizeRequest, plan: outputs.OutputPlan, folder: Path, bar: "tqdm[Any]"
) -> int:
    """Colour every photo, going on past those that fail, and say at the end how it went."""
    outputs.make_folder(folder)
    done, kept, failures = 0, 0, list(plan.unreadable)
    for task in plan.tasks:
        bar.set_description(outputs.shown(task.photo))
        try:
            if request.is_done(task):
                kept += 1
            else:
                _colorize_one(engine, request, task, bar)
                done += 1
        except ColorizerError as error:
            failures.append(f"{outputs.shown(task.photo)}: {error}")
        bar.update()
    bar.close()
    counts = {
        "failed": len(failures),
        "skipped, as results exist": kept,
        "no pictures": plan.others,
    }
    said = [f"{done} of {len(plan.tasks)} photos colored", *(f"{what}: {n}" for what, n in counts.items() if n)]
    print("; ".join(said), *failures, sep="\n", file=sys.stderr)
    print(folder)
    return 2 if failures else 0


def _colorize_one(engine: Engine, request: ColorizeRequest, task: outputs.Task, bar: "tqdm[Any]") -> list[Path]:
    """Colour one photo and give the files that were written."""
    targets = outputs.numbered(task.target, request.variants)
    for target in targets:
        request.check_target(target)
    job = engine.checked(request.of_photo(task.photo))
    outputs.make_folder(task.target.parent)
    notes = [*request.notes]
    written = []
    for result in _results(engine, job, bar):
        target = targets[result.coloring.variant]
        with outputs.written_whole(target) as partial:
            notes += (*result.notes, *result.save(partial, request.bits, request.keep_exif))
        written.append(target)
    for note in dict.fromkeys(notes):
        tqdm.write(f"{outputs.shown(task.photo)}: {note}", file=sys.stderr)
    return written


def _results(engine: Engine, job: CheckedJob, bar: "tqdm[Any]") -> tuple[Result, ...]:
    """Run a job to its end, its steps shown beside the bar."""
    pace = Pace()
    for event in engine.run(job):
        if isinstance(event, Step):
            losses = (f"{name} {value:.3g}" for name, value in (event.losses or {}).items())
            left = pace.left(event)
            time_left = [] if left is None else [f"about {left:.0f} s left"]
            bar.set_postfix_str(", ".join((event.text, *losses, *time_left)))
        elif isinstance(event, Done):
            return tuple(Result(job.photo, coloring, job.finish) for coloring in event.colorings)
    raise Cancelled


def _asked_for(parser: argparse.ArgumentParser, argv: list[str]) -> tuple[AnyMethod, Remake | None]:
    """The method that -m or the record of --from names, looked for before the flags are known."""
    early = argparse.ArgumentParser(parser.prog, usage=parser.usage, add_help=False, allow_abbrev=False)
    early.add_argument("-m", "--method")
    early.add_argument("--from", dest="source", type=Path)
    asked, _ = early.parse_known_args(argv)
    if asked.source is None:
        return find(METHODS, asked.method or next(iter(METHODS))), None
    if asked.method is not None:
        raise ColorizerError(f"--from takes the method from the record of {outputs.shown(asked.source)}; leave out -m.")
    remake = Remake(asked.source, read_record(asked.source))
    return find(METHODS, remake.record.method), remake


def _path(text: str) -> Path:
    """An empty name, as an unset variable gives it, would mean the current folder."""
    if not text:
        raise argparse.ArgumentTypeError("an empty name is no photo")
    return Path(text)
