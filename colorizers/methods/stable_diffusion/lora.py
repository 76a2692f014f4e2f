"""Low-rank adaptation of a U-Net's weights."""

from typing import Any

from torch import Tensor, nn

from colorizers.errors import ColorizerError
from colorizers.words import Text


def merge_lora(network: nn.Module, state: dict[str, Tensor]) -> None:
    """Add a LoRA for the U-Net, in the form of kohya's files, to a network's weights.

    W + alpha / rank * up @ down ("LoRA", Hu et al. 2021). Raises ColorizerError when a part of it finds no place.
    """
    places: dict[str, Any] = {f"lora_unet_{name.replace('.', '_')}": each for name, each in network.named_modules()}
    if not state:
        raise ColorizerError(Text("stable_diffusion.empty-lora"))
    for part in sorted({name.partition(".")[0] for name in state}):
        try:
            down, up = (state[f"{part}.lora_{way}.weight"].float() for way in ("down", "up"))
            scale = float(state[f"{part}.alpha"]) / len(down)
            weight = places[part].weight.data
            weight += (scale * up.flatten(1) @ down.flatten(1)).reshape(weight.shape).to(weight.dtype)
        except (LookupError, AttributeError, ArithmeticError, RuntimeError, ValueError) as error:
            raise ColorizerError(Text("stable_diffusion.lora-does-not-fit", part=part[:80])) from error
