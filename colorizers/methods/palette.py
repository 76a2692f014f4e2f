"""The colours of a reference by statistics alone, without a network."""

import torch
from torch import Tensor

_BANDS = 16
_MOST_SPREAD = 3.0  # times what the bands give


def palette_transfer(lightness: Tensor, reference: Tensor) -> Tensor:
    """L* (h, w) and a reference as Lab (3, H, W) to ab (2, h, w) with the reference's mean and standard deviation.

    Every tone gets the mean ab of the reference's pixels of equal rank in lightness (Welsh, Ashikhmin, Mueller 2002,
    by bands), and then the whole the reference's mean and standard deviation of ab (Reinhard et al. 2001).
    """
    order = reference[0].flatten().argsort()
    bands = torch.stack([part.mean(1) for part in reference[1:].flatten(1)[:, order].chunk(_BANDS, dim=1)], dim=1)
    ranks = torch.searchsorted(lightness.flatten().sort().values, lightness) / lightness.numel()
    place = (ranks * bands.shape[1] - 0.5).clamp(0, bands.shape[1] - 1)
    low = place.floor().long().clamp(max=bands.shape[1] - 2)
    ab = torch.lerp(bands[:, low], bands[:, low + 1], place - low)
    spread, mean = (each[:, None, None] for each in torch.std_mean(ab.flatten(1), 1, correction=0))
    wanted, center = (each[:, None, None] for each in torch.std_mean(reference[1:].flatten(1), 1, correction=0))
    return center + (ab - mean) * (wanted / spread.clamp(min=1e-3)).clamp(max=_MOST_SPREAD)
