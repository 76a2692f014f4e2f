"""Photos in folders at addresses, as s3://bucket/shoebox: coloured one at a time from a copy, in whatever process."""

import errno
import os
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from tqdm import tqdm

from colorizers.commands.outputs import OutputPlan, Task, hidden, not_written, reason_of, shown
from colorizers.commands.reports import PhotoReport
from colorizers.commands.request import ColorizeRequest
from colorizers.commands.running import colorized, reported
from colorizers.engine import make_engine
from colorizers.errors import ColorizerError
from colorizers.picture.decode import SUFFIXES, check_size
from colorizers.picture.naming import clean_name, distinct_stems, shown_name
from colorizers.picture.record import has_record
from colorizers.settings import get_settings
from colorizers.words import Text


class Place(NamedTuple):
    """A folder at an address: its file system, as fsspec has it, and where it is in there."""

    system: Any
    root: str

    def at(self, path: Path) -> str:
        """Where a path within the folder is in the file system."""
        return f"{self._start}{path}" if path.parts else self.root

    def address(self, path: Path = Path()) -> str:
        """The address of a path within the folder."""
        address: str = self.system.unstrip_protocol(self.at(path))
        return address

    def fetch(self, path: Path, local: Path) -> bool:
        """Copy a file to here, and tell whether it is there; ColorizerError when it is too large or cannot be read."""
        try:
            check_size(self.system.size(self.at(path)) or 0, shown_name(path.name), get_settings().max_megabytes)
            self.system.get_file(self.at(path), str(local))
        except ColorizerError:
            raise
        except FileNotFoundError:
            return False
        except Exception as error:  # each file system has errors of its own
            raise ColorizerError(_no_way(self.address(path), error)) from error
        return True

    def put(self, local: Path, path: Path) -> None:
        """Copy a file from here, whole or not at all."""
        partial = self.at(hidden(path))
        try:
            self.system.makedirs(self.at(path.parent), exist_ok=True)
            self.system.put_file(str(local), partial)
            self.system.mv(partial, self.at(path))
        except Exception as error:
            raise not_written(self.address(path), error) from error

    def holds(self, other: "Place") -> bool:
        """Whether another folder is this one, or lies in it."""
        return self.system == other.system and f"{other.root}/".startswith(self._start)

    @property
    def _start(self) -> str:
        """With what the paths of all that lies in the folder begin: nothing where it is all there is, as in a zip."""
        return f"{self.root.rstrip('/')}/" if self.root else ""


def is_address(text: str) -> bool:
    """Whether this names no file of this machine in the usual way, but something that fsspec knows."""
    return "://" in text


def place_at(address: str) -> Place:
    """The folder at an address, or of this machine; ColorizerError when there is no way to it."""
    import fsspec
    from fsspec.implementations.local import LocalFileSystem

    try:
        system, root = fsspec.core.url_to_fs(address)
    except (ValueError, ImportError, OSError) as error:
        raise ColorizerError(_no_way(address, error)) from error
    if isinstance(system, LocalFileSystem):
        root = os.path.realpath(root)
    return Place(system, root)


def plan_at(source: Place, out: Place, suffix: str) -> OutputPlan:
    """What is to do, in paths within both folders: results have the photos' stems, in folders that mirror theirs.

    What is a picture is told by its ending; hidden files and what lies in the folder of the results are passed over.
    """
    if out.holds(source):
        raise ColorizerError(Text("commands.colorize.replaces-input", path=shown(source.address())))
    plan = OutputPlan([])
    photos = [*_pictures(source, Path(), out, plan)]
    stems = distinct_stems([(photo.parent, photo) for photo in photos])
    plan.tasks += [Task(photo, Path(f"{stem}{suffix}")) for photo, stem in zip(photos, stems, strict=True)]
    if not plan.tasks and not plan.unreadable:
        raise ColorizerError(Text("commands.output.no-pictures", paths=[shown(source.address())]))
    return plan


def _pictures(source: Place, folder: Path, out: Place, plan: OutputPlan) -> Iterator[Path]:
    """The pictures in a folder of the source and in its subfolders, sorted."""
    try:
        entries = source.system.ls(source.at(folder), detail=True)
    except Exception as error:
        plan.unreadable.append(_no_way(source.address(folder), error))
        return
    for entry in sorted(entries, key=lambda entry: entry["name"]):
        path = folder / Path(entry["name"]).name
        if path.name.startswith(".") or entry["name"].rstrip("/") == source.at(folder):  # a bucket may list it too
            continue
        if entry["type"] == "directory":
            if not out.holds(Place(source.system, source.at(path))):
                yield from _pictures(source, path, out, plan)
        elif path.suffix.lower() in SUFFIXES:
            yield path
        else:
            plan.others += 1


class Colorer:
    """Colours the photos of a plan one at a time; a request and two places make one in any process."""

    def __init__(self, request: ColorizeRequest, source: Place, out: Place) -> None:
        self._request, self._source, self._out = request, source, out
        settings = get_settings().model_copy(update={"engine": "local"})
        self._engine = make_engine(settings=settings, store=request.store)

    def __call__(self, task: Task) -> PhotoReport | None:
        """What became of a photo; None for a result of this program, which is passed over."""
        photo = self._source.address(task.photo)
        return reported(photo, lambda: self._colored(task, photo))

    def _colored(self, task: Task, photo: str) -> PhotoReport | None:
        """Copy the photo to here with those of its results that are there, colour it, and copy the new results back."""
        with tempfile.TemporaryDirectory() as folder:
            here = Task(_local(folder, "photo", task.photo), _local(folder, "color", task.target))
            if not self._source.fetch(task.photo, here.photo):
                raise ColorizerError(_no_way(photo, FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))))
            if has_record(here.photo):
                return None
            overwrites = self._request.overwrite
            pairs = zip(self._request.files(here), self._request.files(task), strict=True)
            places = {local.path: remote.path for local, remote in pairs}
            there = {local for local, path in places.items() if not overwrites and self._out.fetch(path, local)}
            try:
                report = colorized(self._engine, self._request, here, tqdm(disable=True))
            except ColorizerError as error:
                addresses = {str(local): self._out.address(path) for local, path in places.items()}
                raise ColorizerError(error.text.renamed(addresses)) from error
            made = [local for local in places if local in report.files]
            for local in made:
                if local not in there:
                    self._out.put(local, places[local])
        return replace(report, photo=photo, files=tuple(self._out.address(places[local]) for local in made))


def _local(folder: str, kind: str, path: Path) -> Path:
    """A file in a folder of its own, made here; whoever named `path` does not say where, nor how long a name may be."""
    place = Path(folder, kind)
    place.mkdir()
    return place / f"{clean_name(path.name)}{path.suffix}"


def _no_way(address: str, error: Exception) -> Text:
    return Text("photo.cannot-open", name=shown(address), reason=reason_of(error))
