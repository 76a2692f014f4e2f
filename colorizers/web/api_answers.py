"""What all endpoints share: uploads and JSON that come in, files and records that go out."""

import contextlib
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gradio.data_classes import FileData
from gradio.utils import get_upload_folder

from colorizers.engine import Engine
from colorizers.engine.jobs import Done, JobRequest
from colorizers.errors import ColorizerError
from colorizers.picture.naming import result_stem
from colorizers.picture.photo import Photo
from colorizers.picture.result import Result
from colorizers.web.closing import until_closing
from colorizers.web.files import OF_PAGE, open_upload
from colorizers.words import Text

MAX_JSON = 10_000  # characters

Files = list[FileData]
Records = list[dict[str, Any]]
Answer = tuple[Files, Records]
NOTHING: Answer = ([], [])
"""What an endpoint gives after every event, so that a cancel lands there."""


def answers_of(engine: Engine, request: JobRequest) -> Iterator[Answer]:
    """Nothing after every event, and then the files with their records; closing cancels what is left."""
    with temporary_folder() as folder:
        yield from saved(engine, request, folder)


def temporary_folder() -> tempfile.TemporaryDirectory[str]:
    """Where files are made: Gradio copies them into its cache when they are given."""
    return tempfile.TemporaryDirectory(dir=get_upload_folder(), prefix=OF_PAGE)


def saved(engine: Engine, request: JobRequest, folder: str) -> Iterator[Answer]:
    """As `answers_of`, the files in a folder: each in one of its own, so that they may have the same name."""
    job = engine.checked(request)
    with contextlib.closing(until_closing(engine.run(job))) as events:
        for event in events:
            if isinstance(event, Done):
                yield from _written(event.results(job), folder)
            else:
                yield NOTHING


def _written(results: tuple[Result, ...], folder: str) -> Iterator[Answer]:
    """Nothing after every file, as after an event, and then all of them."""
    files = []
    for k, result in enumerate(results, 1):
        stem = result_stem(result.photo.name, result.record.method, k if len(results) > 1 else None)
        path = Path(tempfile.mkdtemp(dir=folder)) / f"{stem}.png"
        result.save(path)
        files.append(answered(path))
        yield NOTHING
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
