import hashlib
import os
import pickle
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from gradio_client import Client, handle_file
from safetensors import safe_open
from safetensors.torch import save_file
from torch import nn
from torchvision.models import get_model

from colorizers import weights
from colorizers.__main__ import main
from colorizers.errors import ColorizerError
from colorizers.model_folder import weights_file
from colorizers.networks.backbones import ResNet34, SwinB
from colorizers.networks.vgg import VGG19
from colorizers.settings import PROJECT, Settings
from colorizers.weights import (
    MANIFEST,
    OWN,
    REGISTRY,
    SHIPPED_DIR,
    find,
    hashes,
    here,
    key_of,
    listing,
    load_into,
    loaded_hashes,
    missing,
    ready,
    use_checkpoint,
    use_controlnet,
    use_model,
)

KEY = "unet/lab"
SD, CONTROL = "stable_diffusion/sd15", "controlnet/depth"
SHIPPED = sorted(SHIPPED_DIR.glob("*.safetensors"))
MIB = 2**20


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    """Empty folders in place of the user's, the project's and the cache."""
    places = {name: tmp_path / name for name in ("own", "shipped", "cache/weights")}
    for place in places.values():
        place.mkdir(parents=True)
    monkeypatch.setattr(weights, "SHIPPED_DIR", places["shipped"])
    monkeypatch.setattr(weights, "_checkpoints", {})
    for key in (OWN, CONTROL):
        monkeypatch.setitem(REGISTRY, key, REGISTRY[key])
    settings = Settings(weights_dir=places["own"], cache_dir=tmp_path / "cache")
    monkeypatch.setattr(weights, "get_settings", lambda: settings)
    return places


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2))


