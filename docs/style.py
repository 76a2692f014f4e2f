"""Makes docs/style.jpg and the tables of docs/style.md: what the networks of style transfer make of the same pictures.

Networks whose trained weights are not at hand get random ones, seed 0, and the page says so. On one idle core
it takes about ten minutes.

python docs/style.py
"""

import functools
import os
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from colorizers.evaluation.metrics import ab_rmse, ab_statistics, moved
from colorizers.evaluation.report import write_block
from colorizers.methods.catalog import REGISTRY
from colorizers.methods.method import Job
from colorizers.methods.palette import palette_transfer
from colorizers.methods.style import transfer as style
from colorizers.methods.style.canvas import ColorCanvas
from colorizers.methods.style.loss import StyleLoss
from colorizers.methods.style.options import StyleOptions, layers_of, loss_weights_of
from colorizers.networks.heads import AB_SCALE
from colorizers.picture.color import gray_rgb, rgb_to_lab
from colorizers.picture.compose import Chroma, Outcome, compose
from colorizers.picture.dataset import center_square
from colorizers.picture.finish import Finish
from colorizers.picture.photo import Photo
from colorizers.picture.record import versions
from colorizers.settings import get_settings
from colorizers.weights.store import WeightReader, make_store

ROOT = Path(__file__).resolve().parent.parent
PAGE, SHEET = ROOT / "docs" / "style.md", ROOT / "docs" / "style.jpg"
PHOTOS = ("hopper", "temple", "citrus", "bee", "coffee")
REFERENCES = ("references/brush_strokes", "parrot")  # painted, and a photograph
SHOWN = 3  # photos in the picture
ALONE = 2  # photos for layers alone
SIDE = 128  # pixels
TIMED = 5  # evaluations, of which the quickest counts
LABEL, GAP = 112, 4  # pixels
DIFFERENT: dict[str, Any] = {"steps": 60, "bilateral": False}
FROM_GRAY: dict[str, Any] = {"start": "content", "content_weight": 0, "tv_weight": 0, "steps": 30}
UNWATCHED = Job(models=None, device=torch.device("cpu"), report=lambda step: None, stop_early=lambda: False)
STORE = make_store(REGISTRY, get_settings())


@dataclass(frozen=True, eq=False)
class FeatureNetwork:
    """A network as the option `weights` names it; `sha256` is that of its trained weights, empty for random ones."""

    weights: str
    network: nn.Module
    sha256: str = ""

    @property
    def key(self) -> str:
        return f"{style.METHOD.info.name}/{self.weights}"

    @property
    def label(self) -> str:
        return self.weights if self.sha256 else f"{self.weights}, random"

    def options(self, **given: Any) -> StyleOptions:
        """The defaults but for `DIFFERENT` and what is given; the reference goes its own way."""
        unseen = Photo(torch.zeros(1, 1))
        return StyleOptions(**{"reference": unseen, "weights": self.weights, "seed": 0, **DIFFERENT, **given})


@dataclass(frozen=True, eq=False)
class Pair:
    """A photo and a reference, sRGB (3, SIDE, SIDE) in [0, 1]; of the photo only its L* is given away."""

    photo: Tensor
    reference: Tensor

    @functools.cached_property
    def lightness(self) -> Tensor:
        return rgb_to_lab(self.photo)[0]

    def gray(self) -> Outcome:
        return Chroma(torch.zeros(2, SIDE, SIDE))

    def palette(self) -> Outcome:
        return Chroma(palette_transfer(self.lightness, rgb_to_lab(self.reference)))

    def colored(self, features: FeatureNetwork, **given: Any) -> Outcome:
        """What style transfer makes of it."""
        options = features.options(**given)
        levels = style.pyramid(min(self.lightness.shape), options.steps)
        return style.transfer(features.network, self.lightness, self.reference, options, levels, UNWATCHED)

    def seen(self, outcome: Outcome, lock: float = 1.0) -> Tensor:
        """The result in 8 bits, as sRGB (3, SIDE, SIDE) in [0, 1]."""
        return torch.from_numpy(compose(self.lightness, outcome, Finish(luminance_lock=lock))).movedim(-1, 0) / 255


