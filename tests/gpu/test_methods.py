"""The methods on CUDA: the colours of the CPU, the same ones every time, within the memory that there is."""

import numpy as np
import pytest
import torch
from skimage.color import deltaE_ciede2000, rgb2lab
from stored_results import METHOD_NAMES, result_of

from colorizers.engine import Engine, make_engine
from colorizers.engine.jobs import JobRequest
from colorizers.methods.catalog import METHODS
from colorizers.picture.photo import Photo
from colorizers.picture.result import Result
from colorizers.pool import ModelPool
from colorizers.settings import PROJECT, Settings
from colorizers.weights.registry import PUBLISHED

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]
CUDA = torch.device("cuda")
PHOTO = "astronaut_gray"
CHAOTIC = {"style": 3.0}  # mean dE: L-BFGS makes much of the last digits
LARGEST = 0.5  # mean dE of the others


@pytest.fixture(scope="module")
def gpu() -> Engine:
    return make_engine(settings=Settings(device="cuda"))


@pytest.fixture(scope="module")
def cpu() -> Engine:
    return make_engine(settings=Settings(device="cpu"))


def apart(one: Result, other: Result) -> float:
    """The mean CIEDE2000 between two results."""
    return float(deltaE_ciede2000(rgb2lab(one.pixels()), rgb2lab(other.pixels())).mean())


@pytest.mark.parametrize("method", METHOD_NAMES)
def test_a_gpu_gives_the_colours_of_the_cpu(gpu: Engine, cpu: Engine, method: str):
    there, here = result_of(gpu, method, PHOTO), result_of(cpu, method, PHOTO)
    assert apart(there, here) < CHAOTIC.get(method, LARGEST)
    assert there.record.weights == here.record.weights


@pytest.mark.parametrize("method", METHOD_NAMES)
def test_the_same_request_gives_the_same_pixels(gpu: Engine, method: str):
    assert np.array_equal(result_of(gpu, method, PHOTO).pixels(), result_of(gpu, method, PHOTO).pixels())


def test_a_model_that_is_offloaded_frees_the_gpu_and_comes_back_without_its_file():
    loads = []

    def load(key: str, device: torch.device, reader: object) -> torch.nn.Module:
        loads.append(key)
        return torch.nn.Linear(4096, 4096)

    size = 4 * (4096 * 4096 + 4096)
    pool = ModelPool({"block": load}, CUDA, budget=size, offload_budget=4 * size)
    with pool.lease("block/a") as leased:
        values = leased.model.weight.sum().item()
    before = torch.cuda.memory_allocated()
    with pool.lease("block/b"):
        assert torch.cuda.memory_allocated() <= before + size // 100, "one of the two is on the GPU"
    with pool.lease("block/a") as leased:
        assert leased.model.weight.device.type == "cuda"
        assert leased.model.weight.sum().item() == values
    assert loads == ["block/a", "block/b"]
    pool.clear()
    assert torch.cuda.memory_allocated() <= before - size


@pytest.fixture
def little_memory():
    """A GPU of which half a gigabyte may be used."""
    torch.cuda.empty_cache()
    total = torch.cuda.get_device_properties(CUDA).total_memory
    torch.cuda.set_per_process_memory_fraction(5e8 / total)
    yield
    torch.cuda.set_per_process_memory_fraction(1.0)


def test_out_of_memory_ends_in_a_smaller_size_or_in_words_and_the_next_job_runs(little_memory: None, cpu: Engine):
    engine = make_engine(settings=Settings(device="cuda", memory_budget_gb=0.2))
    large = Photo.open(PROJECT / "test_images" / "mountains_gray.jpg")
    (result,) = engine.results(JobRequest(large, "unet", {"working_size": 512}))
    assert result.record.options["working_size"] in (512, 256)
    assert apart(result_of(engine, "unet", PHOTO), result_of(cpu, "unet", PHOTO)) < LARGEST


def test_every_network_of_ours_can_be_made_where_it_will_stand():
    for name in METHOD_NAMES:
        for weights in METHODS[name].networks:
            if f"{name}/{weights}" not in PUBLISHED:
                network = METHODS[name].networks[weights]().to(CUDA)
                assert all(buffer.device.type == "cuda" for buffer in network.buffers())
