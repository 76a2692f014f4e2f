"""What there is: the methods with their options, and the weights."""

import argparse
import json
from pathlib import Path

from colorizers import weights
from colorizers.commands.files import shown
from colorizers.commands.flags import bounds, default
from colorizers.errors import ColorizerError
from colorizers.evaluation import report
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


def prepare_weights(parser: argparse.ArgumentParser) -> None:
    """The arguments of `weights`."""
    actions = "list: what there is, and what of it is here; card: write into a model card how its weights were trained"
    parser.add_argument("action", choices=["list", "card"], help=actions)
    parser.add_argument("key", nargs="?", metavar="KEY", help="for card: the weights, as list names them")
    parser.set_defaults(run=_run_weights)


def _run_weights(arguments: argparse.Namespace) -> int:
    if arguments.action == "card":
        return write_card(arguments)
    if arguments.key is not None:
        raise ColorizerError("weights list takes no KEY; it lists them all.")
    return list_weights(arguments)


def write_card(arguments: argparse.Namespace) -> int:
    """Write into the card beside the weights of a key, NAME.md, how their file says that they were trained."""
    if arguments.key not in weights.REGISTRY:
        raise ColorizerError(f"weights card needs a KEY of {', '.join(weights.REGISTRY)}.")
    path = weights.find(arguments.key)
    if path is None:
        raise ColorizerError(f"The weights {weights.REGISTRY[arguments.key].file} are not here; train them first.")
    card = path.with_suffix(".md")
    report.write_block(card, "training", report.table(_training(path)))
    print(shown(card))
    return 0


def _training(path: Path) -> dict[str, str]:
    """What a weights file says of its training, beginning with its own hash; the recipe in words."""
    header = weights.read_header(path)
    if "recipe" not in header:
        raise ColorizerError(f"{path.name} does not say how it was trained; export it again with train.")
    try:
        recipe = ", ".join(f"{name} {value}" for name, value in json.loads(header["recipe"]).items())
    except (ValueError, AttributeError) as error:
        raise ColorizerError(f"The recipe in {path.name} cannot be read; export it again with train.") from error
    said = {name.replace("_", " "): header[name] for name in sorted(header)}
    return {"sha256": weights.sha256(path)} | said | {"recipe": recipe}


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


def _print_options(options: type[Options] | Options) -> None:
    _print_columns([(e.name, e.kind, default(e), bounds(e), e.in_words) for e in controls(options)], indent="    ")
    print()


def _print_columns(rows: list[tuple[str, ...]], indent: str) -> None:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print(indent + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
