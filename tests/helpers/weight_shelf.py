"""The weights of one test: folders that are empty at first, and a store that looks into them."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from colorizers.errors import ColorizerError
from colorizers.methods.catalog import REGISTRY
from colorizers.weights.store import MANIFEST, WeightReader, WeightStore

KEY = "unet/lab"
SD, CONTROL = "stable_diffusion/sd15", "controlnet/depth"


class Shelf:
    """A store that a test may exchange for another, and the folders that it looks into: own, shipped and downloads."""

    def __init__(self, own: Path, shipped: Path, downloads: Path) -> None:
        self.own, self.shipped, self.downloads = own, shipped, downloads
        self.store = WeightStore(REGISTRY, (own, shipped), downloads)

    def use(self, store: WeightStore) -> WeightStore:
        """Exchange the store."""
        self.store = store
        return store

    def load(self, network: nn.Module, key: str = KEY) -> nn.Module:
        """The network, filled with the weights of a key."""
        return WeightReader(self.store).load_into(network, key)

    def refusal(self) -> str:
        """The sentence with which the weights of KEY are refused."""
        return sentence_of(self.load, network())


def network() -> nn.Module:
    """A network whose weights are always the same."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2))


def put(folder: Path, state: dict[str, torch.Tensor] | None = None, listed: bool = True) -> Path:
    """A weights file, and the manifest that names it."""
    path = folder / REGISTRY[KEY].file
    save_file(network().state_dict() if state is None else state, path)
    if listed:
        (folder / MANIFEST).write_text(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n")
    return path


def sentence_of(action: Callable[..., object], *given: object) -> str:
    """The sentence of a refusal."""
    with pytest.raises(ColorizerError) as caught:
        action(*given)
    sentence = str(caught.value)
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert len(sentence) < 400
    return sentence
