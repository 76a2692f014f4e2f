"""Colours worked out in several colour spaces at once, and merged."""

from colorizers.methods.convolutional import Convolutional, ConvolutionalOptions
from colorizers.networks.multicolor import MultiColorNetwork
from colorizers.picture.finish import Finish

METHOD = Convolutional(
    name="multicolor",
    title="Blended",
    paper="MultiColor: image colorization by learning from multiple color spaces, Du et al. 2024",
    options=ConvolutionalOptions,
    networks={"lab_hsv_yuv": MultiColorNetwork},
    finish=Finish(saturation=1.2),
)
