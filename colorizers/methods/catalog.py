"""The list of methods, in the order in which a stranger should try them."""

from collections.abc import Mapping

from colorizers.errors import ColorizerError
from colorizers.methods import cnn, gan, resnet_unet, unet
from colorizers.methods.method import Method

METHODS: dict[str, Method] = {module.METHOD.name: module.METHOD for module in (unet, cnn, resnet_unet, gan)}


def find(methods: Mapping[str, Method], name: str) -> Method:
    """The method of this name; ColorizerError when there is none."""
    if name not in methods:
        raise ColorizerError(f"There is no method {name[:40]!r}; the methods are: {', '.join(methods)}.")
    return methods[name]
