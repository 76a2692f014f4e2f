"""The U-Nets: the fast default."""

from typing import Literal

from colorizers.methods.convolutional import Convolutional, ConvolutionalOptions
from colorizers.methods.method import MethodInfo
from colorizers.networks.efficientnet_unet import EfficientNetUNet, ListeningUNet
from colorizers.networks.unet import UNet
from colorizers.options import control


class UNetOptions(ConvolutionalOptions):
    """Options of the U-Net tab."""

    weights: Literal["efficientnet", "hints", "lab", "rgb"] = control("efficientnet", key="unet_network", advanced=True)


METHOD = Convolutional(
    info=MethodInfo(
        name="unet",
        paper="U-Net, Ronneberger et al. 2015, with colour bins, Zhang et al. 2016",
        options=UNetOptions,
        quick=True,
        listening=("unet/hints",),
    ),
    networks={
        "efficientnet": EfficientNetUNet,
        "hints": ListeningUNet,
        "lab": lambda: UNet("ab"),
        "rgb": lambda: UNet("rgb"),
    },
)
