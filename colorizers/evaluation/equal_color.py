"""CIEDE2000 where a method is as colourful as is fair: dull colours win on average, so methods are compared there.

A method with the option `vividness` goes along it until the mean colourfulness over the photos is a share of the
truth's.
"""

import itertools
from collections.abc import Mapping, Sequence

SHARE = 0.85  # of the truth's colourfulness
STOPS = (0.0, 0.25, 0.5, 0.75, 1.0)
"""The vividness of each run; between them CIEDE2000 is taken to be straight in colourfulness."""


def at_equal_color(colorfulness: Sequence[float], de00: Sequence[float], truth: float) -> Mapping[str, float]:
    """`de00_at_85` from the means at each stop; else `color_reached`, the nearest share that the method comes to."""
    wanted = SHARE * truth
    points = list(zip(colorfulness, de00, strict=True))
    for (before, error_before), (after, error_after) in itertools.pairwise(points):
        if min(before, after) <= wanted <= max(before, after):
            way = (wanted - before) / (after - before) if after != before else 0.0
            return {"de00_at_85": error_before + way * (error_after - error_before)}
    nearest = min(colorfulness, key=lambda each: abs(each - wanted))
    return {"color_reached": nearest / truth} if truth else {}
