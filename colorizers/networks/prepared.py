"""Networks made ready to colour: what training needs of them and inference does not, is folded away.

A network that was prepared gives the colours that it gave before, sooner; it can no longer be trained or saved.
"""

import itertools
from collections.abc import Iterator

import torch
from torch import nn
from torch.nn.utils import remove_spectral_norm
from torch.nn.utils.fusion import fuse_conv_bn_eval

_NAMED = (
    ("conv1", "bn1"), ("conv2", "bn2"), ("conv3", "bn3"),  # of ResNets
    ("_conv_stem", "_bn0"), ("_expand_conv", "_bn0"), ("_depthwise_conv", "_bn1"), ("_project_conv", "_bn2"),
)  # fmt: skip
"""A convolution and the batch norm that alone receives its output, in modules that are not sequences."""


def prepared(network: nn.Module, device: torch.device) -> nn.Module:
    """The same network in eval mode, changed in place, for use on a device.

    Spectral norms are computed once, batch norms become part of the convolution before them, and on the CPU weights
    have the channels last, the order in which its convolutions compute.
    """
    network.eval()
    for module in list(network.modules()):
        if hasattr(module, "weight_u"):
            remove_spectral_norm(module)
    for module in list(network.modules()):
        for convolution, norm in list(_pairs(module)):
            folded = fuse_conv_bn_eval(module.get_submodule(convolution), module.get_submodule(norm))
            module.register_module(convolution, folded)
            module.register_module(norm, nn.Identity())
    return network.to(memory_format=torch.channels_last) if device.type == "cpu" else network


def _pairs(module: nn.Module) -> Iterator[tuple[str, str]]:
    """Names of the convolutions in a module that a batch norm follows, and of those."""
    parts = dict(module.named_children())
    for convolution, norm in itertools.pairwise(parts) if isinstance(module, nn.Sequential) else _NAMED:
        if isinstance(parts.get(convolution), nn.Conv2d) and isinstance(parts.get(norm), nn.BatchNorm2d):
            yield convolution, norm
