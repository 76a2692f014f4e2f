"""The tabs with Stable Diffusion end to end, on tiny models: what they begin from, share and refuse."""

import itertools
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from conftest import encoded, result_of, store, using_weights
from PIL import Image
from torch import Tensor, nn

from colorizers import devices
from colorizers.__main__ import main
from colorizers.engine import Engine, make_engine
from colorizers.engine.jobs import Done, JobRequest
from colorizers.engine.local import LocalBackend
from colorizers.errors import ColorizerError
from colorizers.methods.catalog import METHODS, REGISTRY
from colorizers.methods.method import AnyMethod, Step
from colorizers.methods.stable_diffusion import components as parts
from colorizers.methods.stable_diffusion import img2img
from colorizers.methods.stable_diffusion.pipeline import StableDiffusion
from colorizers.picture.compose import Painting
from colorizers.picture.photo import Photo
from colorizers.picture.record import read_record
from colorizers.picture.result import Result
from colorizers.pool import Loader, ModelPool
from colorizers.settings import PROJECT, get_settings
from colorizers.web.api import answers_of
from colorizers.weights.registry import DOWNLOAD
from colorizers.weights.store import WeightReader, WeightStore
from colorizers.words import Text

pytestmark = pytest.mark.sd
TABS = ("img2img", "controlnet")
PATIENCE = 60  # seconds after which a test that waits has failed
CPU = torch.device("cpu")
SD = "stable_diffusion/sd15"
MODEL = {f"{SD}/{part}" for part in ("unet", "vae", "text_encoder")}
RECORDED = MODEL | {f"{SD}/tokenizer", f"{SD}/scheduler"}


@pytest.fixture(scope="module", autouse=True)
def models(tiny_models: Path) -> Iterator[None]:
    with using_weights(tiny_models):
        yield


@pytest.fixture(scope="module")
def engine(models: None) -> Engine:
    return make_engine()


@pytest.fixture
def setting(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, str], None]]:
    """Changes a setting for the length of a test."""

    def change(name: str, value: str) -> None:
        monkeypatch.setenv(name, value)
        get_settings.cache_clear()

    yield change
    get_settings.cache_clear()


def asked(photo: Photo, tab: str = "img2img", **options: Any) -> JobRequest:
    """A small run of a tab, from gray."""
    small = {"steps": 4, "working_size": 256, "seed": 1, "start_from": "gray"}
    return JobRequest(photo, tab, small | ({"estimator": "dpt"} if tab == "controlnet" else {}) | options)


def coloured(engine: Engine, photo: Photo, tab: str = "img2img", **options: Any) -> Result:
    return engine.results(asked(photo, tab, **options))[0]


def refused(engine: Engine, request: JobRequest) -> str:
    """The one sentence with which a run is refused."""
    with pytest.raises(ColorizerError) as caught:
        engine.results(request)
    said = str(caught.value)
    assert said.endswith(".")
    assert ". " not in said
    return said


def photo_of(width: int, height: int, seed: int = 0) -> Photo:
    lots = np.random.default_rng(seed).integers(0, 256, (7, 5), np.uint8)
    return Photo.open(encoded(Image.fromarray(lots).resize((width, height), Image.Resampling.BICUBIC)))


def changed(path: Path, change: Callable[[dict[str, Tensor]], object]) -> None:
    """Replace a file of weights by one with other tensors."""
    state = safetensors.torch.load_file(path)
    change(state)
    path.unlink()
    safetensors.torch.save_file(state, path, {"format": "pt"})


@dataclass(frozen=True)
class Watched(StableDiffusion):
    """The img2img tab; `before` is called with what goes into the U-Net, before every pass."""

    before: Callable[[Tensor], object] = field(default=lambda latents: None)

    @property
    def loaders(self) -> dict[str, Loader]:
        def load(key: str, device: torch.device, reader: WeightReader) -> nn.Module:
            network = parts.load_part(key, device, reader)
            if key.endswith("/unet"):
                network.register_forward_pre_hook(lambda module, given: self.before(given[0]))
            return network

        return {**super().loaders, parts.FAMILY: load}


