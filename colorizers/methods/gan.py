"""The GANs, U-Nets trained against a discriminator, and the published DeOldify."""

from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from colorizers.methods.convolutional import Convolutional, RegressionOptions
from colorizers.methods.method import MethodInfo
from colorizers.methods.shared_options import flip, working_size
from colorizers.networks.deoldify import STEP, DeOldify
from colorizers.networks.efficientnet_unet import EfficientNetUNet
from colorizers.networks.unet import UNet
from colorizers.options import control
from colorizers.words import Text

_PUBLISHED = {
    "deoldify_artistic": partial(DeOldify, deep=True),
    "deoldify_stable": partial(DeOldify, deep=False),
    "deoldify_video": partial(DeOldify, deep=False),
}


class GanOptions(RegressionOptions):
    """Options of the GAN tab."""

    weights: Literal["efficientnet", "unet", "deoldify_artistic", "deoldify_stable", "deoldify_video"] = control(
        "efficientnet", key="gan_network", advanced=True, options={"deoldify_video": {"render_factor": 21}}
    )
    render_factor: int = control(35, low=7, high=45, advanced=True)
    working_size: int = working_size(more=Text("options.working_size.gan"))
    flip: bool = flip(more=Text("options.flip.gan"))


@dataclass(frozen=True)
class _Gan(Convolutional):
    """DeOldify receives a square by its render factor."""

    def square(self, options: Any) -> int | None:
        return STEP * options.render_factor if options.weights in _PUBLISHED else None


METHOD = _Gan(
    info=MethodInfo(
        name="gan",
        paper="Image-to-image translation with conditional adversarial networks, Isola et al. 2017",
        options=GanOptions,
        quick=True,
    ),
    networks={"efficientnet": lambda: EfficientNetUNet("ab"), "unet": lambda: UNet("ab"), **_PUBLISHED},
)
