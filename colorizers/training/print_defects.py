"""Defects of prints: paper borders, halftone dots, scratches, dust.

Functions act on L* (B, 1, H, W) in [0, 100] with one amount (B, 1, 1, 1) in [0, 1] per picture. Lengths are in pixels
of the crop.
"""

import math

import torch
from torch import Tensor
from torch.nn.functional import interpolate

BORDER_SHARE = 0.12  # of the crops
_WIDEST_BORDER = 0.1  # of the side
_DOT_PITCH = (2.2, 4.0)
_SCRATCHES = 3
_THICKEST_SCRATCH = 1.2
_DUST = (0.0005, 0.006)  # of the pixels
_DUST_GRID = 2  # pixels a grain


def bordered(lab: Tensor, random: torch.Generator) -> Tensor:
    """Lab (B, 3, H, W) in which some pictures have a gray border of paper or card on some sides."""
    height, width = lab.shape[-2:]
    chance, shade, light = torch.rand(3, len(lab), 1, 1, generator=random, device=random.device)
    sides = torch.rand(4, len(lab), 1, 1, generator=random, device=random.device)
    widths = (2 * sides - 1).clamp(min=0) * _WIDEST_BORDER  # half of the sides have none
    down, along = _places(height, lab)[:, None] / height, _places(width, lab)[None] / width
    inside = (down >= widths[0]) & (down <= 1 - widths[1]) & (along >= widths[2]) & (along <= 1 - widths[3])
    paper = torch.where(shade < 0.75, 85 + 15 * light, 25 * light)  # white paper, or a dark frame
    card = torch.stack((paper.expand(-1, height, width), *2 * [torch.zeros_like(inside, dtype=lab.dtype)]), dim=1)
    return torch.where((inside | (chance >= BORDER_SHARE))[:, None], lab, card)


def halftoned(lightness: Tensor, amount: Tensor, random: torch.Generator) -> Tensor:
    """Halftone print: dots of ink in a rotated grid, larger in darker areas."""
    height, width = lightness.shape[-2:]
    turn, pitch = torch.rand(2, len(lightness), 1, 1, 1, generator=random, device=random.device)
    turn, pitch = math.pi / 2 * turn, _DOT_PITCH[0] + (_DOT_PITCH[1] - _DOT_PITCH[0]) * pitch
    down, along = _places(height, lightness)[:, None], _places(width, lightness)[None]
    first, second = turn.cos() * along + turn.sin() * down, turn.cos() * down - turn.sin() * along
    screen = ((2 * math.pi / pitch * first).cos() + (2 * math.pi / pitch * second).cos()) / 4  # in [-0.5, 0.5]
    printed = 100 * torch.sigmoid(8 * (lightness / 100 - 0.5 + screen))
    return torch.lerp(lightness, printed, 0.2 + 0.4 * amount)


def scratched(lightness: Tensor, amount: Tensor, random: torch.Generator) -> Tensor:
    """A few thin straight scratches, white or black, with gaps."""
    height, width = lightness.shape[-2:]
    down, along = _places(height, lightness)[:, None] / height, _places(width, lightness)[None] / width
    for _ in range(_SCRATCHES):
        turn, place, thick, shade = torch.rand(4, len(lightness), 1, 1, 1, generator=random, device=random.device)
        turn = math.pi / 2 * (turn - 0.5) ** 3 * 8 + math.pi / 2 * (turn > 0.3)  # mostly vertical or horizontal
        away = (turn.cos() * (along - place) + turn.sin() * (down - place)) * width
        mark = torch.exp(-((away / (0.3 + _THICKEST_SCRATCH * thick)) ** 2))
        mark = mark * smooth_noise(lightness, 6, random).mul(3).clamp(0, 1)
        lightness = torch.lerp(lightness, 100.0 * (shade < 0.7), amount * mark)
    return lightness


def dusty(lightness: Tensor, amount: Tensor, random: torch.Generator) -> Tensor:
    """Dust: white and black specks of a few pixels."""
    height, width = lightness.shape[-2:]
    shape = (len(lightness), 1, -(-height // _DUST_GRID), -(-width // _DUST_GRID))
    grains = torch.rand(shape, generator=random, device=random.device)
    share = (_DUST[0] + (_DUST[1] - _DUST[0]) * amount) / 2
    grains = (grains < share).to(lightness.dtype) - (grains > 1 - share).to(lightness.dtype)
    specks = interpolate(grains, scale_factor=float(_DUST_GRID), mode="bilinear")[..., :height, :width]
    return (lightness + 80 * specks).clamp(0, 100)


def smooth_noise(like: Tensor, hills: int, random: torch.Generator) -> Tensor:
    """Smooth noise (B, 1, H, W) in [-1, 1] with about this number of hills along a side."""
    coarse = torch.rand((len(like), 1, hills, hills), generator=random, device=random.device)
    return interpolate(2 * coarse - 1, like.shape[-2:], mode="bicubic", align_corners=True).clamp(-1, 1)


def _places(count: int, like: Tensor) -> Tensor:
    """Pixel centres (count,) along a side."""
    return torch.arange(count, dtype=like.dtype, device=like.device) + 0.5
