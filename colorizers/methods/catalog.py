"""The list of methods, in the order in which a stranger should try them."""

from collections.abc import Mapping

from colorizers.errors import ColorizerError
from colorizers.methods.method import Method
from colorizers.methods.unet import UNetMethod

METHODS: dict[str, Method] = {method.name: method for method in (UNetMethod(),)}


def find(methods: Mapping[str, Method], name: str) -> Method:
    """The method of this name; ColorizerError when there is none."""
    if name not in methods:
        raise ColorizerError(f"There is no method {name[:40]!r}; the methods are: {', '.join(methods)}.")
    return methods[name]
