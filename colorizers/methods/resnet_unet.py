"""The U-Net on a ResNet-18: soft colours, which stand more vividness than others."""

from colorizers.methods.convolutional import Convolutional, UnmirroredOptions
from colorizers.methods.method import MethodInfo
from colorizers.methods.shared_options import vividness
from colorizers.networks.resnet_unet import ResNetUNet


class ResNetUNetOptions(UnmirroredOptions):
    """Options of the U-Net on a ResNet-18."""

    vividness: float = vividness(0.8)


METHOD = Convolutional(
    info=MethodInfo(
        name="resnet_unet",
        paper="ResNet-18, He et al. 2016, as a U-Net with a perceptual loss, Johnson et al. 2016",
        options=ResNetUNetOptions,
        quick=True,
    ),
    networks={"lab": ResNetUNet},
)
