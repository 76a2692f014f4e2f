"""What a run of these recipes leaves, as folders that diffusers and transformers read."""

from pathlib import Path
from typing import Any

from torch import nn

from colorizers.networks.diffusion import SCHEDULE
from colorizers.training.recipes.small_sd.networks import (
    Autoencoder,
    SmallStableDiffusion,
    controlnet,
    text_encoder,
    unet,
)
from colorizers.training.recipes.small_sd.tokenizer import tokenizer
from colorizers.weights.loading import check_fit, read_state


def save_model(path: Path, folder: Path) -> None:
    """Write the VAE, the text encoder, the U-Net, the tokenizer and the scheduler of a file of small_sd/unet, in fp16.

    Raises ColorizerError when the file is of another recipe.
    """
    from diffusers import DDIMScheduler

    words = tokenizer()
    model: Any = SmallStableDiffusion(vae=Autoencoder(), text_encoder=text_encoder(words), unet=unet())
    _fill(model, path)
    parts = {"vae": model.vae.folded(), "text_encoder": model.text_encoder, "unet": model.unet}
    for name, part in parts.items():
        part.half().save_pretrained(folder / name)
    words.save_pretrained(folder / "tokenizer")
    DDIMScheduler(**SCHEDULE).save_pretrained(folder / "scheduler")


def save_controlnet(path: Path, folder: Path) -> None:
    """Write the ControlNet of a file of small_sd/controlnet, in fp16; ColorizerError when it is of another recipe."""
    base = unet()
    model: Any = SmallStableDiffusion(
        vae=Autoencoder(), text_encoder=text_encoder(tokenizer()), unet=base, controlnet=controlnet(base)
    )
    _fill(model, path)
    model.controlnet.half().save_pretrained(folder)


def _fill(model: nn.Module, path: Path) -> None:
    state = {name: value.float() for name, value in read_state(path).items()}
    check_fit(model, state, path)
    model.load_state_dict(state)
