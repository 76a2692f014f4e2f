"""`colorize`: photographs in, photographs in colour out."""

import argparse
import functools
import sys
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, get_args

from tqdm import tqdm

from colorizers.commands import outputs
from colorizers.commands.addresses import Colorer, is_address, place_at, plan_at
from colorizers.commands.flags import add_flags, path
from colorizers.commands.reports import PhotoReport, State
from colorizers.commands.request import ColorizeRequest, Remake, request_of
from colorizers.commands.running import colorized, reported, unwritten
from colorizers.engine import Engine, make_engine
from colorizers.errors import ColorizerError
from colorizers.methods.catalog import METHODS, find
from colorizers.methods.method import AnyMethod
from colorizers.picture.exports import Exports
from colorizers.picture.finish import Looks
from colorizers.picture.record import read_record
from colorizers.picture.result import Format
from colorizers.settings import get_settings
from colorizers.words import Text

_WRITERS = 2  # photos that are written while the next one is coloured: each is in memory as long


def prepare(parser: argparse.ArgumentParser, argv: list[str]) -> None:
    """The arguments of `colorize`, with the flags of the method that they ask for."""
    parser.usage = f"{parser.prog} PHOTO_OR_FOLDER... [-m METHOD] [-o OUT] [--flag value...]"
    parser.description = str(Text("commands.colorize.description"))
    method, remake = _asked_for(parser, argv)
    add = parser.add_argument
    methods = str(Text("commands.colorize.method", methods=tuple(METHODS), default=next(iter(METHODS))))
    add("photos", nargs="+", type=_source, metavar="PHOTO_OR_FOLDER")
    add("-m", "--method", metavar="METHOD", help=methods)
    add("-o", "--out", type=_out, metavar="OUT", help=str(Text("commands.colorize.out")))
    add("--format", choices=get_args(Format), help=str(Text("commands.colorize.format")))
    add("--bits", type=int, choices=(8, 16), default=8, help=str(Text("commands.colorize.bits")))
    add("--keep-exif", action="store_true", help=str(Text("commands.colorize.keep-exif")))
    add("--mark", action="store_true", help=str(Text("commands.colorize.mark")))
    add("--json", action="store_true", help=str(Text("commands.colorize.json")))
    add("--overwrite", action="store_true", help=str(Text("commands.colorize.overwrite")))
    add("--checkpoint", type=path, metavar="PATH", help=str(Text("commands.colorize.checkpoint")))
    add("--model", metavar="PATH_OR_ID", help=str(Text("commands.colorize.model")))
    add("--controlnet", metavar="PATH_OR_ID", help=str(Text("commands.colorize.controlnet")))
    add("--hints", type=path, metavar="PATH", help=str(Text("commands.colorize.hints")))
    add("--from", dest="source", type=path, metavar="RESULT", help=str(Text("commands.colorize.from")))
    group = Text("commands.colorize.method-group", name=method.info.name, title=method.info.title)
    add_flags(parser, str(group), method.info.options)
    add_flags(parser, str(Text("commands.colorize.look")), Looks)
    add_flags(parser, str(Text("commands.colorize.finish")), method.info.finish)
    add_flags(parser, str(Text("commands.colorize.exports")), Exports)
    parser.set_defaults(run=run, chosen=method, remake=remake)


def run(arguments: argparse.Namespace) -> int:
    """Colour what was asked for; 2 when some of several photos failed, 1 when that was an error of the program."""
    if any(isinstance(photo, str) for photo in arguments.photos) or is_address(arguments.out or ""):
        return _colorize_addresses(arguments)
    plan = _planned(arguments)
    request = request_of(arguments, [task.photo for task in plan.tasks], resumes=plan.folder is not None)
    engine = make_engine(store=request.store)
    with _bar(plan) as bar:
        if plan.folder is not None or arguments.json:
            reports = _colorize_many(engine, request, plan, bar)
            return _tell_all(reports, plan, plan.folder or Path(), bar, arguments.json)
        report = colorized(engine, request, plan.tasks[0], bar)
        _tell(report, as_json=False)
    print(*map(outputs.listed, report.files), sep="\n")
    return 0


def _planned(arguments: argparse.Namespace) -> outputs.OutputPlan:
    """Which photos are meant, and which files they become."""
    photos: list[Path] = arguments.photos
    single = len(photos) == 1 and not photos[0].is_dir()
    if arguments.remake is not None and not single:
        raise ColorizerError(Text("commands.remake.one-photo"))
    suffix = outputs.suffix_of(arguments.format, arguments.bits)
    if not single:
        return outputs.plan_many(photos, arguments.out, suffix)
    plan = outputs.plan_single(photos[0], arguments.out, arguments.chosen.info.name, suffix)
    outputs.check_format(plan.tasks[0].target, arguments.format, arguments.bits)
    return plan


