"""The U-Nets: the quick first look at a photo in colour."""

from typing import Literal

from colorizers.methods.convolutional import Convolutional, ConvolutionalOptions
from colorizers.networks.efficientnet_unet import EfficientNetUNet
from colorizers.networks.unet import UNet
from colorizers.options import control


class UNetOptions(ConvolutionalOptions):
    """Options of the U-Net tab."""

    weights: Literal["efficientnet", "lab", "rgb"] = control(
        "efficientnet",
        label="Network",
        words={"efficientnet": "Knows objects", "lab": "Plain", "rgb": "Plain, paints RGB"},
        advanced=True,
        help="A U-Net whose encoder has learnt objects before, or a plain one.",
    )


METHOD = Convolutional(
    name="unet",
    title="Quick",
    paper="U-Net, Ronneberger et al. 2015, with colour bins, Zhang et al. 2016",
    options=UNetOptions,
    networks={"efficientnet": EfficientNetUNet, "lab": lambda: UNet("ab"), "rgb": lambda: UNet("rgb")},
)