class Losses:
    """The losses of colours (2, SIDE / 2, SIDE / 2) / AB_SCALE, as the defaults weigh them."""

    def __init__(self, features: FeatureNetwork, pair: Pair) -> None:
        options = features.options()
        self._canvas = ColorCanvas(pair.lightness)
        fixed = gray_rgb(pair.lightness), style.match_luminance(pair.reference, pair.lightness)
        self._loss = StyleLoss(features.network, layers_of(options), loss_weights_of(options), *fixed)
        self.start = self._canvas.planes(style.initial_lab(pair.lightness, pair.reference, options))

    def __call__(self, planes: Tensor) -> Tensor:
        """Each of them (3,)."""
        return torch.stack(list(self._loss(self._canvas.rgb(planes), planes).values()))

    def pulls(self) -> Tensor:
        """The norm (3,) of the gradient of each alone, at the start."""
        planes = self.start.clone().requires_grad_()
        parts = self(planes)
        return torch.stack([torch.autograd.grad(part, planes, retain_graph=True)[0].norm() for part in parts])

    def seconds(self) -> float:
        """Of one evaluation with gradients, the quickest of some."""
        taken = []
        for _ in range(TIMED):
            began = time.perf_counter()
            self(self.start.clone().requires_grad_()).sum().backward()
            taken.append(time.perf_counter() - began)
        return min(taken)


def main() -> None:
    """Colour and measure, write every table into its block of the page, lay out the picture."""
    began = time.monotonic()
    networks = all_networks()
    photos, references = map(square, PHOTOS), [square(name) for name in REFERENCES]
    own = [Pair(photo, photo) for photo in photos]
    pairs = [Pair(pair.photo, reference) for pair in own[:SHOWN] for reference in references]
    made = {features: [pair.colored(features) for pair in pairs] for features in networks}
    draw(pairs, made)
    put("networks", networks_table(networks, pairs[0]))
    put("losses", losses_table(pairs, made))
    put("own", own_table(own, networks))
    other = [Pair(pair.photo, reference) for pair, reference in zip(own, references, strict=False)]
    put("layers", layers_tables(own[:ALONE], other, networks))
    put("run", run_line(networks, time.monotonic() - began))


def put(block: str, text: str) -> None:
    write_block(PAGE, block, text)
    print(text)


def all_networks() -> list[FeatureNetwork]:
    """Every network, trained where its weights are at hand; the first one with random weights beside it."""
    method, networks = style.METHOD, []
    for name, made in method.networks.items():
        key = f"{method.info.name}/{name}"
        if STORE.has(key):
            network = method.loaders[method.info.name](key, torch.device("cpu"), WeightReader(STORE))
            networks.append(FeatureNetwork(name, network.eval().requires_grad_(False), STORE.hashes([key])[key]))
        if not STORE.has(key) or name == next(iter(method.networks)):
            torch.manual_seed(0)
            networks.append(FeatureNetwork(name, made().eval().requires_grad_(False)))
    return networks


def square(name: str) -> Tensor:
    """The middle of a picture of test_images/, sRGB (3, SIDE, SIDE) in [0, 1]."""
    rgb = Photo.open(ROOT / "test_images" / f"{name}.jpg").rgb
    return center_square(torch.tensor(rgb).movedim(-1, 0), SIDE)


def networks_table(networks: Sequence[FeatureNetwork], pair: Pair) -> str:
    """What every network is and what one look through it costs."""
    lines = []
    for features in networks:
        layers = layers_of(features.options())
        millions = sum(parameter.numel() for parameter in features.network.parameters()) / 1e6
        held = f"trained, sha256 {features.sha256[:12]}" if features.sha256 else "random, seed 0"
        seconds = Losses(features, pair).seconds()
        looks = ", ".join(layers.style), layers.content
        lines.append([features.weights, held, f"{millions:.1f}", *looks, f"{seconds:.3f}"])
    headings = ["network", "weights", "million parameters", "style layers", "content layer", "seconds a step"]
    missing = ", ".join(features.weights for features in networks if not STORE.has(features.key)) or "none"
    return f"{table(headings, lines)}\nNetworks whose trained weights were not at hand: {missing}.\n"


def losses_table(pairs: Sequence[Pair], made: Mapping[FeatureNetwork, Sequence[Outcome]]) -> str:
    """Where the losses begin and end and how they pull at the start: means over the pairs."""
    lines = []
    for features, outcomes in made.items():
        begun, ended, pulls = [], [], []
        for pair, outcome in zip(pairs, outcomes, strict=True):
            losses = Losses(features, pair)
            pulls.append(losses.pulls())
            with torch.no_grad():
                begun.append(losses(losses.start))
                ended.append(losses(outcome.ab / AB_SCALE))
        means = (torch.stack(each).mean(0).tolist() for each in (begun, ended, pulls))
        lines.append([features.label, *(f"{value:.3g}" for each in zip(*means, strict=True) for value in each)])
    names = style.METHOD.losses
    return table(["network", *(f"{name} {what}" for name in names for what in ("start", "end", "gradient"))], lines)


def own_table(pairs: Sequence[Pair], networks: Iterable[FeatureNetwork]) -> str:
    """How far off the colours are when a photo has its own for reference."""
    rows = {"gray": [pair.gray() for pair in pairs], "palette transfer": [pair.palette() for pair in pairs]}
    rows |= {features.label: [pair.colored(features) for pair in pairs] for features in networks}
    lines = []
    for label, outcomes in rows.items():
        errors = off(pairs, outcomes)
        lines.append([label, *(f"{error:.1f}" for error in (*errors, mean(errors)))])
    return table(["ab RMSE", *PHOTOS, "mean"], lines)


