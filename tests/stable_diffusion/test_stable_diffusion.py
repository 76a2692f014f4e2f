"""Both tabs with Stable Diffusion: where a run starts, what it shows, how it is made again."""

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusion_runs import (
    MADE_OF,
    RECORDED,
    SD,
    SMALL,
    TABS,
    asked,
    changed,
    coloured,
    command,
    photo_of,
    saved,
)
from PIL import Image

from colorizers.engine import Engine
from colorizers.engine.jobs import Done, JobRequest
from colorizers.methods.method import Step
from colorizers.picture.compose import Painting
from colorizers.picture.photo import Photo
from colorizers.picture.record import read_record
from colorizers.settings import PROJECT
from colorizers.words import Text

pytestmark = [pytest.mark.sd, pytest.mark.usefixtures("models")]


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
    small = SMALL[2:]  # without a choice of the model
    assert command(photo, "-m", "img2img", "-o", older, *small, "--weights", "sd14", "--seed", 1) == 0
    model = ("--model", tiny_models / "stable_diffusion_sd14")
    assert command(photo, "-m", "img2img", "-o", own, *small, *model, "--seed", 1) == 0
    assert np.array_equal(*map(np.asarray, map(Image.open, (older, own))))
    assert f"{SD}/unet".replace("sd15", "own") in read_record(own).weights
    assert command(photo, "--from", own, "-o", again, *model) == 0
    assert again.read_bytes() == own.read_bytes()
    capsys.readouterr()
    assert command(photo, "--from", own, "-o", again, "--overwrite") == 2
    assert "not installed; name a folder or a .safetensors file with --model" in capsys.readouterr().err
