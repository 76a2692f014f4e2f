"""What the road of a photo costs, side by side in one run: opening, colouring, composing, saving, and peak memory.

    python benchmarks/road.py [--method unet] [--rounds 5]

Each size runs in a process of its own, so that its peak memory is its own. Seconds are medians after a first round
that is printed apart, because it loads the network.
"""

import argparse
import itertools
import multiprocessing
import resource
import statistics
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
SIZES = ((1024, 768), (3000, 2000), (6000, 4000), (7000, 5600))


def stages(source: Path, method: str, rounds: int) -> tuple[float, list[float], float, int]:
    """Colour one file again and again: seconds of the first round, medians a stage, peak memory in MB, threads."""
    sys.path.insert(0, str(ROOT))
    import torch

    from colorizers.engine import JobRequest, local_engine
    from colorizers.picture.photo import Photo

    engine = local_engine()
    measured = []
    for _ in range(rounds + 1):
        marks = [time.perf_counter()]
        photo = Photo.open(source)
        marks.append(time.perf_counter())
        result = engine.results(JobRequest(photo, method))[0]
        marks.append(time.perf_counter())
        result.pixels()
        marks.append(time.perf_counter())
        result.save(source.with_suffix(".out.png"))
        marks.append(time.perf_counter())
        measured.append([end - start for start, end in itertools.pairwise(marks)])
    medians = [statistics.median(stage) for stage in zip(*measured[1:], strict=True)]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    return sum(measured[0]), medians, peak, torch.get_num_threads()


def main() -> None:
    """Print one row a size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--method", default="unet")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    print("| pixels | first, s | open, s | colour, s | compose, s | save as PNG, s | peak memory, MB |")
    print("|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for width, height in SIZES:
            source = Path(folder) / f"{width}x{height}.jpg"
            small = np.random.default_rng(0).integers(0, 256, (height // 50, width // 50), np.uint8)
            Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC).save(source, quality=92)
            with ProcessPoolExecutor(1, context) as own:
                first, medians, peak, threads = own.submit(stages, source, arguments.method, arguments.rounds).result()
            stages_text = " | ".join(f"{seconds:.2f}" for seconds in medians)
            print(f"| {width}x{height} | {first:.2f} | {stages_text} | {peak:.0f} |", flush=True)
    print(f"\n{threads} threads; `save` composes once more before it writes.")


if __name__ == "__main__":
    main()
