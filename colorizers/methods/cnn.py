"""The multi-path CNN: what the whole photo shows guides the colour of every part."""

from colorizers.methods.convolutional import Convolutional, ConvolutionalOptions
from colorizers.methods.method import vividness
from colorizers.networks.cnn import CNN


class CNNOptions(ConvolutionalOptions):
    """Options of the CNN tab; less vivid, most of what it is unsure of is brown."""

    vividness: float = vividness(0.7)


METHOD = Convolutional(
    name="cnn",
    title="Whole scene",
    paper="Let there be Color!, Iizuka et al. 2016, with colour bins, Zhang et al. 2016",
    options=CNNOptions,
    networks={"bins": CNN},
)
