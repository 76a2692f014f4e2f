"""The U-Nets: the quick first look at a photo in colour."""

from typing import Literal

from colorizers.methods.convolutional import Convolutional, ConvolutionalOptions
from colorizers.networks.mobilenet_unet import MobileNetUNet
from colorizers.networks.unet import UNet
from colorizers.options import control


class UNetOptions(ConvolutionalOptions):
    """Options of the U-Net tab."""

    weights: Literal["mobilenet", "lab", "rgb"] = control(
        "mobilenet",
        label="Network",
        words={"mobilenet": "Knows objects", "lab": "Plain", "rgb": "Plain, paints RGB"},
        advanced=True,
        help="A U-Net whose encoder has learnt objects before, or a plain one.",
    )


METHOD = Convolutional(
    name="unet",
    title="Quick",
    paper="U-Net, Ronneberger et al. 2015, with colour bins, Zhang et al. 2016",
    options=UNetOptions,
    networks={"mobilenet": MobileNetUNet, "lab": lambda: UNet("ab"), "rgb": lambda: UNet("rgb")},
)
