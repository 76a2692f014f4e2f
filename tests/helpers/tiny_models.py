"""Tiny models of random numbers, in the layouts of the published Stable Diffusion, ControlNets and estimators."""

from pathlib import Path

import safetensors.torch
import torch
from diffusers import AutoencoderKL, ControlNetModel, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker
from torch import nn
from transformers import (
    BertTokenizer,
    BlipConfig,
    BlipForConditionalGeneration,
    BlipImageProcessor,
    BlipProcessor,
    CLIPConfig,
    CLIPImageProcessor,
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTokenizer,
    DPTConfig,
    DPTForDepthEstimation,
    DPTImageProcessor,
)

WIDTH = 32  # of the text encoder's states
CONTROLS = ("depth", "brightness", "softedge", "lineart")


def save_all(folder: Path) -> Path:
    """Everything that both tabs can use, named as in a folder of weights of the user's own."""
    for seed, name in enumerate(("sd15", "sd14")):
        save_stable_diffusion(folder / f"stable_diffusion_{name}", seed)
    for seed, kind in enumerate(CONTROLS):
        controlnet(seed).save_pretrained(folder / f"controlnet_{kind}")
    save_depth(folder / "depth_dpt")
    save_lora(folder / "lora_lcm.safetensors")
    return folder


def save_stable_diffusion(folder: Path, seed: int = 0) -> Path:
    """A pipeline with a U-Net, a VAE, a text encoder, a tokenizer and a scheduler."""
    torch.manual_seed(seed)
    StableDiffusionPipeline(
        vae=vae(), text_encoder=text_encoder(), tokenizer=tokenizer(), unet=unet(), scheduler=scheduler(),
        safety_checker=None, feature_extractor=None, requires_safety_checker=False,
    ).save_pretrained(folder)  # fmt: skip
    return folder


def unet(in_channels: int = 4) -> UNet2DConditionModel:
    return UNet2DConditionModel(
        block_out_channels=(32, 64), layers_per_block=1, sample_size=32, in_channels=in_channels, out_channels=4,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"), up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=WIDTH, attention_head_dim=8, norm_num_groups=8,
    )  # fmt: skip


def vae() -> AutoencoderKL:
    return AutoencoderKL(
        block_out_channels=[32] * 4, down_block_types=["DownEncoderBlock2D"] * 4,
        up_block_types=["UpDecoderBlock2D"] * 4, latent_channels=4, norm_num_groups=8,
    )  # fmt: skip


def text_encoder(width: int = WIDTH) -> CLIPTextModel:
    config = CLIPTextConfig(
        hidden_size=width, intermediate_size=37, num_attention_heads=4, num_hidden_layers=2, vocab_size=514,
        max_position_embeddings=77, bos_token_id=512, eos_token_id=513, pad_token_id=513,
    )  # fmt: skip
    return CLIPTextModel(config)


def tokenizer() -> CLIPTokenizer:
    """Every byte is a token, and every byte at the end of a word is another."""
    letters = [*_byte_letters(), *(f"{letter}</w>" for letter in _byte_letters()), "<|startoftext|>", "<|endoftext|>"]
    return CLIPTokenizer(vocab={letter: k for k, letter in enumerate(letters)}, merges=[], model_max_length=77)


def _byte_letters() -> list[str]:
    """A letter for every byte, as byte-level vocabularies spell them: printable ones as they are, others from 256."""
    printable = {*range(33, 127), *range(161, 173), *range(174, 256)}
    others = iter(range(256, 512))
    return [chr(byte if byte in printable else next(others)) for byte in range(256)]


def scheduler() -> DDIMScheduler:
    return DDIMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", clip_sample=False,
        set_alpha_to_one=False, steps_offset=1,
    )  # fmt: skip


