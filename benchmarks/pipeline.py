"""The time and memory of the whole pipeline: all methods side by side at 1024x768. For large photos: full_size.py.

    python benchmarks/pipeline.py [--method unet --method cnn ...] [--rounds 5] [--json FILE]

JPEG to JPEG. Each row runs in a process of its own, so that its peak memory is its own. Seconds are medians after a
first round that is printed apart, because it loads the network; the floor, which no program gets below that opens the
photo and writes a result, is measured in the same rounds. Options are the defaults; a reference is a small colour
picture.
"""

import argparse
import itertools
import json
import multiprocessing
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = ROOT / "test_images" / "parrot.jpg"
SIZE = (1024, 768)


class Cost(NamedTuple):
    """Seconds of the first round, medians of the others by stage and of Pillow's own, peak memory in MB, threads."""

    first: float
    open: float
    colour: float
    save: float
    floor: float
    peak: float
    threads: int

    @property
    def whole(self) -> float:
        """Seconds from file to file."""
        return self.open + self.colour + self.save


def measured(source: Path, method: str, rounds: int) -> Cost:
    """Colour one file again and again."""
    sys.path.insert(0, str(ROOT))
    from colorizers.threads import wait_briefly

    wait_briefly()
    import torch

    from colorizers.engine import make_engine
    from colorizers.engine.jobs import JobRequest
    from colorizers.options import controls
    from colorizers.picture.photo import Photo

    engine = make_engine()
    entries = controls(engine.methods[method].info.options)
    pictures = {entry.name: Photo.open(REFERENCE) for entry in entries if entry.kind == "picture" and entry.required}
    seconds = []
    for _ in range(rounds + 1):
        marks = [time.perf_counter()]
        photo = Photo.open(source)
        marks.append(time.perf_counter())
        result = engine.results(JobRequest(photo, method, dict(pictures)))[0]
        marks.append(time.perf_counter())
        result.save(source.with_suffix(".out.jpg"))
        marks.append(time.perf_counter())
        floor(source)
        marks.append(time.perf_counter())
        seconds.append([end - start for start, end in itertools.pairwise(marks)])
    medians = (statistics.median(stage) for stage in zip(*seconds[1:], strict=True))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    return Cost(sum(seconds[0][:-1]), *medians, peak, torch.get_num_threads())


def floor(source: Path) -> None:
    """Decode the photo and encode it again in colour, by Pillow."""
    with Image.open(source) as image:
        image.convert("RGB").save(source.with_suffix(".floor.jpg"), quality=92, subsampling=0)


def picture(folder: Path, size: tuple[int, int]) -> Path:
    """A file of soft shapes."""
    path = folder / "{}x{}.jpg".format(*size)
    small = np.random.default_rng(0).integers(0, 256, (size[1] // 50, size[0] // 50), np.uint8)
    Image.fromarray(small).resize(size, Image.Resampling.BICUBIC).save(path, quality=92)
    return path


def run_apart(source: Path, method: str, rounds: int) -> Cost:
    """Measure in a process of its own."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as own:
        return own.submit(measured, source, method, rounds).result()


def table(head: Sequence[str]) -> None:
    """Begin a table."""
    print(f"\n| {' | '.join(head)} |\n|{'---|' * len(head)}")


def main() -> None:
    """Print one row a method."""
    sys.path.insert(0, str(ROOT))
    from colorizers import method_names

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--method", action="append", choices=method_names(), help="again for each (default: all)")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    arguments = parser.parse_args()
    methods = arguments.method or method_names()
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        source = picture(Path(folder), SIZE)
        parts = ("first", "open", "colour", "compose and save", "whole")
        table(("method at {}x{}".format(*SIZE), *(f"{part}, s" for part in parts), "of the floor", "peak memory, MB"))
        for method in methods:
            cost = found[method] = run_apart(source, method, arguments.rounds)
            seconds = (cost.first, cost.open, cost.colour, cost.save, cost.whole)
            figures = [*(f"{each:.3f}" for each in seconds), f"{cost.whole / cost.floor:.1f}", f"{cost.peak:.0f}"]
            print(f"| {method} | {' | '.join(figures)} |", flush=True)
    print(f"\n{cost.threads} threads; the floor, to decode and encode by Pillow alone, is {cost.floor:.3f} s.")
    if arguments.json:
        arguments.json.write_text(json.dumps({method: cost._asdict() for method, cost in found.items()}, indent=1))


if __name__ == "__main__":
    main()
