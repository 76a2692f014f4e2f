"""How the losses of a running job fall, as far as a plot can show it."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from colorizers.engine.local import Step

_POINTS = 300  # of a line


@dataclass(frozen=True)
class Point:
    """The losses after so many steps, in the order of their names."""

    done: int
    values: tuple[float, ...]


@dataclass
class Losses:
    """What a job has told of its losses, thinned out evenly: the last point of each 300th of its `total` steps."""

    names: Sequence[str]
    total: int = 1
    _points: dict[int, Point] = field(default_factory=dict)

    @property
    def points(self) -> list[Point]:
        """In the order of the steps."""
        return list(self._points.values())

    def add(self, step: Step) -> None:
        """Take what a step says of them, if it does; a job that had to begin again is told from its beginning."""
        if step.losses is None:
            return
        if self._points and step.done < self.points[-1].done:
            self._points.clear()
        self.total = step.total
        point = Point(step.done, tuple(step.losses[name] for name in self.names))
        self._points[step.done * _POINTS // step.total] = point
