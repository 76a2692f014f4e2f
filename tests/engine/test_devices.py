"""What is known of devices: their names, their number formats, their limits, and how each says that memory ran out."""

from pathlib import Path

import numpy as np
import psutil
import pytest
import torch
from pydantic import ValidationError

from colorizers import devices
from colorizers.devices import (
    dtype_for,
    find_device,
    free_bytes,
    has_broken_half,
    is_out_of_memory,
    memory_limit,
    multiplies_in_bfloat16,
    use_single,
)
from colorizers.errors import ColorizerError
from colorizers.settings import Settings, get_settings
from colorizers.words import Text

CPU = torch.device("cpu")
NO_CUDA = pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device here")


@pytest.fixture
def asking_for(monkeypatch: pytest.MonkeyPatch):
    """Settings that ask for a number format, and a process to which no device has given NaN yet."""
    monkeypatch.setattr(devices, "_single_only", set())

    def ask(dtype: str) -> None:
        monkeypatch.setenv("COLORIZERS_DTYPE", dtype)
        get_settings.cache_clear()

    yield ask
    get_settings.cache_clear()
    multiplies_in_bfloat16.cache_clear()


# Devices


def test_the_cpu_is_always_there():
    assert find_device("cpu") == CPU
    assert find_device("auto").type in ("cpu", "cuda", "mps")


@NO_CUDA
@pytest.mark.parametrize("wanted", ["cuda", "cuda:1"])
def test_a_device_that_is_not_here_is_named_in_one_sentence(wanted: str):
    with pytest.raises(
        ColorizerError, match=f"^There is no device {wanted} here; set COLORIZERS_DEVICE to auto or cpu.$"
    ):
        find_device(wanted)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_each_cuda_device_can_be_chosen_by_its_number():
    there = torch.cuda.device_count()
    assert find_device(f"cuda:{there - 1}") == torch.device("cuda", there - 1)
    with pytest.raises(ColorizerError, match=f"a number below {there}"):
        find_device(f"cuda:{there}")
    assert 0 < free_bytes(torch.device("cuda")) <= torch.cuda.get_device_properties(0).total_memory


@pytest.mark.parametrize("named", ["auto", "cpu", "mps", "cuda", "cuda:0", "cuda:11"])
def test_a_setting_names_a_device_and_its_number(named: str):
    assert Settings(device=named).device == named


@pytest.mark.parametrize("named", ["gpu", "cuda:", "cuda:-1", "cpu:0", "CUDA"])
def test_a_setting_that_names_no_device_is_refused(named: str):
    with pytest.raises(ValidationError):
        Settings(device=named)


# Number formats


@pytest.mark.parametrize(
    ("instructions", "dtype"),
    [({"avx512_bf16": True}, torch.bfloat16), ({"amx_bf16": True, "avx512_bf16": False}, torch.bfloat16),
     ({"avx2": True, "avx512_bf16": False}, torch.float32), ({}, torch.float32)],
)  # fmt: skip
def test_a_cpu_computes_in_bfloat16_where_it_has_instructions_for_it(
    asking_for, monkeypatch: pytest.MonkeyPatch, instructions: dict[str, bool], dtype: torch.dtype
):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: instructions)
    multiplies_in_bfloat16.cache_clear()
    asking_for("auto")
    assert dtype_for(CPU) == dtype
    asking_for("float32")
    assert dtype_for(CPU) == torch.float32
    asking_for("bfloat16")
    assert dtype_for(CPU) == torch.bfloat16


def test_a_device_that_gave_nan_computes_in_single_precision_from_then_on(asking_for):
    asking_for("float16")
    assert use_single(CPU)
    assert dtype_for(CPU) == torch.float32
    assert not use_single(CPU), "there is nothing left to try"


@pytest.mark.parametrize(
    "name", ["NVIDIA GeForce GTX 1650", "NVIDIA GeForce GTX 1660 SUPER", "Quadro T1000", "NVIDIA T600 Laptop GPU",
             "NVIDIA GeForce MX450", "NVIDIA CMP 30HX"],
)  # fmt: skip
def test_cards_whose_half_precision_gives_nan_are_known(name: str):
    assert has_broken_half(name)


@pytest.mark.parametrize(
    "name", ["NVIDIA GeForce RTX 2060", "Tesla T4", "NVIDIA GeForce GTX 1060 6GB", "Quadro RTX 5000", "NVIDIA H100",
             "NVIDIA RTX 2000 Ada Generation", "NVIDIA GeForce RTX 4060"],
)  # fmt: skip
def test_others_are_not_taken_for_them(name: str):
    assert not has_broken_half(name)


# Limits


def test_the_limit_is_the_machines_or_the_containers_whichever_is_less(tmp_path: Path):
    machine = psutil.virtual_memory().total
    assert memory_limit(tmp_path) == machine, "no container"
    (tmp_path / "memory.max").write_text("max\n")
    assert memory_limit(tmp_path) == machine, "one without a limit"
    (tmp_path / "memory.max").write_text("1000000000\n")
    assert memory_limit(tmp_path) == min(machine, 10**9)


def test_in_a_container_what_is_free_is_what_its_limit_leaves(tmp_path: Path):
    (tmp_path / "memory.max").write_text("1000000000\n")
    (tmp_path / "memory.current").write_text("900000000\n")
    (tmp_path / "memory.stat").write_text("anon 500000000\ninactive_file 300000000\n")
    assert devices._free_in_main_memory(tmp_path) == 400_000_000, "files that the kernel keeps are given back"


def test_an_older_container_says_it_in_other_files(tmp_path: Path):
    (tmp_path / "memory").mkdir()
    (tmp_path / "memory" / "memory.limit_in_bytes").write_text("1000000000\n")
    (tmp_path / "memory" / "memory.usage_in_bytes").write_text("900000000\n")
    (tmp_path / "memory" / "memory.stat").write_text("inactive_file 1\ntotal_inactive_file 100000000\n")
    assert memory_limit(tmp_path) == 10**9
    assert devices._free_in_main_memory(tmp_path) == 200_000_000


def test_something_is_free_here():
    assert 0 < free_bytes(CPU) <= memory_limit()


# Out of memory


@pytest.mark.parametrize("ask", [lambda: torch.empty(10**17), lambda: np.ones(10**17)], ids=["torch", "numpy"])
def test_what_a_cpu_says_when_memory_runs_out_is_known(ask):
    with pytest.raises((RuntimeError, MemoryError)) as raised:
        ask()
    assert is_out_of_memory(raised.value)


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
        torch.AcceleratorError("CUDA error: out of memory"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
        RuntimeError("MPS backend out of memory (MPS allocated: 8.00 GB, max allowed: 9.07 GB)."),
        MemoryError(),
    ],
    ids=lambda error: str(error)[:20],
)
def test_what_other_devices_say_is_known_too(error: Exception):
    assert is_out_of_memory(error)


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("CUDA error: device-side assert triggered"),
        ValueError("out of memory"),
        ColorizerError(Text("engine.too-little-memory")),
    ],
)
def test_other_errors_are_not_taken_for_it(error: Exception):
    assert not is_out_of_memory(error)