def layers_tables(own: Sequence[Pair], other: Sequence[Pair], networks: Iterable[FeatureNetwork]) -> str:
    """What each style layer reaches from gray when nothing else counts, and what all of them do."""
    layers = [f"style_layer_{k}" for k in range(1, 6)]
    counted = [dict.fromkeys(layers, 0) | {name: 1} for name in layers] + [{}]
    errors, shares = [], []
    for features in networks:
        ways = [{**FROM_GRAY, **each} for each in counted]
        errors.append([f"{mean(off(own, [pair.colored(features, **way) for pair in own])):.1f}" for way in ways])
        shares.append([reached(other, [pair.colored(features, **way) for pair in other]) for way in ways])
    naive = (f"{mean(off(own, list(map(each, own)))):.1f}" for each in (Pair.gray, Pair.palette))
    parts = []
    for what, cells in (("ab RMSE", errors), ("mean / spread", shares)):
        rows = [[features.label, *line] for features, line in zip(networks, cells, strict=True)]
        parts.append(table([what, *(f"layer {k} alone" for k in range(1, 6)), "all five"], rows))
    errors_said = f"Gray is off by {next(naive)}, palette transfer by {next(naive)}.\n"
    shares_said = f"Palette transfer goes {reached(other, list(map(Pair.palette, other)))}.\n"
    return "\n".join((parts[0], errors_said, parts[1], shares_said))


def off(pairs: Sequence[Pair], outcomes: Sequence[Outcome]) -> list[float]:
    """The ab RMSE of every result to the photo's own colours."""
    made = torch.stack([pair.seen(outcome) for pair, outcome in zip(pairs, outcomes, strict=True)])
    return ab_rmse(rgb_to_lab(made), rgb_to_lab(torch.stack([pair.photo for pair in pairs]))).tolist()


def reached(pairs: Sequence[Pair], outcomes: Sequence[Outcome]) -> str:
    """The shares of the way from gray to the reference's mean and standard deviation of ab."""
    made = torch.stack([pair.seen(outcome) for pair, outcome in zip(pairs, outcomes, strict=True)])
    ends = ab_statistics(rgb_to_lab(made))
    goals = ab_statistics(rgb_to_lab(torch.stack([pair.reference for pair in pairs])))
    center, spread = moved(torch.zeros_like(ends), ends, goals).tolist()
    return f"{center:.0%} / {spread:.0%}"


def run_line(networks: Iterable[FeatureNetwork], seconds: float) -> str:
    """What it was made on, in one line."""
    hashes = ", ".join(f"{features.weights} {features.sha256}" for features in networks if features.sha256) or "none"
    cores = f"CPU ({torch.backends.cpu.get_cpu_capability()}), {torch.get_num_threads()} of {os.cpu_count()} threads"
    software = ", ".join(f"{name} {version}" for name, version in versions().items())
    return f"{seconds:.0f} seconds on a {cores}; sha256 of the trained weights: {hashes}; {software}.\n"


def draw(pairs: Sequence[Pair], made: Mapping[FeatureNetwork, Sequence[Outcome]]) -> None:
    """Lay out the pictures: a column a pair; the gray photo, the reference, a row a network, and paintings."""
    rows = {"photo": [pair.seen(pair.gray()) for pair in pairs], "reference": [pair.reference for pair in pairs]}
    for features, outcomes in made.items():
        rows[features.label] = [pair.seen(outcome) for pair, outcome in zip(pairs, outcomes, strict=True)]
    painter = next(iter(made))
    paintings = [pair.colored(painter, mode="artistic") for pair in pairs]
    both = zip(pairs, paintings, strict=True)
    rows[f"{painter.label},\na new painting"] = [pair.seen(painting, lock=0) for pair, painting in both]
    sheet = Image.new("RGB", (LABEL + len(pairs) * (SIDE + GAP), len(rows) * (SIDE + GAP) - GAP), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(13)
    for row, (label, pictures) in enumerate(rows.items()):
        top = row * (SIDE + GAP)
        pen.multiline_text((6, top + SIDE // 2), label, "black", font, anchor="lm")
        for column, picture in enumerate(pictures):
            pixels = (picture * 255).round().byte().movedim(0, -1).numpy()
            sheet.paste(Image.fromarray(pixels), (LABEL + column * (SIDE + GAP) + GAP, top))
    sheet.save(SHEET, quality=90)


def table(headings: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """A table in markdown."""
    return "".join(f"| {' | '.join(line)} |\n" for line in (headings, ["---"] * len(headings), *lines))


def mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


if __name__ == "__main__":
    main()
