"""What one call of `colorize` asks for, checked before the first photo is opened."""

import argparse
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from colorizers.commands.flags import flag, given_values, opened, picture_paths
from colorizers.commands.outputs import Task, numbered, shown
from colorizers.engine.local import JobRequest
from colorizers.errors import ColorizerError
from colorizers.methods.method import Method, finish_of
from colorizers.methods.stable_diffusion.controlnet import ControlnetOptions
from colorizers.methods.stable_diffusion.pipeline import StableDiffusionOptions
from colorizers.options import Options, controls, validated
from colorizers.picture.finish import Finish
from colorizers.picture.photo import Photo
from colorizers.picture.record import Record, versions
from colorizers.weights import store as weights


class Remake(NamedTuple):
    """The picture of --from and the record that it carries."""

    result: Path
    record: Record

    def photo(self, path: Path) -> Photo:
        """The photo that the record names, turned as it was on the page; ColorizerError when the file holds another."""
        given = Photo.open(path)
        for turns in range(4):
            turned = given.rotated(turns)
            if self.record.input_sha256 in (turned.sha256, _hash_of_a_turn(given, turns)):
                return turned
        result = shown(self.result)
        raise ColorizerError(f"{shown(path)} is not the photo that {result} was made from; give that one as it was.")


def _hash_of_a_turn(photo: Photo, turns: int) -> str:
    """By what records named a turned photo before they hashed its pixels."""
    return hashlib.sha256(f"{photo.sha256} turned {turns}".encode()).hexdigest()


@dataclass(frozen=True)
class Order:
    """What is to be done with every photo.

    `inputs` are device and inode of files that must not be written over, `notes` are sentences for the user.
    """

    method: Method
    options: dict[str, Any]
    finish: Finish
    variants: int
    remake: Remake | None
    bits: int
    keep_exif: bool
    overwrite: bool
    inputs: frozenset[tuple[int, int]]
    notes: tuple[str, ...]

    def request(self, path: Path) -> JobRequest:
        """The job of one photo, which is opened; ColorizerError when it cannot be, or is not the one of --from."""
        if path.exists() and not path.is_file():
            raise ColorizerError(f"{shown(path)} is neither a file nor a folder; give a photo.")
        photo = Photo.open(path) if self.remake is None else self.remake.photo(path)
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
    remake: Remake | None = arguments.remake
    options, changes = given_values(arguments, method.options), given_values(arguments, Finish)
    paths = picture_paths(options, method.options)
    pictures, finish = opened(paths), finish_of(method, options, changes)
    if remake is not None:
        _check_run(remake, {*options, *changes} - {*paths})
        _check_pictures(remake, method, pictures)
        options, finish = dict(remake.record.options), validated(Finish, dict(remake.record.finish))
    options |= pictures
    if arguments.model is not None:
        _use_model(method, options, arguments.model)
    wanted = validated(method.options, options)
    if arguments.controlnet is not None:
        _use_controlnet(method, wanted, arguments.controlnet)
    if arguments.checkpoint is not None:
        _use_checkpoint(method, method.key(wanted), arguments.checkpoint)
    if remake is not None:
        _check_weights(remake)
    inputs = [*photos, *paths.values(), arguments.source, arguments.checkpoint]
    return Order(
        method=method,
        options=options,
        finish=finish,
        variants=getattr(wanted, "variants", 1),
        remake=remake,
        bits=arguments.bits,
        keep_exif=arguments.keep_exif,
        overwrite=arguments.overwrite,
        inputs=frozenset(_identity(path) for path in inputs if path is not None and path.exists()),
        notes=() if remake is None else _doubts(remake, method),
    )


def _check_run(remake: Remake, given: set[str]) -> None:
    result = shown(remake.result)
    if remake.record.stopped_early:
        raise ColorizerError(f"{result} was stopped early, so it cannot be made again; colour anew.")
    if given:
        spare = ", ".join(sorted(map(flag, given)))
        raise ColorizerError(f"--from takes every option from the record of {result}; leave out {spare}.")


