"""The recipes: each learns, in either precision, and makes the weights of a registry entry."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from conftest import paint
from recipe_runs import run_of, steps_of

from colorizers.errors import ColorizerError
from colorizers.methods.catalog import METHODS, REGISTRY
from colorizers.training.catalog import RECIPES, find
from colorizers.training.objectives import random_hints
from colorizers.training.photos import Photographs, decoded
from colorizers.training.recipes.adain import moments, recolored

QUICK = ("transformer/small", "multicolor/lab_hsv_yuv", "diffusion/ab", "diffusion/linear", "adain/lab", "adain/rgb")
STEPS = dict.fromkeys(QUICK, 28) | {"unet/efficientnet": 60, "unet/hints": 60, "transformer/small": 60}
"""In which a recipe learns two pictures by heart; the others need 40."""
JUDGED = ("unet/efficientnet", "gan/efficientnet", "gan/unet")
"""Those whose colours a discriminator judges."""


@pytest.fixture
def bf16() -> Iterator[Accelerator]:
    """As on a GPU, but on the CPU; accelerate keeps one state a process."""
    AcceleratorState._reset_state(True)
    yield Accelerator(cpu=True, mixed_precision="bf16")
    AcceleratorState._reset_state(True)


@pytest.fixture
def pair(tmp_path: Path) -> Photographs:
    """Two photographs."""
    return decoded([paint(tmp_path / "pair", 2)], tmp_path)


@pytest.mark.parametrize("key", [key for key in RECIPES if not key.startswith("small_sd/")])  # tests of their own
@pytest.mark.slow
def test_each_learns_two_pictures_by_heart(key: str, pair: Photographs, backbone: Path):
    quick = {"learning_rate": 2e-3, "encoder_rate": 1.0, "ema": 0.8, "critic_after": 20}
    run = run_of(key, pair, backbone, steps=STEPS.get(key, 40), **quick)
    both = [pair.photo(k) for k in range(2)]
    before = run.objective.figures(run.averaged.eval(), both)
    parts = steps_of(run, pair)
    after = run.objective.figures(run.averaged.eval(), both)

    if "de00" in after.values and key != "diffusion/linear":  # which learns noise long before colours
        assert after.score < before.score / 2
        assert after.values["de00"] < after.values["gray_de00"] / 2
        assert after.values["cf"] > after.values["truth_cf"] / 2
    else:
        paid = [sum(step.values()) for step in parts]
        assert sum(paid[-5:]) < sum(paid[:5]) / 2
    assert all(np.isfinite(value) for step in parts for value in step.values())
    assert ("adversarial" in parts[-1]) == ("discriminator" in parts[-1]) == (key in JUDGED)
    assert "adversarial" not in parts[19], "the first phase is without a discriminator"


@pytest.mark.slow
def test_each_takes_its_steps_in_bf16(pair: Photographs, backbone: Path, bf16: Accelerator):
    for key in RECIPES:
        run = run_of(key, pair, backbone, bf16, "gpu", steps=2, size=32, critic_after=1)
        assert all(np.isfinite(value) for step in steps_of(run, pair) for value in step.values()), key
        assert np.isfinite(run.objective.figures(run.averaged.eval(), [pair.photo(0)]).score), key


def test_every_colour_space_has_a_part_in_the_result(pair: Photographs, backbone: Path):
    run = run_of("multicolor/lab_hsv_yuv", pair, backbone, steps=1)
    (parts,) = steps_of(run, pair)
    assert set(parts) == {"lab", "hsv", "yuv", "ab"}
    network = run.objective.network.eval()
    network(100 * torch.rand(1, 1, 64, 64, generator=torch.Generator().manual_seed(0))).square().sum().backward()
    for space in ("lab", "hsv", "yuv"):
        for name, parameter in network.decoders[space].named_parameters():
            assert parameter.grad.abs().sum() > 0, f"{space} {name}"


def test_the_gray_encoder_of_diffusion_is_frozen_and_the_denoiser_learns(pair: Photographs, backbone: Path):
    run = run_of("diffusion/ab", pair, backbone, steps=2)
    before = {name: value.clone() for name, value in run.objective.network.state_dict().items()}
    steps_of(run, pair)
    for name, value in run.objective.network.state_dict().items():
        assert torch.equal(value, before[name]) == name.startswith("encoder."), name


def test_a_turn_of_hue_and_a_gain_change_the_palette_alone():
    lab = torch.rand(3, 3, 8, 8, generator=torch.Generator().manual_seed(0)) * 60
    angle = torch.tensor([0.0, torch.pi / 2, torch.pi])[:, None, None, None]
    gain = torch.tensor([1.0, 0.5, 2.0])[:, None, None, None]
    turned = recolored(lab, angle, gain)
    assert torch.equal(turned[:, 0], lab[:, 0])
    assert torch.allclose(turned[0], lab[0])
    assert torch.allclose(turned[1, 1:], 0.5 * torch.stack((-lab[1, 2], lab[1, 1])), atol=1e-4)
    assert torch.allclose(turned[2, 1:], -2 * lab[2, 1:], atol=1e-4)
    assert torch.allclose(moments(turned[:, 1:])[2], moments(lab[:, 1:])[2] * torch.tensor([-2, -2, 2, 2]), atol=0.01)


def test_a_discriminator_learns_to_tell_apart():
    from colorizers.networks.patchgan import PatchGAN
    from colorizers.training.objectives import Discriminator

    torch.manual_seed(0)
    discriminator = Discriminator(PatchGAN(8), "hinge")
    adam = torch.optim.Adam(discriminator.parameters(), 1e-3)
    real = torch.cat((torch.full((2, 1, 32, 32), 50.0), torch.full((2, 2, 32, 32), 30.0)), dim=1)
    paid = []
    for _ in range(30):
        paid.append(discriminator(real, real * torch.tensor([1.0, -1, -1])[:, None, None]))
        adam.zero_grad()
        paid[-1].backward()
        adam.step()
    assert paid[-1] < paid[0] / 2


def test_every_registered_weights_file_has_its_recipe():
    ours = {key for key, entry in REGISTRY.items() if not (entry.hub or entry.folders)}
    assert ours <= set(RECIPES)


def test_are_found_by_method_and_weights():
    ours = {name: method for name, method in METHODS.items() if method.own_weights}
    for name, method in ours.items():
        usual = method.info.options.model_construct()
        assert find(name).key == method.key(usual), "a method alone means its default weights"
    assert find("gan:unet").key == "gan/unet"
    with pytest.raises(ColorizerError, match="Unknown recipe 'gan:magic'; the recipes are: unet:"):
        find("gan:magic")


def test_random_hints_are_squares_of_the_true_colour():
    ab = 30 * torch.randn(64, 2, 96, 96, generator=torch.Generator().manual_seed(0)).cumsum(-1) / 10
    hints, mask = random_hints(ab, torch.Generator().manual_seed(1))
    assert 0.8 < mask.amax((1, 2, 3)).mean() < 1, "most photos have some, a few have none"
    assert (hints * (1 - mask)).abs().max() == 0
    alone = torch.zeros_like(ab).index_fill(0, torch.arange(64), 0) + ab.mean((2, 3), keepdim=True)
    same, where = random_hints(alone, torch.Generator().manual_seed(1))
    assert torch.equal(where, mask)
    assert torch.allclose(same * mask, alone * mask, atol=1e-3)
