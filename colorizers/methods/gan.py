"""The GANs: U-Nets trained against a discriminator."""

from typing import Literal

from colorizers.methods.convolutional import Convolutional, ConvolutionalOptions
from colorizers.methods.method import MethodInfo
from colorizers.networks.resnet_unet import ResNetUNet
from colorizers.networks.unet import UNet
from colorizers.options import control


class GanOptions(ConvolutionalOptions):
    """Options of the GAN tab."""

    weights: Literal["resnet", "unet"] = control("resnet", key="gan_network", advanced=True)


METHOD = Convolutional(
    info=MethodInfo(
        name="gan",
        paper="Image-to-image translation with conditional adversarial networks, Isola et al. 2017",
        options=GanOptions,
        quick=True,
    ),
    networks={"resnet": ResNetUNet, "unet": lambda: UNet("ab")},
)
