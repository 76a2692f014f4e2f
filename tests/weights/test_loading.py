"""Weights files: loaded strictly to the last bit, or refused in one sentence, and code in them never run."""

import os
import pickle
from pathlib import Path

import pytest
import torch
from torch import nn
from torchvision.models import get_model
from weight_shelf import KEY, Shelf, network, put

from colorizers.errors import ColorizerError
from colorizers.methods.catalog import REGISTRY
from colorizers.networks.backbones import ResNet34, SwinB
from colorizers.networks.vgg import VGG19
from colorizers.weights.store import MANIFEST

# Loading


def test_weights_are_loaded_to_the_last_bit(shelf: Shelf):
    state = {name: torch.rand_like(value) for name, value in network().state_dict().items()}
    put(shelf.shipped, state)
    loaded = shelf.load(network()).state_dict()
    assert all(torch.equal(loaded[name], state[name]) for name in state)


def test_half_precision_files_fill_a_network_of_single_precision(shelf: Shelf):
    put(shelf.shipped, {name: value.half() for name, value in network().state_dict().items()})
    assert all(value.dtype == torch.float32 for value in shelf.load(network()).state_dict().values())


def test_what_is_missing_unknown_or_of_another_shape_is_named(shelf: Shelf):
    state = network().state_dict()
    del state["0.bias"]
    state["9.extra"] = torch.zeros(1)
    state["1.weight"] = torch.zeros(2, 5)
    put(shelf.shipped, state)
    sentence = shelf.refusal()
    assert "0.bias missing" in sentence
    assert "9.extra unknown" in sentence
    assert "1.weight of another shape" in sentence


def test_a_published_classifier_is_left_out_and_nothing_else(shelf: Shelf, tmp_path: Path):
    whole = network().state_dict() | {"fc.weight": torch.zeros(3, 2), "fc.bias": torch.zeros(3)}
    path = tmp_path / "resnet34.pth"
    torch.save(whole, path)
    shelf.use(shelf.store.with_file("style/resnet34", path))
    loaded = shelf.load(network(), "style/resnet34").state_dict()
    assert all(torch.equal(loaded[name], value) for name, value in network().state_dict().items())
    shelf.use(shelf.store.with_file(KEY, path))
    assert "fc.bias, fc.weight unknown" in shelf.refusal(), "other networks have no use for them"

    del whole["0.bias"]
    torch.save(whole | {"head.weight": torch.zeros(1), "1.fc.weight": torch.zeros(1), "fcs": torch.zeros(1)}, path)
    with pytest.raises(ColorizerError, match=r"0\.bias missing; 1\.fc\.weight, fcs, head\.weight unknown\.$"):
        shelf.load(network(), "style/resnet34")


@pytest.mark.parametrize(("name", "ours"), [("vgg19", VGG19), ("resnet34", ResNet34), ("swin_b", SwinB)])
def test_what_torchvision_publishes_has_a_place_in_our_networks_or_is_unused(name: str, ours: type[nn.Module]):
    with torch.device("meta"):
        published, wanted = get_model(name).state_dict(), ours().state_dict()
    used = {each: value for each, value in published.items() if not each.startswith(REGISTRY[f"style/{name}"].unused)}
    assert {each: value.shape for each, value in used.items()} == {n: value.shape for n, value in wanted.items()}


def test_files_from_before_batches_were_counted_are_loaded(shelf: Shelf, tmp_path: Path):
    torch.manual_seed(0)
    norm = nn.BatchNorm2d(3)
    path = tmp_path / "old.pth"
    state = {name: torch.rand(3) for name in ("weight", "bias", "running_mean", "running_var")}
    torch.save(state, path)
    shelf.use(shelf.store.with_file(KEY, path))
    loaded = shelf.load(norm, KEY).state_dict()
    assert all(torch.equal(loaded[name], value) for name, value in state.items())


def test_a_network_is_not_half_filled(shelf: Shelf):
    state = {name: value + 1 for name, value in network().state_dict().items()}
    state["9.extra"] = torch.zeros(1)
    put(shelf.shipped, state)
    target = network()
    with pytest.raises(ColorizerError):
        shelf.load(target, KEY)
    assert all(torch.equal(value, network().state_dict()[name]) for name, value in target.state_dict().items())


def test_a_file_that_was_tampered_with_is_refused(shelf: Shelf):
    path = put(shelf.shipped)
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    assert MANIFEST in shelf.refusal()


def test_a_shipped_file_must_be_in_a_manifest(shelf: Shelf):
    put(shelf.shipped, listed=False)
    shelf.refusal()


def test_a_manifest_that_names_other_files_does_not_vouch(shelf: Shelf):
    put(shelf.shipped)
    (shelf.shipped / MANIFEST).write_text(f"{'0' * 64}  other.safetensors\n\n")
    assert MANIFEST in shelf.refusal()


def test_a_shipped_file_in_the_cache_is_refused_with_what_can_be_done(shelf: Shelf):
    put(shelf.downloads)
    assert (
        shelf.refusal()
        == "The weights in unet_lab.safetensors are not what was downloaded; delete that file from the cache."
    )


def test_a_file_of_the_users_own_needs_no_manifest(shelf: Shelf):
    put(shelf.own, listed=False)
    assert shelf.load(network()) is not None


@pytest.mark.parametrize("data", [b"", b"no tensors", b"\xff" * 100])
@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_a_damaged_file_is_refused(shelf: Shelf, data: bytes, suffix: str, tmp_path: Path):
    path = tmp_path / f"mine{suffix}"
    path.write_bytes(data)
    shelf.use(shelf.store.with_file(KEY, path))
    assert str(tmp_path) not in shelf.refusal()


