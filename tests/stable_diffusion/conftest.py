"""What the tests of Stable Diffusion share: tiny models in use, and an engine."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import using_weights

from colorizers.engine import Engine, make_engine
from colorizers.settings import get_settings


@pytest.fixture(scope="module")
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
