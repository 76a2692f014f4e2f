"""The small Stable Diffusion: captions that say what is seen, a tokenizer, its recipes, and folders for diffusers."""

import random
from pathlib import Path

import pytest
import torch
from conftest import paint
from diffusers import (
    AutoencoderKL,
    ControlNetModel,
    DDIMScheduler,
    StableDiffusionImg2ImgPipeline,
    UNet2DConditionModel,
)
from PIL import Image
from recipe_runs import run_of, steps_of
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate
from transformers import CLIPTextModel, CLIPTokenizer

from colorizers.picture.color import rgb_to_lab
from colorizers.training.export import export
from colorizers.training.photos import Photographs, decoded
from colorizers.training.recipes.small_sd import autoencoder, folder, networks
from colorizers.training.recipes.small_sd.captions import COLORS, caption, color_ids, seen_colors, subject_of
from colorizers.training.recipes.small_sd.tokenizer import TOKENS, tokenizer, words
from colorizers.training.recipes.small_sd.unet import recolored, shifted, starting

MIB = 2**20


def field(*colors: tuple[int, int, int], noise: float = 0.0) -> Tensor:
    """Lab (3, 48, 48) of bands of sRGB colours, from the top down."""
    rgb = torch.tensor(colors).T[:, :, None] / 255
    bands = rgb.repeat_interleave(48 // len(colors), dim=1).expand(3, -1, 48)
    return rgb_to_lab((bands + noise * torch.randn(48, 48, generator=torch.Generator().manual_seed(0))).clamp(0, 1))


def said_of(lab: Tensor, kind: str) -> str:
    """Everything that is ever said of the colours."""
    return ", ".join(phrase for seed in range(40) for phrase in seen_colors(lab, kind, random.Random(seed)))


SKY, GRASS, SAND, RED, GRAY, SKIN = (
    (120, 170, 230), (70, 130, 40), (220, 200, 160), (190, 30, 35), (128, 128, 128), (225, 175, 145),
)  # fmt: skip


class TestCaptions:
    @pytest.mark.parametrize(
        ("rgb", "name"),
        [
            ((255, 0, 0), "red"), ((0, 0, 255), "blue"), (SKY, "blue"), (GRASS, "green"), ((255, 165, 0), "orange"),
            ((255, 235, 0), "yellow"), ((130, 40, 150), "purple"), ((255, 170, 190), "pink"), ((90, 60, 35), "brown"),
            (SAND, "beige"), ((60, 200, 200), "turquoise"), ((10, 10, 10), "black"), (GRAY, "gray"),
            ((250, 250, 250), "white"),
        ],
    )  # fmt: skip
    def test_name_colors(self, rgb: tuple[int, int, int], name: str):
        assert COLORS[int(color_ids(field(rgb))[0, 0])] == name

    def test_tell_the_sky_and_the_ground(self):
        said = said_of(field(SKY, SKY, GRASS), "outdoor")
        assert "blue sky" in said
        assert "green grass" in said
        assert "sky" not in said_of(field(SKY, SKY, GRASS), "person"), "what is behind a person is a background"
        assert "snow" not in said

    def test_tell_clothes_of_people_alone(self):
        lab = field(SKIN, RED)
        assert {"red clothes", "a red dress", "wearing red"} <= set(said_of(lab, "person").split(", "))
        assert "dress" not in said_of(lab, "outdoor")

    def test_tell_leaves_by_their_texture(self):
        assert "green leaves" in said_of(field(GRASS, noise=0.35), "outdoor")
        assert "green leaves" not in said_of(field(GRASS), "outdoor")

    def test_tell_the_light(self):
        warm, cold = (
            said_of(field((230, 160, 90), (160, 90, 40)), "unknown"),
            said_of(field(SKY, (60, 80, 130)), "unknown"),
        )
        assert "warm evening light" in warm
        assert "cold" not in warm
        assert "cold blue winter light" in cold
        assert "warm" not in cold

    def test_tell_how_saturated_it_is(self):
        assert "muted, faded colors" in said_of(field((140, 128, 122)), "unknown")
        assert "vivid colors" in said_of(field(RED), "unknown")
        assert "realistic colors" in said_of(field((170, 140, 110)), "unknown")
        assert "black and white" in said_of(field(GRAY), "unknown")

    @pytest.mark.parametrize(
        ("label", "says", "kind"),
        [
            ("", "", "unknown"), ("corel5k/171", "", "unknown"), ("landscapes", "a landscape", "outdoor"),
            ("street fashion", "a woman in the street", "person"), ("imagenette/n03028079", "a church", "outdoor"),
            ("houses/kitchen", "a kitchen", "indoor"), ("birds/fairy penguin", "a fairy penguin, a bird", "thing"),
            ("imagenet/Irish_setter", "an irish setter", "thing"), ("caltech101/airplanes", "airplanes", "thing"),
        ],
    )  # fmt: skip
    def test_know_labels(self, label: str, says: str, kind: str):
        subject = subject_of(label)
        assert (subject.words, subject.kind) == (says, kind)

    def test_are_the_same_for_the_same_seed(self):
        lab = field(SKY, GRASS)
        said = [[caption(lab, "landscapes", random.Random(seed)) for seed in range(20)] for _ in range(2)]
        assert said[0] == said[1]
        assert len(set(said[0])) > 5


class TestTokenizer:
    def test_has_one_token_for_each_word_that_it_knows(self):
        tokens = tokenizer()
        assert all(len(tokens(word).input_ids) == 3 for word in words())

    def test_knows_the_words_of_captions(self):
        pixels = torch.rand(300, 3, 3, 1, generator=torch.Generator().manual_seed(0))
        labels = ("landscapes", "woman", "kitchen", "pets/dog", "")
        said = {
            word.strip(",")
            for k, rgb in enumerate(pixels)
            for word in caption(rgb_to_lab(rgb), labels[k % len(labels)], random.Random(k)).split()
        }
        assert len(said) > 60
        assert said <= {*words(), ""}

    def test_reads_any_text_to_its_end(self):
        tokens = tokenizer()
        said = tokens("a Zürich tram, 1931 €", padding="max_length", truncation=True).input_ids
        assert len(said) == TOKENS
        assert said.index(tokens.eos_token_id) > 8
        assert tokens.decode(said, skip_special_tokens=True).replace(" ", "") == "azürichtram,1931€"


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Photographs:
    place = tmp_path_factory.mktemp("small_sd")
    return decoded([paint(place / "pair", 2)], place)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders made of weights as the three runs leave them."""
    torch.manual_seed(0)
    text, base = networks.text_encoder(tokenizer()), networks.unet()
    vae = autoencoder.Autoencoder()
    path = tmp_path_factory.mktemp("weights") / "unet.safetensors"
    export(networks.SmallStableDiffusion(vae=vae, text_encoder=text, unet=base), path, {})
    export(
        networks.SmallStableDiffusion(vae=vae, text_encoder=text, unet=base, controlnet=networks.controlnet(base)),
        path.with_name("controlnet.safetensors"), {},
    )  # fmt: skip
    export(networks.SmallStableDiffusion(vae=vae), path.with_name("vae.safetensors"), {"recipe": "{}"})
    folder.save_model(path.with_name("vae.safetensors"), path, path.with_name("model"))
    folder.save_controlnet(path.with_name("controlnet.safetensors"), path.with_name("brightness"))
    return path


class TestFolders:
    def test_load_with_diffusers_and_paint(self, file: Path):
        model = file.with_name("model")
        parts = {
            "vae": AutoencoderKL, "text_encoder": CLIPTextModel, "tokenizer": CLIPTokenizer,
            "unet": UNet2DConditionModel, "scheduler": DDIMScheduler,
        }  # fmt: skip
        loaded = {name: kind.from_pretrained(model / name) for name, kind in parts.items()}
        ControlNetModel.from_pretrained(file.with_name("brightness"))
        pipe = StableDiffusionImg2ImgPipeline(
            **{name: part.float() if isinstance(part, torch.nn.Module) else part for name, part in loaded.items()},
            safety_checker=None, feature_extractor=None, requires_safety_checker=False,
        )  # fmt: skip
        painted = pipe("blue sky", Image.new("RGB", (64, 64), "gray"), num_inference_steps=3, strength=0.7).images[0]
        assert painted.size == (64, 64)

    def test_are_small_enough(self, file: Path):
        sizes = [
            path.stat().st_size for place in ("model", "brightness") for path in file.with_name(place).rglob("*.*")
        ]
        assert max(sizes) <= 16 * MIB
        assert sum(sizes) <= 40 * MIB

    def test_have_the_latents_of_training(self, file: Path):
        picture = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
        vae = AutoencoderKL.from_pretrained(file.with_name("model") / "vae").float()
        with torch.inference_mode():
            latents = vae.encode(2 * picture - 1).latent_dist.mode() * vae.config.scaling_factor
        assert torch.allclose(latents, autoencoder.latents_of(picture), atol=0.03)

    def test_give_colors_back_better_than_by_enlarging_cells(self, file: Path):
        generator = torch.Generator().manual_seed(0)
        picture = interpolate(torch.rand(4, 3, 6, 8, generator=generator), (96, 128), mode="bicubic").clamp(0, 1)
        vae = autoencoder.Autoencoder()
        with torch.inference_mode():
            back = autoencoder.luma_and_differences(vae.decode(vae.encode(picture)))[:, 1:]
        truth = autoencoder.luma_and_differences(picture)[:, 1:]
        cells = interpolate(avg_pool2d(truth, autoencoder.CELL), scale_factor=autoencoder.CELL)
        assert (back - truth).abs().mean() < 0.7 * (cells - truth).abs().mean()

    def test_have_the_schedule_of_training(self, file: Path, pair: Photographs, backbone: Path):
        scheduler = DDIMScheduler.from_pretrained(file.with_name("model") / "scheduler")
        signal, _ = run_of("small_sd/unet", pair, backbone, steps=1).objective.factors(torch.arange(1000))
        assert torch.allclose(signal.flatten() ** 2, scheduler.alphas_cumprod, atol=1e-5)
        assert signal[-1] == 0


@pytest.mark.slow
class TestRecipes:
    def test_the_decoder_begins_nearly_right_and_learns_what_is_missing(self, pair: Photographs, backbone: Path):
        run = run_of("small_sd/vae", pair, backbone, steps=40, ema=0.8)
        both = [pair.photo(k) for k in range(2)]
        before = run.objective.figures(run.averaged.eval(), both)
        steps_of(run, pair)
        after = run.objective.figures(run.averaged.eval(), both)
        assert before.values["de00"] < before.values["gray_de00"] / 5
        assert after.score < before.score

    def test_the_u_net_learns_with_its_text_encoder_and_the_vae_rests(self, pair: Photographs, backbone: Path):
        run = run_of("small_sd/unet", pair, backbone, steps=2)
        before = {name: value.clone() for name, value in run.objective.network.state_dict().items()}
        steps_of(run, pair)
        moved = {name for name, value in run.objective.network.state_dict().items() if not value.equal(before[name])}
        assert {name.partition(".")[0] for name in moved} == {"unet", "text_encoder"}
        assert "text_encoder.embeddings.token_embedding.weight" in moved

    def test_the_controlnet_begins_as_the_u_net_and_learns_alone(self, pair: Photographs, backbone: Path):
        run = run_of("small_sd/controlnet", pair, backbone, steps=2, learning_rate=1e-6)
        network = run.objective.network
        with torch.no_grad():
            network.unet.conv_in.weight.add_(1)  # as --start does, after the networks were made
        before = {name: value.clone() for name, value in network.state_dict().items()}
        steps_of(run, pair)
        assert torch.allclose(network.controlnet.conv_in.weight, network.unet.conv_in.weight, atol=1e-4)
        moved = {name for name, value in network.state_dict().items() if not value.equal(before[name])}
        assert {name.partition(".")[0] for name in moved} == {"controlnet"}

    @pytest.mark.parametrize("key", ["small_sd/vae", "small_sd/unet", "small_sd/controlnet"])
    def test_go_on_exactly(self, key: str, pair: Photographs, backbone: Path, tmp_path: Path):
        unbroken = run_of(key, pair, backbone, steps=3)
        said = steps_of(unbroken, pair)
        first = run_of(key, pair, backbone, steps=3)
        first.plan = first.plan.model_copy(update={"steps": 2})
        steps_of(first, pair)
        first.save(tmp_path / "checkpoint.pt")
        second = run_of(key, pair, backbone, steps=3)
        second.resume(tmp_path / "checkpoint.pt")
        second.plan = second.plan.model_copy(update={"steps": 1})
        assert steps_of(second, pair)[-1] == said[-1]

    def test_noise_is_shifted_so_that_the_way_begins_at_the_start(self):
        noise, start, clean = torch.randn(3, 2, 4, 8, 8, generator=torch.Generator().manual_seed(0))
        signal = torch.tensor([0.3, 0.8])[:, None, None, None]
        rest = (1 - signal**2).sqrt()
        moved = shifted(noise, start, clean, signal / rest)
        assert torch.allclose(signal * clean + rest * moved, signal * start + rest * noise, atol=1e-5)

    def test_starts_keep_the_light_and_lose_the_colors(self):
        lab = field(SKY, RED).repeat(64, 1, 1, 1)
        generator = torch.Generator().manual_seed(0)
        other, start = recolored(lab, generator), starting(lab, generator)
        assert other[:, 0].equal(lab[:, 0])
        assert start[:, 0].equal(lab[:, 0])
        changed = (other != lab).flatten(1).any(1).float().mean()
        gray = (start[:, 1:] == 0).flatten(1).all(1).float().mean()
        assert 0.1 < changed < 0.5
        assert 0.4 < gray < 0.8
