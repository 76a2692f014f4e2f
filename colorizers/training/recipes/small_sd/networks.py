"""The networks of the small Stable Diffusion, in the layout of diffusers: narrow, for pictures of 96 to 192 px."""

from typing import Any

from torch import nn

from colorizers.training.recipes.small_sd.autoencoder import CHANNELS

_STATES = 160  # width of the text encoder
_HEADS = 4  # of attention, in the U-Net; diffusers calls their number attention_head_dim
_UNET_WIDTHS = (48, 96, 160)
_CONTROL_WIDTHS = (8, 16, 32)  # of what a ControlNet makes of its map, from its pixels to the latents' size


def text_encoder(tokenizer: Any) -> Any:
    """A CLIPTextModel (Radford et al. 2021) of 4 layers for the texts of a tokenizer."""
    from transformers import CLIPTextConfig, CLIPTextModel

    config = CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=_STATES,
        intermediate_size=3 * _STATES,
        num_attention_heads=5,
        num_hidden_layers=4,
        max_position_embeddings=tokenizer.model_max_length,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    return CLIPTextModel(config)


def unet() -> Any:
    """A UNet2DConditionModel of three levels, that attends to the text in the lower two."""
    from diffusers import UNet2DConditionModel

    return UNet2DConditionModel(
        sample_size=32,
        in_channels=CHANNELS,
        out_channels=CHANNELS,
        block_out_channels=_UNET_WIDTHS,
        layers_per_block=1,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=_STATES,
        attention_head_dim=_HEADS,
        norm_num_groups=16,
    )


def controlnet(of: Any) -> Any:
    """A ControlNetModel (Zhang et al. 2023) that begins as a copy of a U-Net, with zeros where it joins it."""
    from diffusers import ControlNetModel

    return ControlNetModel.from_unet(of, conditioning_channels=3, conditioning_embedding_out_channels=_CONTROL_WIDTHS)


class SmallStableDiffusion(nn.Module):
    """Whatever parts of the model a recipe needs, by the names that they have in a folder of diffusers."""

    def __init__(self, **parts: nn.Module) -> None:
        super().__init__()
        for name, part in parts.items():
            self.add_module(name, part)
