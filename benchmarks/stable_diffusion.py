"""What a picture by Stable Diffusion costs: a plain pipeline of diffusers, and our engine with the same numbers.

    python benchmarks/stable_diffusion.py [--method img2img|controlnet] [--size 512] [--steps 2] [--device cpu|cuda]

The plain pipeline is measured twice: loaded at every request, and kept. The architecture is that of Stable Diffusion
1.5, its weights are random: nothing is downloaded. All three have the same photo, words, noise, sampler and steps, so
that their pictures can be compared. Each runs in a process of its own, so that its peak memory is its own. Seconds
are medians after a first request that stands apart.
"""

import argparse
import json
import multiprocessing
import os
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
MODEL, CONTROLNET, PHOTO = "stable_diffusion_sd15", "controlnet_brightness", "photo.png"
WORDS, UNWANTED = "a village by the sea", "black and white"
GUIDANCE, SCALE, SEED = 7.0, 0.8, 0
WAYS = {
    "fresh": "diffusers, loaded at every request",
    "kept": "diffusers, kept in memory",
    "ours": "this engine",
}


class Cost(NamedTuple):
    """Seconds of every request, seconds of the last until there is something to see, peak memory in MB.

    And what was made: sRGB (H, W, 3) in [0, 1].
    """

    seconds: list[float]
    look: float
    peak: float
    picture: np.ndarray


Request = Callable[[], tuple[float, np.ndarray]]
"""One request from its beginning to its end; gives the moment of the first look, and the picture."""


