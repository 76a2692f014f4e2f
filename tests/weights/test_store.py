"""Where weights are found, what they are called, and what they must be."""

import hashlib
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import engine_with
from gradio_client import Client, handle_file
from safetensors.torch import save_file
from weight_shelf import CONTROL, KEY, SD, Shelf, network, put, sentence_of

from colorizers.__main__ import main
from colorizers.engine.jobs import JobRequest
from colorizers.errors import ColorizerError
from colorizers.methods.catalog import METHODS, REGISTRY
from colorizers.picture.photo import Photo
from colorizers.settings import PROJECT, Settings
from colorizers.weights.folders import weights_file
from colorizers.weights.loading import read_state
from colorizers.weights.registry import OWN
from colorizers.weights.store import (
    MANIFEST,
    SHIPPED_DIR,
    WeightReader,
    WeightStore,
    make_store,
    missing_weights,
    sha256,
)

# Where weights are found


def test_the_command_lines_file_comes_first_then_the_users_folder_the_projects_and_the_cache(
    shelf: Shelf, tmp_path: Path
):
    assert shelf.store.find(KEY) is None
    for place in (shelf.downloads, shelf.shipped, shelf.own):
        put(place)
        assert shelf.store.find(KEY) == place / REGISTRY[KEY].file
    own = tmp_path / "mine.safetensors"
    own.write_bytes(b"x")
    shelf.use(shelf.store.with_file(KEY, own))
    assert shelf.store.find(KEY) == own


def test_a_checkpoint_that_is_not_there_is_refused(shelf: Shelf, tmp_path: Path):
    with pytest.raises(ColorizerError, match="no file"):
        shelf.use(shelf.store.with_file(KEY, tmp_path / "missing.pth"))


@pytest.mark.parametrize("suffix", [".pth", ".pt", ".bin"])
def test_published_files_may_keep_their_suffix(suffix: str, shelf: Shelf):
    assert not shelf.store.has(KEY)
    path = (shelf.own / REGISTRY[KEY].file).with_suffix(suffix)
    torch.save(network().state_dict(), path)
    assert shelf.store.find(KEY) == path
    assert shelf.store.has(KEY)
    assert shelf.load(network()) is not None


def test_a_name_is_a_key_or_its_last_part_when_that_is_clear(shelf: Shelf):
    assert shelf.store.key_of("unet/lab") == KEY
    assert shelf.store.key_of("ddcolor_tiny") == "transformer/ddcolor_tiny"
    with pytest.raises(ColorizerError, match=r"^lab is short for each of unet/lab, adain/lab, resnet_unet/lab"):
        shelf.store.key_of("lab")
    with pytest.raises(ColorizerError, match="no weights 'magic'"):
        shelf.store.key_of("magic")


@pytest.mark.slow
def test_a_server_takes_weights_from_files(tmp_path: Path):
    own, photo = tmp_path / "own.safetensors", PROJECT / "test_images" / "astronaut_gray.jpg"
    save_file(read_state(SHIPPED_DIR / "unet_lab.safetensors"), own, {"trained": "by me"})
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    command = [sys.executable, "-m", "colorizers", "serve", "--port", port, "--checkpoint", f"{KEY}={own}"]
    surroundings = os.environ | {"PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=PROJECT, env=surroundings) as server:
        try:
            assert server.stdout is not None
            assert any("The page is at" in line for line in server.stdout)
            client = Client(f"http://127.0.0.1:{port}", verbose=False)
            _, records = client.predict(handle_file(photo), weights="lab", api_name="/colorize_unet")
        finally:
            server.terminate()
    assert records[0]["weights"] == {KEY: sha256(own)}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("own.pth", "--checkpoint needs KEY=PATH"),
        ("magic=own.pth", "no weights 'magic'"),
        ("ddcolor_tiny=own.pth", "no file own.pth"),
    ],
)
def test_a_server_does_not_start_with_weights_that_it_cannot_take(words: str, said: str, capsys):
    assert main(["serve", "--checkpoint", words]) == 2
    assert said in capsys.readouterr().err


def test_a_server_takes_weights_from_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert main(["serve", "--checkpoint", "ddcolor_tiny=~/own.pth"]) == 2
    assert f"no file {tmp_path / 'own.pth'};" in capsys.readouterr().err
    assert main(["serve", "--checkpoint", "ddcolor_tiny=~nobody-of-this-name/own.pth"]) == 2
    assert "no file ~nobody-of-this-name/own.pth;" in capsys.readouterr().err


