"""The published DDColor: its names, its colours, and what is said of a checkpoint that is not one."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import engine_with
from formula_weights import numbers, singular_vectors, zeros
from torch.nn.functional import interpolate

from colorizers.__main__ import main
from colorizers.engine import make_engine
from colorizers.engine.jobs import JobRequest
from colorizers.errors import ColorizerError
from colorizers.methods import transformer
from colorizers.methods.catalog import REGISTRY
from colorizers.networks.ddcolor import LARGE, SIDE, TINY, Config, DDColor
from colorizers.picture.color import gray_to_lightness
from colorizers.picture.photo import Photo
from colorizers.settings import PROJECT
from colorizers.weights.store import WeightReader, WeightStore, sha256

# Made by the published code from the weights and the picture below: every 8th pixel, and mean |ab| and std of all.
VECTOR = Path(__file__).parents[1] / "data" / "ddcolor_tiny_256.npz"
KEY = "transformer/ddcolor_tiny"


def holding(path: Path) -> WeightStore:
    """A store that has these weights for KEY."""
    return WeightStore(REGISTRY).with_file(KEY, path)


@pytest.fixture(scope="module")
def tiny() -> DDColor:
    """The tiny network with weights by formula."""
    network = DDColor(TINY).eval()
    state = {name: numbers(name, tensor) for name, tensor in network.state_dict().items()}
    for name in [name for name in state if name.endswith("weight_orig")]:
        stem = name.removesuffix("orig")
        state[f"{stem}u"], state[f"{stem}v"] = singular_vectors(state[name].flatten(1))
    network.load_state_dict(state)
    return network


def names_and_shapes(config: Config) -> dict[str, torch.Tensor]:
    """A state dict that takes no memory."""
    with torch.device("meta"):
        return DDColor(config).state_dict()


def saved(content: dict, folder: Path) -> Path:
    """A checkpoint as they are published."""
    torch.save(content, folder / "ddcolor.pth")
    return folder / "ddcolor.pth"


# The network


@torch.inference_mode()
def test_the_colours_are_those_of_the_published_network(tiny: DDColor):
    gray = torch.rand(1, 3, 256, 256, generator=torch.Generator().manual_seed(7)).mean(1, keepdim=True)
    ab = tiny.ab(gray.expand(-1, 3, -1, -1))
    with np.load(VECTOR) as published:
        assert ab[..., ::8, ::8].numpy() == pytest.approx(published["ab"], abs=1e-5)
        assert ab.abs().mean((2, 3)).numpy() == pytest.approx(published["mean"], rel=1e-5)
        assert ab.std((2, 3)).numpy() == pytest.approx(published["std"], rel=1e-4)


@torch.inference_mode()
def test_light_is_shown_to_it_as_gray(tiny: DDColor):
    gray = torch.rand(1, 1, 64, 64, generator=torch.Generator().manual_seed(7))
    ab = tiny.ab(gray.expand(-1, 3, -1, -1))
    assert tiny(gray_to_lightness(gray)).numpy() == pytest.approx(ab.numpy(), abs=1e-4)


@pytest.mark.parametrize(("config", "tensors", "million"), [(TINY, 440, 55.1), (LARGE, 602, 227.9)])
def test_both_sizes_have_the_published_tensors(config: Config, tensors: int, million: float):
    state = names_and_shapes(config)
    assert len(state) == tensors
    assert sum(tensor.numel() for tensor in state.values()) / 1e6 == pytest.approx(million, abs=0.05)


# The method


def test_the_published_networks_see_the_square_they_were_published_for():
    published = {name: SIDE for name in transformer.METHOD.networks if name.startswith("ddcolor")}
    assert transformer.METHOD.squares == published
    assert SIDE == 512


@torch.inference_mode()
def test_a_checkpoint_colours_the_whole_photo_as_a_square_and_looks_once(
    tiny: DDColor, gray_photo: Photo, tmp_path: Path
):
    side = 128  # a smaller square, to be quick
    method = replace(transformer.METHOD, squares={"ddcolor_tiny": side})
    store = holding(saved(tiny.state_dict(), tmp_path))
    options = {"weights": "ddcolor_tiny", "working_size": 64, "flip": True}
    (result,) = engine_with(method, weights=store).results(JobRequest(gray_photo, "transformer", options))
    light = gray_photo.network_lightness(side)[None, None]
    once = tiny(interpolate(light, (side, side), mode="bilinear", antialias=True))
    assert result.coloring.outcome.ab.numpy() == pytest.approx(once[0].numpy(), abs=1e-4)
    assert result.record.weights == {KEY: sha256(tmp_path / "ddcolor.pth")}


def test_the_tensors_may_be_params_of_the_file(tiny: DDColor, tmp_path: Path):
    reader = WeightReader(holding(saved({"params": tiny.state_dict(), "iterations": 7}, tmp_path)))
    loaded = reader.load_into(DDColor(TINY), KEY).state_dict()
    assert all(torch.equal(loaded[name], tensor) for name, tensor in tiny.state_dict().items())


# Refusals


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda state: state.pop("decoder.color_decoder.query_feat.weight"), "query_feat.weight missing"),
        (lambda state: state.update({"decoder.extra": torch.zeros(1)}), "decoder.extra unknown"),
        (lambda state: state.update(mean=torch.zeros(3)), "mean of another shape"),
    ],
    ids=["missing", "extra", "mis-shaped"],
)
def test_what_does_not_fit_is_named(change, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    state = zeros(names_and_shapes(TINY))
    change(state)
    photo = PROJECT / "test_images" / "astronaut_gray.jpg"
    words = ["colorize", photo, "-m", "transformer", "--weights", "ddcolor_tiny", "-o", tmp_path / "out.png"]
    assert main([str(word) for word in (*words, "--checkpoint", saved({"params": state}, tmp_path))]) == 2
    sentence = capsys.readouterr().err.strip().splitlines()[-1]
    assert sentence.startswith("ddcolor.pth does not fit this network: ")
    assert said in sentence


def test_one_size_is_not_taken_for_the_other(tmp_path: Path):
    reader = WeightReader(holding(saved(zeros(names_and_shapes(LARGE)), tmp_path)))
    with pytest.raises(ColorizerError, match=r"ddcolor\.pth does not fit this network: .*stages\.2\.10\."):
        reader.load_into(DDColor(TINY), KEY)


def test_weights_that_are_not_here_say_how_to_get_them(no_weights: None, gray_photo: Photo):
    with pytest.raises(ColorizerError) as caught:
        make_engine().results(JobRequest(gray_photo, "transformer", {"weights": "ddcolor_tiny"}))
    command = "colorizers weights download ddcolor_tiny"
    assert str(caught.value) == f"The weights ddcolor_tiny (220 MB) are not installed; get them with: {command}."
