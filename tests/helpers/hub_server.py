"""A server that speaks the routes of the Hugging Face hub and of torchvision, and how tests download from it."""

import contextlib
import hashlib
import io
import re
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import torch
from huggingface_hub import constants
from local_server import Answering, serving
from torch import nn

from colorizers.__main__ import main
from colorizers.methods.catalog import REGISTRY
from colorizers.settings import get_settings

KEY = "transformer/ddcolor_tiny"
HUB = REGISTRY[KEY].hub.name
FIRST, SECOND = "1" * 40, "2" * 40  # revisions


@dataclass
class Hub:
    """What the server has: the files of each revision, the newest last, and torchvision's; and what it was asked for.

    Every repository has the same. `names` are other names of revisions. `arrives` is sent in place of files; `patience`
    is how many bytes of files are sent before the line is cut; `ranges` is whether a part of a file can be had;
    `meeting` is where those who ask what there is wait for each other.
    """

    revisions: dict[str, dict[str, bytes]] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    models: dict[str, bytes] = field(default_factory=dict)
    ranges: bool = True
    arrives: dict[str, bytes] = field(default_factory=dict)
    patience: int | None = None
    meeting: threading.Barrier | None = None
    asked: list[str] = field(default_factory=list)
    url: str = ""


class HubAnswers(Answering):
    """What the hub answers."""

    def __init__(self, hub: Hub, *request: Any) -> None:
        self.hub = hub
        super().__init__(*request)

    def do_GET(self) -> None:
        hub = self.hub
        hub.asked.append(f"{self.path} {self.headers.get('Range', '')}".strip())
        if found := re.fullmatch(r"/api/models/([\w.-]+/[\w.-]+)(?:/revision/([\w%]+))?\?blobs=true", self.path):
            self.tell(found[1], unquote(found[2] or ""))
        elif (found := re.fullmatch(r"/[\w.-]+/[\w.-]+/resolve/(\w+)/(.+)", self.path)) and is_small(found[2]):
            self.give(found[2], hub.revisions[found[1]][found[2]])
        elif found:
            digest = hashlib.sha256(hub.revisions[found[1]][found[2]]).hexdigest()
            place = f"{hub.url}/store/{found[1]}/{found[2]}"
            headers = {"X-Repo-Commit": found[1], "X-Linked-Etag": f'"{digest}"', "Location": place}
            self.answer(code=302, headers=headers)
        elif found := re.fullmatch(r"/store/(\w+)/(.+)", self.path):
            self.give(found[2], hub.revisions[found[1]][found[2]])
        elif (found := re.fullmatch(r"/models/(.+)", self.path)) and found[1] in hub.models:
            self.give(found[1], hub.models[found[1]])
        else:
            self.send_error(404)

    def tell(self, repository: str, wanted: str) -> None:
        """What there is of a repository."""
        hub = self.hub
        revision = hub.names.get(wanted, wanted or next(reversed(hub.revisions), ""))
        if hub.meeting is not None:
            hub.meeting.wait(60)
        if revision not in hub.revisions:
            self.answer(code=404, headers={"X-Error-Code": "RevisionNotFound"} if hub.revisions else {})
            return
        files = [
            {"rfilename": name, "size": len(data)} | ({"blobId": git_blob(data)} if is_small(name) else lfs(data))
            for name, data in hub.revisions[revision].items()
        ]
        self.answer_json({"id": repository, "modelId": repository, "sha": revision, "siblings": files, "tags": []})

    def give(self, name: str, data: bytes) -> None:
        """A file, or the part of it that is asked for, or what arrives of that."""
        hub = self.hub
        if hub.patience == 0:
            self.send_error(503)
            return
        start = int(self.headers.get("Range", "bytes=0-")[len("bytes=") : -1]) if hub.ranges else 0
        if start >= len(data):
            self.send_error(416)
            return
        rest = hub.arrives.get(name, data)[start:]
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(rest)))
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        self.end_headers()
        self.wfile.write(rest[: hub.patience])
        if hub.patience is not None:
            self.close_connection = hub.patience < len(rest)
            hub.patience = max(0, hub.patience - len(rest))


@contextlib.contextmanager
def running_hub(files: dict[str, bytes], cache: Path) -> Iterator[Hub]:
    """A hub with these files, and a machine whose downloads go into an empty cache."""
    hub = Hub({FIRST: files})
    with serving(partial(HubAnswers, hub)) as hub.url, pytest.MonkeyPatch.context() as patch:
        connect(hub.url, patch)
        patch.setenv("COLORIZERS_CACHE_DIR", str(cache))
        get_settings.cache_clear()
        yield hub
    get_settings.cache_clear()


def is_small(name: str) -> bool:
    """Whether a file is kept in git itself."""
    return not name.endswith((".bin", ".ckpt", ".pt", ".safetensors"))


def git_blob(data: bytes) -> str:
    """The hash by which git knows a file: all that the hub tells of small ones."""
    command = ["git", "hash-object", "--stdin"]
    return subprocess.run(command, input=data, capture_output=True, check=True).stdout.decode().strip()


def lfs(data: bytes) -> dict[str, object]:
    about = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 134}
    return {"blobId": "0" * 40, "lfs": about}


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Linear(1500, 2000)  # 12 MB: files arrive in pieces of 10 MiB


def checkpoint() -> bytes:
    file = io.BytesIO()
    torch.save(network().state_dict(), file)
    return file.getvalue()


def connect(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As HF_ENDPOINT does for a new process."""
    monkeypatch.setattr(constants, "ENDPOINT", url)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", url + "/{repo_id}/resolve/{revision}/{filename}")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)


def download(*names: str) -> int:
    return main(["weights", "download", *(names or ["ddcolor_tiny"])])


def refusal(capsys: pytest.CaptureFixture[str], *names: str) -> str:
    """What a download that is refused says: one sentence, exit code 2."""
    assert download(*names) == 2
    sentence = capsys.readouterr().err.strip().splitlines()[-1]
    assert sentence.endswith(".")
    return sentence


def names_in(folder: Path) -> list[str]:
    """Of its files, but for the hidden one by which downloads wait for each other."""
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))
