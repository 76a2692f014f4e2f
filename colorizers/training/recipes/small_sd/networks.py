"""The networks of the small Stable Diffusion, in the layout of diffusers: narrow, for pictures of 128 to 256 px."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

CELL = 8  # pixels a side of what one place in the latents stands for
CHANNELS = 4  # of latents
_VAE_WIDTHS = (16, 32, 64, 128)
_STATES = 160  # width of the text encoder
_HEADS = 4  # of attention, in the U-Net; diffusers calls their number attention_head_dim
_UNET_WIDTHS = (80, 128, 144)
_CONTROL_WIDTHS = (8, 16, 32, 64)  # of what a ControlNet makes of its map, from its pixels to the latents' size
_FIRST_SPREAD = -4.0  # logarithm of the variance of latents at the beginning: small, so that they say something
_STATISTICS_RATE = 0.01  # share of a batch in the running mean and spread of the latents


class Autoencoder(nn.Module):
    """An AutoencoderKL whose latents (B, 4, h, w) are brought to mean 0 and spread 1 a channel."""

    mean: Tensor
    spread: Tensor

    def __init__(self) -> None:
        from diffusers import AutoencoderKL

        super().__init__()
        self.network: Any = AutoencoderKL(
            block_out_channels=_VAE_WIDTHS,
            down_block_types=["DownEncoderBlock2D"] * len(_VAE_WIDTHS),
            up_block_types=["UpDecoderBlock2D"] * len(_VAE_WIDTHS),
            layers_per_block=1,
            latent_channels=CHANNELS,
            norm_num_groups=8,
            mid_block_add_attention=False,
            scaling_factor=1.0,
        )
        nn.init.constant_(self.network.quant_conv.bias[CHANNELS:], _FIRST_SPREAD)
        self.register_buffer("mean", torch.zeros(CHANNELS, 1, 1))
        self.register_buffer("spread", torch.ones(CHANNELS, 1, 1))

    def distribution(self, rgb: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation of the raw latents of sRGB (B, 3, 8 h, 8 w) in [0, 1]."""
        latents = self.network.encode(2 * rgb - 1).latent_dist
        return latents.mean, latents.std

    @torch.no_grad()
    def measure(self, latents: Tensor) -> None:
        """Bring the running mean and spread nearer to those of a batch of raw latents."""
        variance, mean = torch.var_mean(latents.float(), (0, 2, 3))
        self.mean.lerp_(mean[:, None, None], _STATISTICS_RATE)
        self.spread.lerp_(variance.sqrt()[:, None, None], _STATISTICS_RATE)

    def draw(self, latents: Tensor) -> Tensor:
        """Raw latents to sRGB (B, 3, 8 h, 8 w), about in [0, 1] and not clipped."""
        picture: Tensor = self.network.decode(latents).sample
        return picture / 2 + 0.5

    def encode(self, rgb: Tensor) -> Tensor:
        """SRGB (B, 3, 8 h, 8 w) in [0, 1] to its likeliest latents."""
        return (self.distribution(rgb)[0] - self.mean) / self.spread

    def decode(self, latents: Tensor) -> Tensor:
        """Latents to sRGB (B, 3, 8 h, 8 w) in [0, 1]."""
        return self.draw(latents * self.spread + self.mean).clamp(0, 1)

    @torch.no_grad()
    def folded(self) -> Any:
        """The AutoencoderKL with mean and spread in the 1 x 1 convolutions beside its latents: its scale is 1."""
        into, out_of = self.network.quant_conv, self.network.post_quant_conv
        mean, spread = self.mean.flatten(), self.spread.flatten()
        out_of.bias += out_of.weight[..., 0, 0] @ mean
        out_of.weight *= spread[:, None, None]
        into.weight[:CHANNELS] /= spread[:, None, None, None]
        into.bias[:CHANNELS] = (into.bias[:CHANNELS] - mean) / spread
        into.bias[CHANNELS:] -= 2 * spread.log()  # the logarithm of the variance
        self.mean.zero_()
        self.spread.fill_(1)
        return self.network


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
        sample_size=16,
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


def whole_cells(planes: Tensor) -> Tensor:
    """Planes (B, C, H, W) with their last row and column repeated until both sides are multiples of 8."""
    height, width = planes.shape[-2:]
    return pad(planes, (0, -width % CELL, 0, -height % CELL), "replicate")
