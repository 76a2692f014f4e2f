"""The list of methods, in the order in which a stranger should try them."""

from collections.abc import Mapping

from colorizers.errors import ColorizerError
from colorizers.methods import adain, cnn, diffusion, gan, multicolor, resnet_unet, transformer, unet
from colorizers.methods.method import Method
from colorizers.methods.stable_diffusion import controlnet, img2img
from colorizers.methods.style import transfer as style

_MODULES = (
    unet,
    diffusion,
    adain,
    style,
    img2img,
    controlnet,
    transformer,
    resnet_unet,
    gan,
    multicolor,
    cnn,
)
METHODS: dict[str, Method] = {module.METHOD.name: module.METHOD for module in _MODULES}


def find(methods: Mapping[str, Method], name: str) -> Method:
    """The method of this name; ColorizerError when there is none."""
    if name not in methods:
        raise ColorizerError(f"There is no method {name[:40]!r}; the methods are: {', '.join(methods)}.")
    return methods[name]
