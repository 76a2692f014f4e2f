"""The weights that come with the project."""

import hashlib
import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from colorizers.methods.catalog import REGISTRY
from colorizers.weights.folders import TRAINING, used_files
from colorizers.weights.registry import SMALL, SMALL_CONTROL
from colorizers.weights.store import MANIFEST, SHIPPED_DIR

SHIPPED = sorted(SHIPPED_DIR.glob("*.safetensors"))
MIB = 2**20


# What is shipped


def test_something_is_shipped_for_every_entry_that_is_not_downloaded():
    assert {path.name for path in SHIPPED} == {
        entry.file for entry in REGISTRY.values() if not (entry.hub or entry.folders)
    }


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_shipped_file_is_small_half_precision_listed_and_has_a_card(path: Path):
    assert path.stat().st_size <= 16 * MIB
    with safe_open(path, "pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        assert file.metadata()["command"].startswith("python -m colorizers train")
    assert {value.dtype for value in tensors.values() if value.is_floating_point()} == {torch.float16}
    assert all(torch.isfinite(value).all() for value in tensors.values())
    known = dict(reversed(line.split(maxsplit=1)) for line in (SHIPPED_DIR / MANIFEST).read_text().splitlines())
    assert known[path.name] == hashlib.sha256(path.read_bytes()).hexdigest()
    card = path.with_suffix(".md").read_text()
    for word in ("Apache-2.0", "Data", "CIEDE2000"):
        assert word.lower() in card.lower()


@pytest.mark.parametrize("key", [SMALL, SMALL_CONTROL])
def test_every_shipped_folder_is_small_half_precision_listed_and_has_a_card(key: str):
    folder = SHIPPED_DIR / REGISTRY[key].stem
    known = dict(reversed(line.split(maxsplit=1)) for line in (SHIPPED_DIR / MANIFEST).read_text().splitlines())
    for path in used_files(folder, REGISTRY[key].folders):
        assert known[path.relative_to(SHIPPED_DIR).as_posix()] == hashlib.sha256(path.read_bytes()).hexdigest()
    for path in folder.rglob("*.safetensors"):
        assert path.stat().st_size <= 16 * MIB
        state = load_file(path)
        assert {value.dtype for value in state.values()} == {torch.float16}
        assert all(torch.isfinite(value).all() for value in state.values())
    for run in json.loads((folder / TRAINING).read_text()).values():
        assert run["command"].startswith("python -m colorizers train small_sd:")
    card = folder.with_suffix(".md").read_text()
    assert all(word in card for word in ("Apache-2.0", "Data", "CIEDE2000"))


def test_all_shipped_files_together_are_small():
    sizes = [path.stat().st_size for path in SHIPPED_DIR.rglob("*.safetensors")]
    folders = [path.stat().st_size for path in SHIPPED_DIR.glob("*/**/*") if path.is_file()]
    assert 0 < sum(sizes) <= 200 * MIB
    assert 0 < sum(folders) <= 40 * MIB
