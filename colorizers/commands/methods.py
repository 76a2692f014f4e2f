"""`methods`: all methods with their options."""

import argparse

from colorizers.commands.columns import print_columns
from colorizers.commands.flags import bounds, default
from colorizers.methods.catalog import METHODS
from colorizers.options import Options, controls
from colorizers.picture.finish import Looks
from colorizers.words import Text


def prepare(parser: argparse.ArgumentParser, argv: list[str]) -> None:
    """The arguments of `methods`: none."""
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    for method in METHODS.values():
        info = method.info
        print(Text("commands.methods.method", name=info.name, title=info.title, purpose=info.purpose))
        print(f"  {info.paper}")
        _print_options(info.options)
        print(f"  {Text('commands.methods.finish')}")
        _print_options(info.finish)
    print(Text("commands.methods.look"))
    _print_options(Looks)
    return 0


def _print_options(options: type[Options] | Options) -> None:
    rows = [(e.name, e.kind, default(e), bounds(e), e.help_with_choices) for e in controls(options)]
    print_columns(rows, indent="    ")
    print()
