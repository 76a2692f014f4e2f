"""Colours after a reference picture."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor, nn

from colorizers.methods.method import Job, faded_print, vividness, working_size
from colorizers.methods.palette import palette_transfer
from colorizers.methods.trained import Trained
from colorizers.networks.adain import AdainUNet
from colorizers.networks.heads import GainHead
from colorizers.options import Options, control, picture
from colorizers.picture.compose import Chroma, Outcome
from colorizers.picture.photo import Photo

_REFERENCE_SIDE = 128  # pixels


class AdainOptions(Options):
    """Options of the reference tab."""

    reference: Photo = picture(help="A colour picture with the palette that you want; what it shows does not matter.")
    style_strength: float = control(
        1.0, low=0, high=1, step=0.05, help="From the network's own idea at 0 to the palette of the reference at 1."
    )
    vividness: float = vividness()
    faded_print: bool = faded_print()
    palette_transfer: bool = control(
        False,
        label="Statistics only",
        advanced=True,
        help="No network: every tone gets the colours that it has in the reference. To compare with.",
    )
    weights: Literal["lab", "rgb"] = control(
        "lab",
        label="Network",
        words={"lab": "Colours", "rgb": "Paints RGB"},
        advanced=True,
        help="A network that gives colours to the photo, or one that paints the whole, of which the colours are taken.",
    )
    working_size: int = working_size()


@dataclass(frozen=True)
class Adain(Trained):
    """The method of the reference tab."""

    name: str = "adain"
    title: str = "Like a picture"
    paper: str = "Adaptive instance normalization, Huang and Belongie 2017, in a U-Net"
    options: type[AdainOptions] = AdainOptions
    networks: Mapping[str, Callable[[], nn.Module]] = field(
        default_factory=lambda: {"lab": AdainUNet, "rgb": lambda: AdainUNet("rgb")}
    )

    def needs(self, options: Any) -> tuple[str, ...]:
        """As `Method.needs`: statistics need no weights."""
        return () if options.palette_transfer else super().needs(options)

    @torch.inference_mode()
    def run(self, photo: Photo, options: Any, job: Job) -> list[Outcome]:
        """One outcome: chroma at a quarter of the working size; at the whole of it by statistics."""
        job.progress(0, 1, None, "Looking at both pictures")
        reference = options.reference.reference_lab(_REFERENCE_SIDE).to(job.device)
        lightness = photo.network_lightness(options.working_size, options.faded_print).to(job.device)
        if options.palette_transfer:
            ab = options.style_strength * palette_transfer(lightness, reference)
            ab = GainHead().read(ab, options.vividness)
        else:
            with job.models.lease(self.key(options)) as network:
                ab = _coloured(network, lightness, reference, options)
        job.progress(1, 1, None, "Laying on the colours")
        return [Chroma(ab.cpu())]


def _coloured(network: Any, lightness: Tensor, reference: Tensor, options: AdainOptions) -> Tensor:
    """L* (h, w) and a reference as Lab (3, H, W) to ab (2, h/4, w/4)."""
    latent = torch.lerp(network.own, network.style(reference[None]), options.style_strength)
    ab: Tensor = network.head.read(network(lightness[None, None], latent), options.vividness)
    return ab[0]


METHOD = Adain()
