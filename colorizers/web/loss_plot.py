"""The plot of the losses of a running job: their points, thinned out, and an SVG on one logarithmic axis.

gr.LinePlot would need a data frame, sends all points anew at every update, and cannot have a logarithmic axis.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

from colorizers.methods.method import Step
from colorizers.web import texts
from colorizers.words import Text

_POINTS = 300  # of a line
WIDTH, HEIGHT = 240, 88  # of the lines of a plot; around them stand the numbers of its axes
_DECADES = 5  # below the largest loss; what is less is not drawn


@dataclass(frozen=True)
class Point:
    """The losses after `done` steps, in the order of their names."""

    done: int
    values: tuple[float, ...]


@dataclass
class Losses:
    """The losses of a job, thinned out evenly: the last point of each 300th of its `total` steps."""

    names: Sequence[str]
    total: int = 1
    _points: dict[int, Point] = field(default_factory=dict)

    @property
    def points(self) -> list[Point]:
        """In the order of the steps."""
        return list(self._points.values())

    def add(self, step: Step) -> None:
        """Add the losses of a step, if it has any; a job that had to begin again is drawn from its beginning."""
        if step.losses is None:
            return
        if self._points and step.done < self.points[-1].done:
            self._points.clear()
        self.total = step.total
        point = Point(step.done, tuple(step.losses[name] for name in self.names))
        self._points[step.done * _POINTS // step.total] = point


def plot(losses: Losses, language: str) -> str:
    """A plot of the losses of a job over its steps, on one logarithmic axis, with their present values."""
    points = losses.points
    decades = _decades([value for point in points for value in point.values])
    nothing, axis = Text("page.no-losses"), Text("page.losses").worded(language)
    drawn = _lines(losses, *decades, axis) if decades else _middle(HEIGHT / 2, nothing.worded(language))
    numbers = [texts.number(value) for value in points[-1].values] if points else ["–"] * len(losses.names)
    values = dict(zip(losses.names, numbers, strict=True))
    label = texts.losses(points[-1].done, losses.total, values) if points else nothing
    legend = "".join(
        _legend(k, Text(f"losses.{name}").worded(language), value) for k, (name, value) in enumerate(values.items())
    )
    return (
        f'<div class="losses" role="img" aria-label="{escape(label.worded(language))}"><svg viewBox="-26 -8 270 110">'
        f'<path class="axes" d="M0,0V{HEIGHT}H{WIDTH}"/>{drawn}</svg><p>{legend}</p></div>'
    )


def _decades(values: list[float]) -> tuple[int, int] | None:
    """The powers of ten between which the values are drawn; none when there is nothing to draw."""
    sizes = [math.log10(value) for value in values if 0 < value < math.inf]
    if not sizes:
        return None
    high = math.ceil(max(sizes))
    return min(high - 1, math.floor(max(min(sizes), max(sizes) - _DECADES))), high


def _lines(losses: Losses, low: int, high: int, axis: str) -> str:
    """The numbers of the axes, and a line for each loss, cut off where it leaves the plot."""

    def place(done: int, value: float) -> str:
        size = math.log10(max(value, 10.0 ** (low - 1)))
        return f"{done / losses.total * WIDTH:.1f},{(high - size) / (high - low) * HEIGHT:.1f}"

    ticks = "".join(_tick((high - power) / (high - low) * HEIGHT, power) for power in range(low, high + 1))
    lines = (
        " ".join(place(point.done, point.values[k]) for point in losses.points if math.isfinite(point.values[k]))
        for k in range(len(losses.names))
    )
    drawn = "".join(f'<polyline class="loss-{k % 3}" points="{line}"/>' for k, line in enumerate(lines))
    return (
        f'{ticks}<svg width="{WIDTH}" height="{HEIGHT}">{drawn}</svg>{_middle(99, axis)}'
        f'<text x="0" y="99">0</text><text x="{WIDTH}" y="99" class="end">{losses.total}</text>'
    )


def _tick(y: float, power: int) -> str:
    line = f'<path class="tick" d="M0,{y:.1f}H{WIDTH}"/>'
    return f'{line}<text x="-4" y="{y + 3:.1f}" class="end">10<tspan dy="-4">{power}</tspan></text>'


def _middle(y: float, text: str) -> str:
    return f'<text x="{WIDTH / 2}" y="{y}" class="middle">{escape(text)}</text>'


def _legend(k: int, name: str, value: str) -> str:
    """The name of a loss, what its line looks like, and its value."""
    line = f'<svg viewBox="0 0 17 4"><path class="loss-{k % 3}" d="M0,2H17"/></svg>'
    return f"<span>{escape(name)}<b>{line}{value}</b></span>"
