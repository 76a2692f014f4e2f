"""Options that several methods share, so that they mean the same everywhere."""

from typing import Any

from colorizers.networks.heads import VIVIDNESS
from colorizers.options import control


def vividness(default: float = VIVIDNESS) -> Any:
    """The option `vividness`: each head defines its effect, see `colorizers.networks.heads`."""
    return control(default, low=0, high=1, step=0.05, help="Low: muted and safe. High: saturated and riskier.")


def working_size(default: int = 160, high: int = 512, more: str = "") -> Any:
    """The option `working_size`, with `more` at the end of its help."""
    help = f"Short side of the photo as the network receives it; larger is not always better. {more}".rstrip()
    return control(default, low=64, high=high, step=32, unit="px", advanced=True, help=help)


def faded_print() -> Any:
    """The option `faded_print`: see `Photo.network_lightness`."""
    return control(False, help="For a photo that has lost its contrast; the result keeps the photo's own tones.")


def flip(more: str = "") -> Any:
    """The option `flip`, with `more` at the end of its help."""
    help = f"Also colour the mirrored photo and average both results. {more}".rstrip()
    return control(True, label="Mirrored photo too", advanced=True, help=help)
