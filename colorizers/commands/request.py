"""What one call of `colorize` asks for, checked before the first photo is opened."""

import argparse
import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from colorizers.commands.flags import flag, given_values, opened, picture_paths
from colorizers.commands.outputs import OutputFile, Task, check_photo, files_of, shown, written_whole
from colorizers.engine.jobs import JobRequest
from colorizers.errors import ColorizerError
from colorizers.methods.catalog import REGISTRY
from colorizers.methods.method import AnyMethod, finish_of
from colorizers.options import Options, controls, options_of_variant, validated
from colorizers.picture.exports import Export, Exports, save_export
from colorizers.picture.finish import Finish, Looks
from colorizers.picture.hints import Hints, checked_hints, hints_of_strokes
from colorizers.picture.photo import Photo
from colorizers.picture.record import Record, read_record, versions
from colorizers.picture.result import Result
from colorizers.settings import get_settings
from colorizers.weights.registry import OWN
from colorizers.weights.store import WeightStore, make_store
from colorizers.words import Text


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
        raise ColorizerError(Text("commands.remake.another-photo", path=shown(path), result=shown(self.result)))


def _hash_of_a_turn(photo: Photo, turns: int) -> str:
    """By what records named a turned photo before they hashed its pixels."""
    return hashlib.sha256(f"{photo.sha256} turned {turns}".encode()).hexdigest()


@dataclass(frozen=True)
class ColorizeRequest:
    """What is to be done with every photo.

    `options` are as they were given, `wanted` are all of them. With `resumes`, results that are there already and were
    made in the same way are kept. `inputs` are device and inode of files that must not be written over, `notes` are
    sentences for the user.
    """

    method: AnyMethod
    options: dict[str, Any]
    wanted: Options
    finish: Finish
    hints: Hints
    export: Export
    store: WeightStore
    remake: Remake | None
    bits: int
    keep_exif: bool
    marked: bool
    overwrite: bool
    resumes: bool
    inputs: frozenset[tuple[int, int]]
    notes: tuple[Text, ...]

    def opened(self, path: Path) -> Photo:
        """One of the photos; ColorizerError when it cannot be opened, or is not the one of --from."""
        check_photo(path)
        return Photo.open(path) if self.remake is None else self.remake.photo(path)

    def job(self, photo: Photo) -> JobRequest:
        """The job of one photo."""
        return JobRequest(photo, self.method.info.name, self.options, self.finish, self.hints)

    def files(self, task: Task) -> list[OutputFile]:
        """The files that one photo becomes."""
        return files_of(task, getattr(self.wanted, "variants", 1), self.export)

    def stands(self, file: OutputFile, photo: Photo) -> bool:
        """Whether one of the files of a photo is there already and is to be kept.

        Raises ColorizerError when something else is there that must not be written over.
        """
        target = file.path
        if not target.exists():
            return False
        if _identity(target) in self.inputs:
            raise ColorizerError(Text("commands.colorize.replaces-input", path=shown(target)))
        if self.overwrite:
            return False
        if not self.resumes:
            raise ColorizerError(Text("commands.colorize.exists", path=shown(target)))
        if not self._is_made(file, photo):
            raise ColorizerError(Text("commands.colorize.made-otherwise", path=shown(target)))
        return True

    def write(self, result: Result, file: OutputFile) -> tuple[Text, ...]:
        """Write one of the files of a photo; gives notes on what its format could not hold."""
        result = replace(result, marked=self.marked)
        with written_whole(file.path) as partial:
            if file.export == "none":
                return result.save(partial, self.bits, self.keep_exif)
            save_export(result, file.export, partial)
        return ()

    def _is_made(self, file: OutputFile, photo: Photo) -> bool:
        """Whether a file has the record that it would have if it were made now, but for versions of libraries."""
        try:
            record = read_record(file.path)
        except ColorizerError:
            return False
        options = dict(options_of_variant(self.wanted, file.k))
        if options.get("seed", 0) is None:
            options["seed"] = record.options.get("seed")  # any will do
        pictures = {name: options.pop(name).sha256 for name in record.pictures if isinstance(options.get(name), Photo)}
        return (
            record.method == self.method.info.name
            and record.options == options
            and record.pictures == pictures
            and {**Finish().model_dump(), **record.finish} == self.finish.model_dump()
            and record.hints == self.hints
            and record.input_sha256 == photo.sha256
            and record.weights == self.store.hashes(record.weights)
            and not record.stopped_early
        )


def request_of(arguments: argparse.Namespace, photos: list[Path], resumes: bool) -> ColorizeRequest:
    """The request that parsed arguments give; the first mistake becomes a ColorizerError of one sentence."""
    method: AnyMethod = arguments.chosen
    info = method.info
    remake: Remake | None = arguments.remake
    options = given_values(arguments, info.options)
    changes = given_values(arguments, Looks) | given_values(arguments, Finish)
    paths = picture_paths(options, info.options)
    pictures = opened(paths)
    if remake is not None:
        _check_run(remake, {*options, *changes, *(["hints"] if arguments.hints else [])} - {*paths})
        _check_pictures(remake, method, pictures)
        options = dict(remake.record.options)
    options |= pictures
    store = make_store(REGISTRY, get_settings())
    if arguments.model is not None:
        _choose_own_model(method, options)
        store = store.with_model(arguments.model)
    for name in info.needed_pictures:
        if name not in options:
            raise ColorizerError(Text("commands.colorize.needs-picture", method=info.name, flag=flag(name)))
    if remake is None:
        finish = finish_of(info, options, changes)
        hints = () if arguments.hints is None else _hints_in(arguments.hints)
    else:
        finish, hints = validated(Finish, dict(remake.record.finish)), remake.record.hints
    wanted = validated(info.options, options)
    if arguments.controlnet is not None:
        store = store.with_controlnet(arguments.controlnet, _controlnet_key(method, wanted, store))
    if arguments.checkpoint is not None:
        store = store.with_file(_checkpoint_key(method, wanted, store), arguments.checkpoint)
    if remake is not None:
        _check_weights(remake, store)
    inputs = [*photos, *paths.values(), arguments.source, arguments.checkpoint, arguments.hints]
    return ColorizeRequest(
        method=method,
        options=options,
        wanted=wanted,
        finish=finish,
        hints=hints,
        export=validated(Exports, given_values(arguments, Exports)).export,
        store=store,
        remake=remake,
        bits=arguments.bits,
        keep_exif=arguments.keep_exif,
        marked=arguments.mark,
        overwrite=arguments.overwrite,
        resumes=resumes,
        inputs=frozenset(_identity(path) for path in inputs if path is not None and path.exists()),
        notes=() if remake is None else _doubts(remake, method),
    )


