"""Device and number format of a training run."""

import pytest
import torch

from colorizers.errors import ColorizerError
from colorizers.training.hardware import accelerator_for, check_device, device_label, precision_for

CPU = torch.device("cpu")


def test_training_on_mps_is_refused_and_not_done_on_the_cpu_in_silence():
    with pytest.raises(ColorizerError, match=r"^Training runs on CUDA or on the CPU, not on mps; add --device cpu\.$"):
        check_device(torch.device("mps"))
    for device in (CPU, torch.device("cuda:1")):
        check_device(device)


def test_the_cpu_trains_in_float32():
    assert precision_for(CPU) == "no"
    accelerator = accelerator_for(CPU)
    assert (accelerator.device, accelerator.mixed_precision) == (CPU, "no")
    assert str(device_label(accelerator)).startswith("CPU, 1 process of ")
