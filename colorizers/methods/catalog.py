"""All methods, in the order in which a newcomer should try them, and the weights that they can use."""

from collections.abc import Mapping

from colorizers.errors import ColorizerError
from colorizers.methods import adain, blend
from colorizers.methods.method import AnyMethod
from colorizers.methods.photo_methods import PHOTO_METHODS
from colorizers.methods.stable_diffusion import controlnet, img2img
from colorizers.methods.style import transfer
from colorizers.weights.registry import PUBLISHED, Weights, ours
from colorizers.words import Text

_FIRST = (
    PHOTO_METHODS["unet"],
    PHOTO_METHODS["diffusion"],
    adain.METHOD,
    transfer.METHOD,
    img2img.METHOD,
    controlnet.METHOD,
)
_LAST = (blend.METHOD,)
METHODS: dict[str, AnyMethod] = {method.info.name: method for method in (*_FIRST, *PHOTO_METHODS.values(), *_LAST)}
REGISTRY: dict[str, Weights] = {
    **{key: ours(key) for method in METHODS.values() for key in method.own_weights},
    **PUBLISHED,
}
"""Every entry of the registry by its key: our own, and those that others have published."""


def find(methods: Mapping[str, AnyMethod], name: str) -> AnyMethod:
    """The method of this name; ColorizerError when there is none."""
    if name not in methods:
        raise ColorizerError(Text("methods.unknown", name=name[:40], methods=tuple(methods)))
    return methods[name]
