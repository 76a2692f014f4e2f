"""Small results of every method with shipped weights, made with its default options and stored in tests/data/results.

`PYTHONPATH=. python tests/helpers/stored_results.py` makes them anew, after weights were trained again.
"""

from pathlib import Path

from colorizers.engine import Engine, make_engine
from colorizers.engine.jobs import JobRequest
from colorizers.methods.catalog import METHODS
from colorizers.options import controls
from colorizers.picture.photo import Photo
from colorizers.picture.result import Result
from colorizers.settings import PROJECT

FOLDER = PROJECT / "tests" / "data" / "results"
IMAGES = PROJECT / "test_images"
METHOD_NAMES = [name for name, method in METHODS.items() if not method.info.slow_on_cpu]
PHOTOS = ("astronaut_gray", "coffee_gray")
REFERENCE = "citrus"
SIDE = 96  # pixels, the long side


def path_of(method: str, photo: str) -> Path:
    """Where a result is stored."""
    return FOLDER / f"{photo}_{method}.png"


def result_of(engine: Engine, method: str, photo: str) -> Result:
    """A result as it is now."""
    entries = controls(METHODS[method].info.options)
    reference = Photo.open(IMAGES / f"{REFERENCE}.jpg")
    options: dict[str, object] = {entry.name: reference for entry in entries if entry.kind == "picture"}
    options |= {entry.name: 0 for entry in entries if entry.kind == "seed"}
    return engine.results(JobRequest(Photo.open(IMAGES / f"{photo}.jpg").reduced(SIDE), method, options))[0]


if __name__ == "__main__":
    engine = make_engine()
    for method in METHOD_NAMES:
        for photo in PHOTOS:
            result_of(engine, method, photo).save(path_of(method, photo))
