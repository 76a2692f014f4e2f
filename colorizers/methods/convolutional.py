"""What the convolutional methods have in common: one look of a network at the photo, its colours read as asked."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from colorizers.methods.method import Job, faded_print, working_size
from colorizers.networks.heads import VIVIDNESS
from colorizers.options import Options, control
from colorizers.picture.compose import Chroma, Outcome
from colorizers.picture.finish import Finish
from colorizers.picture.photo import Photo
from colorizers.weights import load_into


def vividness(default: float = VIVIDNESS) -> Any:
    """The option `vividness`: each head says what it means, see `colorizers.networks.heads`."""
    return control(default, low=0, high=1, step=0.05, help="From calm and sure to vivid and daring.")


class ConvolutionalOptions(Options):
    """Options of a network that looks at the photo once."""

    vividness: float = vividness()
    faded_print: bool = faded_print()
    working_size: int = working_size()
    flip: bool = control(
        True,
        label="Mirror image too",
        advanced=True,
        help="The network looks at the mirror image as well, and the two answers are averaged.",
    )


@dataclass(frozen=True)
class Convolutional:
    """A method whose network has a head that reads colours: see `colorizers.networks.heads`.

    `networks` makes the network of each of its weights, by the last part of their keys. Options without `weights`
    mean the first.
    """

    name: str
    title: str
    paper: str
    options: type[ConvolutionalOptions]
    networks: Mapping[str, Callable[[], nn.Module]]
    finish: Finish = field(default_factory=Finish)
    stops_early: bool = False

    @property
    def loaders(self) -> Mapping[str, Callable[[str], nn.Module]]:
        """As `Method.loaders`."""
        return {self.name: lambda key: load_into(self.networks[key.partition("/")[2]](), key)}

    def key(self, options: Any) -> str:
        """As `Method.key`."""
        return f"{self.name}/{getattr(options, 'weights', next(iter(self.networks)))}"

    @torch.inference_mode()
    def run(self, photo: Photo, options: Any, job: Job) -> list[Outcome]:
        """One outcome: chroma at a quarter of the working size."""
        job.progress(0, 1, None, "Looking at the photo")
        with job.models.lease(self.key(options)) as network:
            lightness = photo.network_lightness(options.working_size, options.faded_print).to(job.device)
            ab = _coloured(network, lightness, options.vividness, options.flip)
        job.progress(1, 1, None, "Laying on the colours")
        return [Chroma(ab.cpu())]


def _coloured(network: Any, lightness: Tensor, vividness: float, flip: bool) -> Tensor:
    """L* (h, w) to ab (2, h/4, w/4); with `flip` the mean over the photo and its mirror image.

    Sides must be multiples of 4, so that both meet at the same places.
    """
    views = [lightness, lightness.flip(-1)] if flip else [lightness]
    ab: Tensor = network.head.read(network(torch.stack(views)[:, None]), vividness)
    return (ab[0] + ab[1].flip(-1)) / 2 if flip else ab[0]
