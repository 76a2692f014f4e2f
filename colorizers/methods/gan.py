"""The GANs: colours that had to pass for real ones."""

from typing import Literal

from colorizers.methods.convolutional import Convolutional, ConvolutionalOptions
from colorizers.networks.resnet_unet import ResNetUNet
from colorizers.networks.unet import UNet
from colorizers.options import control


class GanOptions(ConvolutionalOptions):
    """Options of the GAN tab."""

    weights: Literal["resnet", "unet"] = control(
        "resnet",
        label="Network",
        words={"resnet": "Knows objects", "unet": "Plain"},
        advanced=True,
        help="A U-Net whose encoder has learnt objects before, or a plain one.",
    )


METHOD = Convolutional(
    name="gan",
    title="Bold",
    paper="Image-to-image translation with conditional adversarial networks, Isola et al. 2017",
    options=GanOptions,
    networks={"resnet": ResNetUNet, "unet": lambda: UNet("ab")},
)
