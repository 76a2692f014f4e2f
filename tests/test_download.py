"""Weights from a hub: here, a small server that speaks the few routes of the real ones that a download needs."""

import hashlib
import io
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

import pytest
import torch
from huggingface_hub import constants
from torch import nn
from torchvision.models import VGG19_Weights

from colorizers import downloads, weights
from colorizers.__main__ import main
from colorizers.downloads import LOCK
from colorizers.errors import ColorizerError
from colorizers.settings import PROJECT, get_settings

KEY = "transformer/ddcolor_tiny"
HUB = weights.REGISTRY[KEY].hub.name
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


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A hub with the published weights, and a machine without them."""
    has = Hub({FIRST: {"README.md": b"# DDColor", "config.json": b"{}", "pytorch_model.bin": checkpoint()}})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(has))
    # The interval is how long its end is waited for.
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    has.url = f"http://127.0.0.1:{server.server_port}"
    connect(has.url, monkeypatch)
    monkeypatch.setenv("COLORIZERS_CACHE_DIR", str(tmp_path / "cache"))
    get_settings.cache_clear()
    yield has
    get_settings.cache_clear()
    server.shutdown()
    server.server_close()


def connect(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As HF_ENDPOINT does for a new process."""
    monkeypatch.setattr(constants, "ENDPOINT", url)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", url + "/{repo_id}/resolve/{revision}/{filename}")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)


@pytest.fixture
def kept(hub: Hub, tmp_path: Path) -> Path:
    """Where the file is to be."""
    return tmp_path / "cache" / "weights" / "transformer_ddcolor_tiny.bin"


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


