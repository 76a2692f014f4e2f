"""Stable Diffusion 1.x as one file: every number lands where diffusers and transformers want it, or nothing does."""

import json
import re
from pathlib import Path

import pytest
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel

from colorizers.errors import ColorizerError
from colorizers.methods.stable_diffusion import single_file
from colorizers.methods.stable_diffusion.single_file import ARCHITECTURE, component

pytestmark = pytest.mark.sd
PARTS = {"unet": UNet2DConditionModel, "vae": AutoencoderKL, "text_encoder": CLIPTextModel}
PREFIXES = {
    "unet": "model.diffusion_model.",
    "vae": "first_stage_model.",
    "text_encoder": "cond_stage_model.transformer.text_model.",
}
# The blocks of the real architecture, with few channels.
NARROW = {
    "unet": {"block_out_channels": [8, 16, 32, 32], "norm_num_groups": 4, "cross_attention_dim": 16},
    "vae": {"block_out_channels": [8, 8, 16, 16], "norm_num_groups": 4},
    "text_encoder": {"hidden_size": 16, "intermediate_size": 24, "num_attention_heads": 2, "vocab_size": 50},
}  # fmt: skip


def built(part: str, config: dict) -> nn.Module:
    if part == "text_encoder":
        return CLIPTextModel(CLIPTextConfig.from_dict(config))
    return PARTS[part].from_config(config)


# The names of the first release, https://github.com/CompVis/stable-diffusion, for those of diffusers


def unet_name(name: str) -> str:
    """12 blocks in, 12 blocks out, three to a resolution; what they hold is counted."""
    name = name.replace("time_embedding.linear_1", "time_embed.0").replace("time_embedding.linear_2", "time_embed.2")
    name = name.replace("conv_in", "input_blocks.0.0").replace("conv_norm_out", "out.0").replace("conv_out", "out.2")
    if place := re.match(r"(down|up)_blocks\.(\d)\.(\w+)\.(\d)", name):
        way, level, kind, k = place[1], int(place[2]), place[3], int(place[4])
        block = {
            ("down", "resnets"): f"input_blocks.{3 * level + k + 1}.0",
            ("down", "attentions"): f"input_blocks.{3 * level + k + 1}.1",
            ("down", "downsamplers"): f"input_blocks.{3 * level + 3}.0",
            ("up", "resnets"): f"output_blocks.{3 * level + k}.0",
            ("up", "attentions"): f"output_blocks.{3 * level + k}.1",
            # The last after the attention, where there is one: there is none at the coarsest resolution.
            ("up", "upsamplers"): f"output_blocks.{3 * level + 2}.{2 if level else 1}",
        }[way, kind]
        name = block + name[place.end() :]
    for ours, theirs in {"resnets.0": "0", "attentions.0": "1", "resnets.1": "2"}.items():
        name = name.replace(f"mid_block.{ours}", f"middle_block.{theirs}")
    name = re.sub(r"(input_blocks\.\d+\.0)\.conv\.", r"\1.op.", name)
    for ours, theirs in {
        "norm1": "in_layers.0", "conv1": "in_layers.2", "time_emb_proj": "emb_layers.1",
        "norm2": "out_layers.0", "conv2": "out_layers.3", "conv_shortcut": "skip_connection",
    }.items():  # fmt: skip
        name = name if "transformer_blocks" in name else name.replace(ours, theirs)
    return name


def vae_name(name: str) -> str:
    """The way up is counted from the finest resolution."""
    name = re.sub(r"down_blocks\.(\d)\.resnets", r"down.\1.block", name)
    name = re.sub(r"up_blocks\.(\d)\.resnets", lambda place: f"up.{3 - int(place[1])}.block", name)
    name = re.sub(r"down_blocks\.(\d)\.downsamplers\.0", r"down.\1.downsample", name)
    name = re.sub(r"up_blocks\.(\d)\.upsamplers\.0", lambda place: f"up.{3 - int(place[1])}.upsample", name)
    for ours, theirs in {
        "mid_block.resnets.0": "mid.block_1", "mid_block.resnets.1": "mid.block_2", "conv_shortcut": "nin_shortcut",
        "mid_block.attentions.0": "mid.attn_1", "group_norm": "norm", "conv_norm_out": "norm_out",
        "to_q": "q", "to_k": "k", "to_v": "v", "to_out.0": "proj_out",
    }.items():  # fmt: skip
        name = name.replace(ours, theirs)
    return name


