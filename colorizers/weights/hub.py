"""Where weights are published: on the Hugging Face hub, by torchvision, and at addresses of their own."""

import contextlib
import functools
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from http.client import HTTPException, HTTPResponse
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, Protocol
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from tqdm import tqdm

from colorizers.errors import ColorizerError
from colorizers.weights.downloads import LOCK, Pin, Published, failed, pins
from colorizers.weights.folders import TEXTS, choose
from colorizers.words import Text

SUFFIXES = (".safetensors", ".pth", ".pt", ".bin")
"""Of weights files, those that are preferred first."""

_PLAIN = re.compile(r"\w[\w.-]*", re.ASCII)  # the name of a file, in no folder
_PATIENCE = 20  # seconds for a hub to answer
_PIECE = 2**20  # bytes between two moves of the progress bar
_ALL_THERE = 416  # the answer to a range that begins at the end of the file


class Hub(Protocol):
    """Where weights are published."""

    @property
    def name(self) -> str:
        """What lists and lock files call it."""

    def published(self, folder: Path, stem: str, folders: tuple[str, ...]) -> dict[str, Published]:
        """What to keep in a folder as `stem`: one file by its name there or, with `folders`, files by theirs in `stem`.

        Raises ColorizerError when they cannot be determined or have no hashes.
        """


@dataclass(frozen=True)
class HuggingFace:
    """A repository on the Hugging Face hub: `file`, or its only weights file; `revision`, or the newest."""

    name: str
    file: str = ""
    revision: str = ""

    def published(self, folder: Path, stem: str, folders: tuple[str, ...]) -> dict[str, Published]:
        """The files at the revision that the folder's `stem` is locked to, or else at the newest.

        With `folders` they are what is needed of these subfolders: texts and one .safetensors file, never code. Raises
        ColorizerError when the hub cannot be asked or has not what is needed, or one file of several is meant.
        """
        from huggingface_hub import HfApi

        locked = next((pin for name, pin in pins(folder).items() if name.partition("/")[0] == stem), None)
        revision = locked.revision if locked else self.revision or None
        with self._sentences(folder):
            info = HfApi().model_info(self.name, revision=revision, files_metadata=True, token=False, timeout=_PATIENCE)
        found = {each.rfilename: each for each in info.siblings or [] if each.lfs or each.blob_id}
        if info.sha is None:
            raise self._nothing()
        if folders:
            names = [name for part in folders for name in self._files_of(part, list(found))]
            return {name: self._published(found[name], info.sha, folder) for name in names}
        name = self._only([name for name, each in found.items() if each.lfs])
        return {f"{stem}{Path(name).suffix}": self._published(found[name], info.sha, folder)}

    def _only(self, names: list[str]) -> str:
        if self.file:
            fits = [name for name in names if name == self.file]
        else:
            by_suffix = ([name for name in names if Path(name).suffix == suffix] for suffix in SUFFIXES)
            fits = next(filter(None, by_suffix), [])
        if not fits:
            raise self._nothing()
        if len(fits) > 1:
            raise ColorizerError(Text("download.several-files", name=self.name, count=len(fits)))
        return fits[0]

    def _files_of(self, part: str, names: list[str]) -> list[str]:
        """What of a subfolder is needed, of all that the repository has."""
        inside = f"{part}/" if part else ""
        here = [name.removeprefix(inside) for name in names if name.startswith(inside)]
        texts = [name for name in here if _PLAIN.fullmatch(name) and name.endswith(TEXTS)]
        if not any(name.endswith(".json") for name in texts):
            raise ColorizerError(Text("download.no-config", name=self.name, missing=inside or "config.json"))
        weights = choose(here)
        if weights is None and "config.json" in texts:
            if inside:
                raise ColorizerError(Text("download.no-safetensors-in", name=self.name, folder=inside))
            raise ColorizerError(Text("download.no-safetensors", name=self.name))
        return [f"{inside}{name}" for name in (*sorted(texts), weights) if name]

    def _nothing(self) -> ColorizerError:
        return ColorizerError(Text("download.no-hash", name=self.name))

    def _published(self, file: Any, revision: str, folder: Path) -> Published:
        """What there is to a file that the hub lists: big ones have their hash, small ones that of git."""
        digest, size = (file.lfs.sha256, file.lfs.size) if file.lfs else ("", file.size)
        pin = Pin(self.name, revision, file.rfilename, digest)
        blob = "" if file.lfs else file.blob_id
        return Published(pin, size, functools.partial(self._append, pin, size, folder), blob)

    def _append(self, pin: Pin, size: int, folder: Path, stream: BinaryIO) -> None:
        from huggingface_hub import hf_hub_url, try_to_load_from_cache
        from huggingface_hub.file_download import http_get

        if stream.tell() > size:
            _empty(stream)
        cached = try_to_load_from_cache(self.name, pin.file, revision=pin.revision)
        if isinstance(cached, str):  # other programs have it, or a Space brought it when it was built
            _copy_rest(Path(cached), stream)
            return
        with self._sentences(folder):
            url = hf_hub_url(self.name, pin.file, revision=pin.revision)
            shown = f"{self.name}/{pin.file}" if "/" in pin.file else self.name
            # Not hf_hub_download: in this version it begins anew each time.
            http_get(url, stream, resume_size=stream.tell(), expected_size=size, displayed_filename=shown)

    @contextlib.contextmanager
    def _sentences(self, folder: Path) -> Iterator[None]:
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
            raise ColorizerError(Text("download.offline")) from error
        except RepositoryNotFoundError as error:
            raise ColorizerError(Text("download.no-repository", name=self.name)) from error
        except RevisionNotFoundError as error:
            raise ColorizerError(Text("download.no-revision", name=self.name, lock=folder / LOCK)) from error
        except HfHubHTTPError as error:
            code = error.response.status_code
            raise ColorizerError(Text("download.hub-error", code=code, name=self.name)) from error
        except (HTTPError, ValueError) as error:  # ValueError: an answer that is not JSON, e.g. of a captive portal
            raise ColorizerError(Text("download.no-hub")) from error
        except OSError as error:
            raise failed(self.name, error) from error


