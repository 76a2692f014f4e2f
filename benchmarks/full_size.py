"""Every stage of large photos, from file to file, on a quiet machine and beside a program that keeps one core busy.

    python benchmarks/full_size.py [--rounds 5] [--megapixels 24 --megapixels 40]

Each size runs in a process of its own, so that its peak memory is its own; all stages take turns, and rounds with and
without the busy program too. Seconds are medians after a first round that does not count. The floor of JPEG to JPEG is
to decode the photo and to encode its result by Pillow, that of PNG is Pillow's own `save` at the same level.
"""

import argparse
import contextlib
import io
import multiprocessing
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
SIZES = {1: (1280, 800), 6: (3000, 2000), 24: (6000, 4000), 40: (7300, 5470)}
GRAIN = 3.0  # of 255, as scans have it: smooth pictures would be encoded in no time
Seconds = dict[str, list[float]]


def measured(source: Path, rounds: int) -> tuple[dict[bool, Seconds], float]:
    """The seconds of all stages, without and with a busy neighbour, and the peak memory in MB of what is ours."""
    sys.path.insert(0, str(ROOT))
    from colorizers.threads import wait_briefly

    wait_briefly()
    quiet, busy, uncounted = defaultdict(list), defaultdict(list), defaultdict(list)
    result = ours(source, uncounted)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    image = result.image()
    for _ in range(rounds):
        for seconds, neighbour in ((quiet, contextlib.nullcontext()), (busy, busy_neighbour())):
            with neighbour:
                ours(source, seconds)
                floors(source, image, seconds)
    return {False: dict(quiet), True: dict(busy)}, peak


def ours(source: Path, seconds: Seconds):
    """Colour a file and save it; gives the result."""
    from colorizers.engine.jobs import JobRequest
    from colorizers.picture.photo import Photo
    from colorizers.settings import get_settings

    with timed(seconds, "open"):
        photo = Photo.open(source)
    with timed(seconds, "colour"):
        result = engine().results(JobRequest(photo, "unet"))[0]
    with timed(seconds, "compose"):
        result.pixels()
    with timed(seconds, "compose and save as JPEG"):
        result.save(source.with_suffix(".out.jpg"))
    with timed(seconds, "compose and save as PNG"):
        result.save(source.with_suffix(".out.png"))
    preview = result.preview(get_settings().preview_pixels)
    with timed(seconds, "preview with warmth and saturation"):
        preview.finished(preview.finish.model_copy(update={"warmth": 0.5, "saturation": 1.5})).pixels()
    return result


def floors(source: Path, image: Image.Image, seconds: Seconds) -> None:
    """What nobody can do without."""
    with timed(seconds, "decode"):
        Image.open(source).load()
    with timed(seconds, "Pillow's JPEG"):
        image.save(io.BytesIO(), "JPEG", quality=92, subsampling=0)
    with timed(seconds, "Pillow's PNG"):
        image.save(io.BytesIO(), "PNG", compress_level=4)


def engine(made: list = []):  # noqa: B006 - one engine a process
    """The engine of this process."""
    from colorizers.engine import make_engine

    if not made:
        made.append(make_engine())
    return made[0]


@contextlib.contextmanager
def timed(seconds: Seconds, stage: str) -> Iterator[None]:
    """Note how long a stage takes."""
    start = time.perf_counter()
    yield
    seconds[stage].append(time.perf_counter() - start)


@contextlib.contextmanager
def busy_neighbour() -> Iterator[None]:
    """Another process that keeps one core busy."""
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as burner:
        try:
            time.sleep(0.3)
            yield
        finally:
            burner.kill()


def picture(folder: Path, size: tuple[int, int]) -> Path:
    """A photo that was enlarged and given grain, as a gray JPEG."""
    path = folder / "{}x{}.jpg".format(*size)
    small = Image.open(ROOT / "test_images" / "mountains_gray.jpg").convert("L")
    pixels = np.asarray(small.resize(size, Image.Resampling.BICUBIC), np.float32)
    grain = GRAIN * np.random.default_rng(0).standard_normal(pixels.shape, np.float32)
    Image.fromarray((pixels + grain).clip(0, 255).astype(np.uint8)).save(path, quality=92)
    return path


def show(size: tuple[int, int], seconds: dict[bool, Seconds], peak: float) -> None:
    """Print a table, and what the whole road is beside its floor."""
    quiet, busy = ({stage: statistics.median(times) for stage, times in each.items()} for each in seconds.values())
    print("\n| {}x{} | s | beside a busy program, s | times |\n|---|---|---|---|".format(*size))
    for stage, each in quiet.items():
        print(f"| {stage} | {each:.3f} | {busy[stage]:.3f} | {busy[stage] / each:.2f} |")
    begin = quiet["open"] + quiet["colour"]
    to_jpeg = (begin + quiet["compose and save as JPEG"]) / (quiet["decode"] + quiet["Pillow's JPEG"])
    to_png = (begin + quiet["compose and save as PNG"]) / quiet["Pillow's PNG"]
    print(f"\nJPEG to JPEG takes {to_jpeg:.2f} times its floor, JPEG to PNG {to_png:.2f}; peak memory {peak:.0f} MB.")


def main() -> None:
    """Print one table a size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--megapixels", type=int, action="append", choices=SIZES, help="again for each (default: all)")
    arguments = parser.parse_args()
    for megapixels in arguments.megapixels or SIZES:
        size = SIZES[megapixels]
        with tempfile.TemporaryDirectory() as folder:
            source = picture(Path(folder), size)
            with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as own:
                show(size, *own.submit(measured, source, arguments.rounds).result())
        sys.stdout.flush()


if __name__ == "__main__":
    main()
