"""The weights that come with the project."""

import hashlib
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from colorizers.methods.catalog import REGISTRY
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


def test_all_shipped_files_together_are_small():
    assert 0 < sum(path.stat().st_size for path in SHIPPED) <= 200 * MIB