def build(folder: Path, size: int) -> None:
    """A photo of soft shapes, and a model and a ControlNet of random numbers in half precision."""
    sys.path.insert(0, str(ROOT))
    import torch
    from diffusers import (
        AutoencoderKL,
        ControlNetModel,
        PNDMScheduler,
        StableDiffusionImg2ImgPipeline,
        UNet2DConditionModel,
    )
    from transformers import CLIPTextConfig, CLIPTextModel

    from colorizers.methods.stable_diffusion.single_file import ARCHITECTURE

    small = np.random.default_rng(0).integers(0, 256, (size // 32, size // 32), np.uint8)
    Image.fromarray(small).resize((size, size), Image.Resampling.BICUBIC).save(folder / PHOTO)
    torch.manual_seed(0)
    unet, vae, text, noise = (
        json.loads(next((ARCHITECTURE / part).glob("*.json")).read_text())
        for part in ("unet", "vae", "text_encoder", "scheduler")
    )
    network = UNet2DConditionModel.from_config(unet)
    controlnet = ControlNetModel.from_unet(network)
    for parameter in controlnet.parameters():
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.02)  # it begins without any effect
    controlnet.half().save_pretrained(folder / CONTROLNET, variant="fp16")
    StableDiffusionImg2ImgPipeline(
        AutoencoderKL.from_config(vae).half(),
        CLIPTextModel(CLIPTextConfig.from_dict(text)).half(),
        tokenizer(text["vocab_size"]),
        network.half(),
        PNDMScheduler.from_config(noise),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    ).save_pretrained(folder / MODEL, variant="fp16")


def tokenizer(size: int) -> Any:
    """One that reads letters instead of words, its vocabulary filled up to a size."""
    from tokenizers.pre_tokenizers import ByteLevel
    from transformers import CLIPTokenizer

    letters = sorted(ByteLevel.alphabet())
    tokens = [*letters, *(f"{letter}</w>" for letter in letters)]
    tokens += [f"<{k}>" for k in range(size - len(tokens) - 2)]
    tokens += ["<|startoftext|>", "<|endoftext|>"]
    return CLIPTokenizer(vocab={token: k for k, token in enumerate(tokens)}, merges=[], model_max_length=77)


def pipeline(folder: Path, method: str, device: str) -> Any:
    """Diffusers' own, as its manual says."""
    import torch
    from diffusers import (
        ControlNetModel,
        StableDiffusionControlNetImg2ImgPipeline,
        StableDiffusionImg2ImgPipeline,
        UniPCMultistepScheduler,
    )

    known = {"dtype": torch.float16 if device == "cuda" else torch.float32, "variant": "fp16", "local_files_only": True}
    if method == "controlnet":
        controlnet = ControlNetModel.from_pretrained(folder / CONTROLNET, **known)
        made = StableDiffusionControlNetImg2ImgPipeline.from_pretrained(folder / MODEL, controlnet=controlnet, **known)
    else:
        made = StableDiffusionImg2ImgPipeline.from_pretrained(folder / MODEL, **known)
    made.scheduler = UniPCMultistepScheduler.from_config(made.scheduler.config)
    made.set_progress_bar_config(disable=True)
    return made.to(device)


def plain(folder: Path, method: str, steps: int, device: str, keep: bool) -> Request:
    """Requests to diffusers, which shows nothing before the end."""
    import torch

    sys.path.insert(0, str(ROOT))
    from colorizers.methods.stable_diffusion.pretrained import quiet

    def loaded() -> Any:
        with quiet():
            return pipeline(folder, method, device)

    photo = Image.open(folder / PHOTO).convert("RGB")
    kept = loaded() if keep else None

    @torch.inference_mode()
    def request() -> tuple[float, np.ndarray]:
        made = kept or loaded()
        seen = made.image_processor.preprocess(photo).to(device, made.vae.dtype)
        # Left to itself it draws the latents of the photo at random: with the likeliest, pictures can be compared.
        latents = made.vae.config.scaling_factor * made.vae.encode(seen).latent_dist.mode()
        control = {"control_image": photo, "controlnet_conditioning_scale": SCALE} if method == "controlnet" else {}
        picture = made(
            WORDS, image=latents, strength=1.0, num_inference_steps=steps, guidance_scale=GUIDANCE,
            negative_prompt=UNWANTED, generator=torch.Generator().manual_seed(SEED), output_type="np", **control,
        ).images[0]  # fmt: skip
        return time.perf_counter(), picture

    return request


def ours(folder: Path, method: str, size: int, steps: int, device: str) -> Request:
    """Requests to the engine, which shows what the picture is becoming."""
    os.environ |= {"COLORIZERS_WEIGHTS_DIR": str(folder), "COLORIZERS_DEVICE": device}
    sys.path.insert(0, str(ROOT))
    from colorizers.engine import make_engine
    from colorizers.engine.jobs import Done, JobRequest
    from colorizers.methods.method import Step
    from colorizers.picture.photo import Photo

    engine = make_engine()
    options: dict[str, Any] = {
        "weights": "sd15", "prompt": WORDS, "negative_prompt": UNWANTED, "preset": "none", "start_from": "gray",
        "strength": 1.0, "steps": steps, "guidance_scale": GUIDANCE, "sampler": "unipc", "working_size": size,
        "seed": SEED,
    }  # fmt: skip
    if method == "controlnet":
        options |= {"control_by": "brightness", "control_scale": SCALE}

    def request() -> tuple[float, np.ndarray]:
        look = None
        for event in engine.run(engine.checked(JobRequest(Photo.open(folder / PHOTO), method, options))):
            if isinstance(event, Step) and event.preview is not None and look is None:
                look = time.perf_counter()
            if isinstance(event, Done):
                picture = event.colorings[0].outcome.rgb.movedim(0, -1).numpy()
        return look or time.perf_counter(), picture

    return request


def measured(way: str, folder: Path, given: argparse.Namespace) -> Cost:
    """Ask for the same picture again and again."""
    import torch

    torch.set_num_threads(given.threads)
    began = time.perf_counter()
    if way == "ours":
        request = ours(folder, given.method, given.size, given.steps, given.device)
    else:
        request = plain(folder, given.method, given.steps, given.device, keep=way == "kept")
    seconds = []
    for _ in range(given.rounds + 1):
        look, picture = request()
        seconds.append(time.perf_counter() - began)
        look -= began
        began = time.perf_counter()
    if given.device == "cuda":
        peak = torch.cuda.max_memory_allocated() / 1e6
    else:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    return Cost(seconds, look, peak, picture)


def apart(work: Callable[..., Any], *given: Any) -> Any:
    """Do it in a process of its own."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as own:
        return own.submit(work, *given).result()


def machine(device: str) -> str:
    """What it ran on."""
    import torch

    name = torch.cuda.get_device_name() if device == "cuda" else f"CPU of {os.cpu_count()} cores"
    return f"{name}, torch {torch.__version__}"


def main() -> None:
    """Print one row a way, and how much the pictures differ."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--method", choices=("img2img", "controlnet"), default="img2img")
    parser.add_argument("--size", type=int, default=512, help="sides of the photo in pixels, a multiple of 64")
    parser.add_argument("--steps", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=1, help="requests after the first one")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    if given.size % 64 or given.rounds < 1:
        parser.error("--size must be a multiple of 64 and --rounds at least 1")
    costs = {}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        apart(build, folder, given.size)
        print(
            f"{given.method}, {given.size} x {given.size} pixels, {given.steps} steps; {apart(machine, given.device)}"
        )
        head = ("", "first request, s", "next, s", "pictures a minute", "first look, s", "peak memory, MB")
        print(f"\n| {' | '.join(head)} |\n|{'---|' * len(head)}")
        for way, title in WAYS.items():
            cost = costs[way] = apart(measured, way, folder, given)
            each = statistics.median(cost.seconds[1:])
            figures = f"{cost.seconds[0]:.1f} | {each:.1f} | {60 / each:.1f} | {cost.look:.1f} | {cost.peak:.0f}"
            print(f"| {title} | {figures} |", flush=True)
    away = np.abs(costs["kept"].picture - costs["ours"].picture)
    print(f"\nThe pictures differ by {away.max():.2g} at most and {away.mean():.2g} on average, of 1.")


if __name__ == "__main__":
    main()
