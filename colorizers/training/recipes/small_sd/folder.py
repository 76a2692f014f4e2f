"""What runs of these recipes leave, as the folders that are shipped: diffusers and transformers read them.

`python -m colorizers.training.recipes.small_sd.folder VAE UNET CONTROLNET PLACE` writes both folders and their hashes
from the files of three runs.
"""

import json
import sys
from pathlib import Path
from typing import Any

from torch import nn

from colorizers.networks.diffusion import SCHEDULE
from colorizers.training.recipes.small_sd.autoencoder import (
    Autoencoder,
)
from colorizers.training.recipes.small_sd.networks import (
    SmallStableDiffusion,
    controlnet,
    text_encoder,
    unet,
)
from colorizers.training.recipes.small_sd.tokenizer import tokenizer
from colorizers.weights.folders import TRAINING
from colorizers.weights.loading import check_fit, read_header, read_state
from colorizers.weights.registry import SMALL, SMALL_CONTROL


def save_model(vae: Path, unet_run: Path, folder: Path) -> None:
    """Write the VAE of a file of small_sd/vae, and of one of small_sd/unet what else a model has, in fp16.

    Raises ColorizerError when a file is of another recipe.
    """
    from diffusers import DDIMScheduler

    words, codec = tokenizer(), Autoencoder()
    _fill(SmallStableDiffusion(vae=codec), vae)
    model: Any = SmallStableDiffusion(vae=Autoencoder(), text_encoder=text_encoder(words), unet=unet())
    _fill(model, unet_run)
    parts = {"vae": codec.network, "text_encoder": model.text_encoder, "unet": model.unet}
    for name, part in parts.items():
        part.half().save_pretrained(folder / name)
    words.save_pretrained(folder / "tokenizer")
    DDIMScheduler(**SCHEDULE).save_pretrained(folder / "scheduler")
    _tell_training(folder, vae=vae, unet=unet_run)


def save_controlnet(path: Path, folder: Path) -> None:
    """Write the ControlNet of a file of small_sd/controlnet, in fp16; ColorizerError when it is of another recipe."""
    base = unet()
    model: Any = SmallStableDiffusion(
        vae=Autoencoder(), text_encoder=text_encoder(tokenizer()), unet=base, controlnet=controlnet(base)
    )
    _fill(model, path)
    model.controlnet.half().save_pretrained(folder)
    _tell_training(folder, controlnet=path)


def _fill(model: nn.Module, path: Path) -> None:
    state = {name: value.float() for name, value in read_state(path).items()}
    check_fit(model, state, path)
    model.load_state_dict(state)


def _tell_training(folder: Path, **runs: Path) -> None:
    """Beside the parts, how each of them was trained, from the headers of the runs' files."""
    told = {name: read_header(path) for name, path in runs.items()}
    (folder / TRAINING).write_text(json.dumps(told, indent=1) + "\n")


if __name__ == "__main__":
    *files, place = map(Path, sys.argv[1:])
    save_model(files[0], files[1], place / SMALL.replace("/", "_"))
    save_controlnet(files[2], place / SMALL_CONTROL.replace("/", "_"))
