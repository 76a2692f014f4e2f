"""Whether words steer the colours: two opposite prompts for the same photographs, with the same seed.

    python benchmarks/prompts.py --data val-00.tar val-people.tar [--weights small] [--card FILE:BLOCK]

Light: how far mean b* (Lab; blue is negative, yellow positive) moves from cold to warm words on photographs spread
evenly over all. Clothes: for photographs whose label is a person, whether the lower middle, where clothes are, moves
from the one colour towards the other.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
LIGHT = ("warm sunset, orange light", "cold blue winter light")
CLOTHES = ("a red dress", "a blue dress")
RED_MINUS_BLUE = (80.1 - 79.2, 67.2 + 107.9)  # a* and b* of the primaries of sRGB
SIDE = 256  # pixels


def main() -> None:
    """Print one row a tab."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--data", type=Path, nargs="+", required=True)
    parser.add_argument("--weights", default="small")
    parser.add_argument("--photos", type=int, default=30)
    parser.add_argument("--people", type=int, default=10)
    parser.add_argument("--card")
    arguments = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    from colorizers.engine import make_engine
    from colorizers.evaluation.report import write_block
    from colorizers.picture.dataset import ColorPhoto, color_photos
    from colorizers.training.recipes.small_sd.captions import subject_of

    engine = make_engine()
    photos = [photo for photo in color_photos(arguments.data) if isinstance(photo, ColorPhoto)]
    people = [photo for photo in photos if subject_of(photo.label).kind == "person"]
    some, persons = _spread(photos, arguments.photos), _spread(people, arguments.people)
    lines = [
        f"| tab | mean b*, '{LIGHT[0]}' less '{LIGHT[1]}' | moved so | clothes moved from '{CLOTHES[1]}' to red | by |",
        "|---|---|---|---|---|",
    ]
    for tab in ("img2img", "controlnet"):
        warmer = [_difference(engine, tab, arguments.weights, photo, LIGHT)[1].mean().item() for photo in some]
        redder = [_redder(_difference(engine, tab, arguments.weights, photo, CLOTHES)) for photo in persons]
        mean, way = sum(warmer) / len(warmer), sum(redder) / len(redder)
        right = [sum(value > 0 for value in values) for values in (warmer, redder)]
        lines.append(
            f"| {tab}:{arguments.weights} | {mean:+.1f} | {right[0]} of {len(some)} "
            f"| {right[1]} of {len(persons)} | {way:+.1f} |"
        )
    told = "\n".join(lines)
    print(told)
    if arguments.card:
        card, _, block = arguments.card.partition(":")
        write_block(Path(card), block, told + "\n")


def _spread(photos: Any, count: int) -> list[Any]:
    return [photos[k * len(photos) // count] for k in range(count)]


def _difference(engine: Any, tab: str, weights: str, photo: Any, prompts: tuple[str, str]) -> Any:
    """Ab (2, H, W) under the first prompt less ab under the second."""
    import torch

    from colorizers.engine.jobs import JobRequest
    from colorizers.picture.color import rgb_to_lab
    from colorizers.picture.dataset import center_square
    from colorizers.picture.photo import Photo

    gray = Photo(rgb_to_lab(center_square(photo.rgb, SIDE))[0])
    every = []
    for prompt in prompts:
        options = {"weights": weights, "prompt": prompt, "preset": "none", "seed": 0}
        pixels = engine.results(JobRequest(gray, tab, options))[0].pixels()
        every.append(rgb_to_lab(torch.from_numpy(pixels).movedim(-1, 0) / 255)[1:])
    return every[0] - every[1]


def _redder(difference: Any) -> float:
    """How far the clothes move along the line from blue to red, in Lab units."""
    height, width = difference.shape[1:]
    clothes = difference[:, int(0.55 * height) :, width // 4 : 3 * width // 4].mean((1, 2))
    length = sum(value**2 for value in RED_MINUS_BLUE) ** 0.5
    return sum(value.item() * part / length for value, part in zip(clothes, RED_MINUS_BLUE, strict=True))


if __name__ == "__main__":
    main()
