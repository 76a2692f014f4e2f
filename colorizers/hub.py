"""Where weights are published: on the Hugging Face hub, and by torchvision."""

import contextlib
import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Protocol
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from tqdm import tqdm

from colorizers.downloads import LOCK, Pin, Published, failed, pins
from colorizers.errors import ColorizerError

SUFFIXES = (".safetensors", ".pth", ".pt", ".bin")
"""Of weights files, those that are preferred first."""

_PATIENCE = 20  # seconds for a hub to answer
_PIECE = 2**20  # bytes between two moves of the progress bar
_ALL_THERE = 416  # the answer to a range that begins at the end of the file


class Hub(Protocol):
    """Where a weights file is published."""

    @property
    def name(self) -> str:
        """What lists and lock files call it."""

    def published(self, folder: Path, stem: str) -> Published:
        """The file, to be kept in a folder as `stem`; ColorizerError when it cannot be told or has no hash."""


@dataclass(frozen=True)
class HuggingFace:
    """A repository with one weights file on the Hugging Face hub."""

    name: str

    def published(self, folder: Path, stem: str) -> Published:
        """The file at the revision that the folder's `stem` is locked to, or at the newest.

        Raises ColorizerError when the hub cannot be asked, has no such file with a hash, or has several.
        """
        from huggingface_hub import HfApi

        locked = pins(folder).get(stem)
        revision = locked.revision if locked else None
        with self._sentences(folder):
            info = HfApi().model_info(self.name, revision=revision, files_metadata=True, token=False, timeout=_PATIENCE)
        files = [(file.rfilename, file.lfs) for file in info.siblings or [] if file.lfs]
        by_suffix = ([file for file in files if Path(file[0]).suffix == suffix] for suffix in SUFFIXES)
        fits = next(filter(None, by_suffix), [])
        if not fits or info.sha is None:
            raise ColorizerError(f"The repository {self.name} has no weights file with a hash; get its file by hand.")
        if len(fits) > 1:
            raise ColorizerError(
                f"The repository {self.name} has {len(fits)} weights files; get the right one by hand."
            )
        name, kept = fits[0]
        pin = Pin(self.name, info.sha, name, kept.sha256)
        return Published(pin, kept.size, functools.partial(self._append, pin, kept.size, folder))

    def _append(self, pin: Pin, size: int, folder: Path, stream: BinaryIO) -> None:
        from huggingface_hub import hf_hub_url
        from huggingface_hub.file_download import http_get

        if stream.tell() > size:
            _empty(stream)
        with self._sentences(folder):
            url = hf_hub_url(self.name, pin.file, revision=pin.revision)
            # Not hf_hub_download: in this version it begins anew each time.
            http_get(url, stream, resume_size=stream.tell(), expected_size=size, displayed_filename=self.name)

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
            raise ColorizerError("HF_HUB_OFFLINE is set, so nothing is downloaded; unset it and try again.") from error
        except RepositoryNotFoundError as error:
            raise ColorizerError(
                f"The hub has no repository {self.name} for everybody; get its file by hand."
            ) from error
        except RevisionNotFoundError as error:
            lock = folder / LOCK
            raise ColorizerError(
                f"{self.name} no longer has the revision that {lock} names; delete its entry there to get the newest."
            ) from error
        except HfHubHTTPError as error:
            code = error.response.status_code
            raise ColorizerError(f"The hub answered with error {code} for {self.name}; try again later.") from error
        except (HTTPError, ValueError) as error:  # ValueError: an answer that is no JSON, as from a hotel's login page
            raise ColorizerError("The hub cannot be reached; connect to the internet and try again.") from error
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

    def published(self, folder: Path, stem: str) -> Published:
        """The file that torchvision names, whose own name ends with the first digits of its hash; asks no server."""
        from torchvision.models import get_weight

        weights = get_weight(self.weights)
        file = PurePosixPath(urlsplit(weights.url).path).name
        digits = re.search(r"-([0-9a-f]{8,64})\.", file)
        if digits is None:
            raise ColorizerError(f"torchvision names no hash for {self.weights}; get its file by hand.")
        pin = Pin(self.name, self.weights, file, digits[1])
        return Published(pin, weights.meta["_file_size"] * 2**20, functools.partial(_append, weights.url, file))


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
            raise ColorizerError(f"{host} answered with error {error.code} for {file}; try again later.") from error
    except URLError as error:
        raise ColorizerError(f"{host} cannot be reached; connect to the internet and try again.") from error
    except HTTPException as error:
        raise OSError(f"{host} stopped in the midst") from error


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


def _empty(stream: BinaryIO) -> None:
    stream.seek(0)
    stream.truncate()
