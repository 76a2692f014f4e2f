"""The networks of Stable Diffusion, as the pool loads them: strictly, from safetensors, without a hub."""

from typing import Any

import torch
from torch import Tensor, nn

from colorizers.devices import dtype_for
from colorizers.errors import ColorizerError
from colorizers.methods.stable_diffusion import single_file
from colorizers.methods.stable_diffusion.latents import LatentCodec
from colorizers.methods.stable_diffusion.lora import merge_lora
from colorizers.methods.stable_diffusion.pretrained import network_from, preparation_from, read_json
from colorizers.methods.stable_diffusion.prompt import TextEncoder
from colorizers.pool import Leases
from colorizers.weights.loading import read_state
from colorizers.weights.registry import SMALL
from colorizers.weights.store import WeightReader, WeightStore
from colorizers.words import Text

FAMILY = "stable_diffusion"
LORA = "lora/lcm"
_TOKENIZER = f"{FAMILY}/tokenizer"
_SCHEDULE = (
    "beta_start", "beta_end", "beta_schedule", "trained_betas", "num_train_timesteps", "prediction_type",
    "timestep_spacing", "set_alpha_to_one", "rescale_betas_zero_snr",
)  # fmt: skip
"""What of a scheduler's configuration says what a model was trained with."""
CHECKER = "safety/checker"
CAPTIONER = "caption/blip"
_FAST = "unet_lcm"  # the U-Net as the LCM sampler needs it


def unet_key(model: str, fast: bool) -> str:
    """The key of a model's U-Net, or of the one that needs few steps, into which the LCM-LoRA is merged."""
    return f"{model}/{_FAST if fast else 'unet'}"


def load_part(key: str, device: torch.device, reader: WeightReader) -> nn.Module:
    """The U-Net, the VAE or the text encoder of a model, by a key such as "stable_diffusion/sd15/unet"."""
    model, _, part = key.rpartition("/")
    if part == _FAST:
        unet = _part(f"{model}/unet", device, reader)
        merge_lora(unet, read_state(reader.path(LORA)))
        return unet
    network = _part(key, device, reader)
    if part == "vae":
        return LatentCodec(network)
    return _text_encoder(network, model, reader) if part == "text_encoder" else network


def load_controlnet(key: str, device: torch.device, reader: WeightReader) -> nn.Module:
    """A ControlNet, by a key such as "controlnet/depth"."""
    from diffusers import ControlNetModel

    return network_from(ControlNetModel, reader.path(key), dtype_for(device))


def scheduler_config(models: Leases, model: str) -> dict[str, Any]:
    """The noise schedule that a model was trained with, as diffusers' schedulers take it."""
    folder = models.read(f"{model}/scheduler")
    if folder.is_file():  # all of it in one
        folder = single_file.ARCHITECTURE / "scheduler"
    config = read_json(folder / "scheduler_config.json")
    return {name: config[name] for name in _SCHEDULE if name in config} | {"clip_sample": False, "steps_offset": 1}


def vocabulary(store: WeightStore, model: str) -> str:
    """The key of a model's vocabulary: for a single file, which has none, that of another Stable Diffusion."""
    path = store.find(model)
    if path is None or path.is_dir():
        return f"{model}/tokenizer"
    others = [f"{key}/tokenizer" for key in store.keys_of(FAMILY) if key not in (model, SMALL)]
    folders = [key for key in others if (found := store.find(key)) is not None and found.is_dir()]
    return folders[0] if folders else f"{_TOKENIZER}/tokenizer"


def _part(key: str, device: torch.device, reader: WeightReader) -> Any:
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from transformers import CLIPTextModel

    part, path = key.rpartition("/")[2], reader.path(key)
    if path.is_file():
        return single_file.component(path, part, dtype_for(device))
    kinds = {"unet": UNet2DConditionModel, "vae": AutoencoderKL, "text_encoder": CLIPTextModel}
    network = network_from(kinds[part], path, dtype_for(device))
    if part == "unet" and network.config.in_channels != network.config.out_channels:  # it wants a mask, or the photo
        raise ColorizerError(Text("stable_diffusion.another-kind", name=reader.store.entry(key).called))
    return network


def _text_encoder(network: Any, model: str, reader: WeightReader) -> TextEncoder:
    from transformers import CLIPTokenizer

    tokenizer = preparation_from(CLIPTokenizer, reader.path(vocabulary(reader.store, model)))
    if len(tokenizer) != network.config.vocab_size:
        raise ColorizerError(Text("stable_diffusion.tokenizer-does-not-fit"))
    return TextEncoder(network, tokenizer)


class SafetyChecker(nn.Module):
    """The classifier of pictures that may not be shown to everybody."""

    def __init__(self, network: Any, processor: Any) -> None:
        super().__init__()
        self.network = network
        self._processor = processor

    def forward(self, rgb: Tensor) -> bool:
        """SRGB (3, H, W) in [0, 1] to a verdict."""
        clip_input = self._processor(images=[_pixels(rgb)], return_tensors="pt").pixel_values
        like = next(self.network.parameters())
        pixels = rgb.movedim(0, -1)[None].cpu().numpy().copy()  # diffusers blackens it in place
        _, verdicts = self.network(images=pixels, clip_input=clip_input.to(like))
        return bool(verdicts[0])


def load_checker(key: str, device: torch.device, reader: WeightReader) -> nn.Module:
    """The safety checker that was published with Stable Diffusion."""
    from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker
    from transformers import CLIPImageProcessor

    folder = reader.path(key)
    processor = preparation_from(CLIPImageProcessor, folder / "feature_extractor")
    dtype = dtype_for(device)
    dtype = torch.float32 if dtype == torch.bfloat16 else dtype  # its limits are finer than that
    network = network_from(StableDiffusionSafetyChecker, folder / "safety_checker", dtype)
    return SafetyChecker(network, processor)


class Captioner(nn.Module):
    """A network that describes a picture in a few words."""

    def __init__(self, network: Any, processor: Any) -> None:
        super().__init__()
        self.network = network
        self._processor = processor

    def forward(self, rgb: Tensor) -> str:
        """SRGB (3, H, W) in [0, 1] to a sentence."""
        like = next(self.network.parameters())
        pixel_values = self._processor(images=_pixels(rgb), return_tensors="pt").pixel_values.to(like)
        tokens = self.network.generate(pixel_values=pixel_values, max_new_tokens=30, do_sample=False)
        return str(self._processor.decode(tokens[0], skip_special_tokens=True)).strip()


def load_captioner(key: str, device: torch.device, reader: WeightReader) -> nn.Module:
    """BLIP ("Bootstrapping Language-Image Pre-training", Li et al. 2022)."""
    from transformers import BlipForConditionalGeneration, BlipProcessor

    folder = reader.path(key)
    network = network_from(BlipForConditionalGeneration, folder, dtype_for(device))
    return Captioner(network, preparation_from(BlipProcessor, folder))


def _pixels(rgb: Tensor) -> Any:
    """SRGB (3, H, W) in [0, 1] as an image."""
    from PIL import Image

    return Image.fromarray((255 * rgb).round().byte().movedim(0, -1).cpu().numpy())
