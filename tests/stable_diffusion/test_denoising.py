"""Our loop against the pipelines of diffusers, and what surrounds it: schedules, LoRAs, latents, frames, prompts."""

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, get_args

import pytest
import tiny_models
import torch
from diffusers import StableDiffusionControlNetImg2ImgPipeline, StableDiffusionImg2ImgPipeline
from torch import Tensor, nn

from colorizers.errors import ColorizerError
from colorizers.methods.stable_diffusion.denoising import (
    ControlNetInput,
    PromptEmbeddings,
    SamplerName,
    Schedule,
    denoise,
    make_scheduler,
)
from colorizers.methods.stable_diffusion.frame import frame_of
from colorizers.methods.stable_diffusion.latents import LatentCodec, is_short_of_memory, latent_preview
from colorizers.methods.stable_diffusion.lora import merge_lora
from colorizers.methods.stable_diffusion.prompt import (
    NEGATIVE,
    PRESETS,
    TextEncoder,
    encode_prompts,
    full_prompt,
)
from colorizers.words import Text

pytestmark = pytest.mark.sd
SEED = 5
CONFIG = tiny_models.scheduler().config


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


START, WANTED, UNWANTED = random(1, 4, 8, 12), random(1, 77, 32, seed=1), random(1, 77, 32, seed=2)


@dataclass(frozen=True)
class Parts:
    """What pipelines are put together from."""

    vae: Any
    text_encoder: Any
    tokenizer: Any
    unet: Any

    def pipeline(self, kind: Any, sampler: SamplerName, **more: Any) -> Any:
        made = kind(
            **vars(self), scheduler=make_scheduler(sampler, CONFIG), safety_checker=None, feature_extractor=None,
            requires_safety_checker=False, **more,
        )  # fmt: skip
        made.set_progress_bar_config(disable=True)
        return made


@pytest.fixture(scope="module")
def parts() -> Parts:
    torch.manual_seed(0)
    made = Parts(tiny_models.vae(), tiny_models.text_encoder(), tiny_models.tokenizer(), tiny_models.unet())
    for network in (made.vae, made.text_encoder, made.unet):
        network.eval().requires_grad_(False)
    return made


@pytest.fixture(scope="module")
def controls() -> list[ControlNetInput]:
    """Two ControlNets of differing weight, and what they see."""

    def control(seed: int, scale: float) -> ControlNetInput:
        network = tiny_models.controlnet(seed).eval().requires_grad_(False)
        return ControlNetInput(network, random(1, 3, 64, 96, seed=seed).sigmoid(), scale)

    return [control(3, 0.8), control(4, 0.5)]


@torch.inference_mode()
def ours(
    unet: Any, sampler: SamplerName, steps: int, strength: float, guidance_scale: float = 7.0,
    controls: tuple[ControlNetInput, ...] = (), start: Tensor = START, watch: Any = lambda done, clean: None,
) -> Tensor:  # fmt: skip
    """Latents as this project makes them."""
    return denoise(
        unet, make_scheduler(sampler, CONFIG), start, PromptEmbeddings(WANTED, UNWANTED), Schedule(steps, strength),
        guidance_scale=guidance_scale, generator=torch.Generator().manual_seed(SEED), controls=controls, callback=watch,
    )  # fmt: skip


def theirs(pipeline: Any, steps: int, strength: float, guidance_scale: float = 7.0, **more: Any) -> Tensor:
    """Latents as a pipeline of diffusers makes them."""
    return pipeline(
        image=START, prompt_embeds=WANTED, negative_prompt_embeds=UNWANTED, num_inference_steps=steps,
        strength=strength, guidance_scale=guidance_scale, generator=torch.Generator().manual_seed(SEED),
        output_type="latent", **more,
    ).images  # fmt: skip


def same(one: Tensor, other: Tensor) -> bool:
    return bool((one - other).abs().max() <= 1e-4)


# The same latents as from diffusers' own pipelines


@pytest.mark.parametrize(("strength", "guidance_scale"), [(0.3, 7), (1.0, 7), (0.75, 1)])
@pytest.mark.parametrize("sampler", get_args(SamplerName))
def test_our_loop_gives_what_the_pipeline_gives(
    parts: Parts, sampler: SamplerName, strength: float, guidance_scale: float
):
    pipeline = parts.pipeline(StableDiffusionImg2ImgPipeline, sampler)
    expected = theirs(pipeline, 8, strength, guidance_scale)
    assert same(ours(parts.unet, sampler, 8, strength, guidance_scale), expected)
    assert not same(expected, START)