def test_missing_weights_are_named_with_where_to_put_or_how_to_get_them(shelf: Shelf):
    assert (
        shelf.refusal()
        == "The weights unet_lab.safetensors are not installed; put them into weights/ or COLORIZERS_WEIGHTS_DIR."
    )
    with pytest.raises(ColorizerError) as caught:
        shelf.load(network(), "style/vgg19")
    command = "colorizers weights download vgg19"
    assert str(caught.value) == f"The weights vgg19 (575 MB) are not installed; get them with: {command}."


@pytest.mark.parametrize("key", [KEY, "style/vgg19"])
@pytest.mark.parametrize("forged", [False, True])
def test_visitors_are_not_told_to_run_commands(key: str, forged: bool, shelf: Shelf):
    if forged:
        (shelf.downloads / REGISTRY[key].file).write_bytes(b"nobody downloaded this")
    with pytest.raises(ColorizerError) as caught:
        shelf.load(network(), key)
    sentence = str(caught.value.for_visitors)
    assert sentence.endswith("; ask the owner of this server for them.")
    assert "colorizers" not in sentence


# Pickles


class Payload:
    """Runs when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self):
        return os.mkdir, (str(self.mark),)


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@pytest.mark.parametrize("kind", ["plain pickle", "saved by torch", "inside a state dict", "beside the params"])
def test_code_in_a_pickle_is_refused_and_never_run(shelf: Shelf, kind: str, tmp_path: Path):
    mark, path = tmp_path / "it_ran", tmp_path / "published.pth"
    if kind == "plain pickle":
        path.write_bytes(pickle.dumps(Payload(mark)))
    elif kind == "saved by torch":
        torch.save(Payload(mark), path)
    elif kind == "inside a state dict":
        torch.save(network().state_dict() | {"extra": Payload(mark)}, path)
    else:
        torch.save({"params": network().state_dict(), "optimizer": Payload(mark)}, path)
    shelf.use(shelf.store.with_file(KEY, path))
    shelf.refusal()
    assert not mark.exists()
    pickle.loads(pickle.dumps(Payload(mark)))  # noqa: S301
    assert mark.exists(), "the payload is a real one"


def test_a_pth_of_tensors_is_loaded(shelf: Shelf, tmp_path: Path):
    torch.save(network().state_dict(), tmp_path / "published.pth")
    shelf.use(shelf.store.with_file(KEY, tmp_path / "published.pth"))
    assert shelf.load(network()) is not None


def test_the_tensors_may_be_the_params_of_a_pth(shelf: Shelf, tmp_path: Path):
    state = {name: torch.rand_like(value) for name, value in network().state_dict().items()}
    torch.save({"params": state, "iterations": 7}, tmp_path / "published.pth")
    shelf.use(shelf.store.with_file(KEY, tmp_path / "published.pth"))
    assert all(torch.equal(value, state[name]) for name, value in shelf.load(network()).state_dict().items())


@pytest.mark.parametrize(
    "content", [torch.zeros(3), [torch.zeros(3)], {"0.weight": "text"}, {"model": {}}, {"params": {"a": 1}}, 7]
)
def test_a_pth_that_is_no_state_dict_is_refused(shelf: Shelf, content, tmp_path: Path):
    torch.save(content, tmp_path / "published.pth")
    shelf.use(shelf.store.with_file(KEY, tmp_path / "published.pth"))
    shelf.refusal()


# Files that are none


POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 9\n"


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-9])


def a_header_without_end(path: Path) -> None:
    path.write_bytes((2**62).to_bytes(8, "little") + path.read_bytes()[8:])


def a_header_that_lies(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b'"shape":[4]', b'"shape":[9]'))


def a_header_nested_without_end(path: Path) -> None:
    path.write_bytes((9000).to_bytes(8, "little") + b'{"a":' * 1800)


def empty(path: Path) -> None:
    path.write_bytes(b"")


def a_page_of_an_error(path: Path) -> None:
    path.write_text("<html>404 Not Found</html>")


def something_else_behind_a_link(path: Path) -> None:
    path.unlink()
    path.symlink_to("/etc/passwd")


HARMS = (
    truncated, a_header_without_end, a_header_that_lies, a_header_nested_without_end, empty, a_page_of_an_error,
    something_else_behind_a_link,
)  # fmt: skip


@pytest.mark.parametrize("place", ["own", "shipped", "downloads", "checkpoint"])
@pytest.mark.parametrize("harm", HARMS)
def test_a_file_that_came_to_harm_is_refused_wherever_it_lies(shelf: Shelf, harm, place: str, tmp_path: Path):
    path = put(tmp_path if place == "checkpoint" else getattr(shelf, place), listed=place == "shipped")
    if place == "checkpoint":
        shelf.use(shelf.store.with_file(KEY, path))
    harm(path)
    assert str(tmp_path) not in shelf.refusal()
    assert shelf.store.expected_bytes(KEY) in range(1000)


@pytest.mark.parametrize("place", ["own", "shipped", "downloads"])
def test_a_git_lfs_pointer_is_named_wherever_it_lies(shelf: Shelf, place: str):
    put(getattr(shelf, place)).write_bytes(POINTER)
    assert "git lfs pull" in shelf.refusal()


@pytest.mark.parametrize("odd", ["a folder", "a link to nowhere", "a link to itself", "a pipe"])
def test_what_is_no_file_is_not_taken_for_weights(shelf: Shelf, odd: str):
    path = shelf.own / REGISTRY[KEY].file
    if odd == "a folder":
        path.mkdir()
    elif odd == "a pipe":
        os.mkfifo(path)
    else:
        path.symlink_to(path if odd == "a link to itself" else "nowhere")
    assert "are not installed" in shelf.refusal()
    put(shelf.shipped)
    assert shelf.load(network()) is not None, "what is in the next folder is taken"
