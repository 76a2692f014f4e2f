"""Networks that OpenVINO computes on the CPU, in 0.7 to 0.85 of torch's time, where it is installed."""

import importlib.util
import sys
import threading
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from colorizers.settings import get_settings

PAYS_AFTER = 100
"""Passes after which a conversion, which takes one to four seconds once, would about have paid for itself."""

_EXACT = "f32"  # on some processors the default is bfloat16, which moves colours by visible steps

_Compute = Callable[[Sequence[Tensor]], Tensor]


def can_convert(device: torch.device) -> bool:
    """Whether networks on this device shall be converted: on a CPU, where OpenVINO is installed and wanted."""
    installed = importlib.util.find_spec("openvino") is not None
    return device.type == "cpu" and installed and get_settings().runtime == "auto"


class Converted(nn.Module):
    """A network whose passes OpenVINO computes, once there were `PAYS_AFTER` of them; all else is the network's own.

    Inputs are planes (B, c, H, W) or codes (B, c), of which only the channels have to stay the same; there is one
    conversion for each number of them. `foreign_bytes` is the memory that the conversions hold besides.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.foreign_bytes = 0
        self._passes: dict[int, int] = {}
        self._computes: dict[int, _Compute] = {}
        self._lock = threading.Lock()

    def __getattr__(self, name: str) -> Any:
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(self.network, name)

    def forward(self, *planes: Tensor) -> Tensor:
        count = len(planes)
        with self._lock:
            self._passes[count] = self._passes.get(count, 0) + 1
            if self._passes[count] > PAYS_AFTER and count not in self._computes:
                self._computes[count] = _converted(self.network, planes)
                self.foreign_bytes += sum(each.nbytes for each in self.network.parameters())
            if count in self._computes:
                return self._computes[count](planes)
        output: Tensor = self.network(*planes)
        return output


def _converted(network: nn.Module, planes: Sequence[Tensor]) -> _Compute:
    """The pass of a network as OpenVINO computes it, with as many threads as torch has, for one caller at a time."""
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # each import would report to Intel
    import openvino

    examples = [torch.zeros(each.shape) for each in planes]
    shapes = [[-1, each.shape[1], *[-1] * (each.ndim - 2)] for each in planes]
    with torch.inference_mode(False), torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore", torch.jit.TracerWarning)
        # No second trace to compare: it differs when another thread sets one of torch's flags for the whole process.
        traced = torch.jit.trace(network, tuple(examples), strict=False, check_trace=False)
        model = openvino.convert_model(traced, input=shapes)
    wishes = {
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        "INFERENCE_PRECISION_HINT": _EXACT,
        "PERFORMANCE_HINT": "LATENCY",
    }
    request = openvino.Core().compile_model(model, "CPU", wishes).create_infer_request()

    def compute(planes: Sequence[Tensor]) -> Tensor:
        given = [each.contiguous().numpy() for each in planes]
        return torch.from_numpy(request.infer(given, share_inputs=True, share_outputs=False)[0])

    return compute
