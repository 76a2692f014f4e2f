"""Every method that was trained here, with every set of weights that is shipped: here they hold random numbers."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from conftest import encoded, store, untrained
from PIL import Image
from skimage.color import rgb2lab

from colorizers.engine import Engine, make_engine
from colorizers.engine.jobs import JobRequest
from colorizers.errors import ColorizerError
from colorizers.methods.catalog import METHODS, REGISTRY
from colorizers.methods.stable_diffusion.img2img import METHOD as IMG2IMG
from colorizers.methods.trained import Trained
from colorizers.options import controls
from colorizers.picture.photo import Photo
from colorizers.picture.result import Result
from colorizers.settings import get_settings
from colorizers.weights.store import WeightReader, sha256

TRAINED = [name for name, method in METHODS.items() if isinstance(method, Trained)]
KEYS = [key for key in REGISTRY if key.partition("/")[0] in TRAINED and not REGISTRY[key].hub]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder of the user's own with a file for every key; it is looked into first."""
    made = tmp_path_factory.mktemp("weights")
    for seed, key in enumerate(KEYS):
        name, _, of = key.partition("/")
        state = untrained(METHODS[name].networks[of], seed).state_dict()
        half = {each: value.half() if value.is_floating_point() else value for each, value in state.items()}
        safetensors.torch.save_file(half, made / REGISTRY[key].file)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLORIZERS_WEIGHTS_DIR", str(made))
        get_settings.cache_clear()
        yield made
    get_settings.cache_clear()


@pytest.fixture(scope="module")
def engine(folder: Path) -> Engine:
    return make_engine()


COLOURS = Photo.open(encoded(Image.fromarray(np.random.default_rng(1).integers(0, 256, (24, 32, 3), np.uint8))))
NEEDS = {
    "diffusion": {"steps": 2, "variants": 1, "samples_per_result": 1, "seed": 0},
    "adain": {"reference": COLOURS},
    "style": {"reference": COLOURS, "steps": 3, "seed": 0, "working_size": 64},
}
"""What a method cannot do without, or would take long with."""


def photo_of(width: int, height: int, mirrored: bool = False) -> Photo:
    """A photograph of soft shapes and grain."""
    lots = np.random.default_rng(0)
    shapes = Image.fromarray(lots.integers(0, 256, (7, 5), np.uint8)).resize((width, height), Image.Resampling.BICUBIC)
    pixels = (np.asarray(shapes) + lots.normal(0, 5, (height, width))).clip(0, 255).astype(np.uint8)
    return Photo.open(encoded(Image.fromarray(pixels[:, ::-1] if mirrored else pixels)))


def request_of(key: str, photo: Photo, **options) -> JobRequest:
    """A request that leads to the weights of a key."""
    name, _, of = key.partition("/")
    known = METHODS[name].info.options.model_fields
    if "weights" in known:
        options["weights"] = of
    options = {option: value for option, value in options.items() if option in known}
    return JobRequest(photo, name, NEEDS.get(name, {}) | options)


def having(option: str) -> list[str]:
    """The keys of weights whose method has an option."""
    return [key for key in KEYS if option in METHODS[key.partition("/")[0]].info.options.model_fields]


def run(engine: Engine, key: str, photo: Photo, **options) -> Result:
    return engine.results(request_of(key, photo, **options))[0]


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("size", [(1, 1), (65, 97), (1000, 30)], ids=lambda size: "{}x{}".format(*size))
def test_the_result_has_the_photos_size_and_its_light(engine: Engine, key: str, size: tuple[int, int]):
    photo = photo_of(*size)
    result = run(engine, key, photo, vividness=1)
    pixels = result.pixels()
    assert pixels.shape == (size[1], size[0], 3)
    change = np.abs(rgb2lab(pixels)[..., 0] - photo.lightness.numpy())
    assert change.max() <= 0.5
    assert change.mean() <= 0.15 or photo.size == (1, 1), "one pixel has no mean to speak of"
    assert result.coloring.outcome.ab.norm(dim=0).max() > 0.1, "in colour"


