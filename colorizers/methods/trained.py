"""What every method with networks of its own has, whatever it does with them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import nn

from colorizers.options import Options
from colorizers.picture.finish import Finish
from colorizers.pool import Loader
from colorizers.weights.store import load_into


@dataclass(frozen=True)
class Trained:
    """All of `Method` but `run`.

    `networks` makes the network of each of its weights, by the last part of their keys. Options without `weights`
    mean the first.
    """

    name: str
    title: str
    paper: str
    options: type[Options]
    networks: Mapping[str, Callable[[], nn.Module]]
    finish: Finish = field(default_factory=Finish)
    stops_early: bool = False
    losses: tuple[str, ...] = ()
    libraries: tuple[str, ...] = ()
    heavy: bool = False
    shows_maps: bool = False

    @property
    def loaders(self) -> Mapping[str, Loader]:
        """As `Method.loaders`."""
        return {self.name: lambda key, device: load_into(self.networks[key.partition("/")[2]](), key)}

    def finish_for(self, options: Mapping[str, Any]) -> Finish:
        """As `Method.finish_for`: the same for all of them."""
        return self.finish

    def key(self, options: Any) -> str:
        """As `Method.key`."""
        return f"{self.name}/{getattr(options, 'weights', next(iter(self.networks)))}"

    def needs(self, options: Any) -> tuple[str, ...]:
        """As `Method.needs`."""
        return (self.key(options),)
