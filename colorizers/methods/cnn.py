"""The multi-path CNN, in which the whole photo guides the colour of every part, and two published classics."""

from typing import Literal

from colorizers.methods.convolutional import Convolutional, ConvolutionalOptions
from colorizers.methods.method import MethodInfo
from colorizers.methods.shared_options import flip, working_size
from colorizers.networks.cnn import CNN
from colorizers.networks.zhang import ECCV16, SIDE, SIGGRAPH17
from colorizers.options import control
from colorizers.words import Text

_PUBLISHED = {"eccv16": ECCV16, "siggraph17": SIGGRAPH17}


class CNNOptions(ConvolutionalOptions):
    """Options of the CNN tab."""

    weights: Literal["bins", "eccv16", "siggraph17"] = control("bins", key="cnn_network", advanced=True)
    working_size: int = working_size(more=Text("options.working_size.cnn"))
    flip: bool = flip(more=Text("options.flip.cnn"))


METHOD = Convolutional(
    info=MethodInfo(
        name="cnn",
        paper="Let there be Color!, Iizuka et al. 2016, with colour bins, Zhang et al. 2016",
        options=CNNOptions,
        quick=True,
        listening=("cnn/siggraph17",),
    ),
    networks={"bins": CNN, **_PUBLISHED},
    squares=dict.fromkeys(_PUBLISHED, SIDE),
)
