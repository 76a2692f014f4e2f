"""Stable Diffusion 1.x as one .safetensors file, named as in CompVis/stable-diffusion: its parts, strictly."""

import json
from pathlib import Path
from typing import Any

import safetensors
import torch
from torch import Tensor, nn

from colorizers.errors import ColorizerError
from colorizers.weights.loading import check_fit
from colorizers.words import Text

ARCHITECTURE = Path(__file__).with_name("v1")
_PREFIXES = {
    "unet": "model.diffusion_model.",
    "vae": "first_stage_model.",
    "text_encoder": "cond_stage_model.transformer.",
}
_POSITIONS = "embeddings.position_ids"  # 0 to 76, which older versions of transformers saved


def component(path: Path, part: str, dtype: torch.dtype) -> nn.Module:
    """The `unet`, `vae` or `text_encoder` of a file, on the CPU; what belongs to none of them is not looked at.

    Raises ColorizerError when the file is damaged, of another family, or does not fit to the last tensor.
    """
    tensors = _read(path, part, dtype)
    config = json.loads((ARCHITECTURE / part / "config.json").read_text())
    network = _empty(part, config)
    state = _renamed(part, config, tensors, path)
    # The converters pass over what they do not know; where numbers lie shows which were taken.
    used = {tensor.data_ptr() for tensor in state.values()}
    left = {name: tensor for name, tensor in tensors.items() if tensor.data_ptr() not in used}
    check_fit(network, state | left, path)
    network.load_state_dict(state, assign=True)
    return network


def _empty(part: str, config: dict[str, Any]) -> nn.Module:
    """The network without its numbers."""
    from accelerate import init_empty_weights
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel

    with init_empty_weights():
        if part == "text_encoder":
            return CLIPTextModel(CLIPTextConfig.from_dict(config))
        return {"unet": UNet2DConditionModel, "vae": AutoencoderKL}[part].from_config(config)


def _read(path: Path, part: str, dtype: torch.dtype) -> dict[str, Tensor]:
    """The tensors of a part alone, by their names in the file."""
    try:
        with safetensors.safe_open(path, "pt") as file:
            names = list(file.keys())
            if not all(any(name.startswith(prefix) for name in names) for prefix in _PREFIXES.values()):
                raise ColorizerError(Text("stable_diffusion.single-file", name=path.name))
            wanted = [name for name in names if name.startswith(_PREFIXES[part]) and not name.endswith(_POSITIONS)]
            return {name: file.get_tensor(name).to(dtype) for name in wanted}
    except (OSError, safetensors.SafetensorError) as error:
        raise ColorizerError(Text("weights.not-safetensors", name=path.name)) from error


def _renamed(part: str, config: dict[str, Any], tensors: dict[str, Tensor], path: Path) -> dict[str, Tensor]:
    """The tensors under the names that diffusers and transformers give them."""
    from diffusers.loaders import single_file_utils as diffusers

    if part == "text_encoder":
        # The oldest files say `transformer.embeddings`, the others `transformer.text_model.embeddings`.
        return {name.removeprefix(_PREFIXES[part]).removeprefix("text_model."): t for name, t in tensors.items()}
    convert = {"unet": diffusers.convert_ldm_unet_checkpoint, "vae": diffusers.convert_ldm_vae_checkpoint}[part]
    try:
        state = convert(tensors, config)
    except KeyError as error:  # where there is a weight, the bias is taken for granted
        raise ColorizerError(Text("stable_diffusion.bias-missing", name=path.name, tensor=error.args[0])) from error
    return {name: tensor for name, tensor in state.items() if tensor is not None}
