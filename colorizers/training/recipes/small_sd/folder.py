"""What a run of these recipes leaves, as folders that diffusers and transformers read."""

from pathlib import Path
from typing import Any

from torch import nn

from colorizers import weights
from colorizers.training.recipes.small_sd.networks import (
    Autoencoder,
    SmallStableDiffusion,
    controlnet,
    text_encoder,
    unet,
)
from colorizers.training.recipes.small_sd.tokenizer import tokenizer
from colorizers.training.recipes.small_sd.unet import STEPS


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
    DDIMScheduler(
        num_train_timesteps=STEPS,
        beta_schedule="squaredcos_cap_v2",
        rescale_betas_zero_snr=True,
        prediction_type="v_prediction",
        timestep_spacing="trailing",
        clip_sample=False,
    ).save_pretrained(folder / "scheduler")


def save_controlnet(path: Path, folder: Path) -> None:
    """Write the ControlNet of a file of small_sd/controlnet, in fp16; ColorizerError when it is of another recipe."""
    base = unet()
    model: Any = SmallStableDiffusion(
        vae=Autoencoder(), text_encoder=text_encoder(tokenizer()), unet=base, controlnet=controlnet(base)
    )
    _fill(model, path)
    model.controlnet.half().save_pretrained(folder)


def _fill(model: nn.Module, path: Path) -> None:
    state = {name: value.float() for name, value in weights.read_state(path).items()}
    weights.check_fit(model, state, path)
    model.load_state_dict(state)