def test_the_listing_says_what_is_here(shelf: Shelf):
    assert [status.path for status in shelf.store.listing()] == [None] * len(REGISTRY)
    path = put(shelf.shipped)
    status = {entry.weights.key: entry for entry in shelf.store.listing()}[KEY]
    assert status.path == path
    assert status.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_hashes_are_those_of_the_files_as_they_are_now(shelf: Shelf):
    path = put(shelf.shipped)
    before = shelf.store.hashes([KEY, "trivial/tint"])
    assert before == {KEY: hashlib.sha256(path.read_bytes()).hexdigest()}
    put(shelf.shipped, {"a": torch.ones(5)})
    assert shelf.store.hashes([KEY]) == {KEY: hashlib.sha256(path.read_bytes()).hexdigest()}
    assert shelf.store.hashes([KEY]) != before


# Folders


def put_folder(folder: Path, *spare: str) -> Path:
    """A model as diffusers saves it, as small as can be."""
    tensors = ("unet/diffusion_pytorch_model", "vae/diffusion_pytorch_model", "text_encoder/model")
    names = [f"{part}/config.json" for part in ("unet", "vae", "text_encoder")]
    names += ["tokenizer/vocab.json", "tokenizer/merges.txt", "scheduler/scheduler_config.json"]
    for name in (*names, *(f"{stem}.safetensors" for stem in tensors), *spare):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    return folder