@pytest.mark.parametrize(
    ("guidance_scale", "begin", "end"), [(7, 0.0, 1.0), (1, 0.0, 1.0), (7, 0.3, 0.8), (7, 0.5, 0.6)]
)
@pytest.mark.parametrize("sampler", ["ddim", "unipc", "euler-a"])
def test_control_acts_as_in_the_pipeline_and_only_when_it_is_to(
    parts: Parts, controls: list[ControlNetInput], sampler: SamplerName, guidance_scale: float, begin: float, end: float
):
    network, seen = controls[0].network, controls[0].image
    pipeline = parts.pipeline(StableDiffusionControlNetImg2ImgPipeline, sampler, controlnet=network)
    expected = theirs(
        pipeline, 6, 0.9, guidance_scale, control_image=seen, controlnet_conditioning_scale=0.8,
        control_guidance_start=begin, control_guidance_end=end,
    )  # fmt: skip
    control = ControlNetInput(network, seen, 0.8, begin, end)
    assert same(ours(parts.unet, sampler, 6, 0.9, guidance_scale, (control,)), expected)
    acts = end - begin > 0.2  # so short a share holds no whole step of five
    assert acts != same(ours(parts.unet, sampler, 6, 0.9, guidance_scale), expected)


def test_two_controls_act_together_as_in_the_pipeline(parts: Parts, controls: list[ControlNetInput]):
    networks = [control.network for control in controls]
    pipeline = parts.pipeline(StableDiffusionControlNetImg2ImgPipeline, "unipc", controlnet=networks)
    expected = theirs(
        pipeline, 6, 1.0, control_image=[control.image for control in controls],
        controlnet_conditioning_scale=[control.scale for control in controls],
    )  # fmt: skip
    both, reverse, alone = (
        ours(parts.unet, "unipc", 6, 1.0, controls=tuple(acting)) for acting in (controls, controls[::-1], controls[:1])
    )
    assert same(both, expected)
    assert same(both, reverse)
    assert not same(both, alone)


def test_a_control_of_no_weight_is_none(parts: Parts, controls: list[ControlNetInput]):
    idle = ControlNetInput(controls[0].network, controls[0].image, scale=0)
    assert torch.equal(ours(parts.unet, "ddim", 4, 0.5, controls=(idle,)), ours(parts.unet, "ddim", 4, 0.5))


@pytest.mark.parametrize("sampler", get_args(SamplerName))
def test_the_seed_alone_decides(parts: Parts, sampler: SamplerName):
    before = torch.get_rng_state()
    one, again = (ours(parts.unet, sampler, 4, 0.75) for _ in range(2))
    assert torch.equal(one, again)
    assert torch.equal(torch.get_rng_state(), before), "nobody else's dice are thrown"


# Steps and strength


@pytest.mark.parametrize(
    ("steps", "strength", "in_all", "done"),
    [(20, 0.5, 20, 10), (20, 1, 20, 20), (4, 0.05, 20, 1), (1, 1, 1, 1), (1, 0.5, 2, 1), (30, 0.35, 30, 10)],
)
def test_strength_is_the_share_of_the_steps_that_is_done_and_never_none(
    steps: int, strength: float, in_all: int, done: int
):
    schedule = Schedule(steps, strength)
    assert (schedule.num_inference_steps, schedule.denoising_steps) == (in_all, done)


class Knowing:
    """A U-Net that knows what the noise hides, and counts how often it is asked."""

    def __init__(self, clean: Tensor) -> None:
        self.asked = 0
        self._clean = clean
        self._kept = make_scheduler("ddim", CONFIG).alphas_cumprod

    def __call__(self, noisy: Tensor, mark: Tensor, words: Tensor) -> SimpleNamespace:
        self.asked += 1
        kept = self._kept[int(mark)]
        return SimpleNamespace(sample=(noisy - kept.sqrt() * self._clean) / (1 - kept).sqrt())


