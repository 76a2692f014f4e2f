"""The U-Net on a ResNet-18: soft colours, whose saturation the finish raises."""

from colorizers.methods.convolutional import Convolutional, UnmirroredOptions
from colorizers.methods.method import MethodInfo
from colorizers.networks.resnet_unet import ResNetUNet
from colorizers.picture.finish import Finish

METHOD = Convolutional(
    info=MethodInfo(
        name="resnet_unet",
        paper="ResNet-18, He et al. 2016, as a U-Net with a perceptual loss, Johnson et al. 2016",
        options=UnmirroredOptions,
        finish=Finish(saturation=1.2),
        quick=True,
    ),
    networks={"lab": ResNetUNet},
)
