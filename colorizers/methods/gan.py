"""The GANs: U-Nets trained against a discriminator."""

from typing import Literal

from colorizers.methods.convolutional import Convolutional, ConvolutionalOptions
from colorizers.methods.method import MethodInfo
from colorizers.networks.resnet_unet import ResNetUNet
from colorizers.networks.unet import UNet
from colorizers.options import control


class GanOptions(ConvolutionalOptions):
    """Options of the GAN tab."""

    weights: Literal["resnet", "unet"] = control(
        "resnet",
        label="Network",
        labels={"resnet": "Pretrained encoder", "unet": "From scratch"},
        advanced=True,
        help="With an encoder that was pretrained to recognise objects, or trained from scratch.",
    )


METHOD = Convolutional(
    info=MethodInfo(
        name="gan",
        title="GAN",
        purpose="bold colours",
        paper="Image-to-image translation with conditional adversarial networks, Isola et al. 2017",
        options=GanOptions,
    ),
    networks={"resnet": ResNetUNet, "unet": lambda: UNet("ab")},
)
