"""The photos of a batch: files that were sent together, or what lies in a zip; within limits, under harmless names."""

import contextlib
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from colorizers.errors import ColorizerError
from colorizers.picture.decode import SUFFIXES
from colorizers.picture.naming import shown_name
from colorizers.picture.photo import Photo
from colorizers.settings import get_settings
from colorizers.web.files import Folder, open_upload
from colorizers.words import Text

ZIP = ".zip"
_INSIDE = ",,"  # in the name of a file from a folder, as page and browser send it, in the place of a slash
_PIECE = 2**20  # bytes
_LONGEST_DIRECTORY = 10**6  # bytes of a zip's list of entries, all of which ZipFile keeps in several times the memory


@dataclass(frozen=True)
class Item:
    """One photo: its name, with the folders in which it lay, and its file, or the zip in which it is an `entry`."""

    name: PurePosixPath
    path: Path
    entry: str = ""

    def open(self, folder: Folder) -> Photo:
        """Decode it; ColorizerError when it is no picture within the limits, or gone."""
        if not self.path.exists():
            raise ColorizerError(Text("page.file-gone", name=shown_name(self.name.name)))
        if not self.entry:
            return open_upload(self.path, self.name.name)
        with self._taken_out(folder) as path:
            return open_upload(path, self.name.name)

    @contextlib.contextmanager
    def _taken_out(self, folder: Folder) -> Iterator[Path]:
        """The entry as a file, as long as it is needed; what is longer than the zip says is not read."""
        path = folder.place(f"photo{self.name.suffix.lower()}")
        try:
            with zipfile.ZipFile(self.path) as archive, archive.open(self.entry) as source, path.open("wb") as target:
                while piece := source.read(_PIECE):
                    target.write(piece)
            yield path
        except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, OSError, ValueError) as error:
            raise ColorizerError(Text("batch.damaged-entry", name=shown_name(self.name.name))) from error
        finally:
            folder.discard(path)


@dataclass(frozen=True)
class Sent:
    """What was sent: photos, and names of what is none or cannot be taken, with the reason."""

    items: tuple[Item, ...]
    refused: tuple[tuple[PurePosixPath, Text], ...]


@dataclass
class Row:
    """One photo of a batch, the stem of its result with its folders, and what has become of it."""

    name: PurePosixPath
    item: Item | None
    stem: Path
    problem: Text | None = None
    result: Path | None = None
    small: Path | None = None

    @property
    def waits(self) -> bool:
        """Whether it is still to be coloured."""
        return self.item is not None and self.result is None and self.problem is None


@dataclass(eq=False)
class Batch:
    """The photos that a visitor sent together, and the folder where their files stay as long as the batch does."""

    rows: list[Row] = field(default_factory=list)
    folder: Folder | None = None


def sent(paths: Sequence[Path]) -> Sent:
    """What these files are; ColorizerError when it is more than a batch may have, or a zip is damaged."""
    items, refused = list[Item](), list[tuple[PurePosixPath, Text]]()
    size = 0
    for path in paths:
        if path.suffix.lower() == ZIP:
            size += _look_into(path, items, refused)
        else:
            items.append(Item(PurePosixPath(*filter(None, path.name.split(_INSIDE))), path))
            size += path.stat().st_size
    settings = get_settings()
    if len(items) + len(refused) > settings.max_batch_photos:
        raise ColorizerError(Text("batch.too-many", count=len(items) + len(refused), limit=settings.max_batch_photos))
    if size > settings.max_batch_megabytes * 10**6:
        raise ColorizerError(Text("batch.too-large", size=size / 1e6, limit=settings.max_batch_megabytes))
    if not items and not refused:
        raise ColorizerError(Text("batch.no-pictures"))
    return Sent(tuple(items), tuple(refused))


def _look_into(path: Path, items: list[Item], refused: list[tuple[PurePosixPath, Text]]) -> int:
    """Add what is in a zip; gives the bytes that its photos have when they are taken out, as it says."""
    try:
        _check_directory(path)
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, EOFError, NotImplementedError, OSError, ValueError) as error:
        raise ColorizerError(Text("batch.damaged-zip", name=shown_name(path.name))) from error
    size = 0
    for entry in entries:
        name = PurePosixPath(entry.filename.replace("\\", "/"))
        hidden = any(part.startswith((".", "__MACOSX")) and part != ".." for part in name.parts)
        if entry.is_dir() or hidden or name.suffix.lower() not in SUFFIXES:
            continue
        if problem := _problem(entry, name):
            refused.append((PurePosixPath(name.name), problem))
        else:
            items.append(Item(name, path, entry.filename))
            size += entry.file_size
    return size


def _check_directory(path: Path) -> None:
    """Raise ColorizerError when a zip lists far more than a batch may have; its list is not read for that."""
    with path.open("rb") as file:
        end = zipfile._EndRecData(file)  # type: ignore[attr-defined]
    if end is not None and end[zipfile._ECD_SIZE] > _LONGEST_DIRECTORY:  # type: ignore[attr-defined]
        raise ColorizerError(Text("batch.too-many-entries", name=shown_name(path.name)))


def _problem(entry: zipfile.ZipInfo, name: PurePosixPath) -> Text | None:
    """Why an entry cannot be taken."""
    limit, shown = get_settings().max_upload_megabytes, shown_name(name.name)
    if name.is_absolute() or ".." in name.parts or any(":" in part for part in name.parts):
        return Text("batch.leads-out", name=shown)
    if entry.flag_bits & 1:
        return Text("batch.encrypted", name=shown)
    if entry.file_size > limit * 10**6:
        return Text("photo.too-many-bytes", name=shown, size=entry.file_size / 1e6, limit=limit)
    return None