def put_controlnet(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    (folder / "diffusion_pytorch_model.safetensors").write_bytes(b"tensors")
    return folder


def test_folders_are_looked_for_where_files_are(shelf: Shelf, tmp_path: Path):
    assert shelf.store.find(SD) is None
    for place in (shelf.downloads, shelf.shipped, shelf.own):
        folder = put_folder(place / "stable_diffusion_sd15")
        assert shelf.store.find(SD) == folder
        assert shelf.store.find(f"{SD}/unet") == folder / "unet"
    own = put_folder(tmp_path / "mine")
    shelf.use(shelf.store.with_file(SD, own))
    assert shelf.store.find(SD) == own
    assert shelf.store.has(f"{SD}/scheduler")


@pytest.mark.parametrize(
    ("lost", "named"),
    [
        ("unet/config.json", "unet/config.json"),
        ("vae/diffusion_pytorch_model.safetensors", ".safetensors file in vae/"),
        ("tokenizer/vocab.json", "tokenizer/config.json"),
        ("scheduler", "scheduler/"),
    ],
)
def test_a_folder_that_lacks_something_is_not_found_and_refused_by_name(
    lost: str, named: str, shelf: Shelf, tmp_path: Path
):
    for folder in (put_folder(shelf.own / "stable_diffusion_sd15"), put_folder(tmp_path / "mine")):
        (folder / lost).unlink() if (folder / lost).is_file() else shutil.rmtree(folder / lost)
    assert shelf.store.find(SD) is None
    want = "give a folder that diffusers saved, or a .safetensors file."
    assert sentence_of(shelf.store.with_file, SD, tmp_path / "mine") == f"{tmp_path / 'mine'} has no {named}; {want}"


def test_half_precision_is_taken_before_single_and_other_variants_never(tmp_path: Path):
    for name in ("model.non_ema.safetensors", "model.bin", "other.safetensors"):
        (tmp_path / name).write_bytes(b"")
        assert "has no .safetensors file" in sentence_of(weights_file, tmp_path)
    for name in ("model.safetensors", "model.fp16.safetensors"):
        (tmp_path / name).write_bytes(b"")
        assert weights_file(tmp_path).name == name


def test_the_hash_of_a_part_is_of_the_files_that_are_used_and_of_no_others(shelf: Shelf):
    folder = put_folder(shelf.own / "stable_diffusion_sd15")
    before = shelf.store.hashes(
        [SD, f"{SD}/unet", f"{SD}/vae", f"{SD}/../unet", f"{SD}/", "stable_diffusion/unet", "unet"]
    )
    printed = subprocess.run(
        ["sha256sum", "config.json", "diffusion_pytorch_model.safetensors"],
        capture_output=True, check=True, cwd=folder / "unet",
    ).stdout.splitlines(keepends=True)  # fmt: skip
    assert before.keys() == {SD, f"{SD}/unet", f"{SD}/vae"}, "no other name means a file"
    assert before[f"{SD}/unet"] == hashlib.sha256(b"".join(sorted(printed))).hexdigest()

    put_folder(folder, "unet/pipeline.py", "unet/diffusion_pytorch_model.bin", "safety_checker/config.json")
    assert shelf.store.hashes([*before]) == before
    put_folder(folder, "unet/diffusion_pytorch_model.fp16.safetensors")
    after = shelf.store.hashes([*before])
    assert {key for key in before if after[key] != before[key]} == {SD, f"{SD}/unet"}


def test_a_reader_knows_the_hashes_of_all_that_it_has_read(shelf: Shelf):
    folder = put_folder(shelf.own / "stable_diffusion_sd15")
    keys = [f"{SD}/unet", f"{SD}/tokenizer"]
    reader = WeightReader(shelf.store)
    assert [reader.path(key) for key in keys] == [folder / "unet", folder / "tokenizer"]
    assert reader.hashes == shelf.store.hashes(keys)


def test_a_record_names_the_weights_that_made_its_colours_whatever_another_engine_has_loaded(
    shelf: Shelf, gray_photo: Photo
):
    shipped = WeightStore(REGISTRY, (SHIPPED_DIR,))
    own = shelf.own / "mine.safetensors"
    state = read_state(SHIPPED_DIR / "unet_lab.safetensors")
    save_file({name: tensor.roll(1, 0) if "head" in name else tensor for name, tensor in state.items()}, own)
    request = JobRequest(gray_photo, "unet", {"weights": "lab"})
    ours = engine_with(METHODS["unet"], weights=shipped)
    before = ours.results(request)[0]
    theirs = engine_with(METHODS["unet"], weights=shipped.with_file(KEY, own)).results(request)[0]
    after = ours.results(request)[0]
    assert np.array_equal(before.pixels(), after.pixels())
    assert after.record.weights == before.record.weights == {KEY: sha256(SHIPPED_DIR / "unet_lab.safetensors")}
    assert theirs.record.weights == {KEY: sha256(own)}


def test_a_folder_may_have_a_manifest(shelf: Shelf):
    folder = put_folder(shelf.own / "stable_diffusion_sd15")
    names = [path.relative_to(shelf.own) for path in folder.rglob("*") if path.is_file()]
    lines = subprocess.run(["sha256sum", *names], capture_output=True, check=True, cwd=shelf.own).stdout
    (shelf.own / MANIFEST).write_bytes(lines)
    assert shelf.store.ready(SD)[0] == folder
    (folder / "vae" / "config.json").write_text("[]")
    assert shelf.store.ready(f"{SD}/unet")[0] == folder / "unet"
    assert (
        sentence_of(shelf.store.ready, SD)
        == f"{folder.name}/vae/config.json is not the file that {MANIFEST} names; get it again."
    )
    assert "vae/config.json" in sentence_of(shelf.store.ready, f"{SD}/vae")


def test_a_model_may_be_a_single_file_which_is_each_of_its_parts(shelf: Shelf, tmp_path: Path):
    path = tmp_path / "dream.safetensors"
    path.write_bytes(b"tensors")
    shelf.use(shelf.store.with_model(str(path)))
    assert shelf.store.find(OWN) == shelf.store.ready(f"{OWN}/unet")[0] == shelf.store.ready(f"{OWN}/vae")[0] == path
    assert shelf.store.hashes([OWN, f"{OWN}/vae"]) == dict.fromkeys(
        [OWN, f"{OWN}/vae"], hashlib.sha256(b"tensors").hexdigest()
    )


@pytest.mark.parametrize("suffix", [".ckpt", ".bin", ".pt", ".pth", ""])
def test_models_and_controlnets_are_safetensors_only(shelf: Shelf, suffix: str, tmp_path: Path):
    path = tmp_path / f"dream{suffix}"
    path.write_bytes(b"a pickle, perhaps")
    want = "give a folder that diffusers saved"
    for action, more in ((shelf.store.with_model, ", or a .safetensors file"), (shelf.store.with_controlnet, "")):
        assert sentence_of(action, str(path)) == f"{path} cannot be used, as other files may hold code; {want}{more}."
    assert not shelf.store.has(OWN)


def test_a_controlnet_is_a_folder(shelf: Shelf, tmp_path: Path):
    folder = put_controlnet(tmp_path / "lines")
    shelf.use(shelf.store.with_controlnet(str(folder)))
    shelf.use(shelf.store.with_controlnet(str(folder), key="controlnet/lineart"))
    assert shelf.store.find(CONTROL) == shelf.store.ready("controlnet/lineart")[0] == folder
    single = tmp_path / "lines.safetensors"
    single.write_bytes(b"tensors")
    assert "cannot be used" in sentence_of(shelf.store.with_controlnet, str(single))
    (folder / "config.json").unlink()
    assert sentence_of(shelf.store.with_controlnet, str(folder)).startswith(f"{folder} has no config.json; ")


def test_a_model_of_this_folder_is_found_from_everywhere(shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    put_folder(tmp_path / "dream")
    monkeypatch.chdir(tmp_path / "dream")
    shelf.use(shelf.store.with_model("."))
    monkeypatch.chdir("/")
    assert shelf.store.ready(f"{OWN}/unet")[0].samefile(tmp_path / "dream" / "unet")


def test_an_id_is_looked_for_in_a_folder_of_its_own_and_gives_way_to_a_path(shelf: Shelf, tmp_path: Path):
    shelf.use(shelf.store.with_model("someone/dream"))
    folder = put_folder(shelf.own / "stable_diffusion_someone--dream")
    assert shelf.store.find(OWN) == folder
    shelf.use(shelf.store.with_model("someone-else/dream"))
    assert shelf.store.find(OWN) is None
    shelf.use(shelf.store.with_model(str(put_folder(tmp_path / "mine"))))
    assert shelf.store.find(OWN) == tmp_path / "mine"
    shelf.use(shelf.store.with_model("someone/dream"))
    assert shelf.store.find(OWN) == folder


@pytest.mark.parametrize(
    "words", ["", "dream", "./dream", "../dream", "a/b/c", "a/..", "a--b/c", "/no/where", "a/b.safetensors", "a/b.ckpt"]
)
def test_what_is_neither_path_nor_id_is_refused(shelf: Shelf, words: str):
    for action, flag in ((shelf.store.with_model, "--model"), (shelf.store.with_controlnet, "--controlnet")):
        assert f"; give {flag} the path of a model or OWNER/NAME on the hub." in sentence_of(action, words)
    assert not shelf.store.has(OWN)


def test_several_missing_weights_are_named_by_one_sentence(shelf: Shelf):
    missing = shelf.store.missing([f"{SD}/unet", f"{SD}/vae", CONTROL, KEY, OWN, "trivial/tint"])
    assert str(missing_weights(missing)) == (
        "The weights sd15 (2134 MB), controlnet_depth (723 MB), unet_lab.safetensors, own are not installed; "
        "put them into weights/ or COLORIZERS_WEIGHTS_DIR and name a folder or a .safetensors file with --model and "
        "get them with: colorizers weights download sd15 controlnet_depth."
    )
    put_folder(shelf.own / "stable_diffusion_sd15")
    missing = shelf.store.missing([f"{SD}/unet", CONTROL])
    assert str(missing_weights(missing)) == sentence_of(shelf.store.ready, CONTROL)
    assert shelf.store.missing([f"{SD}/unet"]) == []


def test_every_name_that_weights_go_by_is_one_that_they_are_found_by(shelf: Shelf):
    for key, entry in REGISTRY.items():
        assert shelf.store.key_of(key) == shelf.store.key_of(key.replace("/", "_")) == key
        assert not entry.hub or shelf.store.key_of(entry.argument) == key
    assert shelf.store.key_of("controlnet_depth") == CONTROL
    assert "controlnet_depth" in sentence_of(shelf.store.ready, CONTROL)


# Settings


def test_the_settings_name_a_model_that_is_then_found(tmp_path: Path):
    assert not make_store(REGISTRY, Settings(cache_dir=tmp_path)).has(OWN)
    named = make_store(REGISTRY, Settings(cache_dir=tmp_path, model=str(put_folder(tmp_path / "mine"))))
    assert named.find(OWN) == tmp_path / "mine"


def test_the_command_line_comes_before_the_settings(tmp_path: Path):
    store = make_store(REGISTRY, Settings(model=str(put_folder(tmp_path / "set"))))
    assert store.with_model(str(put_folder(tmp_path / "given"))).find(OWN) == tmp_path / "given"


def test_settings_that_name_what_is_not_there_are_refused(tmp_path: Path):
    with pytest.raises(ColorizerError, match=r"There is no .*nowhere"):
        make_store(REGISTRY, Settings(controlnet=str(tmp_path / "nowhere")))


def test_weights_come_from_the_users_folder_the_project_and_the_cache(tmp_path: Path):
    store = make_store(REGISTRY, Settings(weights_dir=tmp_path / "own", cache_dir=tmp_path / "cache"))
    assert (*store.places, store.downloads) == (tmp_path / "own", SHIPPED_DIR, tmp_path / "cache" / "weights")
