"""Lists of evaluated photographs in the format of `sha256sum`, and the committed lists."""

import hashlib
from pathlib import Path

from colorizers.picture.dataset import Collection

LISTS = sorted(Path(__file__).parent.glob("*.sha256"))
"""The validation photographs: names and sha256 of their files, in order. Made by `evaluate --list`."""


def write_list(path: Path, collection: Collection) -> None:
    """Write one line with sha256 and name per file of a collection, in order."""
    lines = (f"{digest}  {name}\n" for digest, name in zip(collection.digests, collection.names, strict=True))
    path.write_text("".join(lines), encoding="utf-8", newline="\n")


def committed_list(collection: Collection) -> str:
    """The name of the committed list of exactly these photographs in this order, or an empty string."""
    for path in LISTS:
        if hashlib.sha256(path.read_bytes()).hexdigest() == collection.sha256:
            return path.name
    return ""
