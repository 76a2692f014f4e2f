"""Flags of the command line: generated from options models, and numbers with limits."""

import argparse
import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from colorizers.errors import ColorizerError
from colorizers.options import Control, Options, controls
from colorizers.picture.naming import shown_name
from colorizers.picture.photo import Photo
from colorizers.words import Text

_METAVARS = {"int": "N", "float": "X", "text": "TEXT", "seed": "N", "picture": "PATH"}


def add_flags(parser: argparse.ArgumentParser, title: str, options: type[Options] | Options) -> None:
    """One flag an option; a flag that is not given leaves no trace in the parsed arguments."""
    group = parser.add_argument_group(title)
    for entry in controls(options):
        text = Text("commands.flags.option", help=entry.help_with_choices, bounds=bounds(entry), default=default(entry))
        help = str(text).replace("%", "%%")
        if entry.kind == "bool":
            action: dict[str, Any] = {"action": argparse.BooleanOptionalAction}
        else:
            action = {"metavar": "|".join(entry.choices) or _METAVARS[entry.kind]}
        group.add_argument(flag(entry.name), dest=entry.name, default=argparse.SUPPRESS, help=help, **action)


def given_values(arguments: argparse.Namespace, options: type[Options]) -> dict[str, Any]:
    """What was given of an options model, as typed; `options.validated` makes numbers of it."""
    return {entry.name: vars(arguments)[entry.name] for entry in controls(options) if entry.name in arguments}


def picture_paths(values: dict[str, Any], options: type[Options]) -> dict[str, Path]:
    """The files given for pictures."""
    names = [entry.name for entry in controls(options) if entry.kind == "picture"]
    return {name: path(values[name]) for name in names if name in values}


def opened(paths: dict[str, Path]) -> dict[str, Photo]:
    """The pictures in these files."""
    return {name: Photo.open(path) for name, path in paths.items()}


def path(text: str) -> Path:
    """A type for argparse: a path, there or not; ColorizerError for a name that no file can have."""
    try:
        os.stat(text)  # noqa: PTH116 - Path's own is the same
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise ColorizerError(Text("commands.flags.too-long-name", name=shown_name(text))) from error
    return Path(text)


def flag(name: str) -> str:
    """The flag of an option."""
    return "--" + name.replace("_", "-")


def default(entry: Control) -> str:
    """An option's default in words."""
    if entry.required:
        return str(Text("commands.flags.required"))
    if entry.kind == "bool":
        return str(Text("commands.flags.on") if entry.default else Text("commands.flags.off"))
    if entry.default is None:
        return str(Text("commands.flags.random") if entry.kind == "seed" else Text("commands.flags.none"))
    return f"{entry.default}" or str(Text("commands.flags.empty"))


def bounds(entry: Control) -> str:
    """What an option may be, in words."""
    if entry.choices:
        return ", ".join(entry.choices)
    if entry.kind == "text":
        return str(Text("commands.flags.at-most", limit=entry.high))
    if entry.low is None or entry.high is None:
        return str(Text("commands.flags.on-or-off") if entry.kind == "bool" else Text("commands.flags.picture-file"))
    if entry.unit:
        return str(Text("commands.flags.range-with-unit", low=entry.low, high=entry.high, unit=entry.unit))
    return str(Text("commands.flags.range", low=entry.low, high=entry.high))


def positive(flag: str) -> Callable[[str], int]:
    """A type for argparse: a whole number above zero; ColorizerError names the flag."""

    def read(text: str) -> int:
        if not text.isdecimal() or len(text) > 9 or int(text) == 0:
            raise ColorizerError(Text("commands.flags.above-zero", flag=flag))
        return int(text)

    return read
