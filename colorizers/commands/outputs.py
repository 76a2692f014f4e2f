"""Which photos are meant, where their results go, and writing a file whole or not at all."""

import contextlib
import os
import re
import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from colorizers.errors import ColorizerError
from colorizers.picture.decode import is_picture
from colorizers.picture.exports import ENDINGS, Export
from colorizers.picture.naming import distinct_stems, result_stem
from colorizers.picture.record import has_record
from colorizers.picture.result import SUFFIXES as RESULT_SUFFIXES
from colorizers.picture.result import Format
from colorizers.words import Text


@dataclass(frozen=True)
class Task:
    """One photo and the file that its result becomes."""

    photo: Path
    target: Path


class OutputFile(NamedTuple):
    """A file that variant k of a photo becomes: the picture itself, or an export of it."""

    path: Path
    k: int = 0
    export: Export = "none"


_LONGEST_NAME = 255  # bytes; what most file systems take
_PARTIAL = re.compile(r"\.[0-9a-f]{32}\.\w+")  # files that are being written
_ABANDONED = 3600  # seconds after which nobody writes such a file any more


@dataclass
class OutputPlan:
    """What one call is to do. `folder` is where the results of several photos go, None for a single photo.

    Passed over are `others`, which are no pictures, and `results` of this program.
    """

    tasks: list[Task]
    folder: Path | None = None
    others: int = 0
    results: int = 0
    unreadable: list[Text] = field(default_factory=list)


def suffix_of(kind: Format | None, bits: int) -> str:
    """The suffix of results that the user has not named; ColorizerError for 16 bits in anything but TIFF."""
    if bits == 16 and kind not in (None, "tiff"):
        raise ColorizerError(Text("commands.output.sixteen-bit"))
    wanted = kind or ("tiff" if bits == 16 else "png")
    return next(suffix for suffix, known in RESULT_SUFFIXES.items() if known == wanted)


def check_format(target: Path, kind: Format | None, bits: int) -> None:
    """Stop before any work when the user's name for a result does not fit --format and --bits."""
    named = RESULT_SUFFIXES.get(target.suffix.lower())
    if named is None:
        raise ColorizerError(
            Text("commands.output.unknown-suffix", path=shown(target), suffixes=tuple(RESULT_SUFFIXES))
        )
    if kind not in (None, named):
        raise ColorizerError(Text("commands.output.another-format", path=shown(target), format=kind))
    suffix_of(named, bits)


def plan_single(photo: Path, out: str | None, method: str, suffix: str) -> OutputPlan:
    """One photo: OUT names the file or, like `cp`, an existing folder or one with a slash at its end."""
    if out is None:
        return OutputPlan([Task(photo, Path(f"{result_stem(photo.stem, method)}{suffix}"))])
    if out.endswith(("/", os.sep)) or Path(out).is_dir():
        return OutputPlan([Task(photo, Path(out) / f"{photo.stem}{suffix}")])
    return OutputPlan([Task(photo, Path(out))])


def plan_many(sources: list[Path], out: str | None, suffix: str) -> OutputPlan:
    """Photos and folders: results have the photos' stems, in folders that mirror theirs."""
    alone = len(sources) == 1
    folder = Path(out) if out is not None else Path(f"{sources[0].resolve().name}_color" if alone else "color")
    if folder.suffix.lower() in RESULT_SUFFIXES and not folder.is_dir():
        raise ColorizerError(Text("commands.output.one-file", path=shown(folder)))
    plan = OutputPlan([], folder)
    placed: list[tuple[Path, Path]] = []
    for source in sources:
        top = Path() if alone else Path(source.resolve().name)
        for photo in _walked(source, plan) if source.is_dir() else [source]:
            placed.append((top / photo.parent.relative_to(source) if source.is_dir() else Path(), photo))
    stems = distinct_stems(placed)
    plan.tasks += [Task(photo, folder / f"{stem}{suffix}") for (_, photo), stem in zip(placed, stems, strict=True)]
    if not plan.tasks and not plan.unreadable:
        raise ColorizerError(Text("commands.output.no-pictures", paths=[*map(shown, sources)]))
    return plan


