"""What time and scanners do to the light of a photograph, so that networks are at home with old prints.

Everything acts on L* (B, 1, H, W) in [0, 100], batched on its device; colours are never touched.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import conv2d, fold, pad, unfold

from colorizers.training.print_defects import dusty, halftoned, scratched, smooth_noise

Change = Callable[[Tensor, Tensor, torch.Generator], Tensor]
"""L*, an amount (B, 1, 1, 1) in [0, 1] and a generator, to what has become of L*."""

DEGRADED_SHARE = 0.5  # of a batch
GAMMA = 1.4
MAX_GRAIN = 6.0  # standard deviation in L*
MAX_BLUR = 1.0  # standard deviation in pixels
JPEG_QUALITY = (40, 95)

# The luminance table of the JPEG standard, ITU-T T.81 annex K.1, row by row.
_QUANTISATION = (
    (16, 11, 10, 16, 24, 40, 51, 61), (12, 12, 14, 19, 26, 58, 60, 55), (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62), (18, 22, 37, 56, 68, 109, 103, 77), (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101), (72, 92, 95, 98, 112, 100, 103, 99),
)  # fmt: skip


def degraded(lightness: Tensor, random: torch.Generator) -> Tensor:
    """Half of the batch as old prints, scanned: each change has its own chance, and a random amount."""
    old = lightness
    for change, share in CHANGES:
        chance, amount = torch.rand(2, len(lightness), 1, 1, 1, generator=random, device=random.device)
        old = torch.where(chance < share, change(old, amount, random), old)
    chance = torch.rand(len(lightness), 1, 1, 1, generator=random, device=random.device)
    return torch.where(chance < DEGRADED_SHARE, old, lightness)


def graded(lightness: Tensor, amount: Tensor, random: torch.Generator) -> Tensor:
    """Another gamma: lighter or darker middle tones."""
    return 100 * (lightness / 100).clamp(min=0) ** (GAMMA ** (2 * amount - 1))


def _overexposed(lightness: Tensor, amount: Tensor, random: torch.Generator) -> Tensor:
    """Light tones, skies above all, run into white."""
    return (lightness * (1 + 0.5 * amount)).clamp(max=100)


def _vignetted(lightness: Tensor, amount: Tensor, random: torch.Generator) -> Tensor:
    """Darker away from a middle that need not be the crop's."""
    height, width = lightness.shape[-2:]
    middle = 0.25 + 0.5 * torch.rand(2, len(lightness), 1, 1, 1, generator=random, device=random.device)
    down = (torch.arange(height, device=lightness.device)[:, None] / height - middle[0]) ** 2
    along = (torch.arange(width, device=lightness.device)[None] / width - middle[1]) ** 2
    return lightness * (1 - amount * (down + along)).clamp(min=0.2)


def _faded(lightness: Tensor, amount: Tensor, random: torch.Generator) -> Tensor:
    """Low contrast: black is gray, and white has darkened a little."""
    low, high = 35 * amount, 100 - 20 * amount
    return low + lightness / 100 * (high - low)


def _patchy(lightness: Tensor, amount: Tensor, random: torch.Generator) -> Tensor:
    """Faded unevenly, towards a light gray."""
    return torch.lerp(
        lightness, torch.full_like(lightness, 75), 0.6 * amount * smooth_noise(lightness, 3, random).abs()
    )


def _softened(lightness: Tensor, amount: Tensor, random: torch.Generator) -> Tensor:
    return blurred(lightness, MAX_BLUR * amount)


def _grainy(lightness: Tensor, amount: Tensor, random: torch.Generator) -> Tensor:
    noise = torch.randn(lightness.shape, generator=random, device=random.device)
    return (lightness + MAX_GRAIN * amount * noise).clamp(0, 100)


def compressed(lightness: Tensor, amount: Tensor, random: torch.Generator) -> Tensor:
    """Saved as JPEG, at a quality that the amount raises."""
    low, high = JPEG_QUALITY
    return as_jpeg(lightness.clamp(0, 100), low + (high - low) * amount)


def blurred(lightness: Tensor, sigma: Tensor) -> Tensor:
    """A Gaussian blur whose standard deviation in pixels (B, 1, 1, 1) is each picture's own."""
    distance = torch.arange(-2.0, 3.0, device=lightness.device)
    kernel = torch.softmax(-(distance**2) / (2 * sigma.clamp(min=0.05) ** 2), dim=-1)
    planes, count = lightness.movedim(0, 1), len(lightness)
    planes = conv2d(pad(planes, (2, 2, 0, 0), mode="replicate"), kernel, groups=count)
    planes = conv2d(pad(planes, (0, 0, 2, 2), mode="replicate"), kernel.movedim(-1, -2), groups=count)
    return planes.movedim(0, 1)


def as_jpeg(lightness: Tensor, quality: Tensor) -> Tensor:
    """The losses of JPEG at a quality (B, 1, 1, 1) from 1 to 100, scaled as the IJG library does."""
    height, width = lightness.shape[-2:]
    padded = pad(lightness, (0, -width % 8, 0, -height % 8), mode="replicate")
    blocks = unfold(padded * 2.55 - 128, 8, stride=8).movedim(1, -1).unflatten(-1, (8, 8))
    percent = torch.where(quality < 50, 5000 / quality, 200 - 2 * quality)
    table = torch.tensor(_QUANTISATION, dtype=lightness.dtype, device=lightness.device)
    steps = (table * percent / 100).round().clamp(1, 255)
    dct = _dct(lightness)
    coefficients = (dct @ blocks @ dct.T / steps).round() * steps
    pixels = (dct.T @ coefficients @ dct).flatten(-2).movedim(-1, 1)
    return ((fold(pixels, padded.shape[-2:], 8, stride=8) + 128) / 2.55).clamp(0, 100)[..., :height, :width]


def _dct(like: Tensor) -> Tensor:
    """The orthonormal type-II discrete cosine transform (8, 8)."""
    k = torch.arange(8, dtype=like.dtype, device=like.device)
    matrix = torch.cos(math.pi / 8 * (k + 0.5) * k[:, None]) / 2
    return torch.cat((matrix[:1] / math.sqrt(2), matrix[1:]))


CHANGES: tuple[tuple[Change, float], ...] = (
    (graded, 1.0),
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
"""What happens to a print, in this order, and to what share of those that are degraded."""
