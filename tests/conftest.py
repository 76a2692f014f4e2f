"""What several test modules need: photographs made of numbers, and an engine that is ready at once."""

import contextlib
import io
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn
from trivial_method import TrivialMethod

from colorizers.engine import Engine
from colorizers.engine.jobs import Done
from colorizers.engine.local import LocalBackend
from colorizers.methods.catalog import REGISTRY
from colorizers.networks.ab_bins import AbBins, smoothed_prior
from colorizers.networks.adain import AdainUNet
from colorizers.networks.blocks import quarter
from colorizers.networks.diffusion import ColorDiffusion
from colorizers.networks.efficientnet_lite import EfficientNetLitePooled
from colorizers.networks.vgg import VGG19
from colorizers.picture.finish import Finish
from colorizers.picture.photo import Photo
from colorizers.picture.result import Result
from colorizers.pool import ModelPool
from colorizers.settings import get_settings
from colorizers.weights import store as weight_store
from colorizers.weights.store import WeightReader, WeightStore, make_store


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--full", action="store_true", help="every run of Stable Diffusion, not a choice of them, and the Ray cluster"
    )


@pytest.fixture(scope="session", autouse=True)
def uploads(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Each process has its own uploads: equal photos have the same path, and a server that closes deletes its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(tmp_path_factory.mktemp("uploads")))
        yield


@pytest.fixture(scope="session", autouse=True)
def torch_alone() -> Iterator[None]:
    """Results shall not depend on the processor, on OpenVINO, nor on how often a network was used before."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLORIZERS_RUNTIME", "torch")
        patch.setenv("COLORIZERS_DTYPE", "float32")
        yield


def encoded(image: Image.Image, kind: str = "PNG", **options) -> bytes:
    """The bytes of a file that holds the image."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


@torch.no_grad()
def untrained(make: Callable[[], nn.Module], seed: int = 0) -> nn.Module:
    """A network of random numbers whose batch norms have seen noise: what it says differs from place to place.

    Bins have a prior as photographs do: most of it near gray. A layer that begins at zero does not stay there.
    """
    torch.manual_seed(seed)
    network = make().train()
    for parameter in network.parameters():
        if parameter.ndim > 1 and not parameter.any():
            parameter.normal_(0, 0.05)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None  # the plain average of what it sees
        if isinstance(module, AbBins):
            module.prior.copy_(smoothed_prior(torch.exp(-module.centers.norm(dim=1) / 15), module.centers))
    answer(network, 100 * torch.rand(4, 1, 64, 64))
    return network.eval()


def answer(network: nn.Module, lightness: Tensor) -> Tensor:
    """What a network says of L* (B, 1, H, W); one that needs more gets half a palette, or noise in the midst of it."""
    if isinstance(network, VGG19):
        return network(lightness.expand(-1, 3, -1, -1) / 100, network.layers[-1:])[network.layers[-1]]
    random = torch.Generator().manual_seed(0)
    if isinstance(network, AdainUNet):
        reference = 100 * torch.rand(1, 3, 32, 32, generator=random)
        return network(lightness, torch.lerp(network.own, network.style(reference), 0.5))
    if isinstance(network, ColorDiffusion):
        scene = network.scene(lightness)
        noise = torch.randn(1, 2, *scene.light.shape[-2:], generator=random).expand(len(lightness), -1, -1, -1)
        return quarter(network(noise, torch.full((len(lightness),), 500), scene), lightness)
    return network(lightness)


def store() -> WeightStore:
    """The weights that the settings name."""
    return make_store(REGISTRY, get_settings())


def reader() -> WeightReader:
    """A reader of the weights that the settings name."""
    return WeightReader(store())


def result_of(photo: Photo, done: Done, k: int = 0, finish: Finish | None = None) -> Result:
    """A result of the last event of a job, under the finish of its record unless another is given."""
    coloring = done.colorings[k]
    return Result(photo, coloring, finish or Finish(**coloring.record.finish))


def engine_with(*methods, weights: WeightStore | None = None) -> Engine:
    """An engine with these methods alone, on the CPU, and the weights of the settings or of a store."""
    named = {method.info.name: method for method in methods}
    loaders = {family: load for method in methods for family, load in method.loaders.items()}
    settings = get_settings()
    pool = ModelPool(loaders, torch.device("cpu"), 10**9, store=weights or make_store(REGISTRY, settings))
    return Engine(named, LocalBackend(named, pool, settings.checks_pictures))


def paint(folder: Path, count: int) -> Path:
    """Pictures (72, 96) of a bright warm field under a dark blue one, each a little different."""
    folder.mkdir(parents=True)
    for k in range(count):
        picture = np.empty((72, 96, 3))
        picture[:36], picture[36:] = (40, 60, 150), (230, 170, 60 + 10 * k)
        grain = np.random.default_rng(k).normal(0, 4, picture.shape)
        Image.fromarray((picture + grain).clip(0, 255).astype(np.uint8)).save(folder / f"{k}.png")
    return folder


@contextlib.contextmanager
def using_weights(folder: Path) -> Iterator[None]:
    """With a folder of weights that is looked into first."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLORIZERS_WEIGHTS_DIR", str(folder))
        get_settings.cache_clear()
        yield
    get_settings.cache_clear()


@pytest.fixture(scope="session")
def tiny_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all that the tabs with Stable Diffusion can use, tiny and random."""
    from tiny_models import save_all

    return save_all(tmp_path_factory.mktemp("tiny_models"))


@pytest.fixture
def folder(tiny_models: Path, tmp_path: Path) -> Iterator[Path]:
    """The tiny models in use, in a folder any file of which may be replaced."""
    links = shutil.copytree(tiny_models, tmp_path / "weights", copy_function=os.symlink)
    with using_weights(links):
        yield links


@pytest.fixture(scope="session")
def gray_pixels() -> np.ndarray:
    """A picture (48, 64) uint8 with every tone, edges and grain."""
    ramp = np.linspace(0, 255, 64)[None].repeat(48, 0)
    ramp[12:24, 20:40] = 255 - ramp[12:24, 20:40]
    return (ramp + np.random.default_rng(0).normal(0, 6, ramp.shape)).clip(0, 255).astype(np.uint8)


@pytest.fixture(scope="session")
def gray_photo(gray_pixels: np.ndarray) -> Photo:
    """The same as a decoded photo named `sample`."""
    return Photo.open(encoded(Image.fromarray(gray_pixels)), name="sample.png")


@pytest.fixture(scope="session")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with the tensors of a random EfficientNet-Lite2, named as the published one's."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("backbone") / "efficientnet-lite2.pth"
    classifier = {"_fc.weight": torch.zeros(1000, 1280), "_fc.bias": torch.zeros(1000)}
    torch.save(EfficientNetLitePooled().state_dict() | classifier, path)
    return path


@pytest.fixture
def no_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine that has none of the weights."""
    monkeypatch.setattr(weight_store, "SHIPPED_DIR", tmp_path / "nowhere" / "weights")
    for variable in ("COLORIZERS_WEIGHTS_DIR", "COLORIZERS_CACHE_DIR"):
        monkeypatch.setenv(variable, str(tmp_path / "nowhere"))
    get_settings.cache_clear()
    yield
    get_settings.cache_clear()


@pytest.fixture
def engine() -> Engine:
    """An engine with the trivial method."""
    return engine_with(TrivialMethod())
