"""Stable Diffusion in every place, with every sampler, at the ends of its sliders: the photo stays the photo.

A choice of the runs in which every two values meet; with --full, all of them.
"""

import contextlib
import itertools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import encoded, store, using_weights
from gradio_client import Client, handle_file
from PIL import Image
from skimage.color import rgb2lab
from web_server import running_server

from colorizers.__main__ import main
from colorizers.engine import Engine, make_engine
from colorizers.engine.jobs import JobRequest
from colorizers.picture.photo import Photo
from colorizers.picture.record import read_record

FACTORS: Mapping[str, Sequence[Any]] = {
    "surface": ("engine", "command line", "API"),
    "tab": ("img2img", "controlnet"),
    "sampler": ("ddim", "ddpm", "unipc", "dpm++", "euler-a", "lcm"),
    "strength": (0, 0.05, 0.5, 1),
    "size": ((1, 1), (65, 97), (1000, 30)),
    "variants": (1, 3),
}
pytestmark = pytest.mark.sd
SEED = 4
Case = tuple[Any, ...]


def pairs(case: Case) -> set[tuple[Any, Any]]:
    """Every two values of a case, each with its place."""
    return {*itertools.combinations(enumerate(case), 2)}


def pairwise(cases: Sequence[Case]) -> list[Case]:
    """Some of the cases, in which every two values meet that meet in all of them: again and again the most useful."""
    left, chosen = set().union(*map(pairs, cases)), list[Case]()
    while left:
        chosen.append(max(cases, key=lambda case: len(left & pairs(case))))
        left -= pairs(chosen[-1])
    return chosen


ALL = [*itertools.product(*FACTORS.values())]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "tab" in metafunc.fixturenames:
        cases = ALL if metafunc.config.getoption("full") else pairwise(ALL)
        metafunc.parametrize([*FACTORS], cases, ids=lambda value: str(value).replace(", ", "x"))


@pytest.fixture(scope="module", autouse=True)
def models(tiny_models: Path) -> Iterator[None]:
    with using_weights(tiny_models):
        yield


@pytest.fixture(scope="module")
def engine(models: None) -> Engine:
    return make_engine()


@pytest.fixture(scope="module")
def client(models: None) -> Iterator[Client]:
    with running_server() as server, contextlib.closing(Client(server.url, verbose=False)) as connected:
        yield connected


@pytest.fixture
def coloured(request: pytest.FixtureRequest, surface: str, tmp_path: Path):
    """A photo on disk, a tab and options to the PNG files that a surface makes."""

    def by_engine(photo: Path, tab: str, options: dict[str, Any]) -> list[Path]:
        results = request.getfixturevalue("engine").results(JobRequest(Photo.open(photo), tab, options))
        paths = [tmp_path / f"result_{k}.png" for k in range(len(results))]
        for result, path in zip(results, paths, strict=True):
            result.save(path)
        return paths

    def by_command(photo: Path, tab: str, options: dict[str, Any]) -> list[Path]:
        flags = (word for name, value in options.items() for word in (f"--{name.replace('_', '-')}", str(value)))
        assert main(["colorize", str(photo), "-m", tab, "-o", str(tmp_path / "result.png"), *flags]) == 0
        return sorted(tmp_path.glob("result*.png"))

    def by_api(photo: Path, tab: str, options: dict[str, Any]) -> list[Path]:
        client = request.getfixturevalue("client")
        files, _ = client.predict(photo=handle_file(photo), **options, api_name=f"/colorize_{tab}")
        return [*map(Path, files)]

    return {"engine": by_engine, "command line": by_command, "API": by_api}[surface]


def photo_file(folder: Path, width: int, height: int) -> Path:
    """A photograph of soft shapes and grain on disk."""
    lots = np.random.default_rng(0)
    shapes = Image.fromarray(lots.integers(0, 256, (7, 5), np.uint8)).resize((width, height), Image.Resampling.BICUBIC)
    pixels = (np.asarray(shapes) + lots.normal(0, 5, (height, width))).clip(0, 255).astype(np.uint8)
    path = folder / "photo.png"
    path.write_bytes(encoded(Image.fromarray(pixels)))
    return path


def test_the_photo_stays_the_photo(
    coloured, tab: str, sampler: str, strength: float, size: tuple[int, int], variants: int, tmp_path: Path
):
    photo = photo_file(tmp_path, *size)
    options = {"sampler": sampler, "strength": strength, "variants": variants, "seed": SEED}
    options |= {"weights": "sd15", "steps": 4, "working_size": 256, "prompt": "a red boat"}
    options |= {"control_by": "depth", "estimator": "dpt", "start_from": "gray"} if tab == "controlnet" else {}
    files = coloured(photo, tab, options)
    assert len(files) == variants
    lightness = Photo.open(photo).lightness.numpy()
    for k, file in enumerate(files):
        with Image.open(file) as image:
            assert image.size == size
            change = np.abs(rgb2lab(np.asarray(image))[..., 0] - lightness)
        assert change.max() <= 0.5
        assert change.mean() <= 0.15 or size == (1, 1), "one pixel has no mean to speak of"
        record = read_record(file)
        assert record.method == tab
        assert {name: record.options[name] for name in options} == options | {"variants": 1, "seed": SEED + k}
        assert record.weights == store().hashes(used(tab, sampler, strength))
        assert record.input_sha256 == Photo.open(photo).sha256


def used(tab: str, sampler: str, strength: float) -> list[str]:
    """The keys of the weights that such a run uses."""
    base = ["unet/efficientnet"] if tab == "img2img" else []
    if strength == 0:
        return base
    control = ["controlnet/depth", "depth/dpt"] if tab == "controlnet" else []
    model = [f"stable_diffusion/sd15/{part}" for part in ("unet", "vae", "text_encoder", "tokenizer", "scheduler")]
    return base + model + control + (["lora/lcm"] if sampler == "lcm" else [])


def test_every_two_values_meet_in_the_choice_of_runs():
    chosen = pairwise(ALL)
    assert len(chosen) < len(ALL) / 20
    for one, other in itertools.combinations(range(len(FACTORS)), 2):
        values = [*FACTORS.values()]
        met = {(case[one], case[other]) for case in chosen}
        assert met == {*itertools.product(values[one], values[other])}
