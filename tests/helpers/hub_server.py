"""A server that speaks the routes of the Hugging Face hub and of torchvision, and how tests download from it."""

import contextlib
import hashlib
import io
import json
import re
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

import pytest
import torch
from huggingface_hub import constants
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


def handler(hub: Hub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            hub.asked.append(f"{self.path} {self.headers.get('Range', '')}".strip())
            if found := re.fullmatch(r"/api/models/([\w.-]+/[\w.-]+)(?:/revision/([\w%]+))?\?blobs=true", self.path):
                self.tell(found[1], unquote(found[2] or ""))
            elif (found := re.fullmatch(r"/[\w.-]+/[\w.-]+/resolve/(\w+)/(.+)", self.path)) and is_small(found[2]):
                self.give(found[2], hub.revisions[found[1]][found[2]])
            elif found:
                self.send_response(302)
                self.send_header("X-Repo-Commit", found[1])
                self.send_header("X-Linked-Etag", f'"{hashlib.sha256(hub.revisions[found[1]][found[2]]).hexdigest()}"')
                self.send_header("Location", f"{hub.url}/store/{found[1]}/{found[2]}")
                self.send_header("Content-Length", "0")
                self.end_headers()
            elif found := re.fullmatch(r"/store/(\w+)/(.+)", self.path):
                self.give(found[2], hub.revisions[found[1]][found[2]])
            elif (found := re.fullmatch(r"/models/(.+)", self.path)) and found[1] in hub.models:
                self.give(found[1], hub.models[found[1]])
            else:
                self.send_error(404)

        def tell(self, repository: str, wanted: str) -> None:
            revision = hub.names.get(wanted, wanted or next(reversed(hub.revisions), ""))
            if hub.meeting is not None:
                hub.meeting.wait(60)
            if revision not in hub.revisions:
                self.send_response(404)
                if hub.revisions:
                    self.send_header("X-Error-Code", "RevisionNotFound")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            files = [
                {"rfilename": name, "size": len(data)} | ({"blobId": git_blob(data)} if is_small(name) else lfs(data))
                for name, data in hub.revisions[revision].items()
            ]
            about = {"id": repository, "modelId": repository, "sha": revision, "siblings": files, "tags": []}
            body = json.dumps(about).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def give(self, name: str, data: bytes) -> None:
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

        def log_message(self, *words: object) -> None:
            pass

    return Handler


@contextlib.contextmanager
def running_hub(files: dict[str, bytes], cache: Path) -> Iterator[Hub]:
    """A hub with these files, and a machine whose downloads go into an empty cache."""
    has = Hub({FIRST: files})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(has))
    # The interval is how long its end is waited for.
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    has.url = f"http://127.0.0.1:{server.server_port}"
    with pytest.MonkeyPatch.context() as patch:
        connect(has.url, patch)
        patch.setenv("COLORIZERS_CACHE_DIR", str(cache))
        get_settings.cache_clear()
        yield has
    get_settings.cache_clear()
    server.shutdown()
    server.server_close()


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
