import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest
from hub_server import FIRST, Hub, checkpoint, connect, handler
from weight_shelf import Shelf

from colorizers.settings import get_settings
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
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A hub with the published weights, and a machine without them."""
    has = Hub({FIRST: {"README.md": b"# DDColor", "config.json": b"{}", "pytorch_model.bin": checkpoint()}})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(has))
    # The interval is how long its end is waited for.
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    has.url = f"http://127.0.0.1:{server.server_port}"
    connect(has.url, monkeypatch)
    monkeypatch.setenv("COLORIZERS_CACHE_DIR", str(tmp_path / "cache"))
    get_settings.cache_clear()
    yield has
    get_settings.cache_clear()
    server.shutdown()
    server.server_close()


@pytest.fixture
def kept(hub: Hub, tmp_path: Path) -> Path:
    """Where the file is to be."""
    return tmp_path / "cache" / "weights" / "transformer_ddcolor_tiny.bin"
