"""What all endpoints share: uploads and JSON that come in, files and records that go out."""

import json
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from gradio.data_classes import FileData

from colorizers.engine import Engine
from colorizers.engine.jobs import Done, JobRequest
from colorizers.errors import ColorizerError
from colorizers.picture.naming import result_stem
from colorizers.picture.photo import Photo
from colorizers.picture.result import Result
from colorizers.web.closing import running
from colorizers.web.files import open_upload
from colorizers.web.listening import visitor
from colorizers.words import Text

MAX_JSON = 10_000  # characters
ENDINGS = {"png": ".png", "jpeg": ".jpg", "webp": ".webp", "tiff": ".tif"}
"""Of the files that an endpoint gives, by the names of their formats."""

Files = list[FileData]
Records = list[dict[str, Any]]
Answer = tuple[Files, Records]
NOTHING: Answer = ([], [])
"""What an endpoint gives after the events of a job that takes a while, so that a cancel lands there."""
_AT_ONCE = 0.25  # seconds of a job in which nobody cancels it: each answer costs a few milliseconds


def ending_of(kind: Any) -> str:
    """The ending of a format; ColorizerError for anything else."""
    if not isinstance(kind, str) or kind not in ENDINGS:
        raise ColorizerError(Text("api.unknown-format", formats=tuple(ENDINGS)))
    return ENDINGS[kind]


def answers_of(
    engine: Engine, method: str, request: Callable[[], JobRequest], ending: str = ENDINGS["png"]
) -> Iterator[Answer]:
    """Nothing while there is none, and then the files with their records; closing cancels what is left.

    The request for a job by this method, with its photo, is made when its turn has come.
    """
    with engine.turn(visitor(), method) as waits, temporary_folder() as folder:
        yield from (NOTHING for _ in waits)
        yield from saved(engine, request(), folder, ending)


def temporary_folder() -> tempfile.TemporaryDirectory[str]:
    """Where files are made: Gradio copies them into its cache when they are given."""
    return tempfile.TemporaryDirectory()


def saved(engine: Engine, request: JobRequest, folder: str, ending: str = ENDINGS["png"]) -> Iterator[Answer]:
    """As `answers_of`, the files in a folder: each in one of its own, so that they may have the same name."""
    job, begun = engine.checked(request), time.monotonic()
    with running(engine, job) as events:
        for event in events:
            if isinstance(event, Done):
                yield from _written(event.results(job), folder, ending)
            elif time.monotonic() - begun > _AT_ONCE:
                yield NOTHING


def _written(results: tuple[Result, ...], folder: str, ending: str) -> Iterator[Answer]:
    """Nothing between two files, and then all of them."""
    files: Files = []
    for k, result in enumerate(results, 1):
        if files:
            yield NOTHING
        stem = result_stem(result.photo.name, result.record.method, k if len(results) > 1 else None)
        path = Path(tempfile.mkdtemp(dir=folder)) / f"{stem}{ending}"
        result.save(path)
        files.append(answered(path))
    yield files, [result.record.model_dump(mode="json") for result in results]


def answered(path: Path) -> Any:
    """A file as an answer."""
    return FileData(path=str(path), orig_name=path.name).model_dump()


def opened(data: Any, name: str) -> Photo:
    """Decode a file that came by Gradio's upload: it checks the path of those that carry its mark, and no others."""
    file = uploaded(data, name)
    return open_upload(file.path, file.orig_name)


def uploaded(data: Any, name: str) -> FileData:
    """The file of a parameter; ColorizerError when it is anything else."""
    try:
        return FileData.model_validate(data, context={"validate_meta": True})
    except ValueError as error:
        raise ColorizerError(Text("api.not-uploaded", name=name)) from error


def json_object(text: Any, name: str) -> dict[str, Any]:
    """The JSON object in a parameter; ColorizerError when it is anything else."""
    values = _json(text)
    if not isinstance(values, dict):
        raise ColorizerError(Text("api.not-json", name=name, limit=MAX_JSON))
    return values


def json_objects(text: Any, name: str, most: int, example: str) -> list[dict[str, Any]]:
    """The JSON list of 1 to `most` objects in a parameter; ColorizerError when it is anything else."""
    values = _json(text)
    if isinstance(values, list) and 0 < len(values) <= most and all(isinstance(value, dict) for value in values):
        return values
    raise ColorizerError(Text("api.not-json-list", name=name, most=most, limit=MAX_JSON, example=example))


def _json(text: Any) -> Any:
    """What JSON says; None where it is none, or too long."""
    if not isinstance(text, str) or len(text) > MAX_JSON:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
