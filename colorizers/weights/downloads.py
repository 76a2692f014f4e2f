"""Weights that are downloaded: fetched, checked, and locked to what was fetched first."""

import contextlib
import hashlib
import io
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

from colorizers.errors import ColorizerError
from colorizers.words import Text

LOCK = "hub.lock.json"
Watch = Callable[[float], None]
"""Is told how many bytes of a download are here, again and again; what it raises ends the download for now."""
_BUSY = ".busy"  # in a folder: held by the one download that may write there


@dataclass(frozen=True)
class Pin:
    """What weights in a folder must be: `file` of the `hub` that publishes it, and its hash."""

    hub: str
    revision: str
    file: str
    sha256: str

    def allows(self, offered: "Pin") -> bool:
        """Whether a file is this one, as far as the digits go that are offered of its hash."""
        return self.sha256.startswith(offered.sha256) and replace(offered, sha256=self.sha256) == self


@dataclass(frozen=True)
class Published:
    """A file that can be fetched, of about `size` bytes.

    `pin` may have only the first digits of the hash, where the publisher gives no more, or none where it gives the
    `blob` instead: git's own hash of the file. `append` adds to a stream at its end what it lacks of the file; it
    raises ColorizerError for what goes wrong at the publisher's, and OSError.
    """

    pin: Pin
    size: float
    append: Callable[[BinaryIO], None]
    blob: str = ""

    def is_at(self, path: Path) -> bool:
        """Whether a file is the blob that is published, if any."""
        return not self.blob or self.blob == _git_blob(path)


def pins(folder: Path) -> dict[str, Pin]:
    """What was fetched into a folder; ColorizerError when its lock file is damaged.

    By the stems of files, as "style_vgg19"; what lies in folders of its own by its path, as "sd15/unet/config.json".
    """
    lock = folder / LOCK
    try:
        return dict(pair for stem, entry in json.loads(lock.read_text()).items() for pair in _unfolded(stem, entry))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise ColorizerError(Text("download.damaged-lock", lock=lock)) from error


def _unfolded(stem: str, entry: dict[str, Any]) -> Iterator[tuple[str, Pin]]:
    """The pins of one entry of a lock file: one, or those of a whole folder, which share hub and revision."""
    if "files" not in entry:
        yield stem, Pin(**entry)
        return
    for file, sha256 in entry["files"].items():
        yield f"{stem}/{file}", Pin(entry["hub"], entry["revision"], file, sha256)


def _folded(known: Mapping[str, Pin]) -> dict[str, Any]:
    """The entries of a lock file."""
    entries: dict[str, Any] = {}
    for name, pin in sorted(known.items()):
        stem, inside, file = name.partition("/")
        if inside:
            folder = entries.setdefault(stem, {"hub": pin.hub, "revision": pin.revision, "files": {}})
            folder["files"][file] = pin.sha256
        else:
            entries[stem] = asdict(pin)
    return entries


def digest(path: Path) -> str:
    """The sha256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _git_blob(path: Path) -> str:
    """The hash by which git knows a file."""
    data = path.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


class _Watched(io.BufferedWriter):
    """The end of a file to which a download is appended, under a watch."""

    def __init__(self, path: Path, watch: Watch) -> None:
        super().__init__(io.FileIO(path, "ab"))
        self._watch = watch

    def write(self, data: Any) -> int:
        """As any file's."""
        written = super().write(data)
        self._watch(self.tell())
        return written


def unwatched(arrived: float) -> None:
    """Nobody looks."""


def fetch(file: Published, target: Path, watch: Watch = unwatched) -> None:
    """Download a file, going on where an earlier download stopped, check its hash, and lock `target` to it.

    Waits for other downloads into the same folder to end. Raises ColorizerError when the publisher cannot be reached,
    the disk is full, or another file arrives than was locked.
    """
    with _alone(target.parent, file.pin.hub):
        _take(file, target, target.parent, target.stem, watch)


def fetch_folder(files: Mapping[str, Published], target: Path, watch: Watch = unwatched) -> None:
    """As `fetch`, for all files of one repository, named as they are to lie in a folder; it is there all at once.

    Of a folder that is there already only what is missing or damaged is fetched, and what does not belong is deleted.
    """
    with _alone(target.parent, next(iter(files.values())).pin.hub):
        place = target if target.is_dir() else target.with_name(f"{target.name}.part")
        before = 0.0
        for name, file in files.items():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            _take(file, place / name, target.parent, f"{target.name}/{name}", _after(before, watch))
            before += file.size
        for folder in {(place / name).parent for name in files}:
            for stray in folder.iterdir():
                if stray.is_file() and stray.relative_to(place).as_posix() not in files:
                    stray.unlink()
        place.rename(target)


def _after(before: float, watch: Watch) -> Watch:
    """The watch of what comes after so many bytes."""
    return lambda arrived: watch(before + arrived)


@contextlib.contextmanager
def _alone(folder: Path, hub: str) -> Iterator[None]:
    """Make a folder and keep other downloads out of it meanwhile; ColorizerError when something cannot be written."""
    from filelock import FileLock

    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / _BUSY):
            yield
    except OSError as error:
        raise failed(hub, error) from error


def failed(hub: str, error: OSError) -> ColorizerError:
    """What to say when neither the publisher nor the connection is known to be at fault."""
    reason = error.strerror.lower() if error.strerror else Text("download.broke-off")
    return ColorizerError(Text("download.failed", hub=hub, reason=reason))


def _take(file: Published, target: Path, folder: Path, name: str, watch: Watch) -> None:
    """Make `target` what the folder's lock says under a name, or will say; nothing to do when it is so already."""
    offered = file.pin
    locked = pins(folder).get(name)
    if locked is not None and not locked.allows(offered):
        lock = folder / LOCK
        raise ColorizerError(Text("download.other-than-locked", file=offered.file, hub=offered.hub, lock=lock))
    if locked is None or not target.is_file() or digest(target) != locked.sha256:
        part = target.with_name(f"{target.name}.{(offered.sha256 or file.blob)[:12]}.part")
        with _Watched(part, watch) as stream:
            file.append(stream)
        found = replace(offered, sha256=digest(part))
        if not (found.allows(offered) and file.is_at(part)) or locked not in (None, found):
            part.unlink()
            raise ColorizerError(Text("download.other-than-published", file=offered.file, hub=offered.hub))
        _lock(folder, name, found)
        part.replace(target)


def _lock(folder: Path, name: str, pin: Pin) -> None:
    fresh = folder / f"{LOCK}.new"
    fresh.write_text(f"{json.dumps(_folded(pins(folder) | {name: pin}), indent=2)}\n")
    fresh.replace(folder / LOCK)
