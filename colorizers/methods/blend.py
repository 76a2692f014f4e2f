"""Blend: the colours of two methods, mixed at a share that the user chooses; networks on average err less together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from colorizers.methods.method import Job, MethodInfo, Start, Step
from colorizers.methods.photo_methods import PHOTO_METHODS
from colorizers.options import Options, choice, control
from colorizers.picture.compose import Chroma, planes_of
from colorizers.picture.finish import apply_finish
from colorizers.picture.photo import Photo
from colorizers.picture.resize import resized
from colorizers.pool import Loader
from colorizers.weights.store import WeightStore
from colorizers.words import Text

_QUICK = {name: method.info.title for name, method in PHOTO_METHODS.items() if method.info.quick}


class BlendOptions(Options):
    """Which two methods, and the share of the second."""

    start_from: str = choice("unet", _QUICK, key="blend_first")
    blend_with: str = choice("transformer", _QUICK)
    second_share: float = control(0.5, low=0, high=1, step=0.05)


@dataclass(frozen=True)
class Blend:
    """All of `Method`; the engine runs the two that it starts from, with their own options, and needs their weights."""

    info: MethodInfo
    loaders: Mapping[str, Loader]
    own_weights: tuple[str, ...] = ()

    def key(self, options: BlendOptions) -> str:
        """As `Method.key`: it has no weights of its own."""
        return ""

    def needs(self, options: BlendOptions, store: WeightStore) -> tuple[str, ...]:
        """As `Method.needs`."""
        return ()

    @torch.inference_mode()
    def run(self, photo: Photo, options: BlendOptions, job: Job) -> Sequence[Chroma]:
        """The ab of both, each under the finish that suits it, at the size of the larger one."""
        job.report(Step(1, 1, Text("progress.applying")))
        first, second = (_finished(start, photo) for start in job.starts)
        height, width = (max(sides) for sides in zip(first.shape[1:], second.shape[1:], strict=True))
        first, second = (resized(ab, (height, width)) for ab in (first, second))
        return (Chroma(torch.lerp(first, second, options.second_share)),)


def _finished(start: Start, photo: Photo) -> Tensor:
    """The ab (2, h, w) of a method under its finish."""
    ab = planes_of(start.outcome)[-2:].float().cpu()
    lightness = resized(photo.lightness[None], ab.shape[1:])
    return apply_finish(torch.cat((lightness, ab)), start.finish)[1:]


METHOD = Blend(MethodInfo(name="blend", paper="Hansen and Salamon 1990", options=BlendOptions, quick=True), {})
