"""Colour hints: "this has that colour", spread over what belongs together in the photo."""

import functools
import itertools
import json
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import torch
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from torch import Tensor

from colorizers.errors import ColorizerError
from colorizers.picture.color import rgb_to_lab
from colorizers.picture.photo import Photo
from colorizers.picture.resize import resized, size_within
from colorizers.words import Text

MOST_HINTS = 500
MOST_POINTS = 200  # of one stroke
EXAMPLE = '[{"path": [[0.5, 0.4]], "color": "#2e7d32"}]'
MOST_BYTES = 48_000  # of all hints in a record, which leaves room for the longest prompts in what a JPEG can hold
_LONGEST_TEXT = 200_000  # characters of a list of hints, before its numbers are rounded
_DIGITS = 4  # a tenth of a pixel of a preview
_GRID = 160  # places on the long side at which hints spread
_STEP = 0.07  # cost of the next place, where nothing changes
_EDGE = 6.0  # L*: a change as large costs as much as the reach of a small hint allows for in a few places
_NEAR, _FAR = 4.0, 8.0  # costs up to which a hint holds fully, and from which on it has no effect
_TOUCHING = 0.1  # cost below which hints count the same
_DARKEST = 0.35  # share of its chroma that a colour keeps at least where the photo is darker than at the hint
_STROKE_GRID, _LEVELS, _OPAQUE = 96, 17, 128  # by which a picture of strokes is read: places, steps of colour, alpha
_STEPS = ((0, 1), (1, 0), (1, 1), (1, -1))  # rows and columns to the neighbours of a place that come after it
_KEPT_COSTS = 256  # of places on a grid, at most 100 kB each
_Rounded = AfterValidator(lambda value: round(value, _DIGITS))
_Share = Annotated[float, Field(ge=0, le=1), _Rounded]


class Hint(BaseModel):
    """A point or a stroke of one colour; None for no colour.

    `path` has its points as shares of the photo's width and height, from the top left; `radius` is its half width as a
    share of the long side. `reach` makes it spread further or less far than usual. All are rounded to 4 digits.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    path: tuple[tuple[_Share, _Share], ...] = Field(min_length=1, max_length=MOST_POINTS)
    color: Annotated[str, Field(pattern="^#[0-9a-fA-F]{6}$")] | None
    radius: Annotated[float, Field(ge=0, le=0.2), _Rounded] = 0.01
    reach: Annotated[float, Field(ge=0, le=10), _Rounded] = 1.0

    def turned(self, quarter_turns: int) -> "Hint":
        """The hint on the photo turned counter-clockwise."""
        path = self.path
        for _ in range(quarter_turns % 4):
            path = tuple((down, round(1 - along, _DIGITS)) for along, down in path)
        return self.model_copy(update={"path": path})

    @property
    def ab(self) -> Tensor:
        """Its colour as ab (2,) in Lab units."""
        return _ab_of(self.color)


Hints = tuple[Hint, ...]
_HINTS: TypeAdapter[Hints] = TypeAdapter(Annotated[Hints, Field(max_length=MOST_HINTS)])


def checked_hints(given: Any) -> Hints:
    """Hints from what a surface was given: a list, or JSON of one.

    Raises ColorizerError when it is anything else, or more than a record can hold.
    """
    too_many = ColorizerError(Text("hints.too-many", hints=MOST_HINTS, points=MOST_POINTS, bytes=MOST_BYTES))
    try:
        if isinstance(given, str):
            if len(given) > _LONGEST_TEXT:
                raise too_many
            given = json.loads(given)
        hints = _HINTS.validate_python(given)
    except (ValidationError, ValueError, RecursionError) as error:
        raise ColorizerError(Text("hints.not-a-list", example=EXAMPLE, hints=MOST_HINTS, points=MOST_POINTS)) from error
    if len(_HINTS.dump_json(hints)) > MOST_BYTES:
        raise too_many
    return hints


def spread(hints: Hints, lightness: Tensor) -> Tensor:
    """Where hints hold, and their colours there: a weight in [0, 1] and ab, (3, h, w) on a grid, for L* (H, W).

    How far a place is from a hint is the cost of the cheapest way there, on which every change of L* costs its square:
    "Fast image and video colorization using chrominance blending", Yatziv and Sapiro 2006, with another cost. Where
    several hints hold, the nearer ones count for more. Darker places get less chroma than the place of the hint.
    """
    height, width = lightness.shape
    size = size_within((height, width), _GRID)
    small = resized(lightness[None], size)[0]
    ground = _Ground(small.numpy().tobytes(), size)
    places: dict[tuple[str | None, float], Tensor] = {}
    for hint in hints:
        kind, place = (hint.color, hint.reach), _drawn(hint, size)
        places[kind] = places[kind] | place if kind in places else place
    weights, shares, colors = [], [], []
    for (color, reach), place in places.items():
        reach = max(reach, 1e-6)
        cost = _costs(ground, place.numpy().tobytes(), _FAR * reach) / reach
        weights.append(((_FAR - cost) / (_FAR - _NEAR)).clamp(0, 1))
        shares.append(weights[-1] / (cost + _TOUCHING) ** 2)
        shade = small / small[place].mean().clamp(min=1)
        colors.append(_ab_of(color)[:, None, None] * shade.clamp(_DARKEST, 1))
    share = torch.stack(shares)[:, None]
    mixed = (torch.stack(colors) * share).sum(0) / share.sum(0).clamp(min=1e-12)
    return torch.cat((torch.stack(weights).amax(0)[None], mixed))


def planes(hints: Hints, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Hints as networks take them: ab (2, h, w) in Lab units, and a mask (1, h, w) that is 1 where there are any.

    Where hints lie on one another, the last one holds.
    """
    ab, mask = torch.zeros(2, *size), torch.zeros(1, *size)
    for hint in hints:
        place = _drawn(hint, size)
        ab[:, place] = hint.ab[:, None]
        mask[:, place] = 1
    return ab, mask


