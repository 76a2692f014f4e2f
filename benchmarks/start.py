"""How long it takes from nothing to a page that answers, and to a first coloured photo.

    python benchmarks/start.py [--rounds 5]

Each time in a process of its own; seconds are medians after a first round, which fills the system's cache of files, and
what is imported is timed beside it: nobody who uses torch and Gradio can do without.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from own_server import own_server

ROOT = Path(__file__).resolve().parent.parent
PHOTO = ROOT / "test_images" / "dog_gray.jpg"


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
            "import torch": lambda: done([*python, "import torch"]),
            "import torch, gradio": lambda: done([*python, "import torch, gradio"]),
            "colorizers colorize, one photo": lambda: done(colorize),
            "python app.py, until the page answers": answered,
        }
        seconds = {name: [] for name in starts}
        for _ in range(rounds + 1):
            for name, start in starts.items():
                seconds[name].append(start())
    print("| start | s |\n|---|---|")
    for name, times in seconds.items():
        print(f"| {name} | {statistics.median(times[1:]):.2f} |")


def done(command: list) -> float:
    """Seconds until a command ends."""
    start = time.perf_counter()
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def answered() -> float:
    """Seconds until the page has been sent."""
    start = time.perf_counter()
    with own_server(stdout=subprocess.DEVNULL):
        return time.perf_counter() - start


if __name__ == "__main__":
    main()
