"""Tables on a terminal."""

import unicodedata
from collections.abc import Sequence

_WIDEST = 48  # of a column; a longer cell stands out in its own row and does not push the others away


def print_columns(rows: Sequence[tuple[str, ...]], indent: str = "") -> None:
    """Print rows of equally many cells, one under the other."""
    widths = [
        max((width for width in map(_width, column) if width <= _WIDEST), default=0)
        for column in zip(*rows, strict=True)
    ]
    for row in rows:
        cells = (cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True))
        print(indent + "  ".join(cells).rstrip())


def _width(text: str) -> int:
    """The columns of a terminal that a text takes: Chinese characters take two."""
    return sum(2 if unicodedata.east_asian_width(character) in "FW" else 1 for character in text)
