"""What the tabs with Stable Diffusion refuse, and in which words; the safety checker."""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from conftest import result_of, store
from diffusion_runs import (
    MADE_OF,
    SD,
    SMALL,
    TABS,
    asked,
    changed,
    coloured,
    command,
    photo_of,
    pooled,
    refused,
    saved,
)
from torch import Tensor, nn

from colorizers.engine import Engine, make_engine
from colorizers.engine.jobs import Done
from colorizers.errors import ColorizerError
from colorizers.methods.catalog import METHODS, REGISTRY
from colorizers.methods.method import AnyMethod, Step
from colorizers.methods.stable_diffusion import img2img
from colorizers.methods.stable_diffusion.pipeline import StableDiffusion
from colorizers.picture.photo import Photo
from colorizers.pool import Loader
from colorizers.settings import PROJECT
from colorizers.weights.registry import DOWNLOAD
from colorizers.weights.store import WeightStore

pytestmark = [pytest.mark.sd, pytest.mark.usefixtures("models")]


# What is refused


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"prompt": "x" * 2000}, "Prompt must be a text of at most 1000 characters."),
        ({"negative_prompt": "x" * 2000}, "Negative prompt must be a text of at most 1000 characters."),
        ({"strength": float("nan")}, "Strength must be a number from 0 to 1."),
        ({"strength": 1.01}, "Strength must be a number from 0 to 1."),
        ({"guidance_scale": float("inf")}, "Guidance scale must be a number from 1 to 20."),
        ({"steps": 0}, "Steps must be a whole number from 1 to 100."),
        ({"variants": 11}, "Variants must be a whole number from 1 to 10."),
        ({"sampler": "dpm2"}, "Sampler must be one of ddim, ddpm, unipc, dpm++, euler-a, lcm."),
        ({"weights": "/models/sd15"}, "Model must be one of small, sd15, sd14, own."),
        ({"start_from": "adain"}, "Start from must be one of gray, unet, "),
        ({"weights": "own"}, "The weights own are not installed; name a folder or a .safetensors file with --model"),
        ({"caption": "blip"}, "The weights blip (1880 MB) are not installed; get them with: "),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
@pytest.mark.parametrize("tab", TABS)
def test_options_that_cannot_be_are_refused_in_one_sentence(
    engine: Engine, gray_photo: Photo, tab: str, options: dict[str, Any], said: str
):
    assert refused(engine, asked(gray_photo, tab, **options)).startswith(said)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"control_start": 0.6, "control_end": 0.5}, "Control ends before it begins; "),
        ({"control_start": 1, "control_end": 1}, "Control ends before it begins; "),
        ({"second_control": "depth"}, "Both controls are the same (Depth); "),
        ({"depth": photo_of(90, 60)}, "The depth map has another shape than the photo (90x60 against 64x48); "),
        ({"depth": photo_of(64, 48), "control_by": "lineart"}, "The depth map would not be used; "),
        ({"estimator": "depth_anything"}, "The weights depth_anything (99 MB) are not installed; get them with: "),
    ],
    ids=["begins late", "begins at its end", "both the same", "another shape", "a map for nothing", "no estimator"],
)
def test_controls_that_cannot_be_are_refused_in_one_sentence(
    engine: Engine, gray_photo: Photo, options: dict[str, Any], said: str
):
    assert refused(engine, asked(gray_photo, "controlnet", **options)).startswith(said)


def test_lcm_needs_its_lora(folder: Path, gray_photo: Photo):
    (folder / "lora_lcm.safetensors").unlink()
    said = refused(make_engine(), asked(gray_photo, sampler="lcm"))
    assert said.startswith("The weights lcm (135 MB) are not installed; get them with: ")


_REFUSAL = """
import sys, threading
from colorizers.engine.jobs import JobRequest
from colorizers.engine import make_engine
from colorizers.errors import ColorizerError
from colorizers.picture.photo import Photo
from colorizers.words import Text

started = []
threading.Thread.start = lambda thread: started.append(thread)
try:
    make_engine().results(JobRequest(Photo.open({photo!r}), {tab!r}, {{"start_from": "gray", "weights": "sd15"}}))
except ColorizerError as error:
    print(error)
assert started == []
assert not {{"diffusers", "transformers", "huggingface_hub", "controlnet_aux"}} & sys.modules.keys()
"""


