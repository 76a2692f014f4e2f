"""The statistics of ImageNet's sRGB: what networks trained on it, and some of ours, subtract and divide by."""

from torch import Tensor

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def normalised(pictures: Tensor) -> Tensor:
    """sRGB (..., 3, H, W) in [0, 1] as such networks take it, of about unit spread."""
    mean, std = _statistics(pictures)
    return (pictures - mean) / std


def denormalised(planes: Tensor) -> Tensor:
    """The inverse of `normalised`."""
    mean, std = _statistics(planes)
    return planes * std + mean


def _statistics(like: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation (3, 1, 1), of a tensor's kind."""
    return like.new_tensor(MEAN)[:, None, None], like.new_tensor(STD)[:, None, None]
