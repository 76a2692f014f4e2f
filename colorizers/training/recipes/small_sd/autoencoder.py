"""The VAE of the small Stable Diffusion: its latents are means of the cells of a photo, by an encoder that is set."""

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, pad, pixel_unshuffle

CELL = 4  # pixels a side of what one place in the latents stands for
CHANNELS = 6  # of latents: the light of the four quarters of a cell, and two differences of colour
LIGHTS = 4  # of them
_MIDDLE, _LIGHT_SPREAD, _COLOR_SPREAD = 0.45, 0.25, 0.07  # about the mean and spreads in photographs, in [0, 1]
_LIGHT_SCALE = 4.0  # noise drowns the colours long before it drowns the light, by which the photo is known
_VAE_WIDTHS = (16, 32, 48)
_CONSTANT = 64.0  # value of two channels beside which all others are small, so that a group norm leaves these alone
_LOG_VARIANCE = -10.0  # of the latents: the encoder is sure
# Y, Cb and Cr of ITU-R BT.601 by sRGB in [0, 1].
_LUMA_AND_DIFFERENCES = ((0.299, 0.587, 0.114), (-0.1687, -0.3311, 0.5), (0.5, -0.4187, -0.0813))


def luma_and_differences(rgb: Tensor) -> Tensor:
    """SRGB (B, 3, H, W) in [0, 1] to Y in [0, 1], and Cb and Cr in [-0.5, 0.5], of ITU-R BT.601."""
    return torch.einsum("yr,brhw->byhw", rgb.new_tensor(_LUMA_AND_DIFFERENCES), rgb)


