"""The time and memory of the whole pipeline: all methods side by side at 1024x768. For large photos: full_size.py.

    python benchmarks/pipeline.py [--method unet --method cnn ...] [--rounds 5]

Each row runs in a process of its own, so that its peak memory is its own. Seconds are medians after a first round
that is printed apart, because it loads the network. Options are the defaults; a reference is a small colour picture.
"""

import argparse
import itertools
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
    """Seconds of the first round and medians of the others by stage, peak memory in MB, threads."""

    first: float
    open: float
    colour: float
    save: float
    peak: float
    threads: int


def measured(source: Path, method: str, rounds: int) -> Cost:
    """Colour one file again and again."""
    sys.path.insert(0, str(ROOT))
    from colorizers.threads import wait_asleep

    wait_asleep()
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
        result.save(source.with_suffix(".out.png"))
        marks.append(time.perf_counter())
        seconds.append([end - start for start, end in itertools.pairwise(marks)])
    medians = (statistics.median(stage) for stage in zip(*seconds[1:], strict=True))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    return Cost(sum(seconds[0]), *medians, peak, torch.get_num_threads())


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
    arguments = parser.parse_args()
    methods = arguments.method or method_names()
    with tempfile.TemporaryDirectory() as folder:
        source = picture(Path(folder), SIZE)
        table(("method at {}x{}".format(*SIZE), "first, s", "colour, s", "end to end, s", "peak memory, MB"))
        for method in methods:
            cost = run_apart(source, method, arguments.rounds)
            total = cost.open + cost.colour + cost.save
            print(f"| {method} | {cost.first:.2f} | {cost.colour:.2f} | {total:.2f} | {cost.peak:.0f} |", flush=True)
    print(f"\n{cost.threads} threads; end to end: open, colour and save; to save composes and writes.")


if __name__ == "__main__":
    main()