def _colorize_many(
    engine: Engine, request: ColorizeRequest, plan: outputs.OutputPlan, bar: "tqdm[Any]"
) -> Iterator[PhotoReport]:
    """Colour every photo, going on past those that fail.

    Those of quick methods are written while the next ones are coloured; others are told of as soon as they are there.
    """
    ahead = _WRITERS if request.method.info.quick else 0
    if plan.folder is not None:
        outputs.make_folder(plan.folder)
        for folder in {task.target.parent for task in plan.tasks}:
            outputs.sweep(folder)
    with ThreadPoolExecutor(_WRITERS, "colorizers-writer") as writers:
        written: deque[Future[PhotoReport]] = deque()
        for task in plan.tasks:
            bar.set_description(outputs.shown(task.photo))
            color = functools.partial(unwritten, engine, request, task, bar)
            written.append(writers.submit(_written, task.photo, reported(task.photo, color)))
            while written and (written[0].done() or len(written) > ahead):
                yield written.popleft().result()
        yield from (each.result() for each in written)


def _written(photo: Path, colored: Callable[[], PhotoReport] | PhotoReport) -> PhotoReport:
    """What becomes of a photo that is coloured, or has failed."""
    return colored if isinstance(colored, PhotoReport) else reported(photo, colored)


def _colorize_addresses(arguments: argparse.Namespace) -> int:
    """Colour a folder into another, where one of them is at an address: here, or by workers of the cluster."""
    if len(arguments.photos) > 1 or arguments.out is None:
        raise ColorizerError(Text("commands.colorize.one-address"))
    if arguments.remake is not None:
        raise ColorizerError(Text("commands.remake.one-photo"))
    source, out = map(place_at, (str(arguments.photos[0]), arguments.out))
    plan = plan_at(source, out, outputs.suffix_of(arguments.format, arguments.bits))
    request = request_of(arguments, [], resumes=True)
    with _bar(plan) as bar:
        if get_settings().engine == "local":
            reports: Iterator[PhotoReport | None] = map(Colorer(request, source, out), plan.tasks)
        else:
            from colorizers.engine.cluster import made_on_cluster

            reports = made_on_cluster(plan.tasks, Colorer, (request, source, out), get_settings())
        return _tell_all(reports, plan, out.address(), bar, arguments.json)


def _bar(plan: outputs.OutputPlan) -> "tqdm[Any]":
    return tqdm(total=len(plan.tasks), unit=str(Text("commands.photo")), leave=False, disable=None)


def _tell_all(
    reports: Iterable[PhotoReport | None],
    plan: outputs.OutputPlan,
    folder: Path | str,
    bar: "tqdm[Any]",
    as_json: bool,
) -> int:
    """Tell at once what becomes of each photo, which is kept nowhere, and at the end how it went; the exit code."""
    for text in plan.unreadable:
        tqdm.write(str(text), file=sys.stderr)
    count: Counter[State] = Counter()
    bugs = 0
    for report in reports:
        bar.update()
        if report is None:
            plan.results += 1
            continue
        if report.traceback:
            bugs += 1
            tqdm.write(report.traceback, file=sys.stderr)
        count[report.state] += 1
        _tell(report, as_json)
    bar.close()
    total = count.total()
    count["failed"] += len(plan.unreadable)
    print(_summary(count, total, plan), file=sys.stderr)
    if not as_json:
        print(outputs.listed(folder))
    return 1 if bugs else 2 if count["failed"] else 0


def _tell(report: PhotoReport, as_json: bool) -> None:
    """Write what became of a photo: a line for programs, or sentences for people."""
    if as_json:
        tqdm.write(report.json(), file=sys.stdout)
        sys.stdout.flush()
        return
    for text in (*report.notes, *filter(None, [report.error])):
        tqdm.write(str(_about(report.photo, text)), file=sys.stderr)


def _summary(count: "Counter[State]", total: int, plan: outputs.OutputPlan) -> str:
    """How it went, in one line."""
    parts = [Text("commands.colorize.done", done=count["colored"], total=total)]
    if count["failed"]:
        parts.append(Text("commands.colorize.failed", count=count["failed"]))
    if count["kept"]:
        parts.append(Text("commands.colorize.kept", count=count["kept"]))
    if plan.results:
        parts.append(Text("commands.colorize.results", count=plan.results))
    if plan.others:
        parts.append(Text("commands.colorize.others", count=plan.others))
    return "; ".join(map(str, parts))


def _about(photo: Path | str, text: Text) -> Text:
    return Text("commands.colorize.about", name=outputs.shown(photo), text=text)


def _asked_for(parser: argparse.ArgumentParser, argv: list[str]) -> tuple[AnyMethod, Remake | None]:
    """The method that -m or the record of --from names, looked for before the flags are known."""
    early = argparse.ArgumentParser(parser.prog, usage=parser.usage, add_help=False, allow_abbrev=False)
    early.add_argument("-m", "--method")
    early.add_argument("--from", dest="source", type=path)
    asked, _ = early.parse_known_args(argv)
    if asked.source is None:
        return find(METHODS, asked.method or next(iter(METHODS))), None
    if asked.method is not None:
        raise ColorizerError(Text("commands.remake.no-method", result=outputs.shown(asked.source)))
    remake = Remake(asked.source, read_record(asked.source))
    return find(METHODS, remake.record.method), remake


def _out(text: str) -> str:
    """As it was given, with the slash at its end."""
    path(text)
    return text


def _source(text: str) -> Path | str:
    """An address as it stands, else a path; an empty name, as an unset variable gives it, would mean this folder."""
    if not text:
        raise argparse.ArgumentTypeError(str(Text("commands.colorize.empty-name")))
    return text if is_address(text) else path(text)
