"""What a change of the finish or of the hints costs on the page: composing the preview and encoding it, no model run.

    python benchmarks/finish.py [--rounds 9]

Milliseconds are medians on `test_images/mountains_gray.jpg`, reduced to the page's preview size.
"""

import argparse
import io
import statistics
import sys
import time
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
CHANGES = (
    {},
    {"color_strength": 1.5},
    {"saturation": 1.5},
    {"warmth": 0.5},
    {"saturation": 1.5, "warmth": 0.5},
    {"edge_snap": 0.5},
)


def main() -> None:
    """Print one row a change."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds
    sys.path.insert(0, str(ROOT))
    from colorizers.threads import wait_briefly

    wait_briefly()
    from colorizers import colorize
    from colorizers.settings import get_settings

    result = colorize(ROOT / "test_images" / "mountains_gray.jpg")[0].preview(get_settings().preview_pixels)
    print("| finish at {}x{} | ms |\n|---|---|".format(*result.photo.size))
    for change in CHANGES:
        tuned = result.finished(result.finish.model_copy(update=change))
        said = ", ".join(f"{name} {value}" for name, value in change.items()) or "none"
        print(f"| {said} | {median([tuned] * rounds):.0f} |")
    for count in (1, 20):
        hinted = [result.hinted(some_hints(count, k)) for k in range(rounds)]
        print(f"| one of {count} hints | {median(hinted):.0f} |")


def median(results) -> float:
    """Milliseconds that a preview takes, the median of some."""
    times = []
    for result in results:
        started = time.perf_counter()
        Image.fromarray(result.pixels()).save(io.BytesIO(), "JPEG", quality=90, subsampling=0)
        times.append(time.perf_counter() - started)
    return 1000 * statistics.median(times)


def some_hints(count: int, k: int):
    """Hints of different colours, the last of which is at another place each time."""
    from colorizers.picture.hints import checked_hints

    places = [(0.05 + 0.9 * n / count, 0.3) for n in range(count - 1)] + [(0.5, 0.05 + 0.9 * k / 100)]
    return checked_hints([{"path": [place], "color": f"#b0{10 + n}40"} for n, place in enumerate(places)])


if __name__ == "__main__":
    main()
