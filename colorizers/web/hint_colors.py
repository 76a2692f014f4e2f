"""The likely colours of a place: what the methods say there, and what is frequent in photographs."""

import functools
from pathlib import Path

import torch
from safetensors import safe_open
from torch import Tensor

from colorizers.methods.catalog import REGISTRY
from colorizers.picture.color import encode_srgb, fit_gamut
from colorizers.picture.compose import ab_at, place_at
from colorizers.picture.hints import color_of
from colorizers.settings import get_settings
from colorizers.web.session import Session
from colorizers.weights.store import make_store

COLORS = 5
_PRIOR_OF = "unet/efficientnet"
_AS_ONE = 14.0  # ab units: nearer colours of methods are taken for one
_APART = 28.0  # ab units of frequent colours from all others
_COLORFUL = 12.0  # ab units from gray, for which there is a choice of its own


def likely_colors(session: Session, along: float, down: float) -> list[str]:
    """At most five colours as #rrggbb, distinct and in sRGB at the luminance of a place of the session's photo.

    The place is given in shares of width and height. What methods say comes first, and then frequent colours.
    """
    light = session.shown.photo.lightness
    lightness = light[place_at(light.shape, along, down)]
    outcomes = [coloring.outcome for tab in [*session.tabs.values()] for coloring in tab.colorings]
    said = [ab_at(outcome, along, down) for outcome in outcomes]
    every = (*said, *_frequent())
    wanted = torch.stack(every, dim=1)[:, None] if every else torch.zeros(2, 1, 0)
    ab, linear = fit_gamut(lightness.expand(wanted.shape[1:]), wanted)
    chosen: list[int] = []
    for k, color in enumerate(ab[:, 0].T):
        apart = _AS_ONE if k < len(said) else _APART
        if len(chosen) < COLORS and all(torch.dist(color, ab[:, 0, other]) >= apart for other in chosen):
            chosen.append(k)
    return [color_of(rgb) for rgb in encode_srgb(linear[:, 0, chosen]).T]


def _frequent() -> tuple[Tensor, ...]:
    """Colours ab (2,) that photographs have, the most frequent first; none where the weights that know are missing."""
    path = make_store(REGISTRY, get_settings()).find(_PRIOR_OF)
    return () if path is None else _bins(path)


@functools.cache
def _bins(path: Path) -> tuple[Tensor, ...]:
    with safe_open(path, "pt") as file:
        centers, prior = file.get_tensor("head.bins.centers").float(), file.get_tensor("head.bins.prior").float()
    return tuple(centers[k] for k in prior.argsort(descending=True) if centers[k].norm() >= _COLORFUL)
