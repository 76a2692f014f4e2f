"""Networks made ready to colour: what training needs of them and inference does not, is folded away.

A network that was prepared gives the colours that it gave before, sooner; it can no longer be trained or saved.
"""

import itertools

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
        _fold_norms(module)
    if device.type == "cpu":
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network


def _fold_norms(module: nn.Module) -> None:
    """Replace the convolutions that stand in a module itself and that a batch norm follows."""
    parts = dict(module.named_children())
    for first, second in itertools.pairwise(parts) if isinstance(module, nn.Sequential) else _NAMED:
        convolution, norm = parts.get(first), parts.get(second)
        if isinstance(convolution, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
            module.register_module(first, fuse_conv_bn_eval(convolution, norm))
            module.register_module(second, nn.Identity())
