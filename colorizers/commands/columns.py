"""Tables on a terminal."""

from collections.abc import Sequence


def print_columns(rows: Sequence[tuple[str, ...]], indent: str = "") -> None:
    """Print rows of equally many cells, one under the other."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print(indent + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
