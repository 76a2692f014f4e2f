"""`compare`: one photo, coloured by several methods, side by side in a contact sheet."""

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from colorizers.commands import outputs
from colorizers.commands.columns import print_columns
from colorizers.commands.flags import add_flags, given_values, opened, path, picture_paths
from colorizers.commands.rows import read_row
from colorizers.commands.running import run_shown
from colorizers.engine import Engine, make_engine
from colorizers.engine.jobs import CheckedJob, JobRequest
from colorizers.errors import ColorizerError
from colorizers.evaluation.comparison import Coloration, measured, naive, of_photo, of_result, sheet_of
from colorizers.methods.catalog import METHODS
from colorizers.methods.photo_methods import PHOTO_METHODS
from colorizers.options import validated
from colorizers.picture.finish import Finish, Looks
from colorizers.picture.photo import HAS_COLOR, Photo
from colorizers.picture.sheet import SUFFIXES, SheetOptions, save_sheet
from colorizers.weights.store import missing_weights
from colorizers.words import Text

_FIGURES = ("de00", "cf")


@dataclass(frozen=True)
class _Run:
    """A method that is to colour the photo; `name` as it was asked for, `settings` what follows the method in it."""

    name: str
    settings: str
    job: CheckedJob


def prepare(parser: argparse.ArgumentParser, argv: list[str]) -> None:
    """The arguments of `compare`."""
    parser.description = str(Text("commands.compare.description"))
    add = parser.add_argument
    add("photo", type=path, metavar="PHOTO")
    add("--methods", metavar="METHOD[,option=value...],...", help=str(Text("commands.compare.methods")))
    add("-o", "--out", type=path, metavar="SHEET", help=str(Text("commands.compare.out", suffixes=tuple(SUFFIXES))))
    add("--truth", action="store_true", help=str(Text("commands.compare.truth")))
    add("--json", action="store_true", help=str(Text("commands.compare.json")))
    add("--overwrite", action="store_true", help=str(Text("commands.colorize.overwrite")))
    add_flags(parser, str(Text("commands.compare.sheet")), SheetOptions)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Colour the photo by each method, write the sheet, and print what it shows."""
    options = validated(SheetOptions, given_values(arguments, SheetOptions))
    target = _checked_target(arguments)
    outputs.check_photo(arguments.photo)
    photo = Photo.open(arguments.photo)
    for note in photo.notes:
        if not (arguments.truth and note == HAS_COLOR):  # which it must have then
            print(note, file=sys.stderr)
    own = of_photo(photo, arguments.truth)
    engine = make_engine()
    runs = _runs(engine, photo, arguments.methods)
    outputs.make_folder(target.parent)
    with tqdm(total=len(runs), unit=str(Text("commands.method")), leave=False, disable=None) as bar:
        made = [_colored(engine, each, bar) for each in runs]
    colorations = measured([*own, *made, *naive(photo)]) if arguments.truth else [*own, *made]
    sheet = sheet_of(colorations, photo, outputs.shown(Path(arguments.photo.name)), options)
    with outputs.written_whole(target) as partial:
        save_sheet(sheet, partial)
    if arguments.json:
        print(_json(arguments.photo, target, colorations))
    else:
        print_columns([_headings(arguments.truth), *(_line(each) for each in colorations)])
        print(target)
    return 0


def split_rows(text: str) -> list[str]:
    """`a,b,option=value,c` as its rows: what has no = begins a new one."""
    rows: list[str] = []
    for part in text.split(","):
        if "=" in part and rows:
            rows[-1] += f",{part}"
        else:
            rows.append(part)
    return [*dict.fromkeys(rows)]


def _checked_target(arguments: argparse.Namespace) -> Path:
    """The file of the sheet; ColorizerError when it cannot be one, or is there already."""
    target: Path = arguments.out or Path(f"{arguments.photo.stem}_compare.png")
    if target.suffix.lower() not in SUFFIXES:
        raise ColorizerError(
            Text("commands.compare.unknown-suffix", path=outputs.shown(target), suffixes=tuple(SUFFIXES))
        )
    if target.exists() and arguments.photo.exists() and target.samefile(arguments.photo):
        raise ColorizerError(Text("commands.colorize.replaces-input", path=outputs.shown(target)))
    if target.exists() and not arguments.overwrite:
        raise ColorizerError(Text("commands.colorize.exists", path=outputs.shown(target)))
    return target


def _runs(engine: Engine, photo: Photo, methods: str | None) -> list[_Run]:
    """What is to be run, all checked before the first one starts; by default all methods that `_ready` gives."""
    runs = [_run_of(engine, photo, row) for row in (_ready(engine) if methods is None else split_rows(methods))]
    missing = [weights for each in runs for weights in engine.missing(each.job.method, dict(each.job.options))]
    if missing:
        raise missing_weights(dict.fromkeys(missing))
    return runs


def _ready(engine: Engine) -> list[str]:
    """The methods that need nothing but the photo and are installed; the first where none is, which is then missed."""
    return [name for name in PHOTO_METHODS if not engine.missing(name, {})] or [*PHOTO_METHODS][:1]


def _run_of(engine: Engine, photo: Photo, row: str) -> _Run:
    """One row as a job; what it sets may be options of the method and of the finish, a picture is a path."""
    info, values = read_row(METHODS, row)
    finish = {name: values.pop(name) for model in (Looks, Finish) for name in model.model_fields if name in values}
    pictures = opened(picture_paths(values, info.options))
    for name in info.needed_pictures:
        if name not in pictures:
            raise ColorizerError(Text("commands.compare.needs-picture", method=info.name, row=f"{row},{name}"))
    single = {"variants": 1} if "variants" in info.options.model_fields else {}
    job = engine.checked(JobRequest(photo, info.name, {**single, **values, **pictures}, finish))
    return _Run(row, row.removeprefix(info.name).lstrip(":,"), job)


def _colored(engine: Engine, run: _Run, bar: "tqdm[Any]") -> Coloration:
    """Run one method; of several variants the first counts."""
    bar.set_description(run.name)
    loaded = engine.health().pool.load_seconds
    result = run_shown(engine, run.job, bar)[0]
    seconds = result.coloring.seconds - (engine.health().pool.load_seconds - loaded)
    for note in result.notes:
        if note not in run.job.photo.notes:
            tqdm.write(str(Text("commands.colorize.about", name=run.name, text=note)), file=sys.stderr)
    bar.update()
    return of_result(result, run.name, METHODS[run.job.method].info.title, run.settings, max(0.0, seconds))


def _headings(truth: bool) -> tuple[str, ...]:
    """The first line of the table."""
    figures = [Text(f"evaluation.columns.{key}.heading") for key in _FIGURES] if truth else []
    return tuple(map(str, (Text("evaluation.row"), Text("comparison.title"), Text("comparison.time"), *figures)))


def _line(coloration: Coloration) -> tuple[str, ...]:
    """One line of the table."""
    seconds = "" if coloration.seconds is None else f"{coloration.seconds:.2f}"
    figures = [f"{coloration.figures[key]:.2f}" for key in _FIGURES] if coloration.figures else []
    return coloration.name, str(coloration.title), seconds, *figures


def _json(photo: Path, sheet: Path, colorations: list[Coloration]) -> str:
    """All that the sheet shows, in one line for programs."""
    rows = [
        {
            "name": each.name,
            "title": str(each.title),
            "seconds": None if each.seconds is None else round(each.seconds, 3),
            **{key: round(value, 3) for key, value in (each.figures or {}).items()},
            "record": None if each.record is None else each.record.model_dump(),
        }
        for each in colorations
    ]
    return json.dumps({"photo": str(photo), "sheet": str(sheet), "rows": rows})
