"""Small runs of the tabs with Stable Diffusion, on tiny models."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from conftest import encoded, store
from PIL import Image
from torch import Tensor, nn

from colorizers.__main__ import main
from colorizers.engine import Engine
from colorizers.engine.jobs import JobRequest
from colorizers.engine.local import LocalBackend
from colorizers.errors import ColorizerError
from colorizers.methods.method import AnyMethod
from colorizers.methods.stable_diffusion import components as parts
from colorizers.methods.stable_diffusion import img2img
from colorizers.methods.stable_diffusion.pipeline import StableDiffusion
from colorizers.picture.photo import Photo
from colorizers.picture.result import Result
from colorizers.pool import Loader, ModelPool
from colorizers.settings import get_settings
from colorizers.weights.store import WeightReader

TABS = ("img2img", "controlnet")
PATIENCE = 60  # seconds after which a test that waits has failed
CPU = torch.device("cpu")
SD = "stable_diffusion/sd15"
MODEL = {f"{SD}/{part}" for part in ("unet", "vae", "text_encoder")}
RECORDED = MODEL | {f"{SD}/tokenizer", f"{SD}/scheduler"}


def asked(photo: Photo, tab: str = "img2img", **options: Any) -> JobRequest:
    """A small run of a tab, from gray, by the tiny model that stands for Stable Diffusion 1.5."""
    small = {"weights": "sd15", "steps": 4, "working_size": 256, "seed": 1, "start_from": "gray"}
    return JobRequest(photo, tab, small | ({"estimator": "dpt"} if tab == "controlnet" else {}) | options)


def coloured(engine: Engine, photo: Photo, tab: str = "img2img", **options: Any) -> Result:
    return engine.results(asked(photo, tab, **options))[0]


def refused(engine: Engine, request: JobRequest) -> str:
    """The one sentence with which a run is refused."""
    with pytest.raises(ColorizerError) as caught:
        engine.results(request)
    said = str(caught.value)
    assert said.endswith(".")
    assert ". " not in said
    return said


def photo_of(width: int, height: int, seed: int = 0) -> Photo:
    lots = np.random.default_rng(seed).integers(0, 256, (7, 5), np.uint8)
    return Photo.open(encoded(Image.fromarray(lots).resize((width, height), Image.Resampling.BICUBIC)))


def changed(path: Path, change: Callable[[dict[str, Tensor]], object]) -> None:
    """Replace a file of weights by one with other tensors."""
    state = safetensors.torch.load_file(path)
    change(state)
    path.unlink()
    safetensors.torch.save_file(state, path, {"format": "pt"})


@dataclass(frozen=True)
class Watched(StableDiffusion):
    """The img2img tab; `before` is called with what goes into the U-Net, before every pass."""

    before: Callable[[Tensor], object] = field(default=lambda latents: None)

    @property
    def loaders(self) -> dict[str, Loader]:
        def load(key: str, device: torch.device, reader: WeightReader) -> nn.Module:
            network = parts.load_part(key, device, reader)
            if key.endswith("/unet"):
                network.register_forward_pre_hook(lambda module, given: self.before(given[0]))
            return network

        return {**super().loaders, parts.FAMILY: load}


def pooled(*methods: AnyMethod) -> tuple[Engine, ModelPool]:
    """An engine that nobody has used, and its pool."""
    named = {method.info.name: method for method in methods}
    pool = ModelPool(
        {family: load for each in methods for family, load in each.loaders.items()}, CPU, 10**9, store=store()
    )
    return Engine(named, LocalBackend(named, pool, get_settings().checks_pictures)), pool


def watched(before: Callable[[Tensor], object]) -> tuple[Engine, ModelPool]:
    return pooled(Watched(**vars(img2img.METHOD), before=before))


def saved(folder: Path, name: str, photo: Photo) -> Path:
    path = folder / name
    Image.fromarray(np.uint8(photo.lightness / 100 * 255)).save(path)
    return path


def command(*words: object) -> int:
    return main(["colorize", *map(str, words)])


SMALL = ("--weights", "sd15", "--steps", 4, "--working-size", 256, "--start-from", "unet")


MADE_OF = {
    f"{SD}/unet": "stable_diffusion_sd15/unet/diffusion_pytorch_model.safetensors",
    f"{SD}/vae": "stable_diffusion_sd15/vae/diffusion_pytorch_model.safetensors",
    f"{SD}/text_encoder": "stable_diffusion_sd15/text_encoder/model.safetensors",
    "controlnet/depth": "controlnet_depth/diffusion_pytorch_model.safetensors",
    "depth/dpt": "depth_dpt/model.safetensors",
    "lora/lcm": "lora_lcm.safetensors",
    f"{SD}/tokenizer": "stable_diffusion_sd15/tokenizer/tokenizer_config.json",
    f"{SD}/scheduler": "stable_diffusion_sd15/scheduler/scheduler_config.json",
}