@pytest.mark.parametrize(
    ("steps", "strength"),
    [(1, 1), (4, 0.05), (8, 0.5), (20, 1), (100, 1), (100, 0.95), (1, 0.003), (1, 0.001), (1, 1e-9)],
)
@pytest.mark.parametrize("sampler", get_args(SamplerName))
def test_every_sampler_finds_what_the_noise_hides(sampler: SamplerName, steps: int, strength: float):
    truth = random(1, 4, 8, 8, seed=7)
    unet, looks = Knowing(truth), []
    found = ours(unet, sampler, steps, strength, start=truth, watch=lambda *look: looks.append(look))
    assert (found - truth).abs().max() < 0.2
    assert unet.asked == Schedule(steps, strength).denoising_steps
    assert [done for done, _ in looks] == [*range(unet.asked + 1)], "told before the first step and after every one"
    assert all((clean - truth).abs().max() < 0.2 for _, clean in looks), "what is shown has no noise in it"


def test_who_watches_may_end_it(parts: Parts):
    def leave(done: int, clean: Tensor) -> None:
        if done == 2:
            raise InterruptedError

    unet = Knowing(START)
    with pytest.raises(InterruptedError):
        ours(unet, "ddim", 20, 1.0, watch=leave)
    assert unet.asked == 2


# LoRAs


def network_and_lora() -> tuple[nn.Module, dict[str, Tensor]]:
    """A linear and a convolutional layer, and a LoRA of rank 2 for both, its alpha 1."""
    network = nn.ModuleDict({"to_q": nn.Linear(6, 5), "conv_in": nn.Conv2d(3, 4, 3), "other": nn.Linear(6, 6)})
    state = {
        "lora_unet_to_q.lora_down.weight": random(2, 6), "lora_unet_to_q.lora_up.weight": random(5, 2),
        "lora_unet_to_q.alpha": torch.tensor(1.0),
        "lora_unet_conv_in.lora_down.weight": random(2, 3, 3, 3),
        "lora_unet_conv_in.lora_up.weight": random(4, 2, 1, 1), "lora_unet_conv_in.alpha": torch.tensor(4.0),
    }  # fmt: skip
    return network, state


def test_a_lora_adds_its_product_to_the_weights_that_it_names_and_to_no_others():
    network, state = network_and_lora()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    merge_lora(network, state)
    down, up = (state[f"lora_unet_conv_in.lora_{way}.weight"] for way in ("down", "up"))
    expected = {
        "to_q.weight": 0.5 * state["lora_unet_to_q.lora_up.weight"] @ state["lora_unet_to_q.lora_down.weight"],
        "conv_in.weight": 2 * torch.einsum("or,rikl->oikl", up[..., 0, 0], down),
    }
    for name, tensor in network.state_dict().items():
        assert torch.allclose(tensor - before[name], expected.get(name, torch.zeros(())), atol=1e-5), name


@pytest.mark.parametrize(
    "change",
    [
        lambda state: state.update({"lora_unet_to_q.lora_up.weight": random(7, 2)}),
        lambda state: state.update({"lora_unet_to_q.lora_down.weight": random(3, 6)}),
        lambda state: state.pop("lora_unet_to_q.lora_up.weight"),
        lambda state: state.update({"lora_unet_to_q.strange": random(1), "lora_te_strange.alpha": random(1)}),
    ],
    ids=["of another width", "of two ranks", "half of it", "for something else"],
)
def test_a_lora_that_does_not_fit_is_refused_in_a_sentence(change):
    network, state = network_and_lora()
    change(state)
    with pytest.raises(ColorizerError, match=r"^The LoRA does not fit this model[^.]* lora_\w+; choose another"):
        merge_lora(network, state)


# Latents


class LinearVae(nn.Module):
    """Colours, a little turned, in three of four planes an eighth as large; the last says something else."""

    dtype, device = torch.float32, torch.device("cpu")
    config = SimpleNamespace(block_out_channels=(1, 1, 1, 1), scaling_factor=0.18215)

    def encode(self, pictures: Tensor) -> SimpleNamespace:
        small = nn.functional.avg_pool2d(pictures, 8)
        latents = torch.cat((small.flip(1) - 0.3 * small, small.amax(1, keepdim=True)), dim=1)
        return SimpleNamespace(latent_dist=SimpleNamespace(mode=lambda: latents))


def plain(*colour: float) -> Tensor:
    """A picture (3, 64, 96) of one colour."""
    return torch.tensor(colour)[:, None, None].expand(3, 64, 96)


@pytest.mark.parametrize("colour", [(1.0, 0.0, 0.0), (0.0, 0.0, 1.0), (0.2, 0.7, 0.1), (0.5, 0.5, 0.5)])
def test_the_latent_preview_shows_the_colours_that_latents_stand_for(colour: tuple[float, ...]):
    codec = LatentCodec(LinearVae())
    look = latent_preview(codec.encode(plain(*colour)), codec.latent_rgb_factors())
    assert look.shape == (3, 8, 12)
    assert torch.allclose(look, plain(*colour)[:, :8, :12], atol=0.05)


