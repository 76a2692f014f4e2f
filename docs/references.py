"""Makes test_images/references/: pictures of our own to take a style or a palette from, the same ones at every run.

python docs/references.py
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageColor
from scipy.ndimage import gaussian_filter
from scipy.spatial import cKDTree

FOLDER = Path(__file__).resolve().parent.parent / "test_images" / "references"
SIZE = 512
DRAWN = 2 * SIZE  # pictures are drawn twice as large, then reduced
SEED = 1907

Array = NDArray[np.floating]
Rng = np.random.Generator
Y, X = np.mgrid[:DRAWN, :DRAWN].astype(np.float32) / DRAWN


def rgb(*colors: str) -> Array:
    """Colours by their hex names, (n, 3) in [0, 1]."""
    return np.array([ImageColor.getrgb(f"#{color}") for color in colors], np.float32) / 255


def ramp(values: Array, *colors: str) -> Array:
    """The colours (..., 3) that values have along a gradient from 0 to 1 of evenly spaced ones."""
    stops = np.linspace(0, 1, len(colors))
    return np.stack([np.interp(values, stops, channel) for channel in rgb(*colors).T], -1).astype(np.float32)


def noise(rng: Rng, rows: int, columns: int, octaves: int = 4) -> Array:
    """Smooth fractal noise of the whole picture, mean 0 and deviation 1, with so many bumps down and across."""
    total = np.zeros_like(X)
    for k in range(octaves):
        bumps = rng.standard_normal((rows << k, columns << k)).astype(np.float32)
        total += np.asarray(Image.fromarray(bumps).resize((DRAWN, DRAWN), Image.Resampling.BICUBIC)) / 2**k
    return (total - total.mean()) / total.std()


def cover(picture: Array, mask: Array, color: Array) -> Array:
    """The picture with a colour laid over it where the mask (H, W) in [0, 1] says."""
    return picture + np.clip(mask, 0, 1)[..., None] * (color - picture)


def painted(rng: Rng, plan: Array, angle: Array, vary: float, *layers: tuple[int, float, float]) -> Array:
    """A plan painted in oil, each layer so many strokes of half a length and half a width (pixels) along an angle.

    Every stroke has its own colour, bend and bristles; its paint stands up from the canvas, lit from the upper left.
    """
    canvas = np.dstack([gaussian_filter(plan, (12, 12, 0)) * 0.8, np.zeros_like(X)])
    for count, length, width in layers:
        for y, x in rng.integers(0, DRAWN, (count, 2)):
            half = int(length + width)
            top, left = max(0, y - half), max(0, x - half)
            v, u = np.mgrid[top - y : min(DRAWN, y + half) - y, left - x : min(DRAWN, x + half) - x].astype(np.float32)
            turn = angle[y, x] + rng.normal(0, 0.12)
            u, v = u * np.cos(turn) + v * np.sin(turn), v * np.cos(turn) - u * np.sin(turn)
            v = v + rng.normal(0, 0.25) * u * u / length
            bristles = np.interp(v / width, np.linspace(-1, 1, 15), rng.random(15)).astype(np.float32)
            along = np.clip((length * (0.7 + 0.3 * bristles) - np.abs(u)) / 4, 0, 1)
            beside = np.clip((width * (0.8 + 0.2 * bristles) - np.abs(v)) / 2, 0, 1)
            color = plan[y, x] * (1 + rng.normal(0, vary)) + rng.normal(0, vary / 3, 3)
            stroke = np.dstack([color * (0.93 + 0.14 * bristles[..., None]), 1 + bristles])
            patch = canvas[top : top + len(v), left : left + v.shape[1]]
            patch += (along * beside)[..., None] * (stroke - patch)
    down, across = np.gradient(gaussian_filter(canvas[..., 3], 1.5))
    return canvas[..., :3] * (1 + 0.55 * np.clip(down + across, -0.5, 0.5))[..., None]


def with_hills(rng: Rng, plan: Array, angle: Array, *hills: tuple[float, str, str]) -> tuple[Array, Array]:
    """A plan and its angles with hills before it, each from its height down, from one colour to another."""
    for height, above, below in hills:
        ridge = height + 0.035 * noise(rng, 1, 2, 2)[0]
        plan = cover(plan, (Y - ridge) * 200, ramp((Y - ridge) / 0.11, above, below))
        angle = np.where(ridge < Y, 0.7 * np.gradient(ridge) * DRAWN, angle)
    return plan, angle


def stained_glass(rng: Rng) -> Array:
    """A rose window of jewel-coloured panes in lead, lit from behind."""
    rings = (
        (0, 1, "ffd45e"), (0.075, 8, "d3202f"), (0.15, 16, "1c49c4 f2a51e"), (0.225, 16, "7a1fa0 1f63d6"),
        (0.30, 32, "18a05e 0d7f8f d3202f 0d7f8f"), (0.375, 32, "ffc23d e8551c"), (0.44, 48, "1237a0 1c49c4 3f8fe8"),
        (0.54, 36, "0c5a4a 1f8f78 134b9e"), (0.63, 40, "8f1a3f d8456a 5a1a86"), (0.72, 44, "f0b840 20509f"),
    )  # fmt: skip
    points, colors = [], []
    for k, (radius, count, names) in enumerate(rings):
        turn = 2 * np.pi * (np.arange(count) + k % 2 / 2) / count
        points.append(0.5 + radius * np.stack([np.sin(turn), np.cos(turn)], -1))
        colors.append(rgb(*names.split())[np.arange(count) % len(names.split())])
    seeds, panes = np.concatenate(points), np.concatenate(colors)
    distance, nearest = cKDTree(seeds).query(np.stack([Y, X], -1), k=2)
    between = np.linalg.norm(seeds[nearest[..., 0]] - seeds[nearest[..., 1]], axis=-1)
    edge = (distance[..., 1] ** 2 - distance[..., 0] ** 2) / (2 * between)
    edge = np.minimum(edge, np.abs(np.hypot(Y - 0.5, X - 0.5) - 0.485) - 0.006).astype(np.float32)
    panes = panes * rng.uniform(0.75, 1.15, (len(panes), 1))
    light = 1.05 - 0.5 * np.exp(-edge / 0.012) + 0.1 * noise(rng, 4, 4) + 0.06 * noise(rng, 12, 60, 2)
    glass = np.clip(panes[nearest[..., 0]] * light[..., None], 0, 1)
    lit = glass + 0.35 * gaussian_filter(glass, (18, 18, 0)) * glass
    lead = 0.09 + 0.2 * np.exp(-((edge / 0.0015) ** 2))
    return cover(lit, (0.0045 - edge) * DRAWN / 2 + 0.5, lead[..., None] * rgb("b8c0cc"))


def brush_strokes(rng: Rng) -> Array:
    """An evening landscape in oil: clouds, blue hills, wheat and poppies, dark trees."""
    plan = ramp(Y / 0.5, "2d5fa8", "6fa3d0", "f3cf9b", "f7a468")
    plan = cover(plan, noise(rng, 6, 3) - 0.2, ramp(Y / 0.5, "f4efe6", "fbe3c4", "f08e6a"))
    angle = 0.5 * noise(rng, 2, 2, 2)
    hills = (0.42, "8fa6c4", "5f7fae"), (0.48, "5d8a94", "34608a"), (0.55, "6d9a4b", "2c6148")
    plan, angle = with_hills(rng, plan, angle, *hills)
    field = 0.6 + 0.03 * noise(rng, 1, 2)[0]
    rows = np.sin(60 * (X - 0.6) / (Y - 0.42))
    wheat = 0.5 + 0.2 * rows + 0.15 * noise(rng, 8, 8)
    plan = cover(plan, (Y - field) * 200, ramp(wheat, "8a5a1e", "d9962b", "f8d873", "fff2b8"))
    plan = cover(plan, (Y - field > 0.08) * (noise(rng, 50, 50, 2) - 2 + 1.3 * Y) * 3, rgb("cc2b1d"))
    angle = np.where(field < Y, np.arctan2(Y - 0.42, X - 0.6), angle)
    for x, foot, tall, wide in ((0.13, 0.8, 0.5, 0.05), (0.22, 0.76, 0.34, 0.04), (0.87, 0.72, 0.26, 0.08)):
        shape = 1 - np.hypot((X - x) / wide, (Y - foot) / tall * 2 + 1) + 0.08 * noise(rng, 16, 16, 2)
        leaves = ramp(0.5 + (x - X) / wide / 2 + 0.2 * noise(rng, 20, 20, 2), "0b1f1c", "1d4630", "5d8a3a")
        plan = cover(plan, shape * 8, leaves)
        angle = np.where(shape > 0, np.pi / 2 + 0.4 * noise(rng, 6, 6, 1), angle)
    return painted(rng, plan, angle, 0.07, (2500, 46, 15), (6000, 30, 8), (6000, 18, 5))


def swirls(rng: Rng) -> Array:
    """A night sky that streams around its stars, blue and yellow, over dark hills with lit windows."""
    stars = (
        (0.2, 0.78, 0.11), (0.38, 0.4, 0.13), (0.14, 0.2, 0.07),
        (0.5, 0.85, 0.06), (0.55, 0.12, 0.06), (0.12, 0.52, 0.05),
    )  # fmt: skip
    down, across, glow = 0.25 * noise(rng, 3, 2, 2), np.ones_like(X), np.zeros_like(X)
    for k, (y, x, size) in enumerate(stars):
        away = np.hypot(Y - y, X - x)
        pull = 3 * np.exp(-((away / (1.7 * size)) ** 2)) * (-1) ** k / (away + 0.02)
        down, across = down + pull * (X - x), across - pull * (Y - y)
        rings = 0.8 + 0.2 * np.cos(away / size * 14)
        glow = np.maximum(glow, rings * np.exp(-((away / (0.62 * size)) ** 2)))
    angle = np.arctan2(down, across)
    plan = ramp(0.4 + 0.22 * noise(rng, 10, 4) - 0.15 * (Y < 0.06), "0a1440", "17348a", "2f6cc0", "7fb7dc", "d8ecdf")
    plan = cover(plan, glow * 1.3, ramp(glow, "3f8fb8", "e0c24a", "ffe27a", "fffbe0"))
    hills = (0.7, "2f6a86", "173a5e"), (0.8, "1f4a50", "0e2238"), (0.9, "12302e", "070d18")
    plan, angle = with_hills(rng, plan, angle, *hills)
    for y, x in rng.uniform((0.82, 0.05), (0.96, 0.95), (26, 2)):
        plan = cover(plan, 2 - np.hypot(Y - y, X - x) / 0.006, rgb("ffc94a"))
    return painted(rng, plan, angle, 0.1, (2500, 44, 12), (7000, 30, 7), (5000, 20, 5))


def mosaic(rng: Rng) -> Array:
    """Fans of small stones that overlap like scales, from terracotta and gold down to the deep sea."""
    radius, bands, rows = 1 / 5, 6, 14
    away, turn, fan = np.zeros_like(X), np.zeros_like(X), np.zeros(X.shape, int)
    bent_y, bent_x = Y + 0.0016 * noise(rng, 40, 40, 2), X + 0.0016 * noise(rng, 40, 40, 2)
    for row in range(rows):
        column, across = np.divmod(bent_x + row % 2 * radius, 2 * radius)
        down, across = bent_y - (row - 0.5) * radius / 2, across - radius
        inside = (np.hypot(down, across) < radius) & (down < radius / 2)
        away = np.where(inside, np.hypot(down, across), away)
        turn = np.where(inside, np.arctan2(across, -down) / (2 * np.pi) + 0.5, turn)
        fan = np.where(inside, row * 4 + column.astype(int), fan)
    band, high = np.divmod(away / radius * bands, 1)
    stones = np.round(2 * np.pi * (band + 0.5) / 1.15)
    place, wide = np.divmod(turn * stones + 0.37 * band, 1)
    edge = np.minimum(np.minimum(high, 1 - high), 1.15 * np.minimum(wide, 1 - wide))
    stone = ((fan * bands + band) * 64 + place).astype(int)
    chance, other = rng.random((2, stone.max() + 1)).astype(np.float32)
    tone = fan // 4 / rows + rng.normal(0, 0.06, fan.max() + 1)[fan] + 0.1 * (chance[stone] - 0.5)
    color = ramp(tone, "7c2f1d", "c8502b", "eaa437", "f3d98a", "58b7a6", "1c7f96", "16467f", "101c46")
    dark, pale, gold = (
        ramp(chance[stone], *ends) for ends in (("141a38", "3a1f30"), ("e9dcc0", "fff8e6"), ("c98f22", "f7d767"))
    )
    color = cover(cover(cover(color, band == bands - 1, pale), band == 3, gold), band < 2, dark)
    color = cover(color, other[stone] > 0.94, pale)
    down, across = np.gradient(gaussian_filter(np.clip(edge * 4, 0, 1), 1.5))
    light = (0.82 + 0.3 * other[stone]) * (1 + 1.2 * (down + across))
    return cover(color * light[..., None], 1 - (edge - 0.05) * 12, rgb("4a4238"))


def watercolor(rng: Rng) -> Array:
    """Loose flowers in wet washes on rough paper, the edges darker where the pigment dried."""
    grain, flow = noise(rng, 300, 300, 2), noise(rng, 7, 7)
    shake_y, shake_x = noise(rng, 9, 9, 5), noise(rng, 9, 9, 5)
    white = rgb("fbf7ec") * (1 + 0.015 * grain[..., None])

    def wash(
        paper: Array, y: float, x: float, tall: float, wide: float, turn: float, color: str, wet: float, much: float
    ) -> Array:
        """The paper stained with an ellipse whose edge is as soft as the paper is wet."""
        shake = min(0.016, 0.3 * wide)
        down, across = Y + shake * shake_y - y, X + shake * shake_x - x
        u, v = down * np.cos(turn) + across * np.sin(turn), across * np.cos(turn) - down * np.sin(turn)
        inward = (1 - np.hypot(u / tall, v / wide)) * min(tall, wide)
        inside = 1 / (1 + np.exp(-np.clip(inward / wet, -30, 30)))
        pool = 0.75 + 0.3 * flow + 0.6 * np.exp(-((inward / 0.006) ** 2)) * (wet < 0.01) + 0.12 * grain
        return paper * np.maximum(rgb(color), 0.02) ** (much * inside * np.maximum(pool, 0.1))[..., None]

    washes = (
        (0.1, 0.15, "8fc0e8"), (0.2, 0.9, "b49be0"), (0.9, 0.1, "f7d774"), (0.8, 0.9, "6fc0b4"), (0.5, 0.5, "f6a5b4"),
        (0.55, 0.0, "5a8fd0"), (0.0, 0.55, "f7d774"),
    )  # fmt: skip
    flowers = (
        (0.3, 0.31, 0.2, "d8203a", "f06a3a"), (0.47, 0.72, 0.17, "5a3fb0", "b0449a"),
        (0.17, 0.72, 0.12, "f2901c", "f6d040"), (0.66, 0.24, 0.12, "e0407a", "f49ab0"),
        (0.78, 0.57, 0.1, "f2b01c", "ee6a2a"),
    )  # fmt: skip
    paper, free = white, np.zeros_like(X)
    for y, x, color in washes:
        paper = wash(paper, y, x, *rng.uniform(0.2, 0.35, 2), rng.uniform(0, 3), color, 0.05, 0.9)
    for y, x, size, *_ in flowers:
        for turn in rng.uniform(-1.1, 1.1, 5):
            at = y + (size + 0.07) * np.cos(turn), x + (size + 0.07) * np.sin(turn)
            paper = wash(paper, *at, 0.13, 0.035, turn, rng.choice(["2f7a4a", "1d5a5c", "8cb33a"]), 0.002, 1)
        free = np.maximum(free, (size - np.hypot(Y - y, X - x)) / 0.04)
    paper = cover(paper, 0.9 * np.clip(free, 0, 1), white)
    for y, x, size, deep, bright in flowers:
        for k in range(6):
            turn = 2 * np.pi * k / 6 + rng.normal(0, 0.15)
            at = y + 0.55 * size * np.cos(turn), x + 0.55 * size * np.sin(turn)
            paper = wash(paper, *at, 0.5 * size, 0.34 * size, turn, (deep, bright)[k % 2], 0.002, 0.8)
        paper = wash(paper, y, x, 0.4 * size, 0.4 * size, 0, deep, 0.015, 1.2)
        paper = wash(paper, y, x, 0.13 * size, 0.13 * size, 0, "15193a", 0.004, 2.2)
        for turn in rng.uniform(0, 2 * np.pi, 12):
            away = size * rng.uniform(0.2, 0.32)
            paper = wash(paper, y + away * np.cos(turn), x + away * np.sin(turn), 0.005, 0.005, 0, "15193a", 0.001, 2)
    for y, x in rng.random((30, 2)):
        color, drop = rng.choice(["d8203a", "6a3fb0", "2f7a4a", "f2a31c", "2a5fb0"]), rng.uniform(0.002, 0.007)
        paper = wash(paper, y, x, drop, drop, 0, color, 0.001, 0.8)
    return paper


def blotches(rng: Rng, bumps: int, *hues: str) -> Array:
    """Soft patches of several hues, each given from its shadow to its light."""
    tone = 0.5 + 0.3 * noise(rng, bumps, bumps)
    share = np.exp(5 * np.stack([noise(rng, bumps, bumps, 2) for _ in hues]))
    shades = np.stack([ramp(tone, *hue.split()) for hue in hues])
    return (share[..., None] * shades).sum(0) / share.sum(0)[..., None]


def pastel_palette(rng: Rng) -> Array:
    """Chalky pinks, mints, lilacs and creams over plum shadows."""
    hues = (
        "33234a b58fc0 f0d8f0", "44243a e8a0b0 fbe0dc", "1c3a44 8fcab8 e2f4e4",
        "222e58 98bce4 e6f0fa", "4a2c28 f4c494 fff2d2",
    )  # fmt: skip
    plan = blotches(rng, 4, *hues)
    angle = 0.8 + 0.25 * noise(rng, 2, 2, 1)
    chalk = painted(rng, plan, angle, 0.04, (1500, 60, 22), (3000, 50, 12))
    return chalk + 0.02 * noise(rng, 250, 250, 2)[..., None]


def autumn_palette(rng: Rng) -> Array:
    """Leaves in rust, crimson, gold and olive over dark earth."""
    hues = (
        "2a120c a8431a f0a050", "2c0c14 a01c26 ec7050", "33200c d0901c ffe48a",
        "151c10 5f6a24 c8c470", "1a2430 5a7484 d8d4c0",
    )  # fmt: skip
    plan = blotches(rng, 4, *hues)
    return painted(rng, plan, 1.6 * noise(rng, 5, 5), 0.12, (1200, 60, 30), (1500, 40, 18), (1200, 26, 10))


def kodachrome_palette(rng: Rng) -> Array:
    """A slide out of focus: warm reds and yellows, deep blue skies, green and skin, each light a disc."""
    hues = (
        "1c0508 c01a1c f48a6a", "071226 1f5fae a8d4ee", "241404 e0a010 fff0a0",
        "06180e 2c7a3c b8d890", "2a1410 b87850 fbe2c8",
    )  # fmt: skip
    slide = blotches(rng, 3, *hues)
    slide = gaussian_filter(slide, (10, 10, 0))
    for y, x in rng.random((90, 2)):
        away, size = np.hypot(Y - y, X - x), rng.uniform(0.02, 0.075)
        rim = 0.3 + 0.25 * np.exp(-(((away - size) / 0.004) ** 2))
        color = slide[int(y * DRAWN), int(x * DRAWN)] * 1.5 + 0.08
        slide = cover(slide, np.clip((size - away) * DRAWN / 3, 0, 1) * rim, color)
    return slide + 0.012 * noise(rng, 300, 300, 2)[..., None]


Drawing = Callable[[Rng], Array]
PICTURES: tuple[Drawing, ...] = (
    stained_glass, brush_strokes, swirls, mosaic, watercolor, pastel_palette, autumn_palette, kodachrome_palette,
)  # fmt: skip


def drawn(picture: Drawing) -> Image.Image:
    """A picture as it is shipped, before it is compressed."""
    pixels = np.clip(picture(np.random.default_rng(SEED)), 0, 1)
    return Image.fromarray((pixels * 255).round().astype(np.uint8)).resize((SIZE, SIZE), Image.Resampling.LANCZOS)


def main() -> None:
    """Draw every picture into its file."""
    FOLDER.mkdir(exist_ok=True)
    for picture in PICTURES:
        drawn(picture).save(FOLDER / f"{picture.__name__}.jpg", quality=86, subsampling=0)


if __name__ == "__main__":
    main()
