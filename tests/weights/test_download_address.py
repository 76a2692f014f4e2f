"""Downloads of files that are published at an address, whose names tell the first digits of their hashes."""

import hashlib
import json
from pathlib import Path

import pytest
from hub_server import Hub

from colorizers.errors import ColorizerError
from colorizers.weights import downloads
from colorizers.weights.downloads import LOCK
from colorizers.weights.hub import Address

DATA = b"tensors" * 1000
DIGITS = hashlib.sha256(DATA).hexdigest()[:8]


def fetched(hub: Hub, name: str, folder: Path) -> Path:
    """The file of this name at the server, downloaded."""
    hub.models[name] = DATA
    address = Address(f"{hub.url}/models/{name}", megabytes=1)
    ((kept, file),) = address.published(folder, "cnn_classic", ()).items()
    downloads.fetch(file, folder / kept)
    return folder / kept


def test_a_file_is_checked_by_the_digits_in_its_name_and_locked_to_its_whole_hash(hub: Hub, tmp_path: Path):
    path = fetched(hub, f"classic-{DIGITS}.pth", tmp_path / "weights")
    assert path.name == "cnn_classic.pth"
    assert path.read_bytes() == DATA
    pin = json.loads((path.parent / LOCK).read_text())["cnn_classic"]
    assert pin["sha256"] == hashlib.sha256(DATA).hexdigest()
    assert (pin["hub"], pin["file"]) == ("127.0.0.1", f"classic-{DIGITS}.pth")
    fetched(hub, f"classic-{DIGITS}.pth", path.parent)
    assert len(hub.asked) == 1, "not fetched twice"


def test_another_file_is_refused(hub: Hub, tmp_path: Path):
    with pytest.raises(ColorizerError, match=r"^The download is not the classic-00000000\.pth that 127\.0\.0\.1 names"):
        fetched(hub, "classic-00000000.pth", tmp_path / "weights")
    assert not (tmp_path / "weights" / "cnn_classic.pth").exists()


def test_the_hash_of_a_file_whose_name_tells_none_is_recorded_at_first_use(hub: Hub, tmp_path: Path):
    path = fetched(hub, "classic.pth", tmp_path / "weights")
    assert json.loads((path.parent / LOCK).read_text())["cnn_classic"]["sha256"] == hashlib.sha256(DATA).hexdigest()