def test_the_latent_preview_stays_in_range_whatever_it_is_shown(parts: Parts):
    with torch.inference_mode():
        look = latent_preview(100 * random(1, 4, 8, 12), LatentCodec(parts.vae).latent_rgb_factors())
    assert ((look >= 0) & (look <= 1)).all()


def test_a_picture_comes_back_from_latents_at_its_size_whole_or_in_tiles(parts: Parts):
    codec = LatentCodec(parts.vae)
    with torch.inference_mode():
        latents = codec.encode(plain(0.2, 0.5, 0.8))
        pictures = [codec.decode(latents, tiled) for tiled in (False, True)]
    assert latents.shape == (1, 4, 8, 12)
    for picture in pictures:
        assert picture.shape == (3, 64, 96)
        assert ((picture >= 0) & (picture <= 1)).all()


def test_only_pictures_too_large_for_the_memory_are_decoded_in_tiles():
    assert not is_short_of_memory(torch.device("cpu"), (64, 64))
    assert is_short_of_memory(torch.device("cpu"), (10**6, 10**6))


# Frames


@pytest.mark.parametrize("size", [(1, 1), (65, 97), (1000, 30), (30, 1000), (4000, 10), (512, 512), (511, 513)])
@pytest.mark.parametrize("working_size", [256, 512, 768])
def test_a_photo_keeps_its_shape_in_a_frame_that_the_networks_take(size: tuple[int, int], working_size: int):
    frame = frame_of(size, working_size)
    assert max(frame.width, frame.height) == working_size
    shorter = min(size) * working_size / max(size)
    assert abs(min(frame.width, frame.height) - max(shorter, 1)) <= 0.5
    height, width = frame.padded
    assert height % 64 == width % 64 == 0
    assert 0 <= height - frame.height < 64
    assert 0 <= width - frame.width < 64


@pytest.mark.parametrize("size", [(1, 1), (65, 97), (1000, 30), (4000, 1)])
def test_what_is_put_in_a_frame_is_what_is_taken_out_of_it(size: tuple[int, int]):
    frame = frame_of(size, 256)
    picture = random(3, frame.height, frame.width)
    padded = frame.pad(picture)
    assert padded.shape[1:] == frame.padded
    assert torch.equal(frame.crop(padded), picture)


def test_beyond_the_photo_lies_its_mirror_image():
    frame = frame_of((100, 30), 256)  # 256 x 77 in 256 x 128
    picture = random(3, frame.height, frame.width)
    padded = frame.pad(picture)
    assert torch.equal(padded[:, frame.height :], picture[:, -(frame.padded[0] - frame.height) :].flip(1))


# Prompts


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_adds_its_words_after_the_users_own(preset: str):
    added = PRESETS[preset]
    assert full_prompt("  a red boat ", preset, "a boat at sea") == ", ".join(
        filter(None, ("a red boat, a boat at sea", added))
    )
    assert full_prompt("", preset) == added


TOKENS = 77  # that Stable Diffusion's text encoder takes


@pytest.mark.parametrize(("words", "cut"), [(0, False), (TOKENS - 2, False), (TOKENS - 1, True), (1000, True)])
def test_a_prompt_is_cut_where_the_encoder_ends_and_a_note_says_so(parts: Parts, words: int, cut: bool):
    encoder = TextEncoder(parts.text_encoder, parts.tokenizer)
    notes: list[Text] = []
    read = encode_prompts(encoder, "x " * words, "", notes)
    assert read.positive.shape == read.negative.shape == (1, TOKENS, tiny_models.WIDTH)
    wanted = ["The prompt was cut after 75 tokens, the limit of this model."]
    assert [*map(str, notes)] == (wanted if cut else [])
    shorter = encode_prompts(encoder, "x " * (TOKENS - 2), "", [])
    assert not cut or torch.equal(read.positive, shorter.positive)


def test_both_prompts_are_read_and_differ(parts: Parts):
    notes: list[Text] = []
    read = encode_prompts(TextEncoder(parts.text_encoder, parts.tokenizer), "a red boat", NEGATIVE, notes)
    assert not torch.equal(read.positive, read.negative)
    assert [*map(str, notes)] == ["The negative prompt was cut after 75 tokens, the limit of this model."]
