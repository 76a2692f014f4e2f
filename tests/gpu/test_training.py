"""Training on CUDA: every recipe in mixed precision, photos in either memory, the choice of number format."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from accelerate.state import AcceleratorState
from conftest import paint
from recipe_runs import run_of, steps_of

from colorizers.networks.patchgan import PatchGAN
from colorizers.settings import get_settings
from colorizers.training.catalog import RECIPES
from colorizers.training.hardware import accelerator_for, precision_for
from colorizers.training.photos import BatchOrder, Photographs, decoded
from colorizers.training.validation import Figures

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]
CUDA = torch.device("cuda")


@pytest.fixture(autouse=True)
def fresh_accelerate() -> Iterator[None]:
    """accelerate keeps one state per process, its device and number format among it."""
    AcceleratorState._reset_state(True)
    yield
    AcceleratorState._reset_state(True)


@pytest.fixture
def number_format(monkeypatch: pytest.MonkeyPatch):
    """Sets COLORIZERS_DTYPE for a test."""

    def choose(name: str) -> None:
        monkeypatch.setenv("COLORIZERS_DTYPE", name)
        get_settings.cache_clear()

    yield choose
    get_settings.cache_clear()


@pytest.fixture
def pair(tmp_path: Path) -> Photographs:
    """Two photographs."""
    return decoded([paint(tmp_path / "pair", 2)], tmp_path)


def finite(network: torch.nn.Module) -> bool:
    """Whether all numbers of a network are."""
    return all(bool(torch.isfinite(value.float()).all()) for value in network.state_dict().values())


@pytest.mark.parametrize("dtype", ["auto", "float16"])
@pytest.mark.parametrize("key", RECIPES)
def test_three_steps_in_mixed_precision(key: str, dtype: str, pair: Photographs, backbone: Path, number_format):
    """Of a GAN the last two are with the discriminator. In float16 the first steps may only lower the scale."""
    number_format(dtype)
    accelerator = accelerator_for(CUDA)
    assert accelerator.mixed_precision == precision_for(CUDA)
    run = run_of(key, pair, backbone, accelerator, "gpu", steps=3 if dtype == "auto" else 12, critic_after=1)
    before = {name: value.clone() for name, value in run.objective.network.named_parameters()}
    losses = steps_of(run, pair.moved_if_small(CUDA))
    assert all(np.isfinite(value) for step in losses for value in step.values())
    assert ("discriminator" in losses[-1]) == key.startswith("gan")
    assert finite(run.objective.network)
    assert finite(run.averaged)
    learnt = [name for name, value in run.objective.network.named_parameters() if not torch.equal(value, before[name])]
    assert learnt, "the weights have moved"
    figures: Figures = run.objective.figures(run.averaged.eval(), [pair.photo(0)])
    assert np.isfinite(figures.score)


def test_the_number_format_is_one_that_the_gpu_computes_natively(number_format):
    number_format("auto")
    native_bf16 = torch.cuda.get_device_properties(CUDA).major >= 8
    assert (precision_for(CUDA) == "bf16") == native_bf16
    for dtype, precision in (("float32", "no"), ("float16", "fp16"), ("bfloat16", "bf16")):
        number_format(dtype)
        assert precision_for(CUDA) == precision


def test_photos_in_main_memory_give_the_crops_of_photos_on_the_gpu(pair: Photographs, backbone: Path):
    run = run_of("unet/lab", pair, backbone, accelerator_for(CUDA), steps=1)
    there = pair.moved_if_small(CUDA)
    assert there.pixels.is_cuda
    assert not pair.pixels.is_cuda
    order = BatchOrder(len(pair), 2, 0)
    copied, shared = run.batch(pair, order, 0), run.batch(there, order, 0)
    assert torch.equal(copied.lab, shared.lab)
    assert torch.equal(copied.lightness, shared.lightness)
    assert torch.equal(copied.label_ids, shared.label_ids)


def test_the_power_iteration_of_the_patchgan_is_that_of_full_precision():
    torch.manual_seed(0)
    discriminator = PatchGAN(8).to(CUDA)
    state = {name: value.clone() for name, value in discriminator.state_dict().items()}
    pictures = torch.rand(2, 3, 64, 64, device=CUDA)
    vectors = []
    for mixed in (False, True):
        discriminator.load_state_dict(state)
        with torch.autocast("cuda", torch.bfloat16, enabled=mixed):
            discriminator(pictures)
        vectors.append([value.clone() for name, value in discriminator.state_dict().items() if "_u" in name])
    assert vectors[0]
    assert all(torch.equal(one, other) for one, other in zip(*vectors, strict=True))
