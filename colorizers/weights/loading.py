"""Files of weights: read without running code, and fitted strictly into a network."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import nn

from colorizers.assets import is_pointer
from colorizers.devices import is_out_of_memory
from colorizers.errors import ColorizerError
from colorizers.words import Text, clauses

_COUNT = "num_batches_tracked"  # of batch norms; old files lack it, and torch fills it in
_PARTS = ("params", "model")  # names under which published files hold their tensors
_NAMED_AT_MOST = 3  # tensors in a sentence


def check_fetched(path: Path) -> None:
    """Raise ColorizerError when Git LFS has left a pointer in the place of weights."""
    with path.open("rb") as file:
        if is_pointer(file.read(99)):
            raise ColorizerError(Text("weights.pointer", name=path.name))


def read_state(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of a .safetensors file or of a published .pth, alone or as one of `_PARTS`; code is never run."""
    check_fetched(path)
    try:
        if path.suffix == ".safetensors":
            return safetensors.torch.load_file(path)
        state: Any = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a broken file reaches every corner of the unpickler
        if is_out_of_memory(error):
            raise
        raise ColorizerError(Text("weights.not-tensors", name=path.name)) from error
    if isinstance(state, dict):
        state = next((state[part] for part in _PARTS if isinstance(state.get(part), dict)), state)
    if not isinstance(state, dict) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise ColorizerError(Text("weights.not-a-table", name=path.name))
    return state


def read_header(path: Path) -> dict[str, str]:
    """The metadata of a .safetensors file, by name: for ours, how it was trained."""
    try:
        with safetensors.safe_open(path, "pt") as file:
            return dict(file.metadata() or {})
    except (OSError, safetensors.SafetensorError) as error:
        raise ColorizerError(Text("weights.not-safetensors", name=path.name)) from error


def check_fit(network: nn.Module, state: dict[str, torch.Tensor], path: Path) -> None:
    """Raise ColorizerError unless the tensors are those of the network, by name and by shape."""
    expected = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    found = {name: tuple(tensor.shape) for name, tensor in state.items()}
    problems = []
    if missing := [name for name in expected.keys() - found.keys() if not name.endswith(_COUNT)]:
        problems.append(Text("weights.tensors-missing", names=_some(missing)))
    if unknown := found.keys() - expected.keys():
        problems.append(Text("weights.tensors-unknown", names=_some(unknown)))
    if other := [name for name in expected.keys() & found.keys() if expected[name] != found[name]]:
        problems.append(Text("weights.tensors-of-another-shape", names=_some(other)))
    if problems:
        raise ColorizerError(Text("weights.does-not-fit", name=path.name, problems=clauses(problems)))


def _some(names: Collection[str]) -> Sequence[str] | Text:
    """The first names in order, and dots for the rest."""
    first = sorted(names)[:_NAMED_AT_MOST]
    return first if len(names) <= _NAMED_AT_MOST else Text("weights.and-more", names=first)