def published(models: dict[str, nn.Module]) -> dict[str, Tensor]:
    """The tensors of all three under those names; the attention of the VAE is 1x1 convolutions."""
    names = {"unet": unet_name, "vae": vae_name, "text_encoder": str}
    state = {PREFIXES[part] + names[part](n): t for part in models for n, t in models[part].state_dict().items()}
    return {
        n: t[..., None, None] if re.search(r"attn_1\.\w+\.weight", n) and t.ndim == 2 else t for n, t in state.items()
    }


# A file


@pytest.fixture(scope="module")
def architecture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("architecture")
    for part, few in NARROW.items():
        (folder / part).mkdir()
        config = json.loads((ARCHITECTURE / part / "config.json").read_text()) | few
        (folder / part / "config.json").write_text(json.dumps(config))
    return folder


@pytest.fixture(scope="module")
def models(architecture: Path) -> dict[str, nn.Module]:
    torch.manual_seed(0)
    return {part: built(part, json.loads((architecture / part / "config.json").read_text())).eval() for part in PARTS}


@pytest.fixture
def checkpoint(
    architecture: Path, models: dict[str, nn.Module], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A whole one, as they are published: with what only training needs."""
    monkeypatch.setattr(single_file, "ARCHITECTURE", architecture)
    path = tmp_path / "painter.safetensors"
    more = {"alphas_cumprod": torch.zeros(1000), "model_ema.decay": torch.zeros(())}
    more[PREFIXES["text_encoder"] + "embeddings.position_ids"] = torch.arange(77)[None]
    save_file({name: tensor.contiguous() for name, tensor in (published(models) | more).items()}, path)
    return path


def change(path: Path, new: dict[str, Tensor], gone: tuple[str, ...] = ()) -> None:
    state = load_file(path) | new
    save_file({name: tensor.clone() for name, tensor in state.items() if not name.startswith(gone)}, path)


def refusal(path: Path, part: str) -> str:
    with pytest.raises(ColorizerError) as caught:
        component(path, part, torch.float32)
    sentence = str(caught.value)
    assert sentence.startswith("painter.safetensors ")
    assert sentence.endswith(".")
    assert "\n" not in sentence
    return sentence


@torch.no_grad()
def answer(part: str, model: nn.Module) -> Tensor:
    draw = torch.Generator().manual_seed(0)
    if part == "unet":
        latents, words = torch.randn(2, 4, 16, 16, generator=draw), torch.randn(2, 77, 16, generator=draw)
        return model(latents, torch.tensor([3, 700]), words).sample
    if part == "vae":
        pictures = torch.rand(1, 3, 32, 32, generator=draw)
        return model.decode(model.encode(pictures).latent_dist.mode()).sample
    return model(torch.randint(0, 50, (2, 77), generator=draw)).last_hidden_state


# Loading


@pytest.mark.parametrize("part", PARTS)
def test_every_part_is_loaded_to_the_last_bit_and_answers_as_the_original(
    part: str, checkpoint: Path, models: dict[str, nn.Module]
):
    loaded, original = component(checkpoint, part, torch.float32).eval(), models[part]
    assert type(loaded) is type(original)
    assert loaded.state_dict().keys() == original.state_dict().keys()
    assert all(torch.equal(tensor, original.state_dict()[name]) for name, tensor in loaded.state_dict().items())
    assert torch.equal(answer(part, loaded), answer(part, original))


@pytest.mark.parametrize("part", PARTS)
def test_it_comes_in_the_precision_that_is_asked_for(part: str, checkpoint: Path):
    loaded = component(checkpoint, part, torch.float16)
    assert {parameter.dtype for parameter in loaded.parameters()} == {torch.float16}


def test_files_from_before_the_text_encoder_was_wrapped_are_loaded(checkpoint: Path, models: dict[str, nn.Module]):
    state = load_file(checkpoint)
    save_file({name.replace("transformer.text_model.", "transformer."): t for name, t in state.items()}, checkpoint)
    loaded = component(checkpoint, "text_encoder", torch.float32).eval()
    assert torch.equal(answer("text_encoder", loaded), answer("text_encoder", models["text_encoder"]))


@pytest.mark.parametrize(
    ("part", "millions"), [("unet", 859.520964), ("vae", 83.653863), ("text_encoder", 123.06048)]
)  # fmt: skip
def test_the_architecture_is_that_of_the_published_weights(part: str, millions: float):
    with torch.device("meta"):
        network = built(part, json.loads((ARCHITECTURE / part / "config.json").read_text()))
    assert sum(parameter.numel() for parameter in network.parameters()) == round(millions * 10**6)


# What is refused


@pytest.mark.parametrize("part", PARTS)
def test_what_is_missing_unknown_or_of_another_shape_is_named(part: str, checkpoint: Path):
    whole = load_file(checkpoint)
    theirs = sorted(name for name in whole if name.startswith(PREFIXES[part]) and "position" not in name)
    change(checkpoint, {PREFIXES[part] + "strange.weight": torch.zeros(1)})
    assert re.search(r"strange\.weight unknown\.$", refusal(checkpoint, part))

    change(checkpoint, {theirs[0]: torch.zeros(1, 2)}, (PREFIXES[part] + "strange",))
    assert "of another shape" in refusal(checkpoint, part)

    # Nothing is left of the part but one tensor.
    change(checkpoint, whole, tuple(theirs[1:]))
    assert re.search(r"(\S+, ){2}\S+ \.\.\. missing\.$", refusal(checkpoint, part))


@pytest.mark.parametrize(
    ("part", "bias"),
    [
        ("unet", "input_blocks.3.0.op.bias"),
        ("unet", "output_blocks.2.1.conv.bias"),
        ("unet", "output_blocks.5.2.conv.bias"),
        ("vae", "encoder.down.0.downsample.conv.bias"),
        ("vae", "decoder.up.1.upsample.conv.bias"),
    ],
)
def test_half_a_layer_is_not_enough(part: str, bias: str, checkpoint: Path):
    change(checkpoint, {}, (PREFIXES[part] + bias,))
    assert re.search(r" \S+\.bias missing\.$", refusal(checkpoint, part))


def test_another_part_may_be_strange(checkpoint: Path):
    change(checkpoint, {"first_stage_model.strange": torch.zeros(1)})
    component(checkpoint, "unet", torch.float32)
    refusal(checkpoint, "vae")


@pytest.mark.parametrize(
    "names",
    [
        ("model.diffusion_model.", "first_stage_model.", "conditioner.embedders.0.transformer.text_model."),
        ("model.diffusion_model.", "first_stage_model.", "cond_stage_model.model.transformer."),
        ("model.diffusion_model.", "first_stage_model."),
        ("lora_unet_down_blocks_0_", "lora_te_text_model_encoder_"),
    ],
    ids=["SDXL", "SD 2", "no text encoder", "LoRA"],
)
@pytest.mark.parametrize("part", PARTS)
def test_other_families_are_refused(part: str, names: tuple[str, ...], tmp_path: Path):
    path = tmp_path / "painter.safetensors"
    save_file({f"{name}weight": torch.zeros(1) for name in names}, path)
    assert "is not a Stable Diffusion 1.x model" in refusal(path, part)


@pytest.mark.parametrize("keep", [0, 5, 100, -10])
def test_a_damaged_file_is_refused(keep: int, checkpoint: Path):
    checkpoint.write_bytes(checkpoint.read_bytes()[:keep])
    assert "damaged" in refusal(checkpoint, "unet")