@dataclass(frozen=True)
class Torchvision:
    """Weights that the installed torchvision names, such as "VGG19_Weights.IMAGENET1K_V1", and says where to get."""

    weights: str

    @property
    def name(self) -> str:
        """Of all of them."""
        return "torchvision"

    def published(self, folder: Path, stem: str, folders: tuple[str, ...]) -> dict[str, Published]:
        """The file that torchvision names, whose own name ends with the first digits of its hash; asks no server."""
        from torchvision.models import get_weight

        weights = get_weight(self.weights)
        if not _digits_in(weights.url):
            raise ColorizerError(Text("download.without-hash", name=self.weights))
        size = weights.meta["_file_size"] * 2**20
        return _published_at(weights.url, Pin(self.name, self.weights, "", ""), size, stem)


@dataclass(frozen=True)
class Address:
    """One file of about so many megabytes at an address.

    Its name may end with the first digits of its hash; otherwise the first download is the one that counts.
    """

    url: str
    megabytes: int

    @property
    def name(self) -> str:
        """The host."""
        return urlsplit(self.url).hostname or self.url

    def published(self, folder: Path, stem: str, folders: tuple[str, ...]) -> dict[str, Published]:
        """That file; asks no server."""
        return _published_at(self.url, Pin(self.name, "", "", ""), self.megabytes * 10**6, stem)


@dataclass(frozen=True)
class Elsewhere:
    """A project that publishes weights where this program cannot fetch them."""

    name: str

    def published(self, folder: Path, stem: str, folders: tuple[str, ...]) -> dict[str, Published]:
        """Raises ColorizerError: they are to be fetched by hand."""
        raise ColorizerError(Text("download.elsewhere", stem=stem, hub=self.name))


def _published_at(url: str, pin: Pin, size: float, stem: str) -> dict[str, Published]:
    """The file at an address, whose name and hash, as far as its name tells it, the pin lacks."""
    file = PurePosixPath(urlsplit(url).path).name
    named = replace(pin, file=file, sha256=_digits_in(url))
    return {f"{stem}{Path(file).suffix}": Published(named, size, functools.partial(_append, url, file))}


def _digits_in(url: str) -> str:
    """The first digits of a hash that the name of a file tells, "" for none."""
    digits = re.search(r"-([0-9a-f]{8,64})\.[^/]*$", urlsplit(url).path)
    return digits[1] if digits else ""


def _append(url: str, file: str, stream: BinaryIO) -> None:
    """Ask a server for what a stream lacks of a file; it begins anew when the server only gives all of it."""
    host = urlsplit(url).hostname
    # Some hosts turn away whoever calls himself Python-urllib.
    request = Request(url, headers={"User-Agent": "colorizers", "Range": f"bytes={stream.tell()}-"})
    try:
        with urlopen(request, timeout=_PATIENCE) as response:
            if response.status != 206:
                _empty(stream)
            _copy(response, stream, file)
    except HTTPError as error:
        if error.code != _ALL_THERE:
            raise ColorizerError(Text("download.server-error", host=host, code=error.code, file=file)) from error
    except URLError as error:
        raise ColorizerError(Text("download.no-server", host=host)) from error
    except HTTPException as error:
        raise OSError(f"{host} closed the connection early") from error


def _copy(response: HTTPResponse, stream: BinaryIO, file: str) -> None:
    """Move what arrives to the end of a stream under a progress bar; OSError when less arrives than was announced."""
    done, coming = stream.tell(), response.length
    total = None if coming is None else done + coming
    with tqdm(desc=file, initial=done, total=total, unit="B", unit_scale=True, disable=None) as bar:
        while piece := response.read(_PIECE):
            stream.write(piece)
            bar.update(len(piece))
    if response.length:
        raise OSError(f"{response.length} bytes did not arrive")


def _copy_rest(source: Path, stream: BinaryIO) -> None:
    """Append to a stream what it lacks of a file."""
    with source.open("rb") as file:
        file.seek(stream.tell())
        shutil.copyfileobj(file, stream, _PIECE)


def _empty(stream: BinaryIO) -> None:
    stream.seek(0)
    stream.truncate()
