"""Which photographs were measured: lists as `sha256sum` writes them, and the one that is committed."""

import hashlib
from pathlib import Path

from colorizers.picture.dataset import Collection

LISTS = sorted(Path(__file__).parent.glob("*.sha256"))
"""The validation photographs: names and sha256 of their files, in order. Made by `evaluate --list`."""


def write_list(path: Path, collection: Collection) -> None:
    """The sha256 and the name of every file of a collection, a line each, in order."""
    lines = (f"{digest}  {name}\n" for digest, name in zip(collection.digests, collection.names, strict=True))
    path.write_text("".join(lines), encoding="utf-8", newline="\n")


def committed_list(collection: Collection) -> str:
    """The name of the committed list that names exactly these photographs in this order, else nothing."""
    same = (path.name for path in LISTS if hashlib.sha256(path.read_bytes()).hexdigest() == collection.sha256)
    return next(same, "")
