"""What there is: the methods with their options, and the weights."""

import argparse

from colorizers import weights
from colorizers.commands.flags import bounds, default
from colorizers.methods.catalog import METHODS
from colorizers.options import Options, controls
from colorizers.picture.finish import Finish


def list_methods(arguments: argparse.Namespace) -> int:
    """Print every method with its options, and the finish that they share."""
    for method in METHODS.values():
        print(f"{method.name}: {method.title}\n  {method.paper}")
        _print_options(method.options)
    print("finish: for every method, after it has run")
    _print_options(Finish)
    return 0


def list_weights(arguments: argparse.Namespace) -> int:
    """Print the registry of weights as it stands on this machine."""
    rows: list[tuple[str, ...]] = [("KEY", "FILE", "MIB", "HERE", "SHA256", "LICENCE")]
    for status in weights.listing():
        here = status.path is not None
        size = f"{status.megabytes:.1f}" if here else "-"
        digest = status.sha256[:12] if here else "-"
        entry = status.weights
        rows.append((entry.key, entry.file, size, "yes" if here else "no", digest, entry.licence))
    _print_columns(rows, indent="")
    return 0


def _print_options(options: type[Options]) -> None:
    _print_columns([(e.name, e.kind, default(e), bounds(e), e.help) for e in controls(options)], indent="    ")
    print()


def _print_columns(rows: list[tuple[str, ...]], indent: str) -> None:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print(indent + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