def _check_pictures(remake: Remake, method: Method, given: dict[str, Photo]) -> None:
    """Stop unless the pictures beside the photo are those of the record, which holds their hashes alone."""
    result, recorded = shown(remake.result), remake.record.pictures
    if not recorded.keys() <= {entry.name for entry in controls(method.options) if entry.kind == "picture"}:
        raise ColorizerError(f"{result} names a picture that {method.name} does not take; colour without --from.")
    if spare := ", ".join(sorted(map(flag, given.keys() - recorded.keys()))):
        raise ColorizerError(f"{result} was made without this picture; leave out {spare}.")
    for name, digest in recorded.items():
        if name not in given:
            raise ColorizerError(f"{result} was made with a second picture; give it with {flag(name)} PATH.")
        if given[name].sha256 != digest:
            raise ColorizerError(f"{result} was made with another picture; give that one with {flag(name)}.")


def _check_weights(remake: Remake) -> None:
    """Stop unless the weights that are here are those of the record; its names may be anybody's."""
    result, recorded = shown(remake.result), remake.record.weights
    here = weights.hashes(list(recorded))
    for key, digest in recorded.items():
        if not weights.known(key):
            raise ColorizerError(f"{result} was made with weights that are not known here; colour without --from.")
        if key not in here:
            how = weights.entry_of(key).how_to_get
            raise ColorizerError(f"{result} was made with the weights {key}, which are not here; {how}.")
        if here[key] != digest:
            raise ColorizerError(f"{result} was made with other weights {key}; give those with {_flag_for(key)}.")


def _doubts(remake: Remake, method: Method) -> tuple[str, ...]:
    """Why the pixels may differ although nothing is refused: other versions, options that the record does not know."""
    result, record, here = shown(remake.result), remake.record, versions(remake.record.versions)
    others = [
        f"{name} {made} (here {here[name]})"
        for name, made in record.versions.items()
        if name in here and made != here[name]
    ]
    known = {entry.name for model in (method.options, Finish) for entry in controls(model)}
    unsaid = sorted(map(flag, known - {*record.options, *record.finish, *record.pictures}))
    notes = []
    if others:
        notes.append(f"{result} was made with {', '.join(others)}; the pixels may differ a little.")
    if unsaid:
        notes.append(f"{result} does not tell {', '.join(unsaid)}; the default was used.")
    return tuple(notes)


def _flag_for(key: str) -> str:
    """By which flag weights of one's own take the place of those of a key."""
    return {"stable_diffusion": "--model", "controlnet": "--controlnet"}.get(key.partition("/")[0], "--checkpoint")


def _use_model(method: Method, options: dict[str, Any], words: str) -> None:
    """Take a model of the user's own, and choose it unless the options, or a record, name another."""
    if not issubclass(method.options, StableDiffusionOptions):
        raise ColorizerError(f"The method {method.name} does not use Stable Diffusion; leave out --model.")
    if options.setdefault("weights", "own") != "own":
        raise ColorizerError(f"--model gives the model that --weights calls own; leave out {options['weights']}.")
    weights.use_model(words)


def _use_controlnet(method: Method, wanted: Options, words: str) -> None:
    if not isinstance(wanted, ControlnetOptions):
        raise ColorizerError(f"The method {method.name} has no ControlNet; leave out --controlnet.")
    weights.use_controlnet(words, f"controlnet/{wanted.control_by}")


def _use_checkpoint(method: Method, key: str, path: Path) -> None:
    if key not in weights.REGISTRY:
        raise ColorizerError(f"The method {method.name} has no weights; leave out --checkpoint.")
    weights.use_checkpoint(key, path)


def _identity(path: Path) -> tuple[int, int]:
    stat = path.stat()
    return stat.st_dev, stat.st_ino
