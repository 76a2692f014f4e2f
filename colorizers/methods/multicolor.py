"""Colours predicted in several colour spaces at once, and merged."""

from colorizers.methods.convolutional import Convolutional, UnmirroredOptions
from colorizers.methods.method import MethodInfo
from colorizers.networks.multicolor import MultiColorNetwork

METHOD = Convolutional(
    info=MethodInfo(
        name="multicolor",
        paper="MultiColor: image colorization by learning from multiple color spaces, Du et al. 2024",
        options=UnmirroredOptions,
        quick=True,
    ),
    networks={"lab_hsv_yuv": MultiColorNetwork},
)
