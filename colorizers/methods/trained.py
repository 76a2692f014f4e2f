"""The part that all methods with networks of our own share."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from colorizers.methods.converted import Converted, can_convert
from colorizers.methods.method import MethodInfo
from colorizers.networks.prepared import prepared
from colorizers.pool import Loader
from colorizers.weights.registry import PUBLISHED
from colorizers.weights.store import WeightReader, WeightStore


@dataclass(frozen=True)
class Trained:
    """All of `Method` but `run`.

    `networks` makes the network of each of its weights, by the last part of their keys. Options without `weights`
    mean the first.
    """

    info: MethodInfo
    networks: Mapping[str, Callable[[], nn.Module]]

    @property
    def loaders(self) -> Mapping[str, Loader]:
        """As `Method.loaders`."""
        return {self.info.name: self._load}

    @property
    def own_weights(self) -> tuple[str, ...]:
        """As `Method.own_weights`: all that nobody else has published."""
        keys = (f"{self.info.name}/{name}" for name in self.networks)
        return tuple(key for key in keys if key not in PUBLISHED)

    def key(self, options: Any) -> str:
        """As `Method.key`."""
        return f"{self.info.name}/{getattr(options, 'weights', next(iter(self.networks)))}"

    def converts(self, key: str) -> bool:
        """Whether `Converted` computes the network of these weights sooner: tensors go in, and one comes out."""
        return False

    def needs(self, options: Any, store: WeightStore) -> tuple[str, ...]:
        """As `Method.needs`."""
        return (self.key(options),)

    def _load(self, key: str, device: torch.device, reader: WeightReader) -> nn.Module:
        network = prepared(reader.load_into(self.networks[key.partition("/")[2]](), key), device)
        return Converted(network) if self.converts(key) and can_convert(device) else network