def controlnet(seed: int = 0, width: int = WIDTH) -> ControlNetModel:
    """A ControlNet for the U-Net, whose last layers are not the zeros that training begins with."""
    torch.manual_seed(seed)
    network = ControlNetModel(
        block_out_channels=(32, 64), layers_per_block=1, in_channels=4,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"), cross_attention_dim=width, attention_head_dim=8,
        norm_num_groups=8, conditioning_embedding_out_channels=(8, 8, 16, 16),
    )  # fmt: skip
    for parameter in network.parameters():
        if not parameter.any():
            nn.init.normal_(parameter, std=0.1)
    return network


def save_depth(folder: Path) -> Path:
    """A dense prediction transformer and what prepares pictures for it."""
    torch.manual_seed(0)
    config = DPTConfig(
        hidden_size=32, num_hidden_layers=4, num_attention_heads=4, intermediate_size=37,
        backbone_out_indices=[0, 1, 2, 3], image_size=64, patch_size=16, neck_hidden_sizes=[16, 16, 32, 32],
        fusion_hidden_size=16, readout_type="project", is_hybrid=False,
    )  # fmt: skip
    DPTForDepthEstimation(config).save_pretrained(folder)
    DPTImageProcessor(size={"height": 64, "width": 64}).save_pretrained(folder)
    return folder


def save_lora(path: Path) -> Path:
    """A LoRA of rank 2 for a few layers of the U-Net, in the form of the one for LCM."""
    torch.manual_seed(1)
    places = dict(unet().named_modules())
    wanted = ("mid_block.attentions.0.transformer_blocks.0.attn1.to_q", "conv_in")
    state = {}
    for name in wanted:
        weight = places[name].weight
        part = f"lora_unet_{name.replace('.', '_')}"
        state[f"{part}.lora_down.weight"] = torch.randn(2, *weight.shape[1:]) / 4
        state[f"{part}.lora_up.weight"] = torch.randn(weight.shape[0], 2, *(1 for _ in weight.shape[2:])) / 4
        state[f"{part}.alpha"] = torch.tensor(1.0)
    safetensors.torch.save_file(state, path)
    return path


def save_checker(folder: Path, withholds: bool) -> Path:
    """A safety checker that withholds everything, or nothing."""
    torch.manual_seed(0)
    config = CLIPConfig(
        vision_config={
            "hidden_size": 32, "intermediate_size": 37, "num_attention_heads": 4, "num_hidden_layers": 2,
            "image_size": 32, "patch_size": 8,
        },
        text_config={"hidden_size": 32, "intermediate_size": 37, "num_attention_heads": 4, "num_hidden_layers": 2},
        projection_dim=16,
    )  # fmt: skip
    checker = StableDiffusionSafetyChecker(config)
    for limits in (checker.concept_embeds_weights, checker.special_care_embeds_weights):
        limits.fill_(-2 if withholds else 2)
    checker.save_pretrained(folder / "safety_checker")
    processor = CLIPImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    processor.save_pretrained(folder / "feature_extractor")
    return folder


def save_captioner(folder: Path) -> Path:
    """A BLIP whose words are letters."""
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "[DEC]", *(chr(ord("a") + k) for k in range(26))]
    sizes = {"hidden_size": 32, "intermediate_size": 37, "num_hidden_layers": 2, "num_attention_heads": 4}
    config = BlipConfig(
        vision_config=sizes | {"image_size": 32, "patch_size": 8},
        text_config=sizes
        | {
            "vocab_size": len(words), "encoder_hidden_size": 32, "max_position_embeddings": 40, "bos_token_id": 5,
            "eos_token_id": 3, "sep_token_id": 3, "pad_token_id": 0,
        },
        projection_dim=16,
    )  # fmt: skip
    torch.manual_seed(0)
    BlipForConditionalGeneration(config).save_pretrained(folder)
    tokenizer = BertTokenizer(vocab={word: k for k, word in enumerate(words)})
    BlipProcessor(BlipImageProcessor(size={"height": 32, "width": 32}), tokenizer).save_pretrained(folder)
    return folder
