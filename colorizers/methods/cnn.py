"""The multi-path CNN: what the whole photo shows guides the colour of every part."""

from colorizers.methods.convolutional import Convolutional, ConvolutionalOptions
from colorizers.networks.cnn import CNN

METHOD = Convolutional(
    name="cnn",
    title="Whole scene",
    paper="Let there be Color!, Iizuka et al. 2016, with colour bins, Zhang et al. 2016",
    options=ConvolutionalOptions,
    networks={"bins": CNN},
)
