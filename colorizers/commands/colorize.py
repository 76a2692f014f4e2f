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
from colorizers.words import Text


def prepare(parser: argparse.ArgumentParser, argv: list[str]) -> None:
    """The arguments of `colorize`, with the flags of the method that they ask for."""
    parser.usage = f"{parser.prog} PHOTO_OR_FOLDER... [-m METHOD] [-o OUT] [--flag value...]"
    parser.description = str(Text("commands.colorize.description"))
    warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # Photo has its own, lower limit
    method, remake = _asked_for(parser, argv)
    add = parser.add_argument
    methods = str(Text("commands.colorize.method", methods=tuple(METHODS), default=next(iter(METHODS))))
    add("photos", nargs="+", type=_path, metavar="PHOTO_OR_FOLDER")
    add("-m", "--method", metavar="METHOD", help=methods)
    add("-o", "--out", metavar="OUT", help=str(Text("commands.colorize.out")))
    add("--format", choices=get_args(Format), help=str(Text("commands.colorize.format")))
    add("--bits", type=int, choices=(8, 16), default=8, help=str(Text("commands.colorize.bits")))
    add("--keep-exif", action="store_true", help=str(Text("commands.colorize.keep-exif")))
    add("--overwrite", action="store_true", help=str(Text("commands.colorize.overwrite")))
    add("--checkpoint", type=Path, metavar="PATH", help=str(Text("commands.colorize.checkpoint")))
    add("--model", metavar="PATH_OR_ID", help=str(Text("commands.colorize.model")))
    add("--controlnet", metavar="PATH_OR_ID", help=str(Text("commands.colorize.controlnet")))
    add("--from", dest="source", type=Path, metavar="RESULT", help=str(Text("commands.colorize.from")))
    group = Text("commands.colorize.method-group", name=method.info.name, title=method.info.title)
    add_flags(parser, str(group), method.info.options)
    add_flags(parser, str(Text("commands.colorize.finish")), method.info.finish)
    parser.set_defaults(run=run, chosen=method, remake=remake)


def run(arguments: argparse.Namespace) -> int:
    """Colour what was asked for; 2 when some of several photos failed."""
    photos: list[Path] = arguments.photos
    single = len(photos) == 1 and not photos[0].is_dir()
    if arguments.remake is not None and not single:
        raise ColorizerError(Text("commands.remake.one-photo"))
    suffix = outputs.suffix_of(arguments.format, arguments.bits)
    if single:
        plan = outputs.plan_single(photos[0], arguments.out, arguments.chosen.info.name, suffix)
        outputs.check_format(plan.tasks[0].target, arguments.format, arguments.bits)
    else:
        plan = outputs.plan_many(photos, arguments.out, suffix)
    request = request_of(arguments, [task.photo for task in plan.tasks])
    engine = make_engine(store=request.store)
    with tqdm(total=len(plan.tasks), unit=str(Text("commands.photo")), leave=False, disable=None) as bar:
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
            failures.append(_about(task.photo, error.text))
        bar.update()
    bar.close()
    summary = [Text("commands.colorize.done", done=done, total=len(plan.tasks))]
    if failures:
        summary.append(Text("commands.colorize.failed", count=len(failures)))
    if kept:
        summary.append(Text("commands.colorize.kept", count=kept))
    if plan.others:
        summary.append(Text("commands.colorize.others", count=plan.others))
    print("; ".join(map(str, summary)), *failures, sep="\n", file=sys.stderr)
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
        tqdm.write(str(_about(task.photo, note)), file=sys.stderr)
    return written


def _about(photo: Path, text: Text) -> Text:
    return Text("commands.colorize.about", name=outputs.shown(photo), text=text)


def _results(engine: Engine, job: CheckedJob, bar: "tqdm[Any]") -> tuple[Result, ...]:
    """Run a job to its end, its steps shown beside the bar."""
    pace = Pace()
    for event in engine.run(job):
        if isinstance(event, Step):
            values = (event.losses or {}).items()
            parts = [event.text, *(Text("loss.value", name=Text(f"losses.{n}"), value=f"{v:.3g}") for n, v in values)]
            if (left := pace.left(event)) is not None:
                parts.append(Text("commands.colorize.time-left", duration=Text("duration.seconds", value=left)))
            bar.set_postfix_str(", ".join(map(str, parts)))
        elif isinstance(event, Done):
            return event.results(job)
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
        raise ColorizerError(Text("commands.remake.no-method", result=outputs.shown(asked.source)))
    remake = Remake(asked.source, read_record(asked.source))
    return find(METHODS, remake.record.method), remake


def _path(text: str) -> Path:
    """An empty name, as an unset variable gives it, would mean the current folder."""
    if not text:
        raise argparse.ArgumentTypeError(str(Text("commands.colorize.empty-name")))
    return Path(text)
