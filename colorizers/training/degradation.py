"""Degradation of luminance as in scans of old prints, so that networks are robust to them.

All functions act on batches of L* (B, 1, H, W) in [0, 100] on their device; ab is never changed.

Blur and JPEG are not kornia's: for 32 crops of 96 px on one CPU core `gaussian_blur2d` took 2.4 ms and the blur here
1.7, `jpeg_codec_differentiable` 38 ms and the JPEG here 3.7, with half the mean error against Pillow's JPEG.
"""

import functools
import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import conv2d, fold, pad, unfold

from colorizers.training.print_defects import dusty, halftoned, scratched, smooth_noise

Change = Callable[[Tensor, Tensor, torch.Generator], Tensor]
"""L* (B, 1, H, W), an amount (B, 1, 1, 1) in [0, 1] and a generator to the changed L*."""

DEGRADED_SHARE = 0.5  # of a batch
GAMMA = 1.4
MAX_GRAIN = 6.0  # standard deviation in L*
MAX_BLUR = 1.0  # standard deviation in pixels
JPEG_QUALITY = (40, 95)

# Luminance quantisation table of the JPEG standard, ITU-T T.81 annex K.1, row by row.
_QUANTISATION = (
    (16, 11, 10, 16, 24, 40, 51, 61), (12, 12, 14, 19, 26, 58, 60, 55), (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62), (18, 22, 37, 56, 68, 109, 103, 77), (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101), (72, 92, 95, 98, 112, 100, 103, 99),
)  # fmt: skip


def degraded(lightness: Tensor, random: torch.Generator) -> Tensor:
    """A batch of which a random half looks like scans of old prints; each change has a random amount."""
    changed = lightness
    for change, share in CHANGES:
        chance, amount = torch.rand(2, len(lightness), 1, 1, 1, generator=random, device=random.device)
        changed = torch.where(chance < share, change(changed, amount, random), changed)
    chance = torch.rand(len(lightness), 1, 1, 1, generator=random, device=random.device)
    return torch.where(chance < DEGRADED_SHARE, changed, lightness)


def gamma_shifted(lightness: Tensor, amount: Tensor, random: torch.Generator) -> Tensor:
    """Lighter or darker midtones, by a gamma from 1 / GAMMA to GAMMA."""
    return 100 * (lightness / 100).clamp(min=0) ** (GAMMA ** (2 * amount - 1))


def _overexposed(lightness: Tensor, amount: Tensor, random: torch.Generator) -> Tensor:
    """Overexposure: highlights clip to white."""
    return (lightness * (1 + 0.5 * amount)).clamp(max=100)


def _vignetted(lightness: Tensor, amount: Tensor, random: torch.Generator) -> Tensor:
    """Vignetting around a random centre."""
    height, width = lightness.shape[-2:]
    center = 0.25 + 0.5 * torch.rand(2, len(lightness), 1, 1, 1, generator=random, device=random.device)
    down = (torch.arange(height, device=lightness.device)[:, None] / height - center[0]) ** 2
    along = (torch.arange(width, device=lightness.device)[None] / width - center[1]) ** 2
    return lightness * (1 - amount * (down + along)).clamp(min=0.2)


def _faded(lightness: Tensor, amount: Tensor, random: torch.Generator) -> Tensor:
    """Low contrast: black becomes gray, and white a little darker."""
    low, high = 35 * amount, 100 - 20 * amount
    return low + lightness / 100 * (high - low)


def _patchy(lightness: Tensor, amount: Tensor, random: torch.Generator) -> Tensor:
    """Uneven fading towards light gray."""
    return torch.lerp(
        lightness, torch.full_like(lightness, 75), 0.6 * amount * smooth_noise(lightness, 3, random).abs()
    )


def _softened(lightness: Tensor, amount: Tensor, random: torch.Generator) -> Tensor:
    return blurred(lightness, MAX_BLUR * amount)


def _grainy(lightness: Tensor, amount: Tensor, random: torch.Generator) -> Tensor:
    noise = torch.randn(lightness.shape, generator=random, device=random.device)
    return (lightness + MAX_GRAIN * amount * noise).clamp(0, 100)


def compressed(lightness: Tensor, amount: Tensor, random: torch.Generator) -> Tensor:
    """JPEG compression; a larger amount means a higher quality."""
    low, high = JPEG_QUALITY
    return as_jpeg(lightness.clamp(0, 100), low + (high - low) * amount)


def blurred(lightness: Tensor, sigma: Tensor) -> Tensor:
    """Gaussian blur with one standard deviation in pixels (B, 1, 1, 1) per picture."""
    distance = torch.arange(-2.0, 3.0, device=lightness.device)
    kernel = torch.softmax(-(distance**2) / (2 * sigma.clamp(min=0.05) ** 2), dim=-1)
    planes, count = lightness.movedim(0, 1), len(lightness)
    planes = conv2d(pad(planes, (2, 2, 0, 0), mode="replicate"), kernel, groups=count)
    planes = conv2d(pad(planes, (0, 0, 2, 2), mode="replicate"), kernel.movedim(-1, -2), groups=count)
    return planes.movedim(0, 1)


def as_jpeg(lightness: Tensor, quality: Tensor) -> Tensor:
    """JPEG compression at a quality (B, 1, 1, 1) from 1 to 100, on the scale of the IJG library."""
    height, width = lightness.shape[-2:]
    padded = pad(lightness, (0, -width % 8, 0, -height % 8), mode="replicate")
    blocks = unfold(padded * 2.55 - 128, 8, stride=8).movedim(1, -1).unflatten(-1, (8, 8))
    percent = torch.where(quality < 50, 5000 / quality, 200 - 2 * quality)
    dct, table = _jpeg_tables(lightness.device, lightness.dtype)
    steps = (table * percent / 100).round().clamp(1, 255)
    coefficients = (dct @ blocks @ dct.T / steps).round() * steps
    pixels = (dct.T @ coefficients @ dct).flatten(-2).movedim(-1, 1)
    return ((fold(pixels, padded.shape[-2:], 8, stride=8) + 128) / 2.55).clamp(0, 100)[..., :height, :width]


@functools.cache
def _jpeg_tables(device: torch.device, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """The orthonormal type-II discrete cosine transform (8, 8) and the quantisation table (8, 8), once per device."""
    k = torch.arange(8, dtype=dtype, device=device)
    matrix = torch.cos(math.pi / 8 * (k + 0.5) * k[:, None]) / 2
    dct = torch.cat((matrix[:1] / math.sqrt(2), matrix[1:]))
    return dct, torch.tensor(_QUANTISATION, dtype=dtype, device=device)


CHANGES: tuple[tuple[Change, float], ...] = (
    (gamma_shifted, 1.0),
    (_overexposed, 0.2),
    (_softened, 1.0),
    (_vignetted, 0.25),
    (_faded, 0.4),
    (_patchy, 0.2),
    (halftoned, 0.06),
    (scratched, 0.15),
    (dusty, 0.2),
    (_grainy, 1.0),
    (compressed, 1.0),
)
"""The changes in order, each with the share of degraded photos that get it."""
