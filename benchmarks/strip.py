"""How soon the results of all quick methods stand on the page, beside the sum of the times of the methods alone.

    python benchmarks/strip.py [--rounds 5]

In headless Chromium, on `test_images/mountains_gray.jpg` at 1024x768; needs the extra `test`. Seconds are medians, told
by the page itself, and count from the moment the browser has the file; a visitor has looked at the page before. The
methods alone take turns with the visits, in the same process, with nothing else to do. The first round, in which the
networks are loaded, is left out.
"""

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
PHOTO = ROOT / "test_images" / "mountains_gray.jpg"
_LOOKED_AT = 1500  # milliseconds
_WATCH = r"""(wanted) => {
    let given = 0, first = 0;
    addEventListener("change", () => (given = performance.now()), { capture: true, once: true });
    window.cameAfter = new Promise((resolve) => {
        const look = () => {
            const now = performance.now();
            const results = [...document.querySelectorAll("#results button[data-method] small")];
            const here = results.filter((one) => /[\d.]+ s$/.test(one.textContent)).length;
            first ||= here && now;
            if (here === wanted) resolve([first - given, now - given]);
        };
        new MutationObserver(look).observe(document.body, { subtree: true, childList: true, characterData: true });
    });
}"""


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
        every = [(*visit(browser, server, photo), alone(server.engine, photo)) for _ in range(rounds + 1)][1:]
    first, last, own = (statistics.median(times) for times in zip(*every, strict=True))
    print("| first result (s) | all results (s) | the methods alone (s) | all / alone |\n|---|---|---|---|")
    print(f"| {first:.2f} | {last:.2f} | {own:.2f} | {last / own:.2f} |")


def automatic() -> list[str]:
    """The methods that colour every photo."""
    from colorizers.methods.catalog import METHODS

    return [name for name, method in METHODS.items() if method.info.automatic]


def visit(browser, server, photo: Path) -> tuple[float, float]:
    """Seconds until the first and until the last result stands in the strip."""
    from web_page import give, opened

    with opened(browser, server) as page:
        page.wait_for_timeout(_LOOKED_AT)
        page.evaluate(_WATCH, len(automatic()))
        give(page, photo)
        first, last = page.evaluate("window.cameAfter")
    return first / 1000, last / 1000


def alone(engine, photo: Path) -> float:
    """The sum of the seconds that each method says it took."""
    from colorizers.engine.jobs import JobRequest
    from colorizers.picture.photo import Photo

    opened = Photo.open(photo)
    return sum(engine.results(JobRequest(opened, name, {}))[0].coloring.seconds for name in automatic())


if __name__ == "__main__":
    main()
