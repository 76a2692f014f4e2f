"""Methods whose network predicts the colours in one pass."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from colorizers.methods.method import Job, Step, listens
from colorizers.methods.shared_options import faded_print, flip, vividness, working_size
from colorizers.methods.trained import Trained
from colorizers.networks.heads import CALM
from colorizers.options import Options
from colorizers.picture.compose import Chroma, Outcome
from colorizers.picture.hints import Hints, planes
from colorizers.picture.photo import Photo
from colorizers.picture.resize import resized
from colorizers.weights.registry import PUBLISHED
from colorizers.words import Text

_AS_FAST = {"multicolor/lab_hsv_yuv"}  # by torch as by OpenVINO


class ConvolutionalOptions(Options):
    """Options of a network that predicts the colours in one pass."""

    vividness: float = vividness()
    faded_print: bool = faded_print()
    working_size: int = working_size()
    flip: bool = flip()


class RegressionOptions(ConvolutionalOptions):
    """Options of a network that predicts ab itself: calm colours, which stand some more."""

    vividness: float = vividness(CALM)


class UnmirroredOptions(RegressionOptions):
    """Options of a network whose colours the mirrored photo would not make better."""

    flip: bool = flip(False)


@dataclass(frozen=True)
class Convolutional(Trained):
    """A method whose network has a head that reads colours: see `colorizers.networks.heads`.

    Networks whose weights are in `squares` always receive a square of so many pixels on each side, and never the
    mirrored photo.
    """

    squares: Mapping[str, int] = field(default_factory=dict)

    def square(self, options: Any) -> int | None:
        """The side of the square that the chosen network receives, None for one that receives any shape."""
        return self.squares.get(self.key(options).partition("/")[2])

    def converts(self, key: str) -> bool:
        """As `Trained.converts`: all but the published ones, which are large, and those that would gain nothing."""
        return key not in PUBLISHED and key not in _AS_FAST

    @torch.inference_mode()
    def run(self, photo: Photo, options: ConvolutionalOptions, job: Job) -> list[Outcome]:
        """One outcome: chroma at the size that the network gives, mostly a quarter of the working size."""
        job.report(Step(0, 1, Text("progress.analysing")))
        side = self.square(options)
        with job.models.lease(self.key(options)) as network:
            lightness = photo.network_lightness(side or options.working_size, options.faded_print).to(job.device)
            if side:
                lightness = resized(lightness[None], (side, side))[0]
            hints: Hints = job.hints if listens(self.info, dict(options)) else ()
            ab = _predicted(network, lightness, hints, options.vividness, options.flip and not side)
        job.report(Step(1, 1, Text("progress.applying")))
        return [Chroma(ab.cpu())]


def _predicted(network: Any, lightness: Tensor, hints: Hints, vividness: float, flip: bool) -> Tensor:
    """L* (h, w) and hints to ab (2, h', w'); with `flip` the mean over the photo and its mirror image.

    Sides must be multiples of 4, so that both meet at the same places.
    """
    given = [lightness[None]]
    if hints:
        given += [part.to(lightness.device) for part in planes(hints, (lightness.shape[0], lightness.shape[1]))]
    views = [torch.stack([part, part.flip(-1)] if flip else [part]) for part in given]
    ab: Tensor = network.head.read(network(*views), vividness)
    return (ab[0] + ab[1].flip(-1)) / 2 if flip else ab[0]
