"""Weights that are downloaded: fetched, checked, and locked to what was fetched first."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import BinaryIO

from colorizers.errors import ColorizerError

LOCK = "hub.lock.json"
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
    """A weights file that can be fetched, of about `size` bytes.

    `pin` may have only the first digits of the hash, where the publisher tells no more. `append` adds to a stream at
    its end what it lacks of the file; it raises ColorizerError for what goes wrong at the publisher's, and OSError.
    """

    pin: Pin
    size: float
    append: Callable[[BinaryIO], None]

    @property
    def suffix(self) -> str:
        """Of the file, with its dot."""
        return Path(self.pin.file).suffix


def pins(folder: Path) -> dict[str, Pin]:
    """What was fetched into a folder, by the stems of its files; ColorizerError when its lock file is damaged."""
    lock = folder / LOCK
    try:
        return {stem: Pin(**pin) for stem, pin in json.loads(lock.read_text()).items()}
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise ColorizerError(f"{lock} cannot be read; delete it and download the weights again.") from error


def digest(path: Path) -> str:
    """The sha256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fetch(file: Published, target: Path) -> None:
    """Download a file, going on where an earlier download stopped, check its hash, and lock `target` to it.

    Waits for other downloads into the same folder to end. Raises ColorizerError when the publisher cannot be reached,
    the disk is full, or another file arrives than was locked.
    """
    from filelock import FileLock

    pin, folder = file.pin, target.parent
    part = target.with_name(f"{target.name}.{pin.sha256[:12]}.part")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / _BUSY):
            _take(file, part, target)
    except OSError as error:
        raise failed(pin.hub, error) from error


def failed(hub: str, error: OSError) -> ColorizerError:
    """What to say when neither the publisher nor the connection is known to be at fault."""
    reason = (error.strerror or "it broke off").lower()
    return ColorizerError(f"The download from {hub} failed ({reason}); make room or try again.")


def _take(file: Published, part: Path, target: Path) -> None:
    """Fill `part`, and make it `target` when it is what was promised; nothing to do when another download did so."""
    offered, lock = file.pin, target.with_name(LOCK)
    locked = pins(target.parent).get(target.stem)
    if locked is not None and not locked.allows(offered):
        said = f"{offered.file} of {offered.hub} is not what was downloaded before"
        raise ColorizerError(f"{said}; delete its entry in {lock} to trust it.")
    if locked is None or not target.is_file() or digest(target) != locked.sha256:
        with part.open("ab") as stream:
            file.append(stream)
        found = replace(offered, sha256=digest(part))
        if not found.allows(offered) or locked not in (None, found):
            part.unlink()
            raise ColorizerError(f"What arrived is not the {offered.file} that {offered.hub} names; try again.")
        _lock(target, found)
        part.replace(target)


def _lock(target: Path, pin: Pin) -> None:
    known = pins(target.parent) | {target.stem: pin}
    text = json.dumps({stem: asdict(each) for stem, each in sorted(known.items())}, indent=2)
    fresh = target.with_name(f"{LOCK}.new")
    fresh.write_text(f"{text}\n")
    fresh.replace(target.with_name(LOCK))
