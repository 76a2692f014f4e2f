"""Device and number format of a training run."""

import os
from typing import Literal

import torch
from accelerate import Accelerator

from colorizers.devices import dtype_for
from colorizers.errors import ColorizerError
from colorizers.settings import get_settings
from colorizers.words import Text

Precision = Literal["no", "bf16", "fp16"]
"""Mixed precision in the words of accelerate; `no` is float32."""


def check_device(device: torch.device) -> None:
    """Raise ColorizerError for a device on which training has not been tried."""
    if device.type not in ("cpu", "cuda"):
        raise ColorizerError(Text("training.device", device=device.type))


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


def device_label(accelerator: Accelerator) -> Text:
    """The device as a model card names it."""
    count = accelerator.num_processes
    if accelerator.device.type == "cuda":
        precision = {"no": "float32"}.get(accelerator.mixed_precision, accelerator.mixed_precision)
        name = torch.cuda.get_device_name(accelerator.device)
        return Text("training.gpus", count=count, name=name, precision=precision)
    threads, cores = torch.get_num_threads(), os.cpu_count()
    if count == 1:
        return Text("training.cpu", threads=threads, cores=cores)
    return Text("training.cpu-processes", count=count, threads=threads, cores=cores)
