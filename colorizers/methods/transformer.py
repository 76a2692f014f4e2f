"""Colour queries: a transformer decoder whose queries attend to the photo."""

from functools import partial
from typing import Literal

from colorizers.methods.convolutional import Convolutional, ConvolutionalOptions
from colorizers.methods.method import MethodInfo
from colorizers.methods.shared_options import flip, vividness, working_size
from colorizers.networks.ddcolor import LARGE, NEUTRAL, SIDE, TINY, DDColor
from colorizers.networks.transformer import ColorTransformer
from colorizers.options import control
from colorizers.words import Text

_PUBLISHED = {"ddcolor_tiny": TINY, "ddcolor_large": LARGE, "ddcolor_artistic": LARGE}


class TransformerOptions(ConvolutionalOptions):
    """Options of the transformer tab."""

    weights: Literal["small", "ddcolor_tiny", "ddcolor_large", "ddcolor_artistic"] = control(
        "small", key="transformer_network", advanced=True
    )
    vividness: float = vividness(NEUTRAL)
    working_size: int = working_size(more=Text("options.working_size.transformer"))
    flip: bool = flip(more=Text("options.flip.transformer"))


METHOD = Convolutional(
    info=MethodInfo(
        name="transformer",
        paper="DDColor, Kang et al. 2023",
        options=TransformerOptions,
        quick=True,
    ),
    networks={"small": ColorTransformer, **{name: partial(DDColor, config) for name, config in _PUBLISHED.items()}},
    squares=dict.fromkeys(_PUBLISHED, SIDE),
)
