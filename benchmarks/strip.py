"""How soon the results of all quick methods stand on the page, beside the sum of the times of the methods alone.

    python benchmarks/strip.py [--rounds 5]

In headless Chromium, on `test_images/mountains_gray.jpg` at 1024x768; needs the extra `test`. Seconds are medians and
count from the moment the browser has the file. The first round, in which the networks are loaded, is left out.
"""

import argparse
import re
import statistics
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
_SECONDS = re.compile(r"([\d.]+) s$")
PHOTO = ROOT / "test_images" / "mountains_gray.jpg"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "helpers")]
    from web_page import chromium
    from web_server import running_server

    with tempfile.TemporaryDirectory() as folder, running_server() as server, chromium() as browser:
        photo = Path(folder) / "photo.jpg"
        Image.open(PHOTO).resize((1024, 768)).save(photo, quality=90)
        every = [visit(browser, server, photo) for _ in range(rounds + 1)][1:]
    first, last, alone = (statistics.median(times) for times in zip(*every, strict=True))
    print("| first result (s) | all results (s) | the methods alone (s) | all / alone |\n|---|---|---|---|")
    print(f"| {first:.2f} | {last:.2f} | {alone:.2f} | {last / alone:.2f} |")


def visit(browser, server, photo: Path) -> tuple[float, float, float]:
    """Seconds until the first and until the last result stands in the strip, and the sum of the times that it shows."""
    from web_page import give, opened

    from colorizers.methods.catalog import METHODS

    with opened(browser, server) as page:
        wanted = sum(method.info.automatic for method in METHODS.values())
        results = page.locator("#results button[data-method]").filter(has_text=_SECONDS)
        started = time.perf_counter()
        give(page, photo)
        results.first.wait_for()
        first = time.perf_counter() - started
        results.nth(wanted - 1).wait_for()
        last = time.perf_counter() - started
        names = [results.nth(k).inner_text() for k in range(wanted)]
    return first, last, sum(float(_SECONDS.search(name)[1]) for name in names)


if __name__ == "__main__":
    main()