def hints_of_strokes(strokes: Photo) -> Hints:
    """Hints from a picture that has colours where it is opaque, as large as the photo or not, and nothing elsewhere.

    Raises ColorizerError when it has no transparency, or strokes that are too many.
    """
    if strokes.alpha is None:
        raise ColorizerError(Text("hints.no-strokes", name=strokes.name))
    height, width = strokes.alpha.shape
    size = size_within((height, width), _STROKE_GRID)
    alpha = resized(torch.from_numpy(strokes.alpha.astype(np.float32))[None], size)[0]
    rgb = np.zeros((height, width, 3), np.uint8) if strokes.rgb is None else strokes.rgb
    laid_on = torch.from_numpy(rgb * (strokes.alpha[..., None] / np.float32(255))).movedim(-1, 0)
    levels = (resized(laid_on, size) * 255 / alpha.clamp(min=1) / _LEVELS).round().clamp(0, 255 // _LEVELS)
    hints = []
    for row in range(size[0]):
        colors = [_color_of(alpha[row, x], levels[:, row, x]) for x in range(size[1])]
        for color, run in itertools.groupby(range(size[1]), colors.__getitem__):
            if color is not None:
                columns = list(run)
                path = tuple(((x + 0.5) / size[1], (row + 0.5) / size[0]) for x in (columns[0], columns[-1]))
                hints.append(Hint(path=path, color=color, radius=0.5 / max(size)))
    return checked_hints(hints)


def _color_of(alpha: Tensor, levels: Tensor) -> str | None:
    return color_of(levels * _LEVELS / 255) if alpha > _OPAQUE else None


def color_of(rgb: Tensor) -> str:
    """sRGB (3,) in [0, 1] as a hint has it: #rrggbb."""
    return "#{:02x}{:02x}{:02x}".format(*(rgb.clamp(0, 1) * 255).round().int().tolist())


def _ab_of(color: str | None) -> Tensor:
    """A colour as ab (2,) in Lab units."""
    if color is None:
        return torch.zeros(2)
    levels = torch.tensor([int(color[k : k + 2], 16) for k in (1, 3, 5)]) / 255
    return rgb_to_lab(levels[:, None, None])[1:, 0, 0]


def _drawn(hint: Hint, size: tuple[int, int]) -> Tensor:
    """The places (h, w) of a grid that a stroke covers, at least one."""
    height, width = size
    y, x = torch.arange(height)[:, None] + 0.5, torch.arange(width) + 0.5
    points = [(along * width, down * height) for along, down in hint.path]
    nearest = torch.full(size, torch.inf)
    for (x0, y0), (x1, y1) in zip(points, [*points[1:], points[-1]], strict=True):
        length = max((x1 - x0) ** 2 + (y1 - y0) ** 2, 1e-9)
        part = (((x - x0) * (x1 - x0) + (y - y0) * (y1 - y0)) / length).clamp(0, 1)
        nearest = torch.minimum(nearest, torch.hypot(x - x0 - part * (x1 - x0), y - y0 - part * (y1 - y0)))
    return nearest <= max(hint.radius * max(size), nearest.min().item())


@dataclass(frozen=True)
class _Ground:
    """The L* of a grid, as the bytes of float32: by it, what was found once is known again."""

    lightness: bytes
    size: tuple[int, int]


@functools.lru_cache(maxsize=8)
def _ways(ground: _Ground) -> Any:
    """The costs between neighbours of a grid (h, w), as a sparse matrix (h w, h w)."""
    from scipy.sparse import coo_array

    height, width = ground.size
    index = np.arange(height * width).reshape(height, width)
    ends = []
    for down, along in _STEPS:
        left, right = max(0, -along), width - max(0, along)
        ends.append((index[: height - down, left:right].ravel(), index[down:, left + along : right + along].ravel()))
    start, end = (np.concatenate(each) for each in zip(*ends, strict=True))
    light = np.frombuffer(ground.lightness, np.float32)
    length = np.concatenate([np.full(len(a), np.hypot(*step)) for (a, _), step in zip(ends, _STEPS, strict=True)])
    length *= _GRID / max(height, width)  # a photo that is smaller than the grid has larger places
    cost = _STEP * length + ((light[start] - light[end]) / _EDGE) ** 2 / length
    return coo_array((cost, (start, end)), (light.size, light.size)).tocsr()


@functools.lru_cache(maxsize=_KEPT_COSTS)
def _costs(ground: _Ground, place: bytes, most: float) -> Tensor:
    """The cost (h, w) of the cheapest way from a place, the bytes of a mask, to everywhere; infinite above `most`."""
    from scipy.sparse.csgraph import dijkstra

    begin = np.flatnonzero(np.frombuffer(place, bool))
    found = dijkstra(_ways(ground), directed=False, indices=begin, min_only=True, limit=most)
    return torch.from_numpy(found).float().reshape(ground.size)
