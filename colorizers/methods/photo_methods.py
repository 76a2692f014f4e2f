"""The methods that need nothing but the photo; others can start from their colours. A new one is one line here."""

from colorizers.methods import cnn, diffusion, gan, multicolor, resnet_unet, transformer, unet
from colorizers.methods.method import AnyMethod

_METHODS: tuple[AnyMethod, ...] = (
    unet.METHOD,
    diffusion.METHOD,
    transformer.METHOD,
    resnet_unet.METHOD,
    gan.METHOD,
    multicolor.METHOD,
    cnn.METHOD,
)
PHOTO_METHODS: dict[str, AnyMethod] = {method.info.name: method for method in _METHODS}
