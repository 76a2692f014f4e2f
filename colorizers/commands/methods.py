"""`methods`: all methods with their options."""

import argparse

from colorizers.commands.columns import print_columns
from colorizers.commands.flags import bounds, default
from colorizers.methods.catalog import METHODS
from colorizers.options import Options, controls


def prepare(parser: argparse.ArgumentParser, argv: list[str]) -> None:
    """The arguments of `methods`: none."""
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    for method in METHODS.values():
        info = method.info
        print(f"{info.name}: {info.title}, {info.purpose}\n  {info.paper}")
        _print_options(info.options)
        print("  finish, after the method has run")
        _print_options(info.finish)
    return 0


def _print_options(options: type[Options] | Options) -> None:
    rows = [(e.name, e.kind, default(e), bounds(e), e.help_with_choices) for e in controls(options)]
    print_columns(rows, indent="    ")
    print()