def files_of(task: Task, variants: int, export: Export) -> list[OutputFile]:
    """The files that one photo becomes; those of several variants are numbered."""
    numbers = [f"_{k}" for k in range(1, variants + 1)] if variants > 1 else [""]
    target, files = task.target, []
    for k, number in enumerate(numbers):
        files.append(OutputFile(_beside(target, f"{number}{target.suffix}"), k))
        if export != "none":
            files.append(OutputFile(_beside(target, f"{number}{ENDINGS[export]}"), k, export))
    return files


def _beside(target: Path, ending: str) -> Path:
    """The target with another ending; its stem is cut where the name would be longer than a file's may be."""
    room = _LONGEST_NAME - len(os.fsencode(ending))
    stem = os.fsencode(target.stem)
    return target.with_name((target.stem if len(stem) <= room else stem[:room].decode(errors="ignore")) + ending)


def check_photo(path: Path) -> None:
    """Stop before something is opened that is there and no file: of a pipe one would wait for the end."""
    if path.exists() and not path.is_file():
        raise ColorizerError(Text("commands.colorize.not-a-photo", path=shown(path)))


def make_folder(folder: Path) -> None:
    """Make sure that a folder is there and can be written into."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ColorizerError(Text("commands.output.no-folder", path=shown(folder), reason=reason_of(error))) from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ColorizerError(Text("commands.output.read-only-folder", path=shown(folder)))


def sweep(folder: Path) -> None:
    """Delete what runs that were killed have left of `written_whole` in a folder, as far as none can still be at it."""
    for path in folder.glob(".*"):
        if _PARTIAL.fullmatch(path.name) and time.time() - path.stat().st_mtime > _ABANDONED:
            path.unlink(missing_ok=True)


@contextlib.contextmanager
def written_whole(target: Path) -> Iterator[Path]:
    """A hidden file in the same folder to write into; it becomes `target` when all is well, else it vanishes."""
    partial = hidden(target)
    try:
        yield partial
        partial.replace(target)
    except OSError as error:
        raise not_written(target, error) from error
    finally:
        partial.unlink(missing_ok=True)


def hidden(target: Path) -> Path:
    """A file beside the target to write into before that takes its place."""
    return target.with_name(f".{uuid.uuid4().hex}{target.suffix}")


def not_written(target: Path | str, error: Exception) -> ColorizerError:
    """What is said of a file that cannot be written."""
    return ColorizerError(Text("commands.output.not-written", path=shown(target), reason=reason_of(error)))


def shown(path: Path | str) -> str:
    """A path as it may stand in a sentence on a terminal."""
    return "".join(character if character.isprintable() else "_" for character in str(path))


def listed(path: Path | str) -> str:
    """A path in what a program may read: as it is, and on a terminal as in a sentence."""
    return shown(path) if sys.stdout.isatty() else str(path)


def reason_of(error: Exception) -> str:
    """Why the system refused, in its own words."""
    return (getattr(error, "strerror", None) or str(error)).lower()


def _walked(source: Path, plan: OutputPlan) -> Iterator[Path]:
    """The pictures in a folder and its subfolders, sorted; hidden files and results of this program are passed over."""
    results = plan.folder.resolve() if plan.folder else None

    def unreadable(error: OSError) -> None:
        plan.unreadable.append(Text("commands.output.unreadable-folder", path=shown(Path(error.filename))))

    for root, folders, names in os.walk(source, onerror=unreadable):
        folders[:] = sorted(n for n in folders if not n.startswith(".") and Path(root, n).resolve() != results)
        for path in (Path(root, name) for name in sorted(names) if not name.startswith(".")):
            if not path.is_file() or not is_picture(path):
                plan.others += 1
            elif has_record(path):
                plan.results += 1
            else:
                yield path