def pooled(*methods: AnyMethod) -> tuple[Engine, ModelPool]:
    """An engine that nobody has used, and its pool."""
    named = {method.info.name: method for method in methods}
    pool = ModelPool(
        {family: load for each in methods for family, load in each.loaders.items()}, CPU, 10**9, store=store()
    )
    return Engine(named, LocalBackend(named, pool, get_settings().checks_pictures)), pool


def watched(before: Callable[[Tensor], object]) -> tuple[Engine, ModelPool]:
    return pooled(Watched(**vars(img2img.METHOD), before=before))


# What a run begins from


@pytest.mark.parametrize("tab", TABS)
def test_at_strength_0_every_variant_is_what_it_started_from(engine: Engine, tab: str):
    photo = photo_of(65, 97)
    gray = engine.results(asked(photo, tab, strength=0, variants=3))
    assert len(gray) == 3
    for result in gray:
        pixels = result.pixels().astype(int)
        assert (pixels.max(-1) - pixels.min(-1)).max() <= 1
        assert "At strength 0 nothing is changed" in " ".join(map(str, result.notes))
        assert result.record.weights == {}


@pytest.mark.parametrize("tab", TABS)
def test_at_strength_0_the_colours_are_those_of_the_method_it_started_from(engine: Engine, tab: str):
    photo = Photo.open(PROJECT / "test_images" / "citrus_gray.jpg").reduced(256)
    (base,) = engine.results(JobRequest(photo, "unet"))
    for result in engine.results(asked(photo, tab, strength=0, start_from="unet", variants=2)):
        assert np.abs(result.pixels().astype(int) - base.pixels()).mean() < 1
        assert np.ptp(result.pixels().mean((0, 1))) > 10, "in colour"
        assert result.record.weights == base.record.weights


@pytest.mark.parametrize("tab", TABS)
def test_a_run_begins_from_the_colours_of_another_method_and_the_record_names_both(engine: Engine, tab: str):
    photo = Photo.open(PROJECT / "test_images" / "citrus_gray.jpg").reduced(256)
    (base,) = engine.results(JobRequest(photo, "unet"))
    hybrid, gray = (coloured(engine, photo, tab, start_from=start, strength=0.05) for start in ("unet", "gray"))
    assert not np.array_equal(hybrid.pixels(), gray.pixels())
    assert hybrid.record.options["start_from"] == "unet"
    assert hybrid.record.weights == base.record.weights | gray.record.weights
    assert set(gray.record.weights) >= RECORDED


def test_the_model_that_is_chosen_makes_the_colours_and_stands_in_the_record(engine: Engine, gray_photo: Photo):
    newer, older = (coloured(engine, gray_photo, weights=name) for name in ("sd15", "sd14"))
    assert not np.array_equal(newer.pixels(), older.pixels())
    parts = ("unet", "vae", "text_encoder", "scheduler", "tokenizer")
    assert set(older.record.weights) == {f"stable_diffusion/sd14/{part}" for part in parts}


# What the user sees meanwhile, and beside the result


def test_steps_are_told_and_shown_as_they_are_done(engine: Engine):
    events = list(engine.run(engine.checked(asked(photo_of(64, 30), variants=2, strength=1))))
    steps = [event for event in events if isinstance(event, Step)]
    assert all(one.fraction <= other.fraction for one, other in itertools.pairwise(steps))
    assert {str(step.text) for step in steps} >= {
        "Encoding the prompt",
        "Step 4 of 4, variant 2 of 2",
        "Decoding the picture",
    }
    looks = [step for step in steps if step.preview is not None]
    assert [look.done for look in looks] == [1, 3, 5, 7], "the first step of each variant, and every third"
    for look in looks:
        assert isinstance(look.preview, Painting)
        assert look.preview.rgb.shape == (3, 120, 256)
    assert isinstance(events[-1], Done)


