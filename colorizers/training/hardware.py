"""Device and number format of a training run."""

import os
from typing import Literal

import torch
from accelerate import Accelerator

from colorizers.devices import dtype_for
from colorizers.errors import ColorizerError
from colorizers.settings import get_settings

Precision = Literal["no", "bf16", "fp16"]
"""Mixed precision in the words of accelerate; `no` is float32."""


def check_device(device: torch.device) -> None:
    """Raise ColorizerError for a device on which training has not been tried."""
    if device.type not in ("cpu", "cuda"):
        raise ColorizerError(f"Training runs on CUDA or on the CPU, not on {device.type}; add --device cpu.")


def precision_for(device: torch.device) -> Precision:
    """Mixed precision on a device: that of COLORIZERS_DTYPE, else the best that the hardware computes natively.

    On CUDA bfloat16 from Ampere on, else float16 where it is sound; float32 on the CPU.
    """
    if device.type != "cuda":
        return "no"
    if get_settings().dtype == "auto" and torch.cuda.get_device_properties(device).major >= 8:
        return "bf16"
    names: dict[torch.dtype, Precision] = {torch.float32: "no", torch.bfloat16: "bf16", torch.float16: "fp16"}
    return names[dtype_for(device)]


def accelerator_for(device: torch.device) -> Accelerator:
    """accelerate on a device: in one process on exactly this one, in several on one GPU each."""
    if device.type == "cuda" and device.index is not None:
        torch.cuda.set_device(device)
    return Accelerator(cpu=device.type == "cpu", mixed_precision=precision_for(device))


def device_label(accelerator: Accelerator) -> str:
    """The device as a model card names it."""
    count = accelerator.num_processes
    if accelerator.device.type == "cuda":
        precision = {"no": "float32"}.get(accelerator.mixed_precision, accelerator.mixed_precision)
        return f"{count} x {torch.cuda.get_device_name(accelerator.device)}, {precision}"
    processes = f"{count} process" if count == 1 else f"{count} processes"
    return f"CPU, {processes} of {torch.get_num_threads()} threads, {os.cpu_count()} cores"
