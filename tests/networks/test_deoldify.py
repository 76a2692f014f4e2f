"""The published DeOldify: its tensors, its colours, and files that are none."""

from pathlib import Path

import numpy as np
import pytest
import torch
from formula_weights import numbers, singular_vectors, zeros
from run_command import command

from colorizers.methods import gan
from colorizers.networks.deoldify import DeOldify
from colorizers.networks.imagenet import normalised
from colorizers.options import validated
from colorizers.settings import PROJECT

VECTOR = Path(__file__).parents[1] / "data" / "deoldify_artistic_128.npz"  # every 2nd pixel of the published code's


def shapes(deep: bool) -> dict[str, torch.Tensor]:
    with torch.device("meta"):
        return DeOldify(deep).state_dict()


@torch.inference_mode()
def test_the_picture_is_that_of_the_published_network():
    network = DeOldify(deep=True).eval()
    state = {name: numbers(name, tensor) for name, tensor in network.state_dict().items()}
    for name in [name for name in state if name.endswith("weight_orig")]:
        stem = name.removesuffix("orig")
        state[f"{stem}u"], state[f"{stem}v"] = singular_vectors(state[name].flatten(1))
    state["layers.5.conv2.3.gamma"] = torch.tensor([0.5])
    network.load_state_dict(state)
    gray = torch.rand(1, 1, 128, 128, generator=torch.Generator().manual_seed(7))
    painted = network.painted(normalised(gray.expand(-1, 3, -1, -1)))
    with np.load(VECTOR) as published:
        assert painted[..., ::2, ::2].numpy() == pytest.approx(published["out"], abs=1e-5)


@pytest.mark.parametrize(("deep", "tensors", "million"), [(True, 378, 63.77), (False, 754, 218.48)])
def test_both_shapes_have_the_published_tensors(deep: bool, tensors: int, million: float):
    state = shapes(deep)
    assert len(state) == tensors
    assert sum(tensor.numel() for tensor in state.values()) / 1e6 == pytest.approx(million, abs=0.005)


def test_the_render_factor_is_the_square_of_these_networks_alone():
    def side(**options) -> int | None:
        return gan.METHOD.square(validated(gan.GanOptions, options))

    assert side(weights="deoldify_artistic") == side(weights="deoldify_stable") == 560
    assert side(weights="deoldify_video") == 336
    assert side(weights="deoldify_video", render_factor=10) == 160
    assert side(render_factor=10) is None


@pytest.mark.parametrize("deep", [True, False])
@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda state: state.pop("layers.8.conv.0.weight_g"), "layers.8.conv.0.weight_g missing"),
        (lambda state: state.update({"layers.12.bias": torch.zeros(1)}), "layers.12.bias unknown"),
        (lambda state: state.update({"layers.11.0.bias": torch.zeros(2)}), "layers.11.0.bias of another shape"),
        (lambda state: state.update({"layers.1.bias": Path}), "is damaged or holds more than tensors"),
    ],
    ids=["missing", "extra", "mis-shaped", "code"],
)
def test_what_does_not_fit_is_named(deep: bool, change, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    state = zeros(shapes(deep))
    change(state)
    torch.save({"model": state}, tmp_path / "classic.pth")
    photo, name = PROJECT / "test_images" / "astronaut_gray.jpg", "artistic" if deep else "stable"
    words = ("colorize", photo, "-m", "gan", "--weights", f"deoldify_{name}", "-o", tmp_path / "out.png")
    assert command(*words, "--checkpoint", tmp_path / "classic.pth") == 2
    sentence = capsys.readouterr().err
    assert "classic.pth" in sentence
    assert said in sentence
