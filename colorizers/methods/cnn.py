"""The multi-path CNN: global features of the whole photo guide the colour of every part."""

from colorizers.methods.convolutional import Convolutional, ConvolutionalOptions
from colorizers.methods.method import MethodInfo
from colorizers.networks.cnn import CNN

METHOD = Convolutional(
    info=MethodInfo(
        name="cnn",
        paper="Let there be Color!, Iizuka et al. 2016, with colour bins, Zhang et al. 2016",
        options=ConvolutionalOptions,
        quick=True,
    ),
    networks={"bins": CNN},
)
