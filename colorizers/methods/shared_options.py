"""Options that several methods share, so that they mean the same everywhere."""

from typing import Any

from colorizers.networks.heads import VIVIDNESS
from colorizers.options import control
from colorizers.words import Text


def vividness(default: float = VIVIDNESS) -> Any:
    """The option `vividness`: each head defines its effect, see `colorizers.networks.heads`."""
    return control(default, low=0, high=1, step=0.05)


def working_size(default: int = 160, high: int = 512, more: Text | None = None) -> Any:
    """The option `working_size`, with `more` at the end of its help."""
    help = _with_more(Text("options.working_size.help"), more)
    return control(default, low=64, high=high, step=32, unit="px", advanced=True, help=help)


def faded_print() -> Any:
    """The option `faded_print`: see `Photo.network_lightness`."""
    return control(False)


def flip(default: bool = True, more: Text | None = None) -> Any:
    """The option `flip`, with `more` at the end of its help."""
    return control(default, advanced=True, help=_with_more(Text("options.flip.help"), more))


def _with_more(help: Text, more: Text | None) -> Text:
    return help if more is None else Text("options.with-more", help=help, more=more)