def put(folder: Path, state: dict[str, torch.Tensor] | None = None, listed: bool = True) -> Path:
    """A weights file, and the manifest that names it."""
    path = folder / REGISTRY[KEY].file
    save_file(network().state_dict() if state is None else state, path)
    if listed:
        (folder / MANIFEST).write_text(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n")
    return path


def refusal() -> str:
    with pytest.raises(ColorizerError) as caught:
        load_into(network(), KEY)
    sentence = str(caught.value)
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert len(sentence) < 300
    return sentence


# Loading


def test_weights_are_loaded_to_the_last_bit(folders: dict[str, Path]):
    state = {name: torch.rand_like(value) for name, value in network().state_dict().items()}
    put(folders["shipped"], state)
    loaded = load_into(network(), KEY).state_dict()
    assert all(torch.equal(loaded[name], state[name]) for name in state)


def test_half_precision_files_fill_a_network_of_single_precision(folders: dict[str, Path]):
    put(folders["shipped"], {name: value.half() for name, value in network().state_dict().items()})
    assert all(value.dtype == torch.float32 for value in load_into(network(), KEY).state_dict().values())


def test_what_is_missing_unknown_or_of_another_shape_is_named(folders: dict[str, Path]):
    state = network().state_dict()
    del state["0.bias"]
    state["9.extra"] = torch.zeros(1)
    state["1.weight"] = torch.zeros(2, 5)
    put(folders["shipped"], state)
    sentence = refusal()
    assert "0.bias missing" in sentence
    assert "9.extra unknown" in sentence
    assert "1.weight of another shape" in sentence


def test_a_published_classifier_is_left_out_and_nothing_else(tmp_path: Path):
    whole = network().state_dict() | {"fc.weight": torch.zeros(3, 2), "fc.bias": torch.zeros(3)}
    path = tmp_path / "resnet34.pth"
    torch.save(whole, path)
    use_checkpoint("style/resnet34", path)
    loaded = load_into(network(), "style/resnet34").state_dict()
    assert all(torch.equal(loaded[name], value) for name, value in network().state_dict().items())
    use_checkpoint(KEY, path)
    assert "fc.bias, fc.weight unknown" in refusal(), "other networks have no use for them"

    del whole["0.bias"]
    torch.save(whole | {"head.weight": torch.zeros(1), "1.fc.weight": torch.zeros(1), "fcs": torch.zeros(1)}, path)
    with pytest.raises(ColorizerError, match=r"0\.bias missing; 1\.fc\.weight, fcs, head\.weight unknown\.$"):
        load_into(network(), "style/resnet34")


@pytest.mark.parametrize(("name", "ours"), [("vgg19", VGG19), ("resnet34", ResNet34), ("swin_b", SwinB)])
def test_what_torchvision_publishes_has_a_place_in_our_networks_or_is_unused(name: str, ours: type[nn.Module]):
    with torch.device("meta"):
        published, wanted = get_model(name).state_dict(), ours().state_dict()
    used = {each: value for each, value in published.items() if not each.startswith(REGISTRY[f"style/{name}"].unused)}
    assert {each: value.shape for each, value in used.items()} == {n: value.shape for n, value in wanted.items()}


def test_files_from_before_batches_were_counted_are_loaded(tmp_path: Path):
    torch.manual_seed(0)
    norm = nn.BatchNorm2d(3)
    path = tmp_path / "old.pth"
    state = {name: torch.rand(3) for name in ("weight", "bias", "running_mean", "running_var")}
    torch.save(state, path)
    use_checkpoint(KEY, path)
    loaded = load_into(norm, KEY).state_dict()
    assert all(torch.equal(loaded[name], value) for name, value in state.items())


def test_a_network_is_not_half_filled(folders: dict[str, Path]):
    state = {name: value + 1 for name, value in network().state_dict().items()}
    state["9.extra"] = torch.zeros(1)
    put(folders["shipped"], state)
    target = network()
    with pytest.raises(ColorizerError):
        load_into(target, KEY)
    assert all(torch.equal(value, network().state_dict()[name]) for name, value in target.state_dict().items())


def test_a_file_that_was_tampered_with_is_refused(folders: dict[str, Path]):
    path = put(folders["shipped"])
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    assert MANIFEST in refusal()


def test_a_shipped_file_must_be_in_a_manifest(folders: dict[str, Path]):
    put(folders["shipped"], listed=False)
    refusal()


def test_a_manifest_that_names_other_files_does_not_vouch(folders: dict[str, Path]):
    put(folders["shipped"])
    (folders["shipped"] / MANIFEST).write_text(f"{'0' * 64}  other.safetensors\n\n")
    assert MANIFEST in refusal()


def test_a_shipped_file_in_the_cache_is_refused_with_what_can_be_done(folders: dict[str, Path]):
    put(folders["cache/weights"])
    assert (
        refusal() == "The weights in unet_lab.safetensors are not what was downloaded; delete that file from the cache."
    )


def test_a_file_of_the_users_own_needs_no_manifest(folders: dict[str, Path]):
    put(folders["own"], listed=False)
    assert load_into(network(), KEY) is not None


@pytest.mark.parametrize("data", [b"", b"no tensors", b"\xff" * 100])
@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_a_damaged_file_is_refused(data: bytes, suffix: str, tmp_path: Path):
    path = tmp_path / f"mine{suffix}"
    path.write_bytes(data)
    use_checkpoint(KEY, path)
    assert str(tmp_path) not in refusal()


def test_missing_weights_are_named_with_where_to_put_or_how_to_get_them():
    assert refusal() == "The weights unet_lab.safetensors are not here; put them into weights/."
    with pytest.raises(ColorizerError) as caught:
        load_into(network(), "style/vgg19")
    command = "colorizers weights download vgg19"
    assert str(caught.value) == f"The weights vgg19 (575 MB) are not here; get them with: {command}."


@pytest.mark.parametrize("key", [KEY, "style/vgg19"])
@pytest.mark.parametrize("forged", [False, True])
def test_no_stranger_is_told_to_run_commands(
    key: str, forged: bool, folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch
):
    settings = weights.get_settings().model_copy(update={"public": True})
    monkeypatch.setattr(weights, "get_settings", lambda: settings)
    if forged:
        (folders["cache/weights"] / REGISTRY[key].file).write_bytes(b"nobody downloaded this")
    with pytest.raises(ColorizerError, match=r"; ask whoever runs this server for them\.$") as caught:
        load_into(network(), key)
    assert "colorizers weights" not in str(caught.value)


# Pickles


class Payload:
    """Runs when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self):
        return os.mkdir, (str(self.mark),)


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@pytest.mark.parametrize("kind", ["plain pickle", "saved by torch", "inside a state dict", "beside the params"])
def test_code_in_a_pickle_is_refused_and_never_run(kind: str, tmp_path: Path):
    mark, path = tmp_path / "it_ran", tmp_path / "published.pth"
    if kind == "plain pickle":
        path.write_bytes(pickle.dumps(Payload(mark)))
    elif kind == "saved by torch":
        torch.save(Payload(mark), path)
    elif kind == "inside a state dict":
        torch.save(network().state_dict() | {"extra": Payload(mark)}, path)
    else:
        torch.save({"params": network().state_dict(), "optimizer": Payload(mark)}, path)
    use_checkpoint(KEY, path)
    refusal()
    assert not mark.exists()
    pickle.loads(pickle.dumps(Payload(mark)))  # noqa: S301
    assert mark.exists(), "the payload is a real one"


def test_a_pth_of_tensors_is_loaded(tmp_path: Path):
    torch.save(network().state_dict(), tmp_path / "published.pth")
    use_checkpoint(KEY, tmp_path / "published.pth")
    assert load_into(network(), KEY) is not None


def test_the_tensors_may_be_the_params_of_a_pth(tmp_path: Path):
    state = {name: torch.rand_like(value) for name, value in network().state_dict().items()}
    torch.save({"params": state, "iterations": 7}, tmp_path / "published.pth")
    use_checkpoint(KEY, tmp_path / "published.pth")
    assert all(torch.equal(value, state[name]) for name, value in load_into(network(), KEY).state_dict().items())


@pytest.mark.parametrize(
    "content", [torch.zeros(3), [torch.zeros(3)], {"0.weight": "text"}, {"model": {}}, {"params": {"a": 1}}, 7]
)
def test_a_pth_that_is_no_state_dict_is_refused(content, tmp_path: Path):
    torch.save(content, tmp_path / "published.pth")
    use_checkpoint(KEY, tmp_path / "published.pth")
    refusal()


# Where weights are found


def test_the_command_lines_file_comes_first_then_the_users_folder_the_projects_and_the_cache(
    folders: dict[str, Path], tmp_path: Path
):
    assert find(KEY) is None
    for name in ("cache/weights", "shipped", "own"):
        put(folders[name])
        assert find(KEY) == folders[name] / REGISTRY[KEY].file
    own = tmp_path / "mine.safetensors"
    own.write_bytes(b"x")
    use_checkpoint(KEY, own)
    assert find(KEY) == own


def test_a_checkpoint_that_is_not_there_is_refused(tmp_path: Path):
    with pytest.raises(ColorizerError, match="no file"):
        use_checkpoint(KEY, tmp_path / "missing.pth")


@pytest.mark.parametrize("suffix", [".pth", ".pt", ".bin"])
def test_published_files_may_keep_their_suffix(suffix: str, folders: dict[str, Path]):
    assert not here(KEY)
    path = (folders["own"] / REGISTRY[KEY].file).with_suffix(suffix)
    torch.save(network().state_dict(), path)
    assert find(KEY) == path
    assert here(KEY)
    assert load_into(network(), KEY) is not None


def test_a_name_is_a_key_or_its_last_part_when_that_is_clear():
    assert key_of("unet/lab") == KEY
    assert key_of("ddcolor_tiny") == "transformer/ddcolor_tiny"
    with pytest.raises(ColorizerError, match=r"^lab could be unet/lab or resnet_unet/lab"):
        key_of("lab")
    with pytest.raises(ColorizerError, match="no weights 'magic'"):
        key_of("magic")


@pytest.mark.slow
def test_a_server_takes_weights_from_files(tmp_path: Path):
    own, photo = tmp_path / "own.safetensors", PROJECT / "test_images" / "astronaut_gray.jpg"
    save_file(weights.read_state(SHIPPED_DIR / "unet_lab.safetensors"), own, {"trained": "by me"})
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    command = [sys.executable, "-m", "colorizers", "serve", "--port", port, "--checkpoint", f"{KEY}={own}"]
    surroundings = os.environ | {"PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=PROJECT, env=surroundings) as server:
        try:
            assert server.stdout is not None
            assert any("Running on" in line for line in server.stdout)
            client = Client(f"http://127.0.0.1:{port}", verbose=False)
            _, records = client.predict(handle_file(photo), weights="lab", api_name="/colorize_unet")
        finally:
            server.terminate()
    assert records[0]["weights"] == {KEY: weights.sha256(own)}


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


def test_the_listing_says_what_is_here(folders: dict[str, Path]):
    assert [status.path for status in listing()] == [None] * len(REGISTRY)
    path = put(folders["shipped"])
    status = {entry.weights.key: entry for entry in listing()}[KEY]
    assert status.path == path
    assert status.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_hashes_are_those_of_the_files_as_they_are_now(folders: dict[str, Path]):
    path = put(folders["shipped"])
    before = hashes([KEY, "trivial/tint"])
    assert before == {KEY: hashlib.sha256(path.read_bytes()).hexdigest()}
    put(folders["shipped"], {"a": torch.ones(5)})
    assert hashes([KEY]) == {KEY: hashlib.sha256(path.read_bytes()).hexdigest()}
    assert hashes([KEY]) != before


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


def said_by(action, *given) -> str:
    """The sentence of a refusal."""
    with pytest.raises(ColorizerError) as caught:
        action(*given)
    sentence = str(caught.value)
    assert sentence.endswith(".")
    assert "\n" not in sentence
    return sentence


def test_folders_are_looked_for_where_files_are(folders: dict[str, Path], tmp_path: Path):
    assert find(SD) is None
    for name in ("cache/weights", "shipped", "own"):
        folder = put_folder(folders[name] / "stable_diffusion_sd15")
        assert find(SD) == folder
        assert find(f"{SD}/unet") == folder / "unet"
    own = put_folder(tmp_path / "mine")
    use_checkpoint(SD, own)
    assert find(SD) == own
    assert here(f"{SD}/scheduler")


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
    lost: str, named: str, folders: dict[str, Path], tmp_path: Path
):
    for folder in (put_folder(folders["own"] / "stable_diffusion_sd15"), put_folder(tmp_path / "mine")):
        (folder / lost).unlink() if (folder / lost).is_file() else shutil.rmtree(folder / lost)
    assert find(SD) is None
    want = "give a folder that diffusers saved, or a .safetensors file."
    assert said_by(use_checkpoint, SD, tmp_path / "mine") == f"{tmp_path / 'mine'} has no {named}; {want}"


def test_half_precision_is_taken_before_single_and_other_variants_never(tmp_path: Path):
    for name in ("model.non_ema.safetensors", "model.bin", "other.safetensors"):
        (tmp_path / name).write_bytes(b"")
        assert "has no .safetensors file" in said_by(weights_file, tmp_path)
    for name in ("model.safetensors", "model.fp16.safetensors"):
        (tmp_path / name).write_bytes(b"")
        assert weights_file(tmp_path).name == name


def test_the_hash_of_a_part_is_of_the_files_that_are_used_and_of_no_others(folders: dict[str, Path]):
    folder = put_folder(folders["own"] / "stable_diffusion_sd15")
    before = hashes([SD, f"{SD}/unet", f"{SD}/vae", f"{SD}/../unet", f"{SD}/", "stable_diffusion/unet", "unet"])
    printed = subprocess.run(
        ["sha256sum", "config.json", "diffusion_pytorch_model.safetensors"],
        capture_output=True, check=True, cwd=folder / "unet",
    ).stdout.splitlines(keepends=True)  # fmt: skip
    assert before.keys() == {SD, f"{SD}/unet", f"{SD}/vae"}, "no other name means a file"
    assert before[f"{SD}/unet"] == hashlib.sha256(b"".join(sorted(printed))).hexdigest()

    put_folder(folder, "unet/pipeline.py", "unet/diffusion_pytorch_model.bin", "safety_checker/config.json")
    assert hashes([*before]) == before
    put_folder(folder, "unet/diffusion_pytorch_model.fp16.safetensors")
    after = hashes([*before])
    assert {key for key in before if after[key] != before[key]} == {SD, f"{SD}/unet"}


def test_what_is_ready_is_remembered_with_its_hash(folders: dict[str, Path]):
    folder = put_folder(folders["own"] / "stable_diffusion_sd15")
    keys = [f"{SD}/unet", f"{SD}/tokenizer"]
    assert [ready(key) for key in keys] == [folder / "unet", folder / "tokenizer"]
    assert loaded_hashes(keys) == hashes(keys)


def test_a_folder_may_have_a_manifest(folders: dict[str, Path]):
    folder = put_folder(folders["own"] / "stable_diffusion_sd15")
    names = [path.relative_to(folders["own"]) for path in folder.rglob("*") if path.is_file()]
    lines = subprocess.run(["sha256sum", *names], capture_output=True, check=True, cwd=folders["own"]).stdout
    (folders["own"] / MANIFEST).write_bytes(lines)
    assert ready(SD) == folder
    (folder / "vae" / "config.json").write_text("[]")
    assert ready(f"{SD}/unet") == folder / "unet"
    assert said_by(ready, SD) == f"{folder.name}/vae/config.json is not the file that {MANIFEST} names; get it again."
    assert "vae/config.json" in said_by(ready, f"{SD}/vae")


def test_a_model_may_be_a_single_file_which_is_each_of_its_parts(tmp_path: Path):
    path = tmp_path / "dream.safetensors"
    path.write_bytes(b"tensors")
    use_model(str(path))
    assert find(OWN) == ready(f"{OWN}/unet") == ready(f"{OWN}/vae") == path
    assert hashes([OWN, f"{OWN}/vae"]) == dict.fromkeys([OWN, f"{OWN}/vae"], hashlib.sha256(b"tensors").hexdigest())


@pytest.mark.parametrize("suffix", [".ckpt", ".bin", ".pt", ".pth", ""])
def test_models_and_controlnets_are_safetensors_only(suffix: str, tmp_path: Path):
    path = tmp_path / f"dream{suffix}"
    path.write_bytes(b"a pickle, perhaps")
    want = "give a folder that diffusers saved"
    for action, more in ((use_model, ", or a .safetensors file"), (use_controlnet, "")):
        assert said_by(action, str(path)) == f"{path} cannot be used, as other files may hold code; {want}{more}."
    assert not here(OWN)


def test_a_controlnet_is_a_folder(tmp_path: Path):
    folder = put_controlnet(tmp_path / "lines")
    use_controlnet(str(folder))
    use_controlnet(str(folder), key="controlnet/lineart")
    assert find(CONTROL) == ready("controlnet/lineart") == folder
    single = tmp_path / "lines.safetensors"
    single.write_bytes(b"tensors")
    assert "cannot be used" in said_by(use_controlnet, str(single))
    (folder / "config.json").unlink()
    assert said_by(use_controlnet, str(folder)).startswith(f"{folder} has no config.json; ")


def test_a_model_of_this_folder_is_found_from_everywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    put_folder(tmp_path / "dream")
    monkeypatch.chdir(tmp_path / "dream")
    use_model(".")
    monkeypatch.chdir("/")
    assert ready(f"{OWN}/unet").samefile(tmp_path / "dream" / "unet")


def test_an_id_is_looked_for_in_a_folder_of_its_own_and_gives_way_to_a_path(folders: dict[str, Path], tmp_path: Path):
    use_model("someone/dream")
    folder = put_folder(folders["own"] / "stable_diffusion_someone--dream")
    assert find(OWN) == folder
    use_model("someone-else/dream")
    assert find(OWN) is None
    use_model(str(put_folder(tmp_path / "mine")))
    assert find(OWN) == tmp_path / "mine"
    use_model("someone/dream")
    assert find(OWN) == folder


@pytest.mark.parametrize(
    "words", ["", "dream", "./dream", "../dream", "a/b/c", "a/..", "a--b/c", "/no/where", "a/b.safetensors", "a/b.ckpt"]
)
def test_what_is_neither_path_nor_id_is_refused(words: str):
    for action, flag in ((use_model, "--model"), (use_controlnet, "--controlnet")):
        assert f"; give {flag} the path of a model or OWNER/NAME on the hub." in said_by(action, words)
    assert not here(OWN)


def test_several_missing_weights_are_named_by_one_sentence(folders: dict[str, Path]):
    keys = [f"{SD}/unet", f"{SD}/vae", CONTROL, KEY, OWN, "trivial/tint"]
    assert missing(keys) == (
        "The weights sd15 (2134 MB), controlnet_depth (723 MB), unet_lab.safetensors, own are not here; "
        "put them into weights/ and name a folder or a .safetensors file with --model and "
        "get them with: colorizers weights download sd15 controlnet_depth."
    )
    put_folder(folders["own"] / "stable_diffusion_sd15")
    assert missing([f"{SD}/unet", CONTROL]) == said_by(ready, CONTROL)
    assert missing([f"{SD}/unet"]) == ""


def test_every_name_that_weights_go_by_is_one_that_they_are_found_by():
    for key, entry in REGISTRY.items():
        assert key_of(key) == key_of(key.replace("/", "_")) == key
        assert not entry.hub or key_of(entry.argument) == key
    assert key_of("controlnet_depth") == CONTROL
    assert "controlnet_depth" in said_by(ready, CONTROL)


# What is shipped


def test_something_is_shipped_for_every_entry_that_is_not_downloaded():
    assert {path.name for path in SHIPPED} == {
        entry.file for entry in REGISTRY.values() if not (entry.hub or entry.folders)
    }


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_shipped_file_is_small_half_precision_listed_and_has_a_card(path: Path):
    assert path.stat().st_size <= 16 * MIB
    with safe_open(path, "pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        assert file.metadata()["command"].startswith("python -m colorizers train")
    assert {value.dtype for value in tensors.values() if value.is_floating_point()} == {torch.float16}
    assert all(torch.isfinite(value).all() for value in tensors.values())
    known = dict(reversed(line.split(maxsplit=1)) for line in (SHIPPED_DIR / MANIFEST).read_text().splitlines())
    assert known[path.name] == hashlib.sha256(path.read_bytes()).hexdigest()
    card = path.with_suffix(".md").read_text()
    for word in ("Apache-2.0", "Data", "CIEDE2000"):
        assert word.lower() in card.lower()


def test_all_shipped_files_together_are_small():
    assert 0 < sum(path.stat().st_size for path in SHIPPED) <= 200 * MIB


def set_to(monkeypatch: pytest.MonkeyPatch, **named: object) -> None:
    """As COLORIZERS_* would name them in the environment."""
    settings = weights.get_settings().model_copy(update=named)
    monkeypatch.setattr(weights, "get_settings", lambda: settings)


def test_the_settings_name_a_model_that_is_then_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    set_to(monkeypatch, model=str(put_folder(tmp_path / "mine")))
    assert not here(OWN)
    weights.use_settings()
    assert find(OWN) == tmp_path / "mine"


def test_the_command_line_comes_before_the_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    set_to(monkeypatch, model=str(put_folder(tmp_path / "set")))
    use_model(str(put_folder(tmp_path / "given")))
    weights.use_settings()
    assert find(OWN) == tmp_path / "given"


def test_settings_that_name_what_is_not_there_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    set_to(monkeypatch, controlnet=str(tmp_path / "nowhere"))
    with pytest.raises(ColorizerError, match=r"There is no .*nowhere"):
        weights.use_settings()
