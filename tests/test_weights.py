import hashlib
import os
import pickle
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
from colorizers.networks.backbones import ResNet34, SwinB
from colorizers.networks.vgg import VGG19
from colorizers.settings import PROJECT, Settings
from colorizers.weights import (
    MANIFEST,
    REGISTRY,
    SHIPPED_DIR,
    find,
    hashes,
    here,
    key_of,
    listing,
    load_into,
    use_checkpoint,
)

KEY = "unet/lab"
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
    assert refusal() == "The weights unet_lab.safetensors are not here; put them into shipped/."
    with pytest.raises(ColorizerError) as caught:
        load_into(network(), "style/vgg19")
    command = "python -m colorizers weights download vgg19"
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
    assert "python" not in str(caught.value)


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


# What is shipped


def test_something_is_shipped_for_every_entry_that_is_not_downloaded():
    assert {path.name for path in SHIPPED} == {entry.file for entry in REGISTRY.values() if not entry.hub}


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
    assert 0 < sum(path.stat().st_size for path in SHIPPED) <= 160 * MIB