def test_the_maps_that_guided_it_are_shown_beside_the_result(engine: Engine):
    photo, own = photo_of(200, 100), photo_of(100, 50, seed=1)
    result = coloured(engine, photo, "controlnet", second_control="lineart")
    assert {str(name) for name in result.coloring.maps} == {"Depth", "Line art"}
    for plane in result.coloring.maps.values():
        assert plane.shape == (128, 256)
        assert ((plane >= 0) & (plane <= 1)).all()
    given = coloured(engine, photo, "controlnet", depth=own)
    depth = Text("options.control_by.depth")
    assert not torch.allclose(given.coloring.maps[depth], result.coloring.maps[depth], atol=0.1)
    assert given.record.pictures == {"depth": own.sha256}
    assert "depth/dpt" not in given.record.weights, "nothing is estimated"


@pytest.mark.parametrize("control", ["brightness", "softedge", "lineart"])
def test_other_controls_need_no_depth(engine: Engine, gray_photo: Photo, control: str):
    result = coloured(engine, gray_photo, "controlnet", control_by=control)
    assert {key for key in result.record.weights if not key.startswith(SD)} == {f"controlnet/{control}"}
    free = coloured(engine, gray_photo, "controlnet", control_by=control, control_scale=0)
    assert not np.array_equal(result.pixels(), free.pixels())


def test_long_prompts_are_cut_with_a_note_and_empty_ones_are_fine(engine: Engine, gray_photo: Photo):
    long = coloured(engine, gray_photo, prompt="boat " * 200)
    assert "The prompt was cut after 75 tokens" in " ".join(map(str, long.notes))
    empty = coloured(engine, gray_photo, prompt="", preset="none", negative_prompt="")
    assert empty.notes == gray_photo.notes
    assert not np.array_equal(long.pixels(), empty.pixels())


@pytest.mark.parametrize("prompt", ["\0", "\x1b[31m\r\n\t", "<|endoftext|> 赤い 🎨", "<b>&\"']]>"], ids=ascii)
@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_any_prompt_can_be_read_and_stands_in_the_record(
    engine: Engine, gray_photo: Photo, prompt: str, suffix: str, tmp_path: Path
):
    path = tmp_path / f"result.{suffix}"
    coloured(engine, gray_photo, prompt=prompt, steps=1).save(path)
    assert read_record(path).options["prompt"] == prompt


# The same again


@pytest.mark.parametrize("tab", TABS)
def test_the_same_request_gives_the_same_pixels_and_another_seed_others(engine: Engine, gray_photo: Photo, tab: str):
    one, again, other = (coloured(engine, gray_photo, tab, strength=1, seed=seed) for seed in (7, 7, 8))
    assert np.array_equal(one.pixels(), again.pixels())
    assert one.record == again.record
    assert not np.array_equal(one.pixels(), other.pixels())


@pytest.mark.parametrize("sampler", ["ddpm", "euler-a", "lcm"])
def test_a_variant_is_what_its_own_seed_gives_alone(engine: Engine, gray_photo: Photo, sampler: str):
    several = engine.results(asked(gray_photo, variants=3, sampler=sampler, strength=1))
    assert len({result.pixels().tobytes() for result in several}) == 3
    for result in several:
        alone = coloured(engine, gray_photo, sampler=sampler, strength=1, seed=result.record.options["seed"])
        assert np.array_equal(result.pixels(), alone.pixels())
        assert result.record == alone.record


def test_all_variants_start_from_the_same_colours_also_when_these_are_of_chance(engine: Engine, gray_photo: Photo):
    several = engine.results(asked(gray_photo, start_from="diffusion", variants=2, strength=0))
    assert np.array_equal(*(result.pixels() for result in several))
    alone = coloured(engine, gray_photo, start_from="diffusion", strength=0, seed=several[1].record.options["seed"])
    assert np.array_equal(alone.pixels(), several[1].pixels())


