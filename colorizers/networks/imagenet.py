"""ImageNet's normalisation of sRGB, which networks trained on it expect."""

import torch
from torch import Tensor, nn

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Normalization(nn.Module):
    """sRGB (..., 3, H, W) in [0, 1] to planes of about zero mean and unit spread.

    The statistics are buffers, so that they are copied to the device once, and are not part of the state dict.
    """

    mean: Tensor
    std: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(MEAN)[:, None, None], persistent=False)
        self.register_buffer("std", torch.tensor(STD)[:, None, None], persistent=False)

    def forward(self, pictures: Tensor) -> Tensor:
        return (pictures - self.mean) / self.std


def normalised(pictures: Tensor) -> Tensor:
    """As `Normalization`, without a module."""
    mean, std = _statistics(pictures)
    return (pictures - mean) / std


def denormalised(planes: Tensor) -> Tensor:
    """The inverse of `normalised`."""
    mean, std = _statistics(planes)
    return planes * std + mean


def _statistics(like: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation (3, 1, 1), on a tensor's device and in its number format."""
    return like.new_tensor(MEAN)[:, None, None], like.new_tensor(STD)[:, None, None]
