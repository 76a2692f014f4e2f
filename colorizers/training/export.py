"""Export of weights as fp16 safetensors with their provenance in the header."""

from pathlib import Path

from safetensors.torch import save_file
from torch import nn


def export(network: nn.Module, path: Path, provenance: dict[str, str]) -> None:
    """Write the state dict atomically: an interrupted process leaves the old file or the new one."""
    state = network.state_dict()
    half = {
        name: (value.half() if value.is_floating_point() else value).cpu().contiguous() for name, value in state.items()
    }
    partial = path.with_suffix(".partial")
    save_file(half, partial, metadata=provenance)
    partial.replace(path)
