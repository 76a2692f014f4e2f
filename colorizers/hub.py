"""Weights from the Hugging Face hub: asked for, fetched, checked, and locked to what was fetched first."""

import contextlib
import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from colorizers.errors import ColorizerError

SUFFIXES = (".safetensors", ".pth", ".pt", ".bin")
"""Of weights files, those that are preferred first."""

LOCK = "hub.lock.json"
_BUSY = ".busy"  # in a folder: held by the one download that may write there
_PATIENCE = 20  # seconds for the hub to answer


@dataclass(frozen=True)
class Pin:
    """What weights in a folder must be: `file` of the repository `hub`, and its hash."""

    hub: str
    revision: str
    file: str
    sha256: str


@dataclass(frozen=True)
class Published:
    """A weights file as the hub has it; `size` in bytes."""

    pin: Pin
    size: int

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


def published(hub: str, folder: Path, stem: str) -> Published:
    """The one weights file of a repository, at the revision that the folder's `stem` is locked to, or at its newest.

    Raises ColorizerError when the hub cannot be asked, has no such file with a hash, or has several.
    """
    from huggingface_hub import HfApi

    pin = pins(folder).get(stem)
    revision = pin.revision if pin else None
    with _sentences(hub, folder):
        info = HfApi().model_info(hub, revision=revision, files_metadata=True, token=False, timeout=_PATIENCE)
    files = [(file.rfilename, file.lfs) for file in info.siblings or [] if file.lfs]
    by_suffix = ([file for file in files if Path(file[0]).suffix == suffix] for suffix in SUFFIXES)
    fits = next(filter(None, by_suffix), [])
    if not fits or info.sha is None:
        raise ColorizerError(f"The repository {hub} has no weights file with a hash; get its file by hand.")
    if len(fits) > 1:
        raise ColorizerError(f"The repository {hub} has {len(fits)} weights files; get the right one by hand.")
    name, kept = fits[0]
    return Published(Pin(hub, info.sha, name, kept.sha256), kept.size)


def fetch(file: Published, target: Path) -> None:
    """Download a file, going on where an earlier download stopped, check its hash, and lock `target` to it.

    Waits for other downloads into the same folder to end. Raises ColorizerError when the hub cannot be reached, the
    disk is full, or another file arrives than was locked.
    """
    from filelock import FileLock

    pin, folder = file.pin, target.parent
    part = target.with_name(f"{target.name}.{pin.sha256[:12]}.part")
    with _sentences(pin.hub, folder):
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / _BUSY):
            _take(file, part, target)


def _take(file: Published, part: Path, target: Path) -> None:
    """Fill `part`, and make it `target` when it is what was promised; nothing to do when another download did so."""
    pin, lock = file.pin, target.with_name(LOCK)
    locked = pins(target.parent).get(target.stem)
    if locked not in (None, pin):
        raise ColorizerError(f"{pin.hub} is not what was downloaded before; delete {lock} to trust it.")
    if locked is None or not target.is_file() or digest(target) != pin.sha256:
        _fill(part, file)
        if digest(part) != pin.sha256:
            part.unlink()
            raise ColorizerError(f"What arrived is not the file that the hub names for {pin.hub}; try again.")
        _lock(target, pin)
        part.replace(target)


def _fill(part: Path, file: Published) -> None:
    """Append to a file what is not there yet."""
    from huggingface_hub import hf_hub_url
    from huggingface_hub.file_download import http_get

    url = hf_hub_url(file.pin.hub, file.pin.file, revision=file.pin.revision)
    with part.open("ab") as stream:
        if stream.tell() > file.size:
            stream.seek(0)
            stream.truncate()
        # Not hf_hub_download: in this version it begins anew each time.
        http_get(url, stream, resume_size=stream.tell(), expected_size=file.size, displayed_filename=file.pin.hub)


def _lock(target: Path, pin: Pin) -> None:
    known = pins(target.parent) | {target.stem: pin}
    text = json.dumps({stem: asdict(each) for stem, each in sorted(known.items())}, indent=2)
    fresh = target.with_name(f"{LOCK}.new")
    fresh.write_text(f"{text}\n")
    fresh.replace(target.with_name(LOCK))


@contextlib.contextmanager
def _sentences(hub: str, folder: Path) -> Iterator[None]:
    """Whatever goes wrong between the folder and the hub, in one sentence."""
    from huggingface_hub.errors import (
        HfHubHTTPError,
        HTTPError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    try:
        yield
    except OfflineModeIsEnabled as error:
        raise ColorizerError("HF_HUB_OFFLINE is set, so nothing is downloaded; unset it and try again.") from error
    except RepositoryNotFoundError as error:
        raise ColorizerError(f"The hub has no repository {hub} for everybody; get its file by hand.") from error
    except RevisionNotFoundError as error:
        lock = folder / LOCK
        raise ColorizerError(
            f"{hub} no longer has the revision that {lock} names; delete its entry there to get the newest."
        ) from error
    except HfHubHTTPError as error:
        code = error.response.status_code
        raise ColorizerError(f"The hub answered with error {code} for {hub}; try again later.") from error
    except (HTTPError, ValueError) as error:  # ValueError: an answer that is no JSON, as from a hotel's login page
        raise ColorizerError("The hub cannot be reached; connect to the internet and try again.") from error
    except OSError as error:
        reason = (error.strerror or "it broke off").lower()
        raise ColorizerError(f"The download from {hub} failed ({reason}); make room or try again.") from error
