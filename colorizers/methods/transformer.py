"""Colour queries: a transformer decoder whose queries attend to the photo."""

from functools import partial
from typing import Literal

from colorizers.methods.convolutional import Convolutional, ConvolutionalOptions
from colorizers.methods.method import MethodInfo
from colorizers.methods.shared_options import flip, vividness, working_size
from colorizers.networks.ddcolor import LARGE, NEUTRAL, SIDE, TINY, DDColor
from colorizers.networks.transformer import ColorTransformer
from colorizers.options import control

_PUBLISHED = {"ddcolor_tiny": TINY, "ddcolor_large": LARGE, "ddcolor_artistic": LARGE}


class TransformerOptions(ConvolutionalOptions):
    """Options of the transformer tab."""

    weights: Literal["small", "ddcolor_tiny", "ddcolor_large", "ddcolor_artistic"] = control(
        "small",
        label="Network",
        labels={
            "small": "Small and fast",
            "ddcolor_tiny": "DDColor, lighter",
            "ddcolor_large": "DDColor, at its best",
            "ddcolor_artistic": "DDColor, trained on art too",
        },
        advanced=True,
        help="Our own small network, or one of those that were published with the paper.",
    )
    vividness: float = vividness(NEUTRAL)
    working_size: int = working_size(more=f"The DDColor networks always receive {SIDE} x {SIDE} pixels.")
    flip: bool = flip("The DDColor networks do without it.")


METHOD = Convolutional(
    info=MethodInfo(
        name="transformer",
        title="Transformer",
        purpose="colour queries",
        paper="DDColor, Kang et al. 2023",
        options=TransformerOptions,
    ),
    networks={"small": ColorTransformer, **{name: partial(DDColor, config) for name, config in _PUBLISHED.items()}},
    squares=dict.fromkeys(_PUBLISHED, SIDE),
)
