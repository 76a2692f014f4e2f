"""What one click of the true colour does for a region: the mean CIEDE2000 there without and with the hint.

    python benchmarks/hints.py [METHOD[:WEIGHTS][,option=value...] ...]

The regions of `hint_regions.json` were outlined by hand on originals of `test_images/`: an outline and the place of the
click, in shares of width and height. The hint's colour is the region's mean. *Elsewhere* is by how much the hint
changes the rest of the photo, to which the rest of the same thing may belong.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw

ROOT = Path(__file__).resolve().parent.parent
REGIONS = Path(__file__).with_name("hint_regions.json")


def main() -> None:
    """Print a table for each method."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("methods", nargs="*", default=["unet"], metavar="METHOD[:WEIGHTS][,option=value...]")
    methods = parser.parse_args().methods
    sys.path.insert(0, str(ROOT))
    from colorizers.commands.evaluate import parse_row
    from colorizers.engine import make_engine
    from colorizers.methods.catalog import METHODS

    engine, regions = make_engine(), json.loads(REGIONS.read_text(encoding="utf-8"))
    for method in methods:
        row = parse_row(METHODS, method)
        print(f"| region | {method} | with one click | elsewhere |\n|---|---|---|---|")
        for region in regions:
            before, after, elsewhere = measured(engine, row.method, row.options, region)
            print(f"| {region['photo']}: {region['name']} | {before:.1f} | {after:.1f} | {elsewhere:.2f} |")


def measured(engine, method, options, region) -> tuple[float, float, float]:
    """Mean CIEDE2000 of a region to its true colours without and with one click; by how much the rest changes."""
    from colorizers.engine.jobs import JobRequest
    from colorizers.evaluation.metrics import ciede2000
    from colorizers.picture.photo import Photo

    photo = Photo.open(ROOT / "test_images" / region["photo"])
    truth, inside = lab_of(photo.rgb), outlined(region["outline"], photo.size)
    hint = {"path": [region["click"]], "color": hex_of(truth[:, inside].mean(1))}
    plain, hinted = (
        lab_of(engine.results(JobRequest(photo, method, options, hints=hints))[0].pixels()) for hints in ((), [hint])
    )
    before, after, change = (
        ciede2000(a[None], b[None])[0] for a, b in ((plain, truth), (hinted, truth), (hinted, plain))
    )
    return before[inside].mean().item(), after[inside].mean().item(), change[~inside].mean().item()


def lab_of(pixels) -> torch.Tensor:
    """L*a*b* (3, H, W) of pixels (H, W, 3) uint8."""
    from colorizers.picture.color import rgb_to_lab

    return rgb_to_lab(torch.from_numpy(pixels.copy()).movedim(-1, 0) / 255)


def hex_of(lab: torch.Tensor) -> str:
    """L*a*b* (3,) as #rrggbb, in sRGB."""
    from colorizers.picture.color import encode_srgb, fit_gamut
    from colorizers.picture.hints import color_of

    _, linear = fit_gamut(lab[:1, None], lab[1:, None, None])
    return color_of(encode_srgb(linear)[:, 0, 0])


def outlined(outline, size: tuple[int, int]) -> torch.Tensor:
    """The places (H, W) inside an outline, for a photo of this width and height."""
    mask = Image.new("1", size)
    ImageDraw.Draw(mask).polygon([(x * size[0], y * size[1]) for x, y in outline], fill=1)
    return torch.from_numpy(np.array(mask))


if __name__ == "__main__":
    main()
