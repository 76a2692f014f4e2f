"""Several jobs at once on the tabs with Stable Diffusion: the pool, memory, number formats."""

import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusion_runs import CPU, MODEL, PATIENCE, SD, TABS, asked, changed, coloured, photo_of, pooled, refused, watched
from torch import Tensor, nn

from colorizers import devices
from colorizers.engine import Engine, make_engine
from colorizers.methods.catalog import METHODS
from colorizers.picture.photo import Photo
from colorizers.settings import get_settings
from colorizers.web.api_answers import answers_of

pytestmark = [pytest.mark.sd, pytest.mark.usefixtures("models")]


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
    answers = answers_of(engine, "img2img", lambda: asked(gray_photo, steps=20, strength=1))
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
def half_precision(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("COLORIZERS_DTYPE", request.param)
    monkeypatch.setattr(devices, "_single_only", set())
    get_settings.cache_clear()
    yield
    get_settings.cache_clear()


@pytest.mark.parametrize("half_precision", ["float16", "bfloat16"], indirect=True)
def test_half_precision_gives_about_the_same_picture(folder: Path, gray_photo: Photo, half_precision: None):
    half = coloured(make_engine(), gray_photo)
    devices.use_single(CPU)
    single = coloured(make_engine(), gray_photo)
    assert not any("precision" in str(note) for note in half.notes)
    assert np.abs(half.pixels().astype(int) - single.pixels()).mean() < 3


@pytest.mark.parametrize("half_precision", ["float16"], indirect=True)
def test_a_model_that_gives_nan_at_half_precision_runs_in_single_and_a_note_says_so(
    folder: Path, gray_photo: Photo, half_precision: None
):
    vae = folder / "stable_diffusion_sd15" / "vae" / "diffusion_pytorch_model.safetensors"
    changed(vae, lambda state: state["encoder.conv_in.weight"].mul_(1e6))  # single brings it back to size
    result = coloured(make_engine(), gray_photo)
    assert np.isfinite(result.coloring.outcome.rgb.numpy()).all()
    note = "Half precision gave no valid picture on this device, so single precision was used."
    assert note in map(str, result.notes)
