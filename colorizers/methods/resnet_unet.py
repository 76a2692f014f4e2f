"""The U-Net on a ResNet-18: sure and soft colours, made livelier by the finish."""

from colorizers.methods.convolutional import Convolutional, ConvolutionalOptions
from colorizers.networks.resnet_unet import ResNetUNet
from colorizers.picture.finish import Finish

METHOD = Convolutional(
    name="resnet_unet",
    title="Soft",
    paper="ResNet-18, He et al. 2016, as a U-Net with a perceptual loss, Johnson et al. 2016",
    options=ConvolutionalOptions,
    networks={"lab": ResNetUNet},
    finish=Finish(saturation=1.5),
)