@pytest.mark.parametrize("key", KEYS)
def test_the_weights_that_are_chosen_make_the_colours_and_stand_in_the_record(engine: Engine, folder: Path, key: str):
    result = run(engine, key, photo_of(65, 97))
    assert result.record.weights == {key: sha256(folder / REGISTRY[key].file)}
    again = run(engine, key, photo_of(65, 97))
    assert np.array_equal(result.pixels(), again.pixels()), "the same request gives the same pixels"
    assert again.record == result.record


def test_every_set_of_weights_gives_other_colours(engine: Engine):
    photo = photo_of(65, 97)
    assert len({run(engine, key, photo, vividness=1).pixels().tobytes() for key in KEYS}) == len(KEYS)


@pytest.mark.parametrize("name", TRAINED)
def test_what_is_not_chosen_is_the_first_of_its_weights(engine: Engine, name: str):
    result = engine.results(JobRequest(photo_of(9, 9), name, NEEDS.get(name, {})))[0]
    assert list(result.record.weights) == [store().keys_of(name)[0]]


@pytest.mark.parametrize("key", having("flip"))
def test_the_mirror_image_gets_the_mirrored_colours(engine: Engine, key: str):
    def change(**options) -> float:
        straight, mirrored = (
            run(engine, key, photo_of(65, 97, turned), working_size=64, vividness=1, **options).coloring.outcome.ab
            for turned in (False, True)
        )
        return (straight - mirrored.flip(-1)).abs().max().item()

    assert change(flip=True) < 0.01
    assert change(flip=False) > 0.1, "no network sees left and right alike by itself"


@pytest.mark.parametrize("key", having("vividness"))
def test_more_vividness_is_more_colour(engine: Engine, key: str):
    photo = photo_of(65, 97)
    calm, usual, vivid = (
        run(engine, key, photo, vividness=share).coloring.outcome.ab.norm(dim=0).mean() for share in (0, 0.5, 1)
    )
    assert calm < usual < vivid


@pytest.mark.parametrize("name", TRAINED)
def test_a_methods_choice_of_weights_is_its_part_of_the_registry(name: str):
    choices = {entry.name: entry.choices for entry in controls(METHODS[name].info.options)}.get("weights")
    keys = store().keys_of(name)
    assert [f"{name}/{of}" for of in METHODS[name].networks] == keys
    assert len(keys) == 1 if choices is None else keys == [f"{name}/{of}" for of in choices]


@pytest.mark.parametrize("name", TRAINED)
def test_weights_that_are_not_here_are_named_in_one_sentence(name: str, no_weights: None):
    with pytest.raises(ColorizerError) as caught:
        make_engine().results(JobRequest(photo_of(9, 9), name, NEEDS.get(name, {})))
    file = REGISTRY[store().keys_of(name)[0]].file
    assert (
        str(caught.value) == f"The weights {file} are not installed; put them into weights/ or COLORIZERS_WEIGHTS_DIR."
    )


def test_a_pool_that_loads_eagerly_holds_every_set_of_weights_that_is_here(
    folder: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
):
    monkeypatch.setenv("COLORIZERS_POOL_POLICY", "eager")
    get_settings.cache_clear()
    request.addfinalizer(get_settings.cache_clear)
    assert set(make_engine().health().pool.models) == set(KEYS)


def test_stable_diffusion_may_start_from_every_method_that_needs_the_photo_alone():
    alone = [name for name in TRAINED if not any(entry.required for entry in controls(METHODS[name].info.options))]
    (start,) = (entry for entry in controls(IMG2IMG.info.options) if entry.name == "start_from")
    assert set(start.choices) == {"gray", *alone}
    said = dict(zip(start.choices, start.labels, strict=True))
    for name in alone:
        assert said[name] == f"Colours of {METHODS[name].info.title}"


def test_what_a_network_will_take_is_known_from_its_file():
    key = "unet/efficientnet"
    network = METHODS["unet"].loaders["unet"](key, torch.device("cpu"), WeightReader(store()))
    tensors = [*network.parameters(), *network.buffers()]
    assert store().expected_bytes(key) == pytest.approx(sum(tensor.nbytes for tensor in tensors), rel=0.02)
    assert store().expected_bytes("nothing/known") == 0