@pytest.mark.parametrize("tab", TABS)
def test_without_weights_one_sentence_says_what_is_missing_and_how_to_get_it_at_once(tab: str, tmp_path: Path):
    photo = saved(tmp_path, "photo.png", photo_of(60, 90))
    nowhere = dict.fromkeys(("COLORIZERS_WEIGHTS_DIR", "COLORIZERS_CACHE_DIR"), str(tmp_path / "nowhere"))
    script = _REFUSAL.format(photo=str(photo), tab=tab)
    said = subprocess.run(
        [sys.executable, "-c", script],
        env=os.environ | nowhere,
        cwd=PROJECT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert said.count("\n") == 1
    method = METHODS[tab]
    nothing = WeightStore(REGISTRY)
    needs = nothing.missing(method.needs(method.info.options(start_from="gray", weights="sd15"), nothing))
    assert said.startswith("The weights sd15 (2134 MB)")
    assert all(f"({entry.megabytes} MB)" in said for entry in needs)
    named = said.partition(f" are not installed; get them with: {DOWNLOAD} ")[2].rstrip(".\n").split()
    assert [store().key_of(name) for name in named] == [entry.key for entry in needs]


def test_the_safety_checker_gives_words_instead_of_a_picture(
    folder: Path, gray_photo: Photo, setting: Callable[[str, str], None]
):
    from tiny_models import save_checker

    setting("COLORIZERS_SAFETY_CHECKER", "true")
    save_checker(folder / "safety_checker", withholds=True)
    said = refused(make_engine(), asked(gray_photo, variants=2))
    assert said == "The safety checker withholds this result; try another seed, prompt or photo."


def test_what_the_safety_checker_lets_through_is_shown(
    folder: Path, gray_photo: Photo, engine: Engine, setting: Callable[[str, str], None]
):
    from tiny_models import save_checker

    free = coloured(engine, gray_photo)
    setting("COLORIZERS_PUBLIC", "true")
    save_checker(folder / "safety_checker", withholds=False)
    public = make_engine()
    *events, done = public.run(public.checked(asked(gray_photo)))
    assert isinstance(done, Done)
    (seen,) = done.colorings
    assert np.array_equal(result_of(gray_photo, done).pixels(), free.pixels())
    assert all(event.preview is None for event in events if isinstance(event, Step)), "nobody has checked it yet"
    assert seen.record.weights == free.record.weights, "so that it can be made again elsewhere"


class EveryOther(nn.Module):
    """A checker that withholds the second picture, the fourth, and so on."""

    def __init__(self) -> None:
        super().__init__()
        self.seen = 0

    def forward(self, rgb: Tensor) -> bool:
        self.seen += 1
        return self.seen % 2 == 0


@dataclass(frozen=True)
class Checked(StableDiffusion):
    """The img2img tab with that checker."""

    @property
    def loaders(self) -> dict[str, Loader]:
        return {**super().loaders, "safety": lambda key, device, reader: EveryOther()}


@pytest.fixture
def every_other(folder: Path, setting: Callable[[str, str], None]) -> AnyMethod:
    from tiny_models import save_checker

    setting("COLORIZERS_SAFETY_CHECKER", "true")
    save_checker(folder / "safety_checker", withholds=False)
    return Checked(**vars(img2img.METHOD))


def test_variants_that_are_withheld_are_counted_and_the_others_shown(every_other: AnyMethod, gray_photo: Photo):
    engine, _ = pooled(every_other)
    shown = engine.results(asked(gray_photo, variants=3, seed=10))
    assert [result.record.options["seed"] for result in shown] == [10, 12]
    assert all("The safety checker withholds 1 of 3 variants." in map(str, result.notes) for result in shown)


def test_the_command_line_saves_the_variants_that_are_not_withheld(
    every_other: AnyMethod, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setitem(METHODS, "img2img", every_other)
    monkeypatch.delitem(METHODS, "controlnet")  # it would lend its own checker
    photo = saved(tmp_path, "photo.png", photo_of(60, 90))
    assert command(photo, "-m", "img2img", "-o", tmp_path / "made.png", *SMALL, "--variants", 3) == 0
    said = capsys.readouterr()
    assert [Path(line) for line in said.out.splitlines()] == sorted(tmp_path.glob("made*.png"))
    assert len(said.out.splitlines()) == 2
    assert "The safety checker withholds 1 of 3 variants." in said.err


@pytest.mark.parametrize("tab", TABS)
def test_in_public_nothing_is_made_without_the_safety_checker(
    tab: str, folder: Path, gray_photo: Photo, setting: Callable[[str, str], None]
):
    setting("COLORIZERS_PUBLIC", "true")
    with pytest.raises(ColorizerError) as caught:
        make_engine().results(asked(gray_photo, tab))
    said = str(caught.value.for_visitors)
    assert said.startswith("The weights safety")
    assert said.endswith("checker (608 MB) are not installed; ask the owner of this server for them.")


def test_a_model_that_says_nothing_is_refused_in_words(folder: Path, gray_photo: Photo):
    vae = folder / "stable_diffusion_sd15" / "vae" / "diffusion_pytorch_model.safetensors"
    changed(vae, lambda state: state["decoder.conv_out.bias"].fill_(torch.nan))
    assert "gave an invalid picture" in refused(make_engine(), asked(gray_photo))


UNET, CONTROL, LORA = MADE_OF[f"{SD}/unet"], MADE_OF["controlnet/depth"], MADE_OF["lora/lcm"]


@pytest.mark.parametrize(
    ("name", "change", "strange"),
    [
        (UNET, lambda state: state.pop("conv_in.weight"), "conv_in.weight"),
        (UNET, lambda state: state.update(stranger=torch.zeros(1)), "stranger"),
        (UNET, lambda state: state.update({"conv_in.bias": torch.zeros(5)}), "conv_in.bias"),
        (CONTROL, lambda state: state.pop("conv_in.weight"), "conv_in.weight"),
        (LORA, lambda state: state.update({"lora_te_x.alpha": torch.ones(())}), "lora_te_x"),
    ],
    ids=["missing", "unknown", "of another shape", "of a ControlNet", "of a LoRA"],
)
def test_weights_that_do_not_fit_are_refused_and_what_is_strange_is_named(
    folder: Path, gray_photo: Photo, name: str, change: Callable[[dict[str, Tensor]], object], strange: str
):
    changed(folder / name, change)
    sampler = "lcm" if name == LORA else "ddim"
    assert strange in refused(make_engine(), asked(gray_photo, "controlnet", sampler=sampler))


def test_a_damaged_file_is_refused(folder: Path, gray_photo: Photo):
    (folder / UNET).unlink()
    (folder / UNET).write_bytes(b"no tensors")
    assert "get it again" in refused(make_engine(), asked(gray_photo))


def test_pickles_are_not_looked_at(folder: Path, gray_photo: Photo):
    torch.save(safetensors.torch.load_file(folder / UNET), (folder / UNET).with_suffix(".bin"))
    (folder / UNET).unlink()
    assert refused(make_engine(), asked(gray_photo)).startswith("The weights sd15 (2134 MB) are not installed; ")


def put(network: nn.Module, place: Path) -> None:
    shutil.rmtree(place)
    network.save_pretrained(place)


def test_a_text_encoder_of_another_model_is_refused(folder: Path, gray_photo: Photo):
    import tiny_models as tiny

    put(tiny.text_encoder(width=24), folder / "stable_diffusion_sd15" / "text_encoder")
    said = refused(make_engine(), asked(gray_photo))
    assert said == "The model's text encoder and U-Net do not belong together; give another model."


def test_a_controlnet_of_another_model_is_refused(folder: Path, gray_photo: Photo):
    import tiny_models as tiny

    put(tiny.controlnet(width=24), folder / "controlnet_depth")
    said = refused(make_engine(), asked(gray_photo, "controlnet"))
    assert said == "This ControlNet was made for another kind of model; give one for Stable Diffusion 1.x."


def test_a_model_for_filling_holes_is_refused(folder: Path, gray_photo: Photo):
    import tiny_models as tiny

    put(tiny.unet(in_channels=9), folder / "stable_diffusion_sd15" / "unet")
    said = refused(make_engine(), asked(gray_photo))
    assert said == "sd15 is not a Stable Diffusion 1.x model for whole pictures; choose another one."


def test_nobody_on_the_network_is_asked(gray_photo: Photo, monkeypatch: pytest.MonkeyPatch):
    tried: list[Any] = []
    for place, name in ((socket.socket, "connect"), (socket.socket, "connect_ex"), (socket, "getaddrinfo")):
        monkeypatch.setattr(place, name, lambda *asked, **more: tried.append(asked))
    engine = make_engine()
    for tab in TABS:
        coloured(engine, gray_photo, tab, start_from="unet", sampler="lcm")
    assert tried == []
