"""The list of methods, in the order in which a stranger should try them."""

from colorizers.methods.method import Method
from colorizers.methods.unet import UNetMethod

METHODS: dict[str, Method] = {method.name: method for method in (UNetMethod(),)}