def latents_of(rgb: Tensor) -> Tensor:
    """The latents (B, 6, h, w) of sRGB (B, 3, 4 h, 4 w) in [0, 1]: scaled means of Y in every quarter, Cb and Cr."""
    light, colors = luma_and_differences(rgb).split((1, 2), dim=1)
    quarters = pixel_unshuffle(avg_pool2d(light, CELL // 2), 2)
    return torch.cat((
        (quarters - _MIDDLE) * (_LIGHT_SCALE / _LIGHT_SPREAD), avg_pool2d(colors, CELL) / _COLOR_SPREAD
    ), dim=1)  # fmt: skip


class Autoencoder(nn.Module):
    """An AutoencoderKL whose encoder is `latents_of`, set once, and whose decoder begins as their enlargement.

    Every plane has a twin of the other sign: SiLU(x) - SiLU(-x) = x, so that planes pass through the activations at
    the end unchanged. Two constant channels, far larger than all others, do the same for the group norms.
    """

    def __init__(self) -> None:
        from diffusers import AutoencoderKL

        super().__init__()
        self.network: Any = AutoencoderKL(
            block_out_channels=_VAE_WIDTHS,
            down_block_types=["DownEncoderBlock2D"] * len(_VAE_WIDTHS),
            up_block_types=["UpDecoderBlock2D"] * len(_VAE_WIDTHS),
            layers_per_block=1,
            latent_channels=CHANNELS,
            norm_num_groups=1,
            mid_block_add_attention=False,
            scaling_factor=1.0,
        )
        with torch.no_grad():
            _set_encoder(self.network)
            _set_decoder(self.network)

    def branches(self) -> list[nn.Module]:
        """What of the decoder is trained: the residual branches, which begin with zeros."""
        decoder = self.network.decoder
        blocks = (decoder.mid_block, *decoder.up_blocks)
        resnets = [resnet for block in blocks for resnet in block.resnets]
        return [part for each in resnets for part in (each.norm1, each.conv1, each.norm2, each.conv2)]

    def draw(self, latents: Tensor) -> Tensor:
        """Latents to sRGB (B, 3, 4 h, 4 w), about in [0, 1] and not clipped."""
        picture: Tensor = self.network.decode(latents).sample
        return picture / 2 + 0.5

    def encode(self, rgb: Tensor) -> Tensor:
        """SRGB (B, 3, 4 h, 4 w) in [0, 1] to its likeliest latents."""
        latents: Tensor = self.network.encode(2 * rgb - 1).latent_dist.mean
        return latents

    def decode(self, latents: Tensor) -> Tensor:
        """Latents to sRGB (B, 3, 4 h, 4 w) in [0, 1]."""
        return self.draw(latents).clamp(0, 1)


def _middle_and_scales() -> tuple[Tensor, Tensor]:
    """What is taken from the means of a cell (6,), and by what they are multiplied then, to be latents."""
    colors = CHANNELS - LIGHTS
    scales = [_LIGHT_SCALE / _LIGHT_SPREAD] * LIGHTS + [1 / _COLOR_SPREAD] * colors
    return torch.tensor([_MIDDLE] * LIGHTS + [0.0] * colors), torch.tensor(scales)


def _set_encoder(vae: Any) -> None:
    encoder = vae.encoder
    planes = torch.tensor(_LUMA_AND_DIFFERENCES) / 2  # of sRGB in [-1, 1]
    _pass_on(encoder.conv_in, planes, torch.tensor((0.5, 0.0, 0.0)))
    for block in encoder.down_blocks:
        _let_pass(block.resnets)
    _let_pass(encoder.mid_block.resnets)
    first, second = (block.downsamplers[0].conv for block in encoder.down_blocks[:2])
    quarters = torch.zeros(CHANNELS, 3, 3, 3)
    for k in range(LIGHTS):
        quarters[k, 0, k // 2, k % 2] = 1
    for k in (1, 2):
        quarters[LIGHTS - 1 + k, k, :2, :2] = 0.25
    halves = torch.zeros(3, 3, 3, 3)
    halves[range(3), range(3), :2, :2] = 0.25
    _convolve(first, halves)
    _convolve(second, quarters)
    middle, scales = _middle_and_scales()
    _collect(encoder.conv_norm_out, encoder.conv_out, torch.diag(scales), -middle * scales)
    encoder.conv_out.bias[CHANNELS:] = _LOG_VARIANCE
    _copy(vae.quant_conv)


def _set_decoder(vae: Any) -> None:
    decoder = vae.decoder
    _copy(vae.post_quant_conv)
    middle, scales = _middle_and_scales()
    _pass_on(decoder.conv_in, torch.diag(1 / scales), middle)
    _let_pass(decoder.mid_block.resnets)
    smooth = torch.tensor((0.25, 0.5, 0.25))
    kernel = torch.einsum("ab,y,x->abyx", torch.eye(CHANNELS), smooth, smooth)
    for block in decoder.up_blocks:
        _let_pass(block.resnets)
        for sampler in block.upsamplers or ():
            _convolve(sampler.conv, kernel)
    light = torch.tensor((1 / LIGHTS,) * LIGHTS)
    joined = torch.block_diag(light[None], torch.eye(CHANNELS - LIGHTS))
    back = 2 * torch.linalg.inv(torch.tensor(_LUMA_AND_DIFFERENCES)) @ joined
    _collect(decoder.conv_norm_out, decoder.conv_out, back, -torch.ones(3))


def _pass_on(conv: Any, mixed: Tensor, bias: Tensor) -> None:
    """Let a convolution give planes (P,), each mixed (P, C) of its input, their twins, and the constants."""
    count = len(mixed)
    conv.weight.zero_()
    conv.bias.zero_()
    for first, sign in ((0, 1), (count, -1)):
        conv.weight[first : first + count, :, 1, 1] = sign * mixed
        conv.bias[first : first + count] = sign * bias
    conv.bias[-2:] = torch.tensor((_CONSTANT, -_CONSTANT))


def _convolve(conv: Any, kernel: Tensor) -> None:
    """Let a convolution give planes, and their twins, by a kernel (P, Q, 3, 3) of planes, and the constants."""
    (to, of), channels = kernel.shape[:2], conv.out_channels
    conv.weight.zero_()
    conv.bias.zero_()
    for k in range(2):
        conv.weight[k * to : (k + 1) * to, k * of : (k + 1) * of] = kernel
    conv.bias[channels - 2 :] = torch.tensor((_CONSTANT, -_CONSTANT))


def _let_pass(resnets: Any) -> None:
    """Let residual blocks begin as nothing but their way round, and keep their norms about as they find planes."""
    for resnet in resnets:
        resnet.conv2.weight.zero_()
        resnet.conv2.bias.zero_()
        resnet.norm1.weight.fill_(_CONSTANT * math.sqrt(2 / resnet.norm1.num_channels))
        resnet.norm1.weight[-2:] = 1 / _CONSTANT
        if resnet.conv_shortcut is not None:
            _copy(resnet.conv_shortcut)
            into, out_of = resnet.conv_shortcut.in_channels, resnet.conv_shortcut.out_channels
            resnet.conv_shortcut.weight[:, -2:] = 0
            resnet.conv_shortcut.weight[-2:] = 0
            resnet.conv_shortcut.weight[range(out_of - 2, out_of), range(into - 2, into)] = 1


def _copy(conv: Any) -> None:
    """Let a convolution of 1 x 1 give its first inputs as they are."""
    conv.weight.zero_()
    conv.bias.zero_()
    both = range(min(conv.in_channels, conv.out_channels))
    conv.weight[both, both] = 1


def _collect(norm: Any, conv: Any, mixed: Tensor, bias: Tensor) -> None:
    """Let the last norm, SiLU and convolution give planes (P,), each mixed (P, Q) of those that come, plus a bias."""
    planes, channels = mixed.shape[1], norm.num_channels
    norm.weight.fill_(_CONSTANT * math.sqrt(2 / channels))
    norm.bias.zero_()
    conv.weight.zero_()
    conv.bias.zero_()
    for k, sign in enumerate((1, -1)):
        conv.weight[: len(mixed), k * planes : (k + 1) * planes, 1, 1] = sign * mixed
    conv.bias[: len(mixed)] = bias


def whole_cells(planes: Tensor) -> Tensor:
    """Planes (B, C, H, W) with their last row and column repeated until both sides are multiples of 4."""
    height, width = planes.shape[-2:]
    return pad(planes, (0, -width % CELL, 0, -height % CELL), "replicate")
