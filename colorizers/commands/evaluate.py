"""`evaluate`: methods beside the naive rows, on photographs whose colours are known."""

import argparse
import os
import sys
from pathlib import Path
from typing import Any

from colorizers import weights
from colorizers.commands.files import shown
from colorizers.commands.numbers import positive
from colorizers.engine import Engine, local_engine
from colorizers.errors import ColorizerError
from colorizers.evaluation import baselines, protocol, report
from colorizers.methods.catalog import METHODS, find
from colorizers.options import validated
from colorizers.picture.collection import Collection, read_collection, shards
from colorizers.picture.record import versions
from colorizers.settings import PROJECT


def prepare(parser: argparse.ArgumentParser, argv: list[str]) -> None:
    """The arguments of `evaluate`."""
    add = parser.add_argument
    add("methods", nargs="*", metavar="METHOD[,option=value...]", help=f"of {', '.join(METHODS)}")
    add("--data", type=Path, nargs="+", required=True, metavar="PATH", help="folders of colour photos, or tar shards")
    add("--n", type=positive("--n"), metavar="N", help="only the first N photos")
    size = "side of the centre squares; smaller photos are not enlarged (default: 256)"
    add("--size", type=positive("--size"), default=256, metavar="PX", help=size)
    add("--json", type=Path, metavar="FILE", help="write the figures for programs")
    add("--card", metavar="FILE:BLOCK", help="write the table into this block of a model card")
    add("--fit-baselines", action="store_true", help="fit the naive rows on these photos and measure nothing")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the table, and write what else was asked for."""
    asked = {name: _parsed(name) for name in arguments.methods}
    card = _checked_card(arguments.card)
    _check_json(arguments.json)
    collection = read_collection(shards(arguments.data))
    for reason in collection.left_out:
        print(f"left out: {shown(Path(reason))}", file=sys.stderr)
    if arguments.n is not None:
        collection = collection.first(arguments.n)
    command = _command(arguments)
    if arguments.fit_baselines:
        baselines.save(baselines.fit(collection, command))
        print(f"Fitted on {len(collection.photos)} photos: {shown(baselines.FITTED.relative_to(PROJECT))}")
        return 0
    made = _report(local_engine(), asked, collection, arguments.size, command)
    print(made.markdown(), end="")
    if arguments.json is not None:
        arguments.json.write_text(made.json())
    if card is not None:
        report.write_block(*card, made.markdown())
    return 0


def _checked_card(given: str | None) -> tuple[Path, str] | None:
    """FILE:BLOCK as the card's path and the name of a block that is there."""
    if given is None:
        return None
    path, _, block = given.rpartition(":")
    if not path or not block:
        raise ColorizerError("--card must be FILE:BLOCK, as in weights/unet.md:validation.")
    report.check_block(Path(path), block)
    return Path(path), block


def _check_json(path: Path | None) -> None:
    if path is None:
        return
    folder, present = path.parent, path.exists()
    if path.is_dir() or not folder.is_dir() or not os.access(path if present else folder, os.W_OK):
        raise ColorizerError(f"{shown(path)} cannot be written; give a file in an existing folder with --json.")


def _report(
    engine: Engine, asked: dict[str, tuple[str, dict[str, Any]]], collection: Collection, size: int, command: str
) -> report.Report:
    used = dict.fromkeys(method for method, _ in asked.values())
    keys = [key for method in used for key in weights.keys_of(method)]
    return report.Report(
        rows=protocol.evaluate(engine, asked, collection, size),
        photos=len(collection.photos),
        photos_sha256=collection.sha256,
        left_out=len(collection.left_out),
        size=size,
        weights=weights.hashes(keys),
        versions=versions(),
        command=command,
    )


def _parsed(text: str) -> tuple[str, dict[str, Any]]:
    """`unet,vividness=0.2` as a method and its options."""
    method, *pairs = text.split(",")
    values = dict(pair.partition("=")[::2] for pair in pairs)
    options = validated(find(METHODS, method).options, values)
    return method, {name: getattr(options, name) for name in values}


def _command(arguments: argparse.Namespace) -> str:
    """The call as anyone could type it, without the folders of this machine."""
    words = ["python -m colorizers evaluate", *arguments.methods]
    words += ["--data", *(shown(Path(path.name)) for path in arguments.data)]
    words += [f"--n {arguments.n}"] if arguments.n is not None else []
    words += [f"--size {arguments.size}"] if arguments.size != 256 else []
    words += ["--fit-baselines"] if arguments.fit_baselines else []
    return " ".join(words)
