"""The registry of weights: what exists, where it is found, its hash, its licence, and strict loading."""

import functools
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import nn

from colorizers.errors import ColorizerError
from colorizers.settings import PROJECT, get_settings

SHIPPED_DIR = PROJECT / "weights"
MANIFEST = "SHA256SUMS"


@dataclass(frozen=True)
class Weights:
    """One entry of the registry; `key` is what a method leases, `file` is looked for in the weights folders."""

    key: str
    file: str
    licence: str


@dataclass(frozen=True)
class WeightsStatus:
    """Where an entry stands on this machine; `path` is None when it is not here."""

    weights: Weights
    path: Path | None
    megabytes: float
    sha256: str


_LICENCE = "Apache-2.0; trained on photographs for research, see the card"
_SHIPPED = ("unet/mobilenet", "unet/lab", "unet/rgb", "cnn/bins", "resnet_unet/lab", "gan/resnet", "gan/unet")
REGISTRY = {key: Weights(key, f"{key.replace('/', '_')}.safetensors", _LICENCE) for key in _SHIPPED}

_checkpoints: dict[str, Path] = {}
_loaded: dict[str, str] = {}


def keys_of(family: str) -> list[str]:
    """The keys whose first part is `family`: the weights of one method."""
    return [key for key in REGISTRY if key.partition("/")[0] == family]


def use_checkpoint(key: str, path: Path) -> None:
    """For this process, take the weights of `key` from a local file (the command line's --checkpoint)."""
    if not path.is_file():
        raise ColorizerError(f"There is no file {path}; give the path of a .safetensors or .pth file.")
    _checkpoints[key] = path


def find(key: str) -> Path | None:
    """The file of an entry: the command line's, then COLORIZERS_WEIGHTS_DIR, weights/ and the cache."""
    if key in _checkpoints:
        return _checkpoints[key]
    settings = get_settings()
    folders = (settings.weights_dir, SHIPPED_DIR, settings.cache_dir / "weights")
    paths = (folder / REGISTRY[key].file for folder in folders if folder is not None)
    return next((path for path in paths if path.is_file()), None)


def load_into(network: nn.Module, key: str) -> nn.Module:
    """Fill a network with the weights of `key`, strictly, after the file's hash has been checked.

    Raises ColorizerError when the file is not there, differs from its hash, or does not fit the network.
    """
    path = find(key)
    if path is None:
        raise ColorizerError(f"The weights {REGISTRY[key].file} are not here; put them into {SHIPPED_DIR.name}/.")
    _check_hash(path)
    state = read_state(path)
    _check_fit(network, state, path)
    network.load_state_dict(state)
    _loaded[key] = sha256(path)
    return network


def loaded_hashes(keys: list[str]) -> dict[str, str]:
    """The sha256 of the files that were loaded for keys; models that come without a weights file are left out."""
    return {key: _loaded[key] for key in keys if key in _loaded}


def read_state(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of a .safetensors file or of a published .pth; code in a pickle is never run."""
    try:
        if path.suffix == ".safetensors":
            return safetensors.torch.load_file(path)
        state: Any = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a broken file reaches every corner of the unpickler
        raise ColorizerError(f"{path.name} is damaged or holds more than tensors; get the file again.") from error
    if not isinstance(state, dict) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise ColorizerError(f"{path.name} is not a table of tensors; give the state dict of the network.")
    return state


def read_header(path: Path) -> dict[str, str]:
    """What a .safetensors file says of itself, by name: for ours, how it was trained."""
    try:
        with safetensors.safe_open(path, "pt") as file:
            return dict(file.metadata() or {})
    except (OSError, safetensors.SafetensorError) as error:
        raise ColorizerError(f"{path.name} is damaged or no .safetensors file; get the file again.") from error


@functools.lru_cache
def _digest(path: Path, size: int, changed: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256(path: Path) -> str:
    """The hash of a file, computed once as long as the file is not changed."""
    stat = path.stat()
    return _digest(path, stat.st_size, stat.st_mtime_ns)


def hashes(keys: list[str]) -> dict[str, str]:
    """The sha256 of the files behind keys; models that come without a weights file are left out."""
    paths = {key: find(key) for key in keys if key in REGISTRY}
    return {key: sha256(path) for key, path in paths.items() if path is not None}


def listing() -> list[WeightsStatus]:
    """The whole registry as it stands on this machine."""
    return [_status(entry) for entry in REGISTRY.values()]


def _status(entry: Weights) -> WeightsStatus:
    path = find(entry.key)
    if path is None:
        return WeightsStatus(entry, None, 0.0, "")
    return WeightsStatus(entry, path, path.stat().st_size / 2**20, sha256(path))


def _check_hash(path: Path) -> None:
    """Shipped files must be in the manifest beside them; a folder of the user's own may have one too."""
    manifest = path.parent / MANIFEST
    if not manifest.exists() and path.parent != SHIPPED_DIR:
        return
    lines = manifest.read_text().splitlines() if manifest.exists() else []
    if [sha256(path), path.name] not in [line.replace("*", "").split() for line in lines]:
        raise ColorizerError(f"{path.name} is not the file that {MANIFEST} names; get it again.")


def _check_fit(network: nn.Module, state: dict[str, torch.Tensor], path: Path) -> None:
    expected = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    found = {name: tuple(tensor.shape) for name, tensor in state.items()}
    wrong = {
        "missing": sorted(expected.keys() - found.keys()),
        "unknown": sorted(found.keys() - expected.keys()),
        "of another shape": sorted(n for n in expected.keys() & found.keys() if expected[n] != found[n]),
    }
    said = [
        f"{', '.join(names[:3])}{' ...' if len(names) > 3 else ''} {what}" for what, names in wrong.items() if names
    ]
    if said:
        raise ColorizerError(f"{path.name} does not fit this network: {'; '.join(said)}.")
