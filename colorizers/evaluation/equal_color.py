"""CIEDE2000 at equal colourfulness: dull colours have a lower error, so methods are compared when equally vivid.

The option `vividness` of a method is varied until its mean colourfulness over the photos is SHARE of the truth's.
"""

import itertools
from collections.abc import Mapping, Sequence

SHARE = 0.85  # of the truth's colourfulness
STOPS = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Values of vividness; between them CIEDE2000 is interpolated linearly in colourfulness."""


def at_equal_color(colorfulness: Sequence[float], de00: Sequence[float], truth: float) -> Mapping[str, float]:
    """`de00_at_85` from the means at each stop, or `color_reached`, the nearest share that the method reaches."""
    target = SHARE * truth
    points = list(zip(colorfulness, de00, strict=True))
    for (before, error_before), (after, error_after) in itertools.pairwise(points):
        if min(before, after) <= target <= max(before, after):
            way = (target - before) / (after - before) if after != before else 0.0
            return {"de00_at_85": error_before + way * (error_after - error_before)}
    nearest = min(colorfulness, key=lambda each: abs(each - target))
    return {"color_reached": nearest / truth} if truth else {}
