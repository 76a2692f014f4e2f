"""What there is: the methods with their options, and columns to show such things in."""

import argparse

from colorizers.commands.flags import bounds, default
from colorizers.methods.catalog import METHODS
from colorizers.options import Options, controls


def list_methods(arguments: argparse.Namespace) -> int:
    """Print every method with its options and its finish."""
    for method in METHODS.values():
        print(f"{method.name}: {method.title}\n  {method.paper}")
        _print_options(method.options)
        print("  finish, after it has run")
        _print_options(method.finish)
    return 0


def _print_options(options: type[Options] | Options) -> None:
    print_columns([(e.name, e.kind, default(e), bounds(e), e.in_words) for e in controls(options)], indent="    ")
    print()


def print_columns(rows: list[tuple[str, ...]], indent: str = "") -> None:
    """Print rows of equally many cells, one under the other."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print(indent + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
