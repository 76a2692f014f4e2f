from collections.abc import Iterator
from pathlib import Path

import pytest
from hub_server import Hub, checkpoint, running_hub
from weight_shelf import Shelf

from colorizers.weights import store


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shelf:
    """Empty folders in place of the user's, the project's and the cache."""
    places = {name: tmp_path / name for name in ("own", "shipped", "cache/weights")}
    for place in places.values():
        place.mkdir(parents=True)
    monkeypatch.setattr(store, "SHIPPED_DIR", places["shipped"])
    return Shelf(*places.values())


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    """A hub with the published weights, and a machine without them."""
    files = {"README.md": b"# DDColor", "config.json": b"{}", "pytorch_model.bin": checkpoint()}
    with running_hub(files, tmp_path / "cache") as running:
        yield running


@pytest.fixture
def kept(hub: Hub, tmp_path: Path) -> Path:
    """Where the file is to be."""
    return tmp_path / "cache" / "weights" / "transformer_ddcolor_tiny.bin"
