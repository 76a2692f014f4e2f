"""What the convolutional methods have in common: one look of a network at the photo, its colours read as asked."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from colorizers.methods.method import Job, faded_print, vividness, working_size
from colorizers.methods.trained import Trained
from colorizers.options import Options, control
from colorizers.picture.compose import Chroma, Outcome
from colorizers.picture.photo import Photo


def flip(more: str = "") -> Any:
    """The option `flip`; `more` is said of it."""
    said = f"The network looks at the mirror image as well, and the two answers are averaged. {more}".rstrip()
    return control(True, label="Mirror image too", advanced=True, help=said)


class ConvolutionalOptions(Options):
    """Options of a network that looks at the photo once."""

    vividness: float = vividness()
    faded_print: bool = faded_print()
    working_size: int = working_size()
    flip: bool = flip()


@dataclass(frozen=True)
class Convolutional(Trained):
    """A method whose network has a head that reads colours: see `colorizers.networks.heads`.

    Of the weights in `squares`, the network sees a square of so many pixels, once, whatever the options say.
    """

    squares: Mapping[str, int] = field(default_factory=dict)

    @torch.inference_mode()
    def run(self, photo: Photo, options: Any, job: Job) -> list[Outcome]:
        """One outcome: chroma at the size that the network gives, mostly a quarter of the working size."""
        job.progress(0, 1, None, "Looking at the photo")
        key = self.key(options)
        side = self.squares.get(key.partition("/")[2])
        with job.models.lease(key) as network:
            lightness = photo.network_lightness(side or options.working_size, options.faded_print).to(job.device)
            if side:
                lightness = _squashed(lightness, side)
            ab = _coloured(network, lightness, options.vividness, options.flip and not side)
        job.progress(1, 1, None, "Laying on the colours")
        return [Chroma(ab.cpu())]


def _squashed(lightness: Tensor, side: int) -> Tensor:
    """L* (h, w) as a square, whatever its shape."""
    return interpolate(lightness[None, None], (side, side), mode="bilinear", antialias=True)[0, 0]


def _coloured(network: Any, lightness: Tensor, vividness: float, flip: bool) -> Tensor:
    """L* (h, w) to ab (2, h', w'); with `flip` the mean over the photo and its mirror image.

    Sides must be multiples of 4, so that both meet at the same places.
    """
    views = [lightness, lightness.flip(-1)] if flip else [lightness]
    ab: Tensor = network.head.read(network(torch.stack(views)[:, None]), vividness)
    return (ab[0] + ab[1].flip(-1)) / 2 if flip else ab[0]
