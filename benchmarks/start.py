"""How long it takes from nothing to a page that answers, and to a first coloured photo.

    python benchmarks/start.py [--rounds 5]

Each time in a process of its own; seconds are medians after a first round, which fills the system's cache of files, and
what is imported is timed beside it. Seconds of the processor are told beside those of the clock: on a busy machine only
these can be compared.
"""

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx

sys.path.insert(0, str(Path(__file__).resolve().parent))
from clients import Taken, color, used_by
from own_server import own_server

ROOT = Path(__file__).resolve().parent.parent
PHOTO = ROOT / "test_images" / "dog_gray.jpg"
SERVED = ("`python app.py`, until the page answers", "the first photo after that, coloured through the API")


def main() -> None:
    """Print one row a start."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    python = [sys.executable, "-c"]
    with tempfile.TemporaryDirectory() as folder:
        colorize = [
            sys.executable,
            "-m",
            "colorizers",
            "colorize",
            PHOTO,
            "-o",
            Path(folder) / "out.png",
            "--overwrite",
        ]
        starts = {
            "`import torch`": lambda: done([*python, "import torch"]),
            "`import torch, gradio`": lambda: done([*python, "import torch, gradio"]),
            "`colorizers colorize`, one photo": lambda: done(colorize),
        }
        every = {name: [] for name in (*starts, *SERVED)}
        for _ in range(rounds + 1):
            for name, start in starts.items():
                every[name].append(start())
            for name, took in zip(SERVED, served(), strict=True):
                every[name].append(took)
    print("| start | s | processor, s |\n|---|---|---|")
    for name, times in every.items():
        clock, cpu = (statistics.median(seconds) for seconds in zip(*times[1:], strict=True))
        print(f"| {name} | {clock:.2f} | {cpu:.2f} |")


def done(command: list) -> Taken:
    """What it takes until a command ends."""
    clock, cpu = time.perf_counter(), used_by_children()
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return Taken(time.perf_counter() - clock, used_by_children() - cpu)


def used_by_children() -> float:
    """Seconds of the processor that processes have used which this one began, and which have ended."""
    return sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2])


def served() -> tuple[Taken, Taken]:
    """What it takes until the page has been sent, and from then until a program has its first coloured photo."""
    begun = time.perf_counter()
    with own_server(stdout=subprocess.DEVNULL) as server, httpx.Client(timeout=600) as client:
        page = Taken(time.perf_counter() - begun, used_by(server))
        photo = color(client, f"{server.url}/gradio_api", "unet", PHOTO.read_bytes()).all
        return page, Taken(photo, used_by(server) - page.cpu)


if __name__ == "__main__":
    main()
