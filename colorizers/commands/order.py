"""What one call of `colorize` asks for, checked before the first photo is opened."""

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from colorizers import weights
from colorizers.commands.files import Task, numbered, shown
from colorizers.commands.flags import flag, given_values, opened, picture_paths
from colorizers.engine import JobRequest
from colorizers.errors import ColorizerError
from colorizers.methods.method import Method, finish_of
from colorizers.options import validated
from colorizers.picture.finish import Finish
from colorizers.picture.photo import Photo
from colorizers.picture.record import Record


class Remake(NamedTuple):
    """The picture of --from and the record that it carries."""

    result: Path
    record: Record


@dataclass(frozen=True)
class Order:
    """What is to be done with every photo. `inputs` are device and inode of files that must not be written over."""

    method: Method
    options: dict[str, Any]
    finish: Finish
    variants: int
    remake: Remake | None
    bits: int
    keep_exif: bool
    overwrite: bool
    inputs: frozenset[tuple[int, int]]

    def request(self, path: Path) -> JobRequest:
        """The job of one photo, which is opened; ColorizerError when it cannot be, or is not the one of --from."""
        if path.exists() and not path.is_file():
            raise ColorizerError(f"{shown(path)} is neither a file nor a folder; give a photo.")
        photo = Photo.open(path)
        if self.remake is not None and self.remake.record.input_sha256 != photo.sha256:
            raise ColorizerError(f"{shown(path)} is not the photo that {shown(self.remake.result)} was made from.")
        return JobRequest(photo, self.method.name, self.options, self.finish)

    def is_done(self, task: Task) -> bool:
        """Whether the results are there already and are to stay."""
        targets = numbered(task.target, self.variants)
        return not self.overwrite and all(path.exists() and _identity(path) not in self.inputs for path in targets)

    def check_target(self, target: Path) -> None:
        """Stop before a file is written over that must not be."""
        if not target.exists():
            return
        if _identity(target) in self.inputs:
            raise ColorizerError(f"The result would be written over {shown(target)}; choose another place with -o.")
        if not self.overwrite:
            raise ColorizerError(f"{shown(target)} exists already; choose another name with -o or add --overwrite.")


def order_of(arguments: argparse.Namespace, photos: list[Path]) -> Order:
    """The order that parsed arguments give; the first thing wrong is said in one sentence as a ColorizerError."""
    method: Method = arguments.chosen
    options, changes = given_values(arguments, method.options), given_values(arguments, Finish)
    paths = picture_paths(options, method.options)
    pictures, finish = opened(paths), finish_of(method, changes)
    if arguments.remake is not None:
        _check_remake(arguments.remake, {*options, *changes} - {*paths}, pictures)
        record: Record = arguments.remake.record
        options, finish = dict(record.options), validated(Finish, dict(record.finish))
    options |= pictures
    wanted = validated(method.options, options)
    if arguments.checkpoint is not None:
        _use_checkpoint(method, method.key(wanted), arguments.checkpoint)
    if arguments.remake is not None:
        _check_weights(arguments.remake)
    inputs = [*photos, *paths.values(), arguments.source, arguments.checkpoint]
    return Order(
        method=method,
        options=options,
        finish=finish,
        variants=getattr(wanted, "variants", 1),
        remake=arguments.remake,
        bits=arguments.bits,
        keep_exif=arguments.keep_exif,
        overwrite=arguments.overwrite,
        inputs=frozenset(_identity(path) for path in inputs if path is not None and path.exists()),
    )


def _check_remake(remake: Remake, given: set[str], pictures: dict[str, Photo]) -> None:
    """Stop when the picture of --from cannot be made again with what is here."""
    result, record = shown(remake.result), remake.record
    if given:
        spare = ", ".join(sorted(map(flag, given)))
        raise ColorizerError(f"--from takes every option from the record of {result}; leave out {spare}.")
    hashes = {name: picture.sha256 for name, picture in pictures.items()}
    if spare := ", ".join(sorted(map(flag, hashes.keys() - record.pictures.keys()))):
        raise ColorizerError(f"{result} was made without this picture; leave out {spare}.")
    for name, digest in record.pictures.items():
        if hashes.get(name) != digest:
            raise ColorizerError(f"{result} was made with another picture; give that one with {flag(name)}.")


def _check_weights(remake: Remake) -> None:
    recorded = remake.record.weights
    if weights.hashes(list(recorded)) != recorded:
        raise ColorizerError(f"{shown(remake.result)} was made with other weights; give those with --checkpoint.")


def _use_checkpoint(method: Method, key: str, path: Path) -> None:
    if key not in weights.REGISTRY:
        raise ColorizerError(f"The method {method.name} has no weights; leave out --checkpoint.")
    weights.use_checkpoint(key, path)


def _identity(path: Path) -> tuple[int, int]:
    stat = path.stat()
    return stat.st_dev, stat.st_ino
