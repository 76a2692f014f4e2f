"""Stable Diffusion guided by ControlNets: by the photo's depth, brightness or lines."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Literal

from torch import Tensor

from colorizers.errors import ColorizerError
from colorizers.methods.method import MethodInfo
from colorizers.methods.stable_diffusion.components import CHECKER, load_controlnet
from colorizers.methods.stable_diffusion.denoising import ControlNetInput
from colorizers.methods.stable_diffusion.depth import load_depth
from colorizers.methods.stable_diffusion.options import (
    FINISH,
    SUITING,
    Model,
    StableDiffusionOptions,
    model,
    strength,
)
from colorizers.methods.stable_diffusion.pipeline import Run, StableDiffusion, schedule_of
from colorizers.options import control, picture
from colorizers.picture import control_maps
from colorizers.picture.color import gray_rgb
from colorizers.picture.photo import Photo
from colorizers.pool import Loader
from colorizers.weights.registry import SMALL, SMALL_CONTROL
from colorizers.weights.store import WeightStore
from colorizers.words import Text

_CONTROLS = {
    "depth": Text("options.control_by.depth"),
    "brightness": Text("options.control_by.brightness"),
    "softedge": Text("options.control_by.softedge"),
    "lineart": Text("options.control_by.lineart"),
}
_MAPS: dict[str, Callable[[Tensor], Tensor]] = {
    "brightness": control_maps.brightness, "softedge": control_maps.soft_edges, "lineart": control_maps.line_art,
}  # fmt: skip


def _scale(default: float, *, advanced: bool = False) -> Any:
    help = Text("options.control_scale.help")
    return control(default, low=0, high=2, step=0.05, advanced=advanced, help=help)


class ControlnetOptions(StableDiffusionOptions):
    """Options of the ControlNet tab."""

    weights: Model = model(**SUITING, control_by="depth", start_from="gray", strength=0.9)
    strength: float = strength(0.5)
    control_by: Literal["depth", "brightness", "softedge", "lineart"] = control("brightness", labels=_CONTROLS)
    control_scale: float = _scale(0.8)
    depth: Photo | None = picture(required=False, references=False, advanced=True)
    estimator: Literal["midas", "depth_anything", "dpt"] = control("midas", family="depth", advanced=True)
    control_start: float = control(0.0, low=0, high=1, step=0.05, advanced=True)
    control_end: float = control(1.0, low=0, high=1, step=0.05, advanced=True)
    second_control: Literal["none", "depth", "brightness", "softedge", "lineart"] = control(
        "none",
        labels={"none": Text("options.second_control.none"), **_CONTROLS},
        advanced=True,
    )
    second_scale: float = _scale(0.5, advanced=True)


@dataclass(frozen=True)
class Controlnet(StableDiffusion):
    """The method of the ControlNet tab."""

    @property
    def loaders(self) -> Mapping[str, Loader]:
        """As `Method.loaders`."""
        return {**super().loaders, "controlnet": load_controlnet, "depth": load_depth}

    def needs(self, options: Any, store: WeightStore) -> tuple[str, ...]:
        """As `Method.needs`; ColorizerError when the controls do not go together."""
        _check(options)
        kinds = scales_of(options)
        estimator = (f"depth/{options.estimator}",) if "depth" in kinds and options.depth is None else ()
        networks = (self._network(kind, options) for kind in kinds)
        return (*super().needs(options, store), *networks, *estimator)

    def controls(self, run: Run, stack: ExitStack) -> list[ControlNetInput]:
        """As `StableDiffusion.controls`; the maps go beside the result."""
        options, controls = run.options, list[ControlNetInput]()
        for kind, scale in scales_of(options).items():
            image = run.frame.pad(_map_of(kind, run))
            run.job.maps[_CONTROLS[kind]] = run.frame.crop(image).cpu()
            network = stack.enter_context(run.job.models.lease(self._network(kind, options)))
            pixels = image.expand(1, 3, -1, -1).to(next(network.parameters()))
            controls.append(ControlNetInput(network, pixels, scale, options.control_start, options.control_end))
        steps = schedule_of(options).denoising_steps
        if not any(control.acts_at(step, steps) for control in controls for step in range(steps)):
            run.job.notes.append(Text("stable_diffusion.no-control"))
        return controls

    def _network(self, kind: str, options: Any) -> str:
        """The key of the ControlNet for a kind of map; the small model has one for all."""
        return SMALL_CONTROL if self.key(options) == SMALL else f"controlnet/{kind}"


def scales_of(options: Any) -> dict[str, float]:
    """The conditioning scales of the chosen controls, the first one first; those of scale 0 are left out."""
    scales = {options.second_control: options.second_scale, options.control_by: options.control_scale}
    return {kind: scale for kind, scale in reversed(scales.items()) if kind != "none" and scale > 0}


def _check(options: Any) -> None:
    """Stop before anything runs that could not end well."""
    if options.control_by == options.second_control:
        raise ColorizerError(Text("stable_diffusion.same-controls", control=_CONTROLS[options.control_by]))
    if options.weights == "small" and "depth" in scales_of(options):
        raise ColorizerError(Text("stable_diffusion.depth-of-small"))
    if options.control_start >= options.control_end:
        raise ColorizerError(Text("stable_diffusion.control-ends-first"))
    if options.depth is not None and "depth" not in scales_of(options):
        raise ColorizerError(Text("stable_diffusion.unused-depth"))


def _map_of(kind: str, run: Run) -> Tensor:
    """The control map of the photo, (H, W) in [0, 1], as large as L*."""
    frame, options = run.frame, run.options
    if kind != "depth":
        return _MAPS[kind](run.lightness)
    if options.depth is not None:
        return control_maps.uploaded_map(options.depth, run.photo.size, (frame.width, frame.height))
    run.report(Text("progress.estimating-depth"))
    with run.job.models.lease(f"depth/{options.estimator}") as estimator:
        depth: Tensor = estimator(frame.pad(gray_rgb(run.lightness)).to(run.job.device))
        return frame.crop(depth)


METHOD = Controlnet(
    MethodInfo(
        name="controlnet",
        paper="ControlNet, Zhang et al. 2023, on Stable Diffusion, Rombach et al. 2022",
        options=ControlnetOptions,
        finish=FINISH,
        libraries=("diffusers", "transformers", "kornia", "controlnet-aux"),
        slow_on_cpu=True,
        shows_maps=True,
        checker=CHECKER,
        unchecked=(SMALL,),
    )
)