def _hints_in(path: Path) -> Hints:
    """The hints in a file: a list as JSON, or a picture of strokes."""
    if path.suffix.lower() != ".json":
        return hints_of_strokes(Photo.open(path))
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise ColorizerError(Text("hints.cannot-read", name=shown(path))) from error
    return checked_hints(text)


def _check_run(remake: Remake, given: set[str]) -> None:
    result = shown(remake.result)
    if remake.record.stopped_early:
        raise ColorizerError(Text("commands.remake.stopped-early", result=result))
    if given:
        raise ColorizerError(Text("commands.remake.no-options", result=result, flags=sorted(map(flag, given))))


def _check_pictures(remake: Remake, method: AnyMethod, given: dict[str, Photo]) -> None:
    """Stop unless the pictures beside the photo are those of the record, which holds their hashes alone."""
    result, recorded = shown(remake.result), remake.record.pictures
    if not recorded.keys() <= {entry.name for entry in controls(method.info.options) if entry.kind == "picture"}:
        raise ColorizerError(Text("commands.remake.unknown-picture", result=result, method=method.info.name))
    if spare := sorted(map(flag, given.keys() - recorded.keys())):
        raise ColorizerError(Text("commands.remake.spare-picture", result=result, flags=spare))
    for name, digest in recorded.items():
        if name not in given:
            raise ColorizerError(Text("commands.remake.picture-missing", result=result, flag=flag(name)))
        if given[name].sha256 != digest:
            raise ColorizerError(Text("commands.remake.another-picture", result=result, flag=flag(name)))


def _check_weights(remake: Remake, store: WeightStore) -> None:
    """Stop unless the installed weights are those of the record; its names may be anybody's."""
    result, recorded = shown(remake.result), remake.record.weights
    installed = store.hashes(recorded)
    for key, digest in recorded.items():
        if not store.knows(key):
            raise ColorizerError(Text("commands.remake.unknown-weights", result=result))
        if key not in installed:
            way = store.entry(key).how_to_get
            raise ColorizerError(Text("commands.remake.weights-missing", result=result, weights=key, way=way))
        if installed[key] != digest:
            raise ColorizerError(Text("commands.remake.other-weights", result=result, weights=key, flag=_flag_for(key)))


def _doubts(remake: Remake, method: AnyMethod) -> tuple[Text, ...]:
    """Why the pixels may differ although nothing is refused: other versions, options that the record does not know.

    What the finish of an older record lacks is of no account: without it the finish did as its default does.
    """
    result, record, here = shown(remake.result), remake.record, versions(remake.record.versions)
    others = [
        Text("commands.remake.version", name=name, made=made, here=here[name])
        for name, made in record.versions.items()
        if name in here and made != here[name]
    ]
    known = {entry.name for entry in controls(method.info.options)}
    unrecorded = sorted(map(flag, known - {*record.options, *record.pictures}))
    notes = []
    if others:
        notes.append(Text("commands.remake.versions", result=result, versions=others))
    if unrecorded:
        notes.append(Text("commands.remake.unrecorded", result=result, flags=unrecorded))
    return tuple(notes)


def _flag_for(key: str) -> str:
    """By which flag weights of one's own take the place of those of a key."""
    return {"stable_diffusion": "--model", "controlnet": "--controlnet"}.get(key.partition("/")[0], "--checkpoint")


def _choose_own_model(method: AnyMethod, options: dict[str, Any]) -> None:
    """Choose the model of --model, unless the options, or a record, name another."""
    family, _, own = OWN.rpartition("/")
    choice = next((entry for entry in controls(method.info.options) if entry.family == family), None)
    if choice is None:
        raise ColorizerError(Text("commands.colorize.no-stable-diffusion", method=method.info.name))
    chosen = options.setdefault(choice.name, own)
    if chosen != own:
        raise ColorizerError(Text("commands.colorize.two-models", flag=flag(choice.name), own=own, other=chosen))


def _controlnet_key(method: AnyMethod, options: Options, store: WeightStore) -> str:
    """The ControlNet that one of the user's own replaces: the first one that these options use."""
    used = [key for key in method.needs(options, store) if key.startswith("controlnet/")]
    if not used:
        raise ColorizerError(Text("commands.colorize.no-controlnet", method=method.info.name))
    return used[0]


def _checkpoint_key(method: AnyMethod, options: Options, store: WeightStore) -> str:
    """The weights that a checkpoint replaces."""
    key = method.key(options)
    if not store.knows(key):
        raise ColorizerError(Text("commands.colorize.no-weights", method=method.info.name))
    return key


def _identity(path: Path) -> tuple[int, int]:
    stat = path.stat()
    return stat.st_dev, stat.st_ino