def test_a_download_says_what_comes_brings_it_and_locks_it(hub: Hub, kept: Path):
    surroundings = {name: value for name, value in os.environ.items() if name != "HF_HUB_OFFLINE"}
    surroundings |= {"HF_ENDPOINT": hub.url, "TQDM_POSITION": "-1"}  # the latter shows progress in a pipe, too
    done = subprocess.run(
        [sys.executable, "-m", "colorizers", "weights", "download", "ddcolor_tiny"],
        capture_output=True, text=True, check=False, cwd=PROJECT, env=surroundings,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    data = hub.revisions[FIRST]["pytorch_model.bin"]
    assert done.stdout.splitlines() == [f"ddcolor_tiny: {HUB}, 12 MB, licence Apache-2.0", str(kept)]
    assert "100%" in done.stderr, "progress"
    assert kept.read_bytes() == data
    digest = hashlib.sha256(data).hexdigest()
    pin = {"hub": HUB, "revision": FIRST, "file": "pytorch_model.bin", "sha256": digest}
    assert json.loads((kept.parent / LOCK).read_text()) == {kept.stem: pin}
    assert names_in(kept.parent) == [LOCK, kept.name]


def test_what_was_downloaded_is_loaded_and_not_fetched_twice(hub: Hub, kept: Path, capsys):
    assert not weights.here(KEY)
    assert download(KEY) == 0
    assert weights.here(KEY)
    asked = list(hub.asked)
    assert download() == 0
    assert capsys.readouterr().out.splitlines()[-1] == f"ddcolor_tiny is here already: {kept}"
    loaded = weights.load_into(nn.Linear(1500, 2000), KEY).state_dict()
    assert all(torch.equal(loaded[name], value) for name, value in network().state_dict().items())
    assert hub.asked == asked


def test_a_download_that_broke_off_goes_on_where_it_stopped(hub: Hub, kept: Path, capsys):
    hub.patience = 11 * 2**20
    assert "error 503" in refusal(capsys)
    assert not weights.here(KEY)
    hub.patience = None
    assert download() == 0
    assert hub.asked[-1] == f"/store/{FIRST}/pytorch_model.bin bytes={10 * 2**20}-"
    assert kept.read_bytes() == hub.revisions[FIRST]["pytorch_model.bin"]


def test_a_file_that_is_not_what_the_hub_names_is_refused(hub: Hub, kept: Path, capsys):
    hub.arrives["pytorch_model.bin"] = bytes(len(hub.revisions[FIRST]["pytorch_model.bin"]))
    assert refusal(capsys) == f"What arrived is not the pytorch_model.bin that {HUB} names; try again."
    assert names_in(kept.parent) == []
    hub.arrives.clear()
    assert download() == 0, "the next try begins anew"


def test_a_file_that_was_changed_later_is_refused_and_can_be_fetched_again(hub: Hub, kept: Path):
    assert download() == 0
    whole = kept.read_bytes()
    kept.write_bytes(whole[:-1] + b"x")
    with pytest.raises(ColorizerError, match=r"^The weights in transformer_ddcolor_tiny\.bin are not ") as said:
        weights.load_into(network(), KEY)
    assert main(str(said.value).removesuffix(".").rpartition("colorizers ")[2].split()) == 0
    assert kept.read_bytes() == whole


def test_a_file_that_nobody_downloaded_is_refused(hub: Hub, kept: Path):
    kept.parent.mkdir(parents=True)
    kept.write_bytes(checkpoint())
    with pytest.raises(ColorizerError, match="are not what was downloaded"):
        weights.load_into(network(), KEY)


@pytest.mark.parametrize("own", [False, True])
def test_a_damaged_file_that_a_download_would_not_replace_must_be_deleted_first(
    own: bool, hub: Hub, kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
):
    folder = kept.parent
    if own:
        folder = tmp_path / "own"
        monkeypatch.setenv("COLORIZERS_WEIGHTS_DIR", str(folder))
        get_settings.cache_clear()
    folder.mkdir(parents=True)
    (folder / "SHA256SUMS").touch()
    damaged = folder / f"{kept.stem}.safetensors"
    damaged.write_bytes(b"no tensors")
    sentence = refusal(capsys)
    assert str(damaged) in sentence
    assert sentence.endswith("; delete it first.")
    assert not kept.exists()
    damaged.unlink()
    assert download() == 0
    assert weights.load_into(network(), KEY) is not None


def test_two_downloads_at_once_fetch_it_once(hub: Hub, kept: Path):
    hub.meeting = threading.Barrier(2)
    with ThreadPoolExecutor() as pool:
        assert list(pool.map(download, ["ddcolor_tiny"] * 2)) == [0, 0]
    assert kept.read_bytes() == hub.revisions[FIRST]["pytorch_model.bin"]
    assert [asked for asked in hub.asked if "/store/" in asked] == [f"/store/{FIRST}/pytorch_model.bin"]
    assert names_in(kept.parent) == [LOCK, kept.name]


def test_what_was_locked_stays_when_the_hub_moves_on(hub: Hub, kept: Path, capsys):
    assert download() == 0
    kept.unlink()
    hub.revisions[SECOND] = {"model.safetensors": b"newer"}
    assert download() == 0
    assert kept.read_bytes() == hub.revisions[FIRST]["pytorch_model.bin"]

    kept.unlink()
    hub.revisions[FIRST] = {"pytorch_model.bin": b"not what it was"}
    assert f"is not what was downloaded before; delete its entry in {kept.parent / LOCK} to" in refusal(capsys)
    assert not kept.exists()


def test_a_locked_revision_that_is_gone_can_be_given_up(hub: Hub, kept: Path, capsys):
    assert download() == 0
    kept.unlink()
    hub.revisions = {SECOND: {"pytorch_model.bin": checkpoint()}}
    lock = kept.parent / LOCK
    assert f"no longer has the revision that {lock} names; delete its entry there" in refusal(capsys)
    lock.write_text("{}")
    assert download() == 0
    assert json.loads(lock.read_text())[kept.stem]["revision"] == SECOND


def test_safetensors_are_preferred(hub: Hub, kept: Path):
    hub.revisions[FIRST]["model.safetensors"] = b"tensors"
    assert download() == 0
    assert kept.with_suffix(".safetensors").read_bytes() == b"tensors"


def test_the_list_says_where_weights_come_from_and_how_to_get_them(hub: Hub, kept: Path, capsys):
    def row() -> str:
        assert main(["weights", "list"]) == 0
        return next(line for line in capsys.readouterr().out.splitlines() if line.startswith(KEY))

    for word in ("no", HUB, "Apache-2.0", "colorizers weights download ddcolor_tiny"):
        assert word in row()
    assert download() == 0
    capsys.readouterr()
    for word in ("yes", HUB, kept.name, weights.sha256(kept)[:12]):
        assert word in row()


class TestRefusals:
    def test_no_network(self, hub: Hub, capsys, monkeypatch: pytest.MonkeyPatch):
        connect("http://127.0.0.1:9", monkeypatch)
        assert refusal(capsys) == "The hub cannot be reached; connect to the internet and try again."

    def test_offline_by_wish(self, hub: Hub, capsys, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
        assert "HF_HUB_OFFLINE is set" in refusal(capsys)
        assert hub.asked == []

    def test_a_hub_that_does_not_have_it(self, hub: Hub, capsys):
        hub.revisions.clear()
        assert f"error 404 for {HUB}" in refusal(capsys)

    def test_a_repository_without_weights(self, hub: Hub, capsys):
        del hub.revisions[FIRST]["pytorch_model.bin"]
        assert "has no weights file" in refusal(capsys)

    def test_a_repository_of_several_weights(self, hub: Hub, capsys):
        hub.revisions[FIRST]["other/pytorch_model.bin"] = b"which of them?"
        assert "has 2 weights files" in refusal(capsys)

    @pytest.mark.parametrize("name", ["magic", "../../etc/passwd"])
    def test_an_unknown_key(self, hub: Hub, capsys, name: str):
        assert refusal(capsys, name).startswith(f"There are no weights {name!r}")

    def test_weights_that_come_with_the_project(self, hub: Hub, capsys):
        assert "needs a KEY of transformer/ddcolor_tiny, " in refusal(capsys, "unet/lab")

    def test_a_name_of_several_weights(self, hub: Hub, capsys):
        assert "lab could be unet/lab or resnet_unet/lab" in refusal(capsys, "lab")

    def test_a_place_that_cannot_be_written(self, hub: Hub, kept: Path, capsys):
        kept.parent.parent.write_text("a file in the way")
        assert "not a directory" in refusal(capsys)

    def test_a_lock_that_cannot_be_read(self, hub: Hub, kept: Path, capsys):
        kept.parent.mkdir(parents=True)
        for text in ("", "[]", '{"a": {}}', '{"a": 1}'):
            (kept.parent / LOCK).write_text(text)
            assert "delete it and download the weights again" in refusal(capsys)


# Folders

CHECKER = "safety/checker"
BIG = "safety_checker/model.fp16.safetensors"
NEEDED = {
    BIG: bytes(range(256)) * 2**16,  # 16 MiB
    "safety_checker/config.json": b'{"model_type": "clip"}',
    "feature_extractor/preprocessor_config.json": b'{"size": 224}',
    "feature_extractor/words.txt": b"one per line",
}
SPARE = {
    "README.md": b"# A model",
    "model_index.json": b"{}",
    "v1-5-pruned.safetensors": b"all in one",
    "unet/config.json": b"{}",
    "safety_checker/model.safetensors": b"twice as large",
    "safety_checker/model.non_ema.safetensors": b"for those who train",
    "safety_checker/pytorch_model.bin": b"a pickle",
    "safety_checker/code.py": b"raise SystemExit",
    "safety_checker/deeper/config.json": b"{}",
    "safety_checker/../../up.json": b"{}",
    "safety_checker/..\\up.json": b"{}",
}


@pytest.fixture
def model(hub: Hub) -> Hub:
    """A hub with a repository of folders."""
    hub.revisions = {FIRST: SPARE | NEEDED}
    return hub


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the folder is to be."""
    return tmp_path / "cache" / "weights" / "safety_checker"


def files_in(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def fetched(hub: Hub) -> list[str]:
    """The files that were asked for."""
    found = (re.search(r"/(?:resolve|store)/\w+/(.+)", line) for line in hub.asked)
    return [match[1] for match in found if match]


class TestFolder:
    def test_comes_with_what_its_use_needs_alone_and_is_locked_to_it(self, model: Hub, folder: Path, capsys):
        assert download("checker") == 0
        repository = weights.REGISTRY[CHECKER].hub.name
        said, path = capsys.readouterr().out.splitlines()
        assert said.startswith(f"safety_checker: {repository}, 17 MB, licence CreativeML OpenRAIL-M")
        assert path == str(folder)
        assert files_in(folder) == NEEDED
        assert set(fetched(model)) == set(NEEDED), "nothing else was as much as asked for"
        hashes = {name: hashlib.sha256(data).hexdigest() for name, data in NEEDED.items()}
        assert json.loads((folder.parent / LOCK).read_text()) == {
            "safety_checker": {"hub": repository, "revision": FIRST, "files": hashes}
        }
        assert names_in(folder.parent) == [LOCK, folder.name]

    def test_is_ready_then_as_a_whole_and_in_parts_and_not_fetched_twice(self, model: Hub, folder: Path, capsys):
        assert not weights.here(CHECKER)
        assert download(CHECKER) == 0
        asked = list(model.asked)
        assert weights.ready(CHECKER) == folder
        assert weights.ready(f"{CHECKER}/feature_extractor") == folder / "feature_extractor"
        assert download("safety_checker") == 0
        assert capsys.readouterr().out.splitlines()[-1] == f"safety_checker is here already: {folder}"
        assert model.asked == asked

    def test_goes_on_where_a_download_broke_off_at_the_same_revision(self, model: Hub, folder: Path, capsys):
        model.patience = 11 * 2**20
        assert "error 503" in refusal(capsys, "checker")
        assert not weights.here(CHECKER)
        assert not folder.exists()
        before = fetched(model)
        model.patience = None
        model.revisions[SECOND] = {name: data[::-1] for name, data in model.revisions[FIRST].items()}
        model.asked.clear()
        assert download("checker") == 0
        assert files_in(folder) == NEEDED
        assert {BIG, "safety_checker/config.json"} <= set(before)
        assert "safety_checker/config.json" not in fetched(model), "it had come"
        assert f"/store/{FIRST}/{BIG} bytes={10 * 2**20}-" in model.asked

    @pytest.mark.parametrize("name", [BIG, "feature_extractor/words.txt"])
    def test_is_not_there_when_one_file_is_not_what_the_hub_names(self, name: str, model: Hub, folder: Path, capsys):
        model.arrives[name] = NEEDED[name][:-1] + b"!"
        repository = weights.REGISTRY[CHECKER].hub.name
        assert refusal(capsys, "checker") == f"What arrived is not the {name} that {repository} names; try again."
        assert not weights.here(CHECKER)
        model.arrives.clear()
        assert download("checker") == 0, "the next try begins anew"
        assert files_in(folder) == NEEDED

    @pytest.mark.parametrize("name", [BIG, "feature_extractor/words.txt"])
    def test_that_was_changed_is_refused_and_the_changed_file_is_fetched_again_alone(
        self, name: str, model: Hub, folder: Path
    ):
        assert download("checker") == 0
        (folder / name).write_bytes(b"changed")
        part, other = (f"{CHECKER}/{each}" for each in ("safety_checker", "feature_extractor"))
        if name != BIG:
            part, other = other, part
        assert weights.ready(other), "the other part is what it was"
        for key in (CHECKER, part):
            with pytest.raises(ColorizerError, match=f"^The weights in safety_checker/{name} are not what") as said:
                weights.ready(key)
        model.asked.clear()
        assert main(str(said.value).removesuffix(".").rpartition("colorizers ")[2].split()) == 0
        assert set(fetched(model)) == {name}
        assert files_in(folder) == NEEDED
        assert weights.ready(CHECKER)

    def test_with_a_file_too_many_or_too_few_is_refused_and_mended(self, model: Hub, folder: Path):
        assert download("checker") == 0
        (folder / "feature_extractor" / "words.txt").unlink()
        (folder / "safety_checker" / "extra.json").write_text("{}")
        with pytest.raises(ColorizerError, match="are not what was downloaded"):
            weights.ready(CHECKER)
        assert download("checker") == 0
        assert files_in(folder) == NEEDED

    def test_that_nobody_downloaded_is_refused(self, model: Hub, folder: Path):
        for name, data in NEEDED.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(data)
        with pytest.raises(ColorizerError, match="are not what was downloaded"):
            weights.ready(CHECKER)

    def test_that_was_locked_stays_when_the_hub_moves_on(self, model: Hub, folder: Path, capsys):
        assert download("checker") == 0
        shutil.rmtree(folder)
        model.revisions[SECOND] = dict.fromkeys(NEEDED, b"newer")
        assert download("checker") == 0
        assert files_in(folder) == NEEDED
        shutil.rmtree(folder)
        model.revisions = {SECOND: NEEDED}
        assert f"the revision that {folder.parent / LOCK} names; delete its entry there" in refusal(capsys, "checker")

    def test_of_two_downloads_at_once_is_fetched_once(self, model: Hub, folder: Path):
        model.meeting = threading.Barrier(2)
        with ThreadPoolExecutor() as pool:
            assert list(pool.map(download, ["checker"] * 2)) == [0, 0]
        assert files_in(folder) == NEEDED
        assert fetched(model).count("safety_checker/config.json") == 1

    def test_without_safetensors_is_refused(self, model: Hub, folder: Path, capsys):
        for name in (BIG, "safety_checker/model.safetensors"):
            del model.revisions[FIRST][name]
        assert "has no .safetensors file in safety_checker/, and others may hold code" in refusal(capsys, "checker")
        assert fetched(model) == []

    def test_without_one_of_its_folders_is_refused(self, model: Hub, folder: Path, capsys):
        del model.revisions[FIRST]["feature_extractor/preprocessor_config.json"]
        assert "has no feature_extractor/; name another." in refusal(capsys, "checker")
        assert fetched(model) == []

    def test_is_listed_with_its_size_and_where_it_comes_from(self, model: Hub, folder: Path, capsys):
        def row() -> list[str]:
            assert main(["weights", "list"]) == 0
            lines = capsys.readouterr().out.splitlines()
            return re.split(r"  +", next(line for line in lines if line.startswith(CHECKER)))

        assert row()[1:5] == ["-", "-", "no", "-"]
        assert row()[-1] == "get them with: colorizers weights download safety_checker"
        assert download("checker") == 0
        capsys.readouterr()
        assert row()[1:6] == ["safety_checker", "16.0", "yes", "-", weights.REGISTRY[CHECKER].hub.name]


CONTROL = {"config.json": b"{}", "diffusion_pytorch_model.safetensors": b"tensors", "control_net.py": b"raise"}
WHOLE = {
    "unet/config.json": b"{}",
    "unet/diffusion_pytorch_model.fp16.safetensors": b"tensors",
    "vae/config.json": b"{}",
    "vae/diffusion_pytorch_model.fp16.safetensors": b"tensors",
    "text_encoder/config.json": b"{}",
    "text_encoder/model.fp16.safetensors": b"tensors",
    "tokenizer/vocab.json": b"{}",
    "tokenizer/merges.txt": b"a b",
    "scheduler/scheduler_config.json": b"{}",
}


def test_several_weights_come_at_once_and_a_missing_one_is_named_by_one_sentence(hub: Hub, capsys):
    hub.revisions = {FIRST: WHOLE | CONTROL}
    keys = ["stable_diffusion/sd15", "controlnet/depth", "controlnet/lineart"]
    said = weights.missing([*keys, "stable_diffusion/sd15/unet"])
    assert said.startswith("The weights sd15 (2134 MB), controlnet_depth (723 MB), controlnet_lineart (723 MB) are not")
    assert main(said.removesuffix(".").rpartition("colorizers ")[2].split()) == 0
    assert weights.missing(keys) == ""
    assert all(weights.ready(key) for key in keys)


def test_models_and_controlnets_of_others_are_downloaded_by_their_ids_into_folders_of_their_own(
    hub: Hub, tmp_path: Path, own_entries: None
):
    hub.revisions = {FIRST: WHOLE | CONTROL}
    for owner in ("one", "other"):
        weights.use_model(f"{owner}/dream.v2")
        weights.use_controlnet(f"{owner}/lines")
        said = weights.missing([weights.OWN, "controlnet/depth"])
        command = f"weights download --model {owner}/dream.v2 --controlnet {owner}/lines"
        assert said == (
            f"The weights {owner}/dream.v2, {owner}/lines are not here; get them with: colorizers {command}."
        )
        assert hub.asked == [], "only a download asks"
        assert main(command.split()) == 0
        hub.asked.clear()
        assert weights.ready(weights.OWN) == tmp_path / "cache" / "weights" / f"stable_diffusion_{owner}--dream.v2"
        assert weights.ready("controlnet/depth").name == f"controlnet_{owner}--lines"
        assert hub.asked == []


def test_a_model_that_is_a_path_need_not_be_downloaded(hub: Hub, tmp_path: Path, own_entries: None, capsys):
    path = tmp_path / "own.safetensors"
    path.write_bytes(b"tensors")
    assert download("--model", str(path)) == 0
    assert capsys.readouterr().out == f"own is here already: {path}\n"
    assert main(["weights", "list", "--model", str(path)]) == 2


@pytest.fixture
def own_entries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget afterwards what was put into the registry."""
    monkeypatch.setattr(weights, "_checkpoints", {})
    for key in (weights.OWN, "controlnet/depth"):
        monkeypatch.setitem(weights.REGISTRY, key, weights.REGISTRY[key])


def test_one_file_of_several_is_fetched_where_the_registry_names_it(hub: Hub, tmp_path: Path):
    name = "dpt_hybrid-midas-501f0c75.pt"
    hub.revisions[FIRST] |= {name: b"depth", "other.pt": b"edges"}
    assert download("midas") == 0
    assert (tmp_path / "cache" / "weights" / "depth_midas.pt").read_bytes() == b"depth"
    assert weights.ready("depth/midas")


def test_a_revision_that_the_registry_names_is_fetched(hub: Hub):
    hub.names["refs/pr/5"] = SECOND
    hub.revisions = {SECOND: {"config.json": b"{}", "model.safetensors": b"depth"}, FIRST: {"config.json": b"{}"}}
    assert download("dpt") == 0
    assert (weights.ready("depth/dpt") / "model.safetensors").read_bytes() == b"depth"


# torchvision's


VGG = "style/vgg19"
NAMED = VGG19_Weights.IMAGENET1K_V1


class Terminal(io.StringIO):
    """Somebody looks at what is written."""

    def isatty(self) -> bool:
        return True


def classifier() -> bytes:
    """A file as torchvision has them: our network and more, parameters in the format of old."""
    state = network().state_dict() | {"classifier.0.weight": torch.ones(2, 3)}
    file = io.BytesIO()
    torch.save({name: nn.Parameter(value) for name, value in state.items()}, file, _use_new_zipfile_serialization=False)
    return file.getvalue()


def publish(hub: Hub, data: bytes, monkeypatch: pytest.MonkeyPatch, digits: str = "") -> str:
    """Let torchvision name a file of the server, by the hash that it has or by other digits."""
    name = f"vgg19-{digits or hashlib.sha256(data).hexdigest()[:8]}.pth"
    hub.models[name] = data
    monkeypatch.setattr(NAMED.value, "url", f"{hub.url}/models/{name}")
    return name


@pytest.fixture
def published(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a file that torchvision publishes in place of the real one."""
    return publish(hub, classifier(), monkeypatch)


@pytest.fixture
def kept_vgg(tmp_path: Path) -> Path:
    """Where it is to be."""
    return tmp_path / "cache" / "weights" / "style_vgg19.pth"


class TestTorchvision:
    @pytest.mark.parametrize("name", ["vgg19", "resnet34", "swin_b"])
    def test_tells_where_its_weights_are_how_large_and_the_beginning_of_their_hash(self, name: str, tmp_path: Path):
        entry = weights.REGISTRY[f"style/{name}"]
        ((kept, file),) = entry.hub.published(tmp_path, entry.stem, ()).items()
        assert kept == f"style_{name}.pth"
        assert re.fullmatch(rf"{name}-{file.pin.sha256}\.pth", file.pin.file)
        assert re.fullmatch("[0-9a-f]{8}", file.pin.sha256)
        assert entry.megabytes == round(file.size / 1e6)

    def test_is_asked_after_it_was_said_what_comes_and_locked_to_the_whole_hash(
        self, hub: Hub, published: str, kept_vgg: Path, capsys, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr(sys, "stderr", Terminal())
        assert download("vgg19") == 0
        said, path = capsys.readouterr().out.splitlines()
        assert said.startswith("vgg19: torchvision, 575 MB, licence BSD-3-Clause, as torchvision's code; trained on ")
        assert path == str(kept_vgg)
        assert f"{published}: 100%" in sys.stderr.getvalue(), "progress"
        data = hub.models[published]
        assert kept_vgg.read_bytes() == data
        digest = hashlib.sha256(data).hexdigest()
        pin = {"hub": "torchvision", "revision": str(NAMED), "file": published, "sha256": digest}
        assert json.loads((kept_vgg.parent / LOCK).read_text()) == {"style_vgg19": pin}
        assert names_in(kept_vgg.parent) == [LOCK, kept_vgg.name]

    def test_gives_weights_that_are_loaded_without_the_classifier_and_not_fetched_twice(
        self, hub: Hub, published: str, kept_vgg: Path, capsys
    ):
        assert download(VGG) == 0
        loaded = weights.load_into(nn.Linear(1500, 2000), VGG).state_dict()
        assert all(torch.equal(loaded[name], value) for name, value in network().state_dict().items())
        assert download("vgg19") == 0
        assert capsys.readouterr().out.splitlines()[-1] == f"vgg19 is here already: {kept_vgg}"
        assert len(hub.asked) == 1

    def test_goes_on_where_a_download_broke_off(self, hub: Hub, published: str, kept_vgg: Path, capsys):
        hub.patience = 3 * 2**20 + 1
        assert refusal(capsys, "vgg19") == (
            "The download from torchvision failed (it broke off); make room or try again."
        )
        assert "error 503 for vgg19-" in refusal(capsys, "vgg19")
        assert not weights.here(VGG)
        hub.patience = None
        assert download("vgg19") == 0
        assert hub.asked[-1] == f"/models/{published} bytes={3 * 2**20 + 1}-"
        assert kept_vgg.read_bytes() == hub.models[published]

    def test_begins_anew_when_the_server_gives_no_parts(self, hub: Hub, published: str, kept_vgg: Path, capsys):
        hub.patience = 2**20
        refusal(capsys, "vgg19")
        hub.patience, hub.ranges = None, False
        assert download("vgg19") == 0
        assert kept_vgg.read_bytes() == hub.models[published]

    def test_has_nothing_to_add_when_all_had_come_before_the_end(
        self, hub: Hub, published: str, kept_vgg: Path, capsys
    ):
        hub.patience = 2**20
        refusal(capsys, "vgg19")
        next(kept_vgg.parent.glob("*.part")).write_bytes(hub.models[published])
        hub.patience = None
        assert download("vgg19") == 0
        assert kept_vgg.read_bytes() == hub.models[published]

    def test_is_not_believed_when_another_file_arrives(self, hub: Hub, published: str, kept_vgg: Path, capsys):
        hub.arrives[published] = bytes(len(hub.models[published]))
        assert refusal(capsys, "vgg19") == f"What arrived is not the {published} that torchvision names; try again."
        assert names_in(kept_vgg.parent) == []
        hub.arrives.clear()
        assert download("vgg19") == 0, "the next try begins anew"

    def test_is_not_believed_when_its_file_has_another_hash_than_its_name_says(
        self, hub: Hub, kept_vgg: Path, capsys, monkeypatch: pytest.MonkeyPatch
    ):
        publish(hub, classifier(), monkeypatch, digits="0123abcd")
        said = "What arrived is not the vgg19-0123abcd.pth that torchvision names; try again."
        assert refusal(capsys, "vgg19") == said
        assert names_in(kept_vgg.parent) == []

    def test_is_asked_once_by_two_downloads_at_once(self, hub: Hub, published: str, kept_vgg: Path):
        hub_of = weights.REGISTRY[VGG].hub
        files = [hub_of.published(kept_vgg.parent, kept_vgg.stem, ())[kept_vgg.name] for _ in range(2)]
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda file: downloads.fetch(file, kept_vgg), files))
        assert kept_vgg.read_bytes() == hub.models[published]
        assert len(hub.asked) == 1

    def test_cannot_change_what_was_locked(
        self, hub: Hub, published: str, kept_vgg: Path, capsys, monkeypatch: pytest.MonkeyPatch
    ):
        assert download("vgg19") == 0
        kept_vgg.unlink()
        publish(hub, b"other weights", monkeypatch)
        assert "is not what was downloaded before; delete its entry" in refusal(capsys, "vgg19")
        (kept_vgg.parent / LOCK).write_text("{}")
        assert download("vgg19") == 0
        assert kept_vgg.read_bytes() == b"other weights"

    def test_shares_a_lock_with_the_hub(self, hub: Hub, published: str, kept: Path, kept_vgg: Path):
        for name in ("ddcolor_tiny", "vgg19"):
            assert download(name) == 0
        assert {stem: pin.hub for stem, pin in downloads.pins(kept.parent).items()} == {
            kept.stem: HUB,
            kept_vgg.stem: "torchvision",
        }
        assert weights.load_into(network(), KEY) is not None
        assert weights.load_into(network(), VGG) is not None

    def test_is_named_by_the_list_with_how_to_get_its_weights(self, hub: Hub, published: str, kept_vgg: Path, capsys):
        def row() -> str:
            assert main(["weights", "list"]) == 0
            return next(line for line in capsys.readouterr().out.splitlines() if line.startswith(VGG))

        for word in ("no", "torchvision", "BSD-3-Clause", "ImageNet", "colorizers weights download vgg19"):
            assert word in row()
        assert download("vgg19") == 0
        capsys.readouterr()
        for word in ("yes", kept_vgg.name, weights.sha256(kept_vgg)[:12]):
            assert word in row()

    def test_is_no_hub_of_hugging_faces(self, hub: Hub, published: str, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
        assert download("vgg19") == 0

    def test_out_of_reach(self, hub: Hub, published: str, capsys, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(NAMED.value, "url", f"http://127.0.0.1:9/{published}")
        said = "127.0.0.1 cannot be reached; connect to the internet and try again."
        assert refusal(capsys, "vgg19") == said

    def test_without_the_file(self, hub: Hub, published: str, capsys):
        hub.models.clear()
        assert refusal(capsys, "vgg19") == f"127.0.0.1 answered with error 404 for {published}; try again later."

    def test_that_names_no_hash(self, hub: Hub, published: str, capsys, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(NAMED.value, "url", f"{hub.url}/models/vgg19.pth")
        assert "torchvision names no hash for VGG19_Weights.IMAGENET1K_V1" in refusal(capsys, "vgg19")
        assert hub.asked == []

    def test_with_more_than_the_disk_takes(self, hub: Hub, published: str, kept_vgg: Path, capsys):
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (5 * 2**20, limits[1]))
        try:
            sentence = refusal(capsys, "vgg19")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert sentence == "The download from torchvision failed (file too large); make room or try again."
        assert download("vgg19") == 0
        assert hub.asked[-1] == f"/models/{published} bytes={5 * 2**20}-", "it goes on when there is room"
        assert kept_vgg.read_bytes() == hub.models[published]
