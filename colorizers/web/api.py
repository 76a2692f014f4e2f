"""The endpoints for programs: one for every method, and one a method whose parameters are its options."""

import contextlib
import inspect
import json
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import gradio as gr
from gradio.data_classes import FileData

from colorizers.engine import Engine
from colorizers.engine.jobs import Done, JobRequest
from colorizers.errors import ColorizerError
from colorizers.methods.method import MethodInfo
from colorizers.options import Control, controls
from colorizers.picture.finish import Finish, Looks
from colorizers.picture.hints import EXAMPLE
from colorizers.picture.naming import result_stem
from colorizers.picture.photo import Photo
from colorizers.picture.result import Result
from colorizers.web.files import open_upload
from colorizers.web.gradio_io import shown_errors
from colorizers.web.handlers import DEVICE, JOBS_IN_HAND
from colorizers.words import Text

MAX_JSON = 10_000  # characters
_REQUIRED = inspect.Parameter.empty
_RETURNS = Text("api.returns")

Files = list[FileData]
Records = list[dict[str, Any]]


@dataclass(frozen=True)
class Parameter:
    """One parameter of an endpoint."""

    name: str
    type: Any
    help: Text | str
    default: Any = _REQUIRED


def add_endpoints(engine: Engine) -> None:
    """Add `/colorize` and a `/colorize_<method>` for each method to the page that is being built."""
    photo = Parameter("photo", FileData, Text("api.photo"))
    hints = Parameter("hints_json", str, Text("api.hints-json", example=EXAMPLE), "[]")
    finish = Text("api.finish-json", fields=(*Looks.model_fields, *Finish.model_fields))
    parameters = [
        photo,
        Parameter("method", Literal[tuple(engine.methods)], Text("api.method")),
        Parameter("options_json", str, Text("api.options-json"), "{}"),
        Parameter("finish_json", str, finish, "{}"),
        hints,
    ]
    _add("colorize", Text("api.any-method"), parameters, _any_request, engine)
    for method in engine.methods.values():
        info = method.info
        own, after = map(_parameter, controls(info.options)), map(_finish_parameter, controls(info.finish))
        parameters = [photo, *own, *map(_parameter, controls(Looks)), *after, hints]
        title = Text("api.one-method", title=info.title, paper=info.paper)
        _add(f"colorize_{info.name}", title, parameters, _Typed(info), engine)


def _add(
    name: str,
    title: Text,
    parameters: list[Parameter],
    request: Callable[[dict[str, Any]], JobRequest],
    engine: Engine,
) -> None:
    def endpoint(*values: Any) -> Iterator[tuple[Files, Records]]:
        with shown_errors():
            given = dict(zip((parameter.name for parameter in parameters), values, strict=True))
            yield from answers_of(engine, request(given))

    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    answer = tuple[Files, Records]
    endpoint.__name__ = name
    endpoint.__doc__ = "\n".join(
        (
            f"{title} {_RETURNS}",
            "",
            "Args:",
            *(f"    {parameter.name}: {parameter.help}" for parameter in parameters),
        )
    )
    endpoint.__annotations__ = {parameter.name: parameter.type for parameter in parameters} | {"return": answer}
    endpoint.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [inspect.Parameter(p.name, kind, default=p.default, annotation=p.type) for p in parameters],
        return_annotation=answer,
    )
    gr.api(endpoint, api_name=name, concurrency_id=DEVICE, concurrency_limit=JOBS_IN_HAND)


def _any_request(given: dict[str, Any]) -> JobRequest:
    """The request that `/colorize` describes."""
    options = _from_json(given["options_json"], "options_json")
    finish = _from_json(given["finish_json"], "finish_json")
    return JobRequest(_opened(given["photo"], "photo"), str(given["method"]), options, finish, given["hints_json"])


@dataclass(frozen=True)
class _Typed:
    """Makes the request that a method's own endpoint describes."""

    info: MethodInfo

    def __call__(self, given: dict[str, Any]) -> JobRequest:
        names = (*Looks.model_fields, *Finish.model_fields)
        finish = {name: given[name] for name in names if given[name] is not None}
        options = {entry.name: _option(entry, given[entry.name]) for entry in controls(self.info.options)}
        return JobRequest(_opened(given["photo"], "photo"), self.info.name, options, finish, given["hints_json"])


def answers_of(engine: Engine, request: JobRequest) -> Iterator[tuple[Files, Records]]:
    """Nothing after every event, so that a cancel lands there, and then the files; closing cancels what is left."""
    job = engine.checked(request)
    with contextlib.closing(engine.run(job)) as events:
        for event in events:
            if isinstance(event, Done):
                yield from _saved(event.results(job))
            else:
                yield [], []


def _saved(results: tuple[Result, ...]) -> Iterator[tuple[Files, Records]]:
    """Nothing after every file, as after an event, and then all of them."""
    files = []
    with tempfile.TemporaryDirectory() as folder:  # Gradio copies what lies here into its cache
        for k, result in enumerate(results, 1):
            stem = result_stem(result.photo.name, result.record.method, k if len(results) > 1 else None)
            path = Path(folder) / f"{stem}.png"
            result.save(path)
            files.append(FileData(path=str(path), orig_name=path.name).model_dump())
            yield [], []
        yield files, [result.record.model_dump(mode="json") for result in results]


def _parameter(entry: Control) -> Parameter:
    """The endpoint's parameter for one option."""
    types: dict[str, Any] = {"bool": bool, "int": int, "float": float, "text": str, "seed": int | None}
    kind = types.get(entry.kind)
    if entry.kind == "choice":
        kind = Literal[entry.choices]
    if entry.kind == "picture":
        kind = FileData if entry.required else FileData | None
    help: Text | str = entry.help_with_choices
    if entry.kind in ("int", "float"):
        help = Text("api.bounded", help=help, low=entry.low, high=entry.high)
    return Parameter(entry.name, kind, help, _REQUIRED if entry.required else entry.default)


def _finish_parameter(entry: Control) -> Parameter:
    """The endpoint's parameter for a value of the finish, which may be left to the method."""
    own = _parameter(entry)
    return replace(own, type=float | None, default=None, help=Text("api.finish-value", help=own.help))


def _option(entry: Control, value: Any) -> Any:
    if entry.kind != "picture" or value is None:
        return value
    return _opened(value, entry.name)


def _opened(data: Any, name: str) -> Photo:
    """Decode a file that came by Gradio's upload: it checks the path of those that carry its mark, and no others."""
    try:
        file = FileData.model_validate(data, context={"validate_meta": True})
    except ValueError as error:
        raise ColorizerError(Text("api.not-uploaded", name=name)) from error
    return open_upload(file.path, file.orig_name)


def _from_json(text: Any, name: str) -> dict[str, Any]:
    problem = ColorizerError(Text("api.not-json", name=name, limit=MAX_JSON))
    if not isinstance(text, str) or len(text) > MAX_JSON:
        raise problem
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise problem from error
    if not isinstance(values, dict):
        raise problem
    return values
