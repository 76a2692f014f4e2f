"""The endpoints for several methods, several photos, or no method at all."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from PIL.PngImagePlugin import PngInfo

from colorizers.engine import Engine
from colorizers.engine.jobs import JobRequest
from colorizers.errors import ColorizerError
from colorizers.methods.method import MethodInfo
from colorizers.options import Control, controls, validated
from colorizers.picture.compose import Painting, compose
from colorizers.picture.finish import Finish, spelled_out
from colorizers.picture.naming import result_stem
from colorizers.picture.record import xmp_packet
from colorizers.picture.result import with_alpha
from colorizers.web.api_answers import (
    NOTHING,
    Answer,
    Files,
    Records,
    answered,
    json_object,
    json_objects,
    opened,
    saved,
    temporary_folder,
    uploaded,
)
from colorizers.web.gradio_io import sentence_of
from colorizers.web.listening import visitor
from colorizers.words import Text

MOST_ROWS = 12
MOST_PHOTOS = 100
ROWS_EXAMPLE = '[{"method": "unet"}, {"method": "gan", "options": {"vividness": 0.8}}]'


def compare(engine: Engine, given: dict[str, Any]) -> Iterator[Answer]:
    """One photo by several methods, or by one with several settings; a mistake in one of them ends all."""
    rows = json_objects(given["rows_json"], "rows_json", MOST_ROWS, ROWS_EXAMPLE)
    asked = [_asked(row) for row in rows]
    files: Files = []
    records: Records = []
    with engine.turn(visitor(), *(row["method"] for row in rows)) as waits, temporary_folder() as folder:
        yield from (NOTHING for _ in waits)
        photo = opened(given["photo"], "photo")
        requests = [JobRequest(photo, **row) for row in asked]
        for request in requests:
            engine.checked(request)
        for request in requests:
            for more, told in saved(engine, request, folder):
                if not more:
                    yield NOTHING
                files, records = [*files, *more], [*records, *told]
        yield files, records


def _asked(row: dict[str, Any]) -> dict[str, Any]:
    """The method, options and finish of a row."""
    parts = {name: row.get(name, {}) for name in ("options", "finish")}
    known = row.keys() <= {"method", *parts} and isinstance(row.get("method"), str)
    if not known or not all(isinstance(part, dict) for part in parts.values()):
        raise ColorizerError(Text("api.wrong-row", example=ROWS_EXAMPLE))
    return {"method": row["method"], **parts}


def batch(engine: Engine, given: dict[str, Any]) -> Iterator[Answer]:
    """Several photos by one method; one that cannot be coloured has its sentence instead of a record."""
    photos, method = given["photos"], str(given["method"])
    if not isinstance(photos, list) or not 0 < len(photos) <= MOST_PHOTOS:
        raise ColorizerError(Text("api.number-of-photos", most=MOST_PHOTOS))
    options, finish = (json_object(given[name], name) for name in ("options_json", "finish_json"))
    names = [uploaded(photo, "photos").orig_name or "" for photo in photos]
    files: Files = []
    told: Records = []
    with temporary_folder() as folder:
        for name, photo in zip(names, photos, strict=True):
            with engine.turn(visitor(), method) as waits:
                yield from (NOTHING for _ in waits)
                try:
                    request = JobRequest(opened(photo, "photos"), method, options, finish)
                except ColorizerError as error:
                    told.append({"name": name, "error": str(sentence_of(error))})
                    continue
                engine.checked(request)  # a mistake that would meet every photo ends all
                try:
                    for more, records in saved(engine, request, folder):
                        if not more:
                            yield NOTHING
                        files = [*files, *more]
                        told += [{"name": name, "record": record} for record in records]
                except ColorizerError as error:
                    told.append({"name": name, "error": str(sentence_of(error))})
        yield files, told


def finish(given: dict[str, Any]) -> Iterator[Any]:
    """The photo with the colours of a picture, under a finish; no method runs."""
    photo, colored = (opened(given[name], name) for name in ("photo", "colored"))
    wanted = validated(Finish, spelled_out(json_object(given["finish_json"], "finish_json")))
    colors = Painting(colored.reference_rgb(colored.size))
    with temporary_folder() as folder:
        path = Path(folder) / f"{result_stem(photo.name, 'finished', None)}.png"
        text = PngInfo()
        text.add_itxt("XML:com.adobe.xmp", xmp_packet().decode())
        with_alpha(compose(photo.lightness, colors, wanted), photo.alpha).save(path, pnginfo=text)
        yield answered(path)


def methods(engine: Engine) -> Records:
    """Every method, what it lacks, and its options."""
    return [_told(engine, method.info) for method in engine.methods.values()]


def _told(engine: Engine, info: MethodInfo) -> dict[str, Any]:
    entries = controls(info.options)
    missing = engine.missing(info.name, {entry.name: entry.default for entry in entries})
    return {
        "name": info.name,
        "title": str(info.title),
        "purpose": str(info.purpose),
        "paper": info.paper,
        "quick": info.quick,
        "missing_weights": [one.called for one in missing],
        "options": [_described(entry) for entry in entries],
        "finish": info.finish.model_dump(),
    }


def _described(entry: Control) -> dict[str, Any]:
    told = {"name": entry.name, "kind": entry.kind, "help": entry.help, "required": entry.required}
    bounds = {"low": entry.low, "high": entry.high, "unit": entry.unit, "choices": list(entry.choices)}
    return told | {"default": entry.default} | {name: value for name, value in bounds.items() if value}
