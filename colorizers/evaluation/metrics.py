"""Colour metrics on batches of pictures, one number per picture unless stated otherwise.

RGB is (B, 3, H, W) in [0, 1], Lab is (B, 3, H, W). Definitions follow the papers named.
"""

import math

import torch
from torch import Tensor

SSIM_WINDOW = 11  # pixels
_GRAY_CHROMA = 4.0  # Lab units
_SEVENTH_POWER_OF_25 = 25.0**7


def colorfulness(rgb: Tensor) -> Tensor:
    """Signed colourfulness M3 (B,) of Hasler and Suesstrunk (2003): about 15 is slightly, 45 averagely colourful."""
    return _m3(*_opponents(rgb))


def colorfulness_ddcolor(rgb: Tensor) -> Tensor:
    """Colourfulness (B,) as in DDColor's script: M3 of the absolute opponent values, lower than the signed one."""
    rg, yb = _opponents(rgb)
    return _m3(rg.abs(), yb.abs())


def _opponents(rgb: Tensor) -> tuple[Tensor, Tensor]:
    """Opponent values (B, H * W): red minus green, and yellow minus blue, on the scale 0 to 255."""
    red, green, blue = (rgb * 255).flatten(2).unbind(1)
    return red - green, 0.5 * (red + green) - blue


def _m3(rg: Tensor, yb: Tensor) -> Tensor:
    spread = rg.var(1, correction=0) + yb.var(1, correction=0)
    offset = rg.mean(1) ** 2 + yb.mean(1) ** 2
    return _root(spread) + 0.3 * _root(offset)


def _root(square: Tensor) -> Tensor:
    """The square root with a finite gradient at zero."""
    return square.clamp(min=1e-12).sqrt()


def ab_rmse(lab: Tensor, truth: Tensor) -> Tensor:
    """Root mean square error (B,) of a* and b* in Lab units, over pixels and both channels.

    That is the root mean square distance in the ab plane, divided by sqrt(2).
    """
    return (lab - truth)[:, 1:].pow(2).flatten(1).mean(1).sqrt()


def diversity(lab: Tensor) -> Tensor:
    """Diversity () of at least two variants (B, 3, H, W) of one picture: the mean `ab_rmse` of their pairs."""
    first, second = torch.combinations(torch.arange(len(lab))).unbind(1)
    return ab_rmse(lab[first], lab[second]).mean()


def ab_statistics(lab: Tensor) -> Tensor:
    """Statistics (B, 2, 2): the means of a* and b*, and their standard deviations over the pixels."""
    ab = lab[:, 1:].flatten(2)
    return torch.stack((ab.mean(2), ab.std(2, correction=0)), dim=1)


def moved(start: Tensor, end: Tensor, goal: Tensor) -> Tensor:
    """The share (S,) of the way from start to goal that each statistic of (B, S, 2) went; 1 is all of it.

    It is the least-squares slope through zero of end - start over goal - start, over all pictures and a* and b*, so
    that long ways weigh more. NaN if every start is its goal.
    """
    way = goal - start
    return ((end - start) * way).sum((0, 2)) / way.pow(2).sum((0, 2))


def psnr(rgb: Tensor, truth: Tensor) -> Tensor:
    """Peak signal-to-noise ratio (B,) in dB on RGB, capped at 99."""
    error = (rgb - truth).pow(2).flatten(1).mean(1)
    return (-10 * error.clamp(min=1e-12).log10()).clamp(max=99)


def ssim(rgb: Tensor, truth: Tensor) -> Tensor:
    """Structural similarity (B,) on RGB, the mean of the channels: Wang et al. (2004), Gaussian window of 11 pixels.

    The truth may be one picture (1, 3, H, W) for all. Sides are at least SSIM_WINDOW pixels. Gray pictures
    score high: it is hardly sensitive to colour.
    """
    from torchmetrics.functional.image.ssim import structural_similarity_index_measure as similarity

    pairs = zip(rgb.split(1), truth.expand_as(rgb).split(1), strict=True)
    # One at a time is faster: its temporary tensors stay in the processor's cache.
    return torch.stack([similarity(one, other, data_range=1.0) for one, other in pairs])


def lightness_error(lab: Tensor, truth: Tensor) -> Tensor:
    """Mean absolute difference (B,) in L*."""
    return (lab - truth)[:, 0].abs().flatten(1).mean(1)


def gray_fraction(lab: Tensor) -> Tensor:
    """The share (B,) of pixels that look gray: chroma below 4 Lab units."""
    return (torch.hypot(lab[:, 1], lab[:, 2]) < _GRAY_CHROMA).float().flatten(1).mean(1)


def _hue(a: Tensor, b: Tensor) -> Tensor:
    """Hue angle in radians, in [0, 2 pi)."""
    return torch.atan2(b, a) % (2 * math.pi)


def ciede2000(lab: Tensor, truth: Tensor) -> Tensor:
    """CIEDE2000 colour difference per pixel (B, H, W).

    Sharma, Wu, Dalal, "The CIEDE2000 Color-Difference Formula" (2005); k_L = k_C = k_H = 1.
    """
    (l1, a1, b1), (l2, a2, b2) = lab.unbind(1), truth.unbind(1)
    mean_chroma7 = ((torch.hypot(a1, b1) + torch.hypot(a2, b2)) / 2) ** 7
    g = 0.5 * (1 - (mean_chroma7 / (mean_chroma7 + _SEVENTH_POWER_OF_25)).sqrt())
    a1, a2 = a1 * (1 + g), a2 * (1 + g)
    c1, c2 = torch.hypot(a1, b1), torch.hypot(a2, b2)
    h1, h2 = _hue(a1, b1), _hue(a2, b2)
    gray = c1 * c2 == 0

    turn = (h2 - h1 + math.pi) % (2 * math.pi) - math.pi
    delta_h = torch.where(gray, 0.0, 2 * (c1 * c2).sqrt() * torch.sin(turn / 2))
    sum_h = h1 + h2
    far = (h1 - h2).abs() > math.pi
    mean_h = torch.where(far, sum_h + torch.where(sum_h < 2 * math.pi, 2, -2) * math.pi, sum_h) / 2
    mean_h = torch.where(gray, sum_h, mean_h)
    mean_l, mean_c = (l1 + l2) / 2, (c1 + c2) / 2

    degrees = math.pi / 180
    t = (
        1
        - 0.17 * torch.cos(mean_h - 30 * degrees)
        + 0.24 * torch.cos(2 * mean_h)
        + 0.32 * torch.cos(3 * mean_h + 6 * degrees)
        - 0.20 * torch.cos(4 * mean_h - 63 * degrees)
    )
    s_l = 1 + 0.015 * (mean_l - 50) ** 2 / (20 + (mean_l - 50) ** 2).sqrt()
    s_c, s_h = 1 + 0.045 * mean_c, 1 + 0.015 * mean_c * t
    rotation = 2 * (mean_c**7 / (mean_c**7 + _SEVENTH_POWER_OF_25)).sqrt()
    angle = 60 * degrees * torch.exp(-(((mean_h / degrees - 275) / 25) ** 2))
    dl, dc, dh = (l2 - l1) / s_l, (c2 - c1) / s_c, delta_h / s_h
    return (dl**2 + dc**2 + dh**2 - torch.sin(angle) * rotation * dc * dh).clamp(min=0).sqrt()
