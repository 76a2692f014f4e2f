"""Downloads of files from the Hugging Face hub."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from conftest import reader, store
from hub_server import FIRST, HUB, KEY, SECOND, Hub, checkpoint, connect, download, names_in, network, refusal
from huggingface_hub import constants
from torch import nn

from colorizers.__main__ import main
from colorizers.errors import ColorizerError
from colorizers.settings import PROJECT, get_settings
from colorizers.weights.downloads import LOCK
from colorizers.weights.offers import offer
from colorizers.weights.store import sha256


def test_a_download_says_what_comes_brings_it_and_locks_it(hub: Hub, kept: Path):
    surroundings = {name: value for name, value in os.environ.items() if name != "HF_HUB_OFFLINE"}
    surroundings |= {"HF_ENDPOINT": hub.url, "TQDM_POSITION": "-1"}  # the latter shows progress in a pipe, too
    done = subprocess.run(
        [sys.executable, "-m", "colorizers", "weights", "download", "ddcolor_tiny"],
        capture_output=True, text=True, check=False, cwd=PROJECT, env=surroundings,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    data = hub.revisions[FIRST]["pytorch_model.bin"]
    assert done.stdout.splitlines() == [f"ddcolor_tiny: {HUB}, 12 MB, license Apache-2.0", str(kept)]
    assert "100%" in done.stderr, "progress"
    assert kept.read_bytes() == data
    digest = hashlib.sha256(data).hexdigest()
    pin = {"hub": HUB, "revision": FIRST, "file": "pytorch_model.bin", "sha256": digest}
    assert json.loads((kept.parent / LOCK).read_text()) == {kept.stem: pin}
    assert names_in(kept.parent) == [LOCK, kept.name]


def test_what_was_downloaded_is_loaded_and_not_fetched_twice(hub: Hub, kept: Path, capsys):
    assert not store().has(KEY)
    assert download(KEY) == 0
    assert store().has(KEY)
    asked = list(hub.asked)
    assert download() == 0
    assert capsys.readouterr().out.splitlines()[-1] == f"ddcolor_tiny is installed already: {kept}"
    loaded = reader().load_into(nn.Linear(1500, 2000), KEY).state_dict()
    assert all(torch.equal(loaded[name], value) for name, value in network().state_dict().items())
    assert hub.asked == asked


def test_a_download_that_broke_off_goes_on_where_it_stopped(hub: Hub, kept: Path, capsys):
    hub.patience = 11 * 2**20
    assert "error 503" in refusal(capsys)
    assert not store().has(KEY)
    hub.patience = None
    assert download() == 0
    assert hub.asked[-1] == f"/store/{FIRST}/pytorch_model.bin bytes={10 * 2**20}-"
    assert kept.read_bytes() == hub.revisions[FIRST]["pytorch_model.bin"]


def test_a_download_that_was_killed_leaves_nothing_that_is_believed_and_goes_on(hub: Hub, kept: Path):
    if (child := os.fork()) == 0:
        offer(KEY, store()).fetch(lambda arrived: os.kill(os.getpid(), signal.SIGKILL))  # at the first piece
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
    assert not store().has(KEY)
    assert not (kept.parent / LOCK).exists()
    assert download() == 0
    assert kept.read_bytes() == hub.revisions[FIRST]["pytorch_model.bin"]
    assert names_in(kept.parent) == [LOCK, kept.name]


def test_a_file_that_is_not_what_the_hub_names_is_refused(hub: Hub, kept: Path, capsys):
    hub.arrives["pytorch_model.bin"] = bytes(len(hub.revisions[FIRST]["pytorch_model.bin"]))
    assert refusal(capsys) == f"The download is not the pytorch_model.bin that {HUB} names; try again."
    assert names_in(kept.parent) == []
    hub.arrives.clear()
    assert download() == 0, "the next try begins anew"


def test_a_file_that_was_changed_later_is_refused_and_can_be_fetched_again(hub: Hub, kept: Path):
    assert download() == 0
    whole = kept.read_bytes()
    kept.write_bytes(whole[:-1] + b"x")
    with pytest.raises(ColorizerError, match=r"^The weights in transformer_ddcolor_tiny\.bin are not ") as said:
        reader().load_into(network(), KEY)
    assert main(str(said.value).removesuffix(".").rpartition("with: colorizers ")[2].split()) == 0
    assert kept.read_bytes() == whole


def test_a_file_that_nobody_downloaded_is_refused(hub: Hub, kept: Path):
    kept.parent.mkdir(parents=True)
    kept.write_bytes(checkpoint())
    with pytest.raises(ColorizerError, match="are not what was downloaded"):
        reader().load_into(network(), KEY)


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
    assert reader().load_into(network(), KEY) is not None


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
    for word in ("yes", HUB, kept.name, sha256(kept)[:12]):
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
        assert "needs a KEY, one of these: transformer/ddcolor_tiny, " in refusal(capsys, "unet/lab")

    def test_a_name_of_several_weights(self, hub: Hub, capsys):
        assert "lab is short for each of unet/lab, adain/lab, resnet_unet/lab" in refusal(capsys, "lab")

    def test_a_place_that_cannot_be_written(self, hub: Hub, kept: Path, capsys):
        kept.parent.parent.write_text("a file in the way")
        assert "not a directory" in refusal(capsys)

    def test_a_lock_that_cannot_be_read(self, hub: Hub, kept: Path, capsys):
        kept.parent.mkdir(parents=True)
        for text in ("", "[]", '{"a": {}}', '{"a": 1}'):
            (kept.parent / LOCK).write_text(text)
            assert "delete it and download the weights again" in refusal(capsys)
