"""Stable Diffusion on CUDA, on tiny models: half precision against single, the same pixels every time."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import torch
from conftest import using_weights

from colorizers import devices
from colorizers.engine import make_engine
from colorizers.engine.jobs import JobRequest
from colorizers.methods.stable_diffusion.denoising import SamplerName
from colorizers.picture.photo import Photo
from colorizers.settings import get_settings

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.sd,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]
LARGEST = {"ddpm": 10, "euler-a": 10, "lcm": 10}  # mean difference of 255: noise at every step makes much of rounding
SMALL = {"steps": 4, "working_size": 256, "seed": 1, "start_from": "gray", "strength": 1}


@pytest.fixture
def pixels(
    tiny_models: Path, gray_photo: Photo, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., np.ndarray]]:
    """The pixels of a small run on a device, in a number format."""

    def run(device: str, dtype: str, tab: str = "img2img", **options: object) -> np.ndarray:
        monkeypatch.setattr(devices, "_single_only", set())
        monkeypatch.setenv("COLORIZERS_DEVICE", device)
        monkeypatch.setenv("COLORIZERS_DTYPE", dtype)
        get_settings.cache_clear()
        extra = {"estimator": "dpt"} if tab == "controlnet" else {}
        return make_engine().results(JobRequest(gray_photo, tab, SMALL | extra | options))[0].pixels().astype(int)

    with using_weights(tiny_models):
        yield run
    get_settings.cache_clear()


@pytest.mark.parametrize("sampler", get_args(SamplerName))
@pytest.mark.parametrize("tab", ["img2img", "controlnet"])
def test_half_precision_gives_about_the_picture_of_single(pixels: Callable[..., np.ndarray], tab: str, sampler: str):
    half, single = (pixels("cuda", dtype, tab, sampler=sampler) for dtype in ("float16", "float32"))
    assert np.abs(half - single).mean() < LARGEST.get(sampler, 3)


def test_a_gpu_gives_the_picture_of_the_cpu(pixels: Callable[..., np.ndarray]):
    there, here = (pixels(device, "float32") for device in ("cuda", "cpu"))
    assert np.abs(there - here).mean() < 1, "the noise comes from the CPU's generator"


def test_the_same_request_gives_the_same_pixels(pixels: Callable[..., np.ndarray]):
    assert np.array_equal(pixels("cuda", "float16"), pixels("cuda", "float16"))
