"""Colours of a reference picture, by adaptive instance normalization."""

from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from colorizers.methods.method import Job, MethodInfo, Step
from colorizers.methods.palette import palette_transfer
from colorizers.methods.shared_options import faded_print, vividness, working_size
from colorizers.methods.trained import Trained
from colorizers.networks.adain import AdainUNet
from colorizers.networks.heads import GainHead
from colorizers.options import Options, control, picture
from colorizers.picture.compose import Chroma, Outcome
from colorizers.picture.photo import Photo
from colorizers.weights.store import WeightStore
from colorizers.words import Text

_REFERENCE_SIDE = 128  # pixels


class AdainOptions(Options):
    """Options of the reference tab."""

    reference: Photo = picture(help=Text("options.reference.adain"))
    style_strength: float = control(1.0, low=0, high=1, step=0.05)
    vividness: float = vividness()
    faded_print: bool = faded_print()
    palette_transfer: bool = control(False, advanced=True)
    weights: Literal["lab", "rgb"] = control("lab", key="adain_network", advanced=True)
    working_size: int = working_size()


@dataclass(frozen=True)
class Adain(Trained):
    """The method of the reference tab."""

    def needs(self, options: AdainOptions, store: WeightStore) -> tuple[str, ...]:
        """As `Method.needs`: statistics need no weights."""
        return () if options.palette_transfer else super().needs(options, store)

    def converts(self, key: str) -> bool:
        """As `Trained.converts`."""
        return True

    @torch.inference_mode()
    def run(self, photo: Photo, options: AdainOptions, job: Job) -> list[Outcome]:
        """One outcome: chroma at a quarter of the working size; at the whole of it by statistics."""
        job.report(Step(0, 1, Text("progress.analysing-both")))
        reference = options.reference.reference_lab(_REFERENCE_SIDE).to(job.device)
        lightness = photo.network_lightness(options.working_size, options.faded_print).to(job.device)
        if options.palette_transfer:
            ab = options.style_strength * palette_transfer(lightness, reference)
            ab = GainHead().read(ab, options.vividness)
        else:
            with job.models.lease(self.key(options)) as network:
                ab = _predicted(network, lightness, reference, options)
        job.report(Step(1, 1, Text("progress.applying")))
        return [Chroma(ab.cpu())]


def _predicted(network: Any, lightness: Tensor, reference: Tensor, options: AdainOptions) -> Tensor:
    """L* (h, w) and a reference as Lab (3, H, W) to ab (2, h/4, w/4)."""
    latent = torch.lerp(network.own, network.style(reference[None]), options.style_strength)
    ab: Tensor = network.head.read(network(lightness[None, None], latent), options.vividness)
    return ab[0]


METHOD = Adain(
    info=MethodInfo(
        name="adain",
        paper="Adaptive instance normalization, Huang and Belongie 2017, in a U-Net",
        options=AdainOptions,
        quick=True,
    ),
    networks={"lab": AdainUNet, "rgb": lambda: AdainUNet("rgb")},
)
