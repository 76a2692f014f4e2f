"""Makes docs/examples.jpg: photographs of test_images/ as they go in and as they come out, at default settings.

python docs/examples.py
"""

import sys
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
PHOTOS = ("mountains_gray", "dog_gray", "camera", "temple_gray", "hopper_gray")
HEIGHT, GAP = 300, 6


def main() -> None:
    """Colour the photos and lay them out, gray above, coloured below."""
    sys.path.insert(0, str(ROOT))
    from colorizers import colorize

    columns = []
    for name in PHOTOS:
        source = ROOT / "test_images" / f"{name}.jpg"
        pair = (Image.open(source).convert("RGB"), colorize(source)[0].image())
        columns.append([image.resize((round(image.width * HEIGHT / image.height), HEIGHT)) for image in pair])
    width = sum(above.width for above, _ in columns) + GAP * (len(columns) - 1)
    sheet = Image.new("RGB", (width, 2 * HEIGHT + GAP), "white")
    left = 0
    for above, below in columns:
        sheet.paste(above, (left, 0))
        sheet.paste(below, (left, HEIGHT + GAP))
        left += above.width + GAP
    sheet.save(Path(__file__).with_suffix(".jpg"), quality=90)


if __name__ == "__main__":
    main()
