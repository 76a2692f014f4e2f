"""What goes wrong while a server runs: too little memory for models, weights that vanish or are damaged."""

import shutil
from pathlib import Path

import pytest
from conftest import engine_with, store

from colorizers.engine import make_engine
from colorizers.engine.jobs import JobRequest
from colorizers.errors import ColorizerError
from colorizers.methods.catalog import METHODS, REGISTRY
from colorizers.picture.photo import Photo
from colorizers.settings import Settings
from colorizers.weights.store import MANIFEST, WeightStore

KEY = "unet/efficientnet"


def test_with_memory_for_no_model_every_photo_is_coloured_all_the_same(gray_photo: Photo) -> None:
    engine = make_engine(settings=Settings(memory_budget_gb=1e-9))
    for method in ("gan", "cnn", "gan"):
        assert engine.results(JobRequest(gray_photo, method))[0].record.method == method
    assert engine.health().pool.bytes == 0
    assert engine.health().pool.loads == 3


def test_weights_that_are_removed_or_damaged_are_named_and_work_again_when_they_are_back(
    gray_photo: Photo, tmp_path: Path
) -> None:
    shipped = store().find(KEY)
    file = tmp_path / shipped.name
    shutil.copy(shipped.parent / MANIFEST, tmp_path)
    shutil.copy(shipped, file)
    engine = engine_with(METHODS["unet"], weights=WeightStore(REGISTRY, (tmp_path,), tmp_path / "downloads"))
    request = JobRequest(gray_photo, "unet")
    file.write_bytes(shipped.read_bytes()[:-100])
    with pytest.raises(ColorizerError, match=f"^{file.name} is not the file that {MANIFEST} names"):
        engine.results(request)
    file.unlink()
    with pytest.raises(ColorizerError, match="not installed"):
        engine.results(request)
    shutil.copy(shipped, file)
    coloured = engine.results(request)[0].record
    file.write_bytes(b"damaged while it is in memory")
    assert engine.results(request)[0].record == coloured
