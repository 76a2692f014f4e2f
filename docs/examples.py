"""Makes docs/examples.jpg: photographs of test_images/ as they go in, and as every method colours them by default.

Those with Stable Diffusion, which are steered by words, are left out. A method that takes a reference gets
REFERENCE; of several variants the first is shown, made with seed 0.

python docs/examples.py
"""

import sys
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
PHOTOS = ("mountains_gray", "dog_gray", "camera", "temple_gray", "hopper_gray")
REFERENCE = ROOT / "test_images" / "dog.jpg"
HEIGHT, GAP = 240, 6


def main() -> None:
    """Colour the photos and lay them out: a column a photo, gray above, then a row a method in their order."""
    sys.path.insert(0, str(ROOT))
    from colorizers import colorize
    from colorizers.methods.catalog import METHODS
    from colorizers.options import controls

    fixed = {"seed": 0, "variants": 1, "reference": REFERENCE}
    shipped = {name: method for name, method in METHODS.items() if not method.info.slow_on_cpu}
    options = {name: [entry.name for entry in controls(method.info.options)] for name, method in shipped.items()}
    rows = {name: {each: fixed[each] for each in fixed if each in options[name]} for name in shipped}
    columns = []
    for name in PHOTOS:
        source = ROOT / "test_images" / f"{name}.jpg"
        coloured = [colorize(source, method, **given)[0].image() for method, given in rows.items()]
        images = [Image.open(source).convert("RGB"), *coloured]
        columns.append([image.resize((round(image.width * HEIGHT / image.height), HEIGHT)) for image in images])
    width = sum(column[0].width for column in columns) + GAP * (len(columns) - 1)
    sheet = Image.new("RGB", (width, len(columns[0]) * (HEIGHT + GAP) - GAP), "white")
    left = 0
    for column in columns:
        for row, image in enumerate(column):
            sheet.paste(image, (left, row * (HEIGHT + GAP)))
        left += column[0].width + GAP
    sheet.save(Path(__file__).with_suffix(".jpg"), quality=90)


if __name__ == "__main__":
    main()
