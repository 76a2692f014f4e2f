"""The classics of Zhang et al.: their names, their colours, where they are published, and files that are none."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import engine_with
from formula_weights import numbers, zeros
from run_command import command
from torch import Tensor, nn
from torch.nn.functional import interpolate

from colorizers.engine.jobs import JobRequest
from colorizers.methods import cnn
from colorizers.methods.catalog import REGISTRY
from colorizers.networks.zhang import ECCV16, SIDE, SIGGRAPH17
from colorizers.picture.photo import Photo
from colorizers.settings import PROJECT
from colorizers.weights.store import WeightStore, sha256

DATA = Path(__file__).parents[1] / "data"  # every 4th pixel of what the published code made of the picture below
NETWORKS: dict[str, Callable[[], nn.Module]] = {"eccv16": ECCV16, "siggraph17": SIGGRAPH17}
UNUSED = {"model_class.0.weight": torch.zeros(529, 256, 1, 1), "model_class.0.bias": torch.zeros(529)}
PUBLISHED = {"eccv16": {}, "siggraph17": UNUSED}
"""What a published file has besides the tensors of the network."""


@pytest.fixture(scope="module")
def picture() -> Tensor:
    """The L* of noise."""
    return 100 * torch.rand(1, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(7))


@pytest.fixture(scope="module")
def networks() -> dict[str, nn.Module]:
    """Both networks with weights by formula."""
    made = {name: make().eval() for name, make in NETWORKS.items()}
    for name, network in made.items():
        state = {key: numbers(key, tensor) for key, tensor in network.state_dict().items()}
        if name == "eccv16":
            state["model8.6.weight"] *= 40  # so that its softmax says something
        network.load_state_dict(state)
    return made


def saved(state: dict[str, Tensor], folder: Path) -> Path:
    """A checkpoint as they are published."""
    torch.save(state, folder / "classic.pth")
    return folder / "classic.pth"


def checkpoint(name: str) -> dict[str, Tensor]:
    """A published file of a network that sees nothing."""
    with torch.device("meta"):
        shapes = NETWORKS[name]().state_dict()
    return zeros(shapes | PUBLISHED[name])


@pytest.mark.parametrize("name", NETWORKS)
@torch.inference_mode()
def test_the_colours_are_those_of_the_published_network(name: str, networks: dict[str, nn.Module], picture: Tensor):
    ab = networks[name](picture)
    with np.load(DATA / f"{name}_256.npz") as published:
        assert ab.shape == (1, 2, SIDE, SIDE)
        assert ab[..., ::4, ::4].numpy() == pytest.approx(published["ab"], abs=1e-3 * float(published["ab"].std()))
        assert ab.abs().mean().item() == pytest.approx(float(published["mean_abs"]), rel=1e-4)


@torch.inference_mode()
def test_a_hint_changes_colours_where_it_is(networks: dict[str, nn.Module], picture: Tensor):
    network = networks["siggraph17"]
    ab, mask = torch.zeros(1, 2, SIDE, SIDE), torch.zeros(1, 1, SIDE, SIDE)
    assert torch.equal(network(picture, ab, mask), network(picture))
    ab[..., 100:107, 60:67], mask[..., 100:107, 60:67] = 50, 1
    change = (network(picture, ab, mask) - network(picture)).abs().mean((0, 1))
    assert change[100:107, 60:67].mean() > 10 * change[200:].mean()


@pytest.mark.parametrize("name", NETWORKS)
@torch.inference_mode()
def test_a_photo_is_seen_as_a_square_and_once(
    name: str, networks: dict[str, nn.Module], gray_photo: Photo, tmp_path: Path
):
    side = 64  # a smaller square, to be quick
    method = replace(cnn.METHOD, squares={name: side})
    path = saved(networks[name].state_dict() | PUBLISHED[name], tmp_path)
    store = WeightStore(REGISTRY).with_file(f"cnn/{name}", path)
    options = {"weights": name, "working_size": 128, "flip": True}
    (result,) = engine_with(method, weights=store).results(JobRequest(gray_photo, "cnn", options))
    light = gray_photo.network_lightness(side)[None, None]
    once = networks[name](interpolate(light, (side, side), mode="bilinear", antialias=True))
    assert result.coloring.outcome.ab.numpy() == pytest.approx(once[0].numpy(), abs=1e-3)
    assert result.record.weights == {f"cnn/{name}": sha256(path)}


@pytest.mark.parametrize("name", NETWORKS)
def test_only_the_network_that_was_made_for_hints_hears_them(
    name: str, networks: dict[str, nn.Module], gray_photo: Photo, tmp_path: Path
):
    method = replace(cnn.METHOD, squares={name: 64})
    path = saved(networks[name].state_dict() | PUBLISHED[name], tmp_path)
    engine = engine_with(method, weights=WeightStore(REGISTRY).with_file(f"cnn/{name}", path))
    hint = {"path": [[0.5, 0.5]], "color": "#2e7d32"}
    plain, hinted = (
        engine.results(JobRequest(gray_photo, "cnn", {"weights": name}, hints=hints))[0].coloring.outcome.ab
        for hints in ([], [hint])
    )
    assert torch.equal(plain, hinted) == (name == "eccv16")


def test_the_published_networks_see_the_square_they_were_published_for():
    assert cnn.METHOD.squares == {"eccv16": 256, "siggraph17": 256}


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda state: state.pop("model5.2.weight"), "model5.2.weight missing"),
        (lambda state: state.update({"model11.0.bias": torch.zeros(1)}), "model11.0.bias unknown"),
        (lambda state: state.update({"model1.0.bias": torch.zeros(3)}), "model1.0.bias of another shape"),
    ],
    ids=["missing", "extra", "mis-shaped"],
)
def test_what_does_not_fit_is_named(name: str, change, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    state = checkpoint(name)
    change(state)
    photo = PROJECT / "test_images" / "astronaut_gray.jpg"
    words = ("colorize", photo, "-m", "cnn", "--weights", name, "-o", tmp_path / "out.png")
    assert command(*words, "--checkpoint", saved(state, tmp_path)) == 2
    assert capsys.readouterr().err.endswith(f"classic.pth does not fit this network: {said}.\n")


def test_a_file_with_code_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    torch.save({"model1.0.weight": Path}, tmp_path / "classic.pth")
    photo = PROJECT / "test_images" / "astronaut_gray.jpg"
    words = ("colorize", photo, "-m", "cnn", "--weights", "eccv16", "-o", tmp_path / "out.png")
    assert command(*words, "--checkpoint", tmp_path / "classic.pth") == 2
    assert capsys.readouterr().err.startswith("classic.pth is damaged or holds more than tensors")


@pytest.mark.parametrize(
    ("name", "file", "digits"),
    [
        ("eccv16", "colorization_release_v2-9b330a0b.pth", "9b330a0b"),
        ("siggraph17", "siggraph17-df00044c.pth", "df00044c"),
    ],
)
def test_the_registry_says_where_they_are_published_how_large_and_the_beginning_of_their_hash(
    name: str, file: str, digits: str, tmp_path: Path
):
    entry = REGISTRY[f"cnn/{name}"]
    ((kept, published),) = entry.hub.published(tmp_path, entry.stem, ()).items()
    assert kept == f"cnn_{name}.pth"
    assert (published.pin.file, published.pin.sha256) == (file, digits)
    tensors = sum(tensor.numel() for tensor in checkpoint(name).values())
    assert entry.megabytes == published.size / 1e6 == round(tensors * 4 / 1e6)
    assert "BSD-2-Clause" in str(entry.licence)