@pytest.mark.parametrize(
    "options", [{"control_scale": 0}, {"control_end": 0.1}], ids=["without weight", "between two steps"]
)
def test_a_control_that_never_acts_is_told(engine: Engine, gray_photo: Photo, options: dict[str, Any]):
    result = coloured(engine, gray_photo, "controlnet", **options)
    assert any(str(note).startswith("No ControlNet was applied: ") for note in result.notes)


def test_lcm_is_guided_gently_and_a_note_says_so(engine: Engine, gray_photo: Photo):
    strong, gentle = (coloured(engine, gray_photo, sampler="lcm", guidance_scale=scale) for scale in (7, 2))
    assert np.array_equal(strong.pixels(), gentle.pixels())
    said = "LCM works up to a guidance scale of 2, which was used."
    assert said in map(str, strong.notes)
    assert said not in map(str, gentle.notes)


def saved(folder: Path, name: str, photo: Photo) -> Path:
    path = folder / name
    Image.fromarray(np.uint8(photo.lightness / 100 * 255)).save(path)
    return path


def command(*words: object) -> int:
    return main(["colorize", *map(str, words)])


SMALL = ("--steps", 4, "--working-size", 256, "--start-from", "unet")


@pytest.mark.parametrize("tab", TABS)
def test_a_result_makes_itself_again_from_its_photo(
    tab: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(tmp_path)
    for seed, name in enumerate(("photo.png", "other.png")):
        saved(tmp_path, name, photo_of(60, 90, seed))
    depth = ("--depth", saved(tmp_path, "map.png", photo_of(30, 45, 2))) if tab == "controlnet" else ()
    assert command("photo.png", "-m", tab, "-o", "first.png", *SMALL, *depth) == 0
    assert command("photo.png", "--from", "first.png", "-o", "second.png", *depth) == 0
    assert Path("first.png").read_bytes() == Path("second.png").read_bytes()
    capsys.readouterr()
    assert command("other.png", "--from", "first.png", *depth) == 2
    said = capsys.readouterr().err
    assert said == "other.png is not the photo that first.png was made from; give the original photo.\n"
    if depth:
        assert command("photo.png", "--from", "first.png") == 2
        assert capsys.readouterr().err == "first.png was made with a second picture; give it with --depth PATH.\n"


MADE_OF = {
    f"{SD}/unet": "stable_diffusion_sd15/unet/diffusion_pytorch_model.safetensors",
    f"{SD}/vae": "stable_diffusion_sd15/vae/diffusion_pytorch_model.safetensors",
    f"{SD}/text_encoder": "stable_diffusion_sd15/text_encoder/model.safetensors",
    "controlnet/depth": "controlnet_depth/diffusion_pytorch_model.safetensors",
    "depth/dpt": "depth_dpt/model.safetensors",
    "lora/lcm": "lora_lcm.safetensors",
    f"{SD}/tokenizer": "stable_diffusion_sd15/tokenizer/tokenizer_config.json",
    f"{SD}/scheduler": "stable_diffusion_sd15/scheduler/scheduler_config.json",
}


def other_than_it_was(path: Path) -> None:
    """Replace a file of weights, or of what says how they are used, by one that differs a little."""
    if path.suffix == ".safetensors":
        changed(path, lambda state: next(iter(state.values())).add_(0.01))
    else:
        text = path.read_text()
        path.unlink()
        path.write_text(f"{text}\n")


def test_a_result_is_not_made_again_with_other_weights(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    photo, first = saved(tmp_path, "photo.png", photo_of(60, 90)), tmp_path / "first.png"
    assert command(photo, "-m", "controlnet", "-o", first, *SMALL, "--sampler", "lcm", "--estimator", "dpt") == 0
    beside = {"unet/efficientnet", f"{SD}/scheduler", f"{SD}/tokenizer"}
    assert set(read_record(first).weights) == {*MADE_OF, *beside}
    for key, name in MADE_OF.items():
        as_it_was = (folder / name).readlink()
        other_than_it_was(folder / name)
        capsys.readouterr()
        assert command(photo, "--from", first, "-o", tmp_path / "second.png") == 2
        assert f"was made with other weights {key};" in capsys.readouterr().err
        (folder / name).unlink()
        (folder / name).symlink_to(as_it_was)
    assert command(photo, "--from", first, "-o", tmp_path / "second.png") == 0


def test_a_model_of_ones_own_is_used_where_it_lies_and_again_only_when_it_is_given(
    tiny_models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    photo = saved(tmp_path, "photo.png", photo_of(60, 90))
    older, own, again = (tmp_path / f"{name}.png" for name in ("older", "own", "again"))
    assert command(photo, "-m", "img2img", "-o", older, *SMALL, "--weights", "sd14", "--seed", 1) == 0
    model = ("--model", tiny_models / "stable_diffusion_sd14")
    assert command(photo, "-m", "img2img", "-o", own, *SMALL, *model, "--seed", 1) == 0
    assert np.array_equal(*map(np.asarray, map(Image.open, (older, own))))
    assert f"{SD}/unet".replace("sd15", "own") in read_record(own).weights
    assert command(photo, "--from", own, "-o", again, *model) == 0
    assert again.read_bytes() == own.read_bytes()
    capsys.readouterr()
    assert command(photo, "--from", own, "-o", again, "--overwrite") == 2
    assert "not installed; name a folder or a .safetensors file with --model" in capsys.readouterr().err


# Several at once, and the pool


def test_two_users_at_once_on_both_tabs_get_their_own_pictures(engine: Engine):
    requests = [asked(photo_of(60, 90), "img2img", prompt="red"), asked(photo_of(90, 40, 1), "controlnet", seed=3)]
    with ThreadPoolExecutor(2) as users:
        at_once = [*users.map(engine.results, requests)]
    for request, (result,) in zip(requests, at_once, strict=True):
        assert result.photo.size == request.photo.size
        assert np.array_equal(result.pixels(), engine.results(request)[0].pixels())


def test_eight_first_requests_at_once_load_every_part_once(gray_photo: Photo):
    engine, pool = pooled(*METHODS.values())
    everybody = threading.Barrier(8)

    def ask(k: int) -> bytes:
        everybody.wait(PATIENCE)
        return coloured(engine, gray_photo, TABS[k % 2], steps=2).pixels().tobytes()

    with ThreadPoolExecutor(8) as users:
        pictures = [*users.map(ask, range(8))]
    assert len(set(pictures[::2])) == len(set(pictures[1::2])) == 1
    assert pool.stats().loads == len(pool.stats().models) == 5
    assert not nn.Linear(1, 1).weight.is_meta


def test_eight_parts_that_are_loaded_at_once_all_have_their_numbers():
    _, pool = pooled(*METHODS.values())
    keys = [
        *MODEL,
        f"{SD}/unet_lcm",
        "controlnet/depth",
        "controlnet/lineart",
        "depth/dpt",
        "stable_diffusion/sd14/unet",
    ]
    everybody = threading.Barrier(len(keys))

    def numbers(key: str) -> bool:
        everybody.wait(PATIENCE)
        with pool.lease(key) as leased:
            return all(tensor.isfinite().all() for tensor in leased.model.state_dict().values())

    with ThreadPoolExecutor(len(keys)) as threads:
        assert all(threads.map(numbers, keys))
    assert not nn.Linear(1, 1).weight.is_meta


def test_both_tabs_share_what_they_have_in_common(gray_photo: Photo):
    engine, pool = pooled(*METHODS.values())
    coloured(engine, gray_photo, "img2img")
    assert set(pool.stats().models) == MODEL
    before = pool.stats()
    coloured(engine, gray_photo, "controlnet")
    more = {"controlnet/depth", "depth/dpt"}
    assert set(pool.stats().models) == MODEL | more
    assert pool.stats().loads == 5
    with pool.lease("controlnet/depth") as control, pool.lease("depth/dpt") as depth:
        own = sum(
            tensor.nbytes for each in (control.model, depth.model) for tensor in (*each.parameters(), *each.buffers())
        )
    assert pool.stats().bytes == before.bytes + own


def test_a_pool_that_loads_eagerly_leaves_models_as_large_as_these_for_when_they_are_asked_for(
    gray_photo: Photo, setting: Callable[[str, str], None]
):
    setting("COLORIZERS_POOL_POLICY", "eager")
    engine = make_engine({name: METHODS[name] for name in TABS})
    assert engine.health().pool.models == ()
    assert coloured(engine, gray_photo).pixels().shape == (48, 64, 3)


def test_a_run_that_is_left_at_step_2_of_20_ends_there_and_the_next_one_runs(
    gray_photo: Photo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    third, go_on, passes = threading.Event(), threading.Event(), []

    def before(latents: Tensor) -> None:
        passes.append(len(latents))
        if len(passes) == 3:
            third.set()
            assert go_on.wait(PATIENCE)

    engine, pool = watched(before)
    answers = answers_of(engine, asked(gray_photo, steps=20, strength=1))
    while not third.is_set():
        next(answers)
    answers.close()
    go_on.set()
    assert coloured(engine, gray_photo, strength=1).pixels().shape == (48, 64, 3)
    assert len(passes) == 3 + 4, "two of the twenty steps, one that was begun, and the next run's four"
    assert list(tmp_path.iterdir()) == []
    pool.clear()
    assert pool.stats().models == (), "everything that was leased was given back"


def test_out_of_memory_is_tried_as_it_is_and_then_at_half_the_size_and_a_note_says_so(gray_photo: Photo):
    sizes = []

    def before(latents: Tensor) -> None:
        sizes.append(8 * latents.shape[-1])
        if sizes[-1] > 256:
            raise torch.OutOfMemoryError

    engine, _ = watched(before)
    result = coloured(engine, gray_photo, working_size=512)
    assert sizes == [512, 512, 256, 256]
    assert result.pixels().shape == (48, 64, 3)
    assert result.record.options["working_size"] == 256
    assert str(result.notes[-1]) == "Memory ran short: a smaller working size was used."


def test_out_of_memory_for_good_is_said_in_words(gray_photo: Photo):
    def before(latents: Tensor) -> None:
        raise torch.OutOfMemoryError

    engine, _ = watched(before)
    assert "too little memory" in refused(engine, asked(gray_photo))


# Number formats


@pytest.fixture
def half_precision(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("COLORIZERS_DTYPE", "float16")
    monkeypatch.setattr(devices, "_single_only", set())
    get_settings.cache_clear()
    yield
    get_settings.cache_clear()


def test_half_precision_gives_about_the_same_picture(folder: Path, gray_photo: Photo, half_precision: None):
    half = coloured(make_engine(), gray_photo)
    devices.use_single(CPU)
    single = coloured(make_engine(), gray_photo)
    assert not any("precision" in str(note) for note in half.notes)
    assert np.abs(half.pixels().astype(int) - single.pixels()).mean() < 3


def test_a_model_that_gives_nan_at_half_precision_runs_in_single_and_a_note_says_so(
    folder: Path, gray_photo: Photo, half_precision: None
):
    vae = folder / "stable_diffusion_sd15" / "vae" / "diffusion_pytorch_model.safetensors"
    changed(vae, lambda state: state["encoder.conv_in.weight"].mul_(1e6))  # single brings it back to size
    result = coloured(make_engine(), gray_photo)
    assert np.isfinite(result.coloring.outcome.rgb.numpy()).all()
    note = "Half precision gave no valid picture on this device, so single precision was used."
    assert note in map(str, result.notes)


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
        ({"weights": "/models/sd15"}, "Model must be one of sd15, sd14, own."),
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
    make_engine().results(JobRequest(Photo.open({photo!r}), {tab!r}, {{"start_from": "gray"}}))
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
    needs = nothing.missing(method.needs(method.info.options(start_from="gray"), nothing))
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
