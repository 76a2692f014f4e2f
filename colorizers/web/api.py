"""The endpoints for programs: one a method, its options for parameters, one for all, and those for many pictures."""

import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

import gradio as gr
from gradio.context import get_blocks_context
from gradio.data_classes import FileData

from colorizers.engine import Engine
from colorizers.engine.jobs import JobRequest
from colorizers.methods.method import MethodInfo
from colorizers.options import Control, controls
from colorizers.picture.finish import Finish, Looks
from colorizers.picture.hints import EXAMPLE
from colorizers.web import api_many
from colorizers.web.api_answers import ENDINGS, Answer, Records, answers_of, ending_of, json_object, opened
from colorizers.web.gradio_io import shown_errors
from colorizers.web.handlers import FINISHING, IN_LINE
from colorizers.words import Text

_REQUIRED = inspect.Parameter.empty


@dataclass(frozen=True)
class Parameter:
    """One parameter of an endpoint."""

    name: str
    type: Any
    help: Text | str
    default: Any = _REQUIRED


@dataclass(frozen=True)
class Endpoint:
    """What programs can call: `answer` yields its answers for the parameters by name."""

    name: str
    help: Text | str
    parameters: tuple[Parameter, ...]
    answer: Callable[[dict[str, Any]], Any]
    returns: Any = Answer


def add_endpoints(engine: Engine) -> None:
    """Add the endpoints to the page that is being built."""
    for endpoint in (*_for_one_photo(engine), *_for_many(engine)):
        _add(endpoint, **IN_LINE)
    _add(_finish(), **FINISHING)
    _add_methods(engine)


def _for_one_photo(engine: Engine) -> list[Endpoint]:
    """`/colorize`, and a `/colorize_<method>` for each method."""
    photo = Parameter("photo", FileData, Text("api.photo"))
    hints = Parameter("hints_json", str, Text("api.hints-json", example=EXAMPLE), "[]")
    kind = Parameter("format", Literal[tuple(ENDINGS)], Text("api.format"), "png")
    returns = Text("api.returns")

    def endpoint(name: str, title: Text, more: list[Parameter], request: Callable[..., JobRequest]) -> Endpoint:
        told = Text("api.told", title=title, returns=returns)

        def answer(given: dict[str, Any]) -> Iterator[Answer]:
            asked, ending = partial(request, given), ending_of(given["format"])
            return answers_of(engine, str(given.get("method", name.removeprefix("colorize_"))), asked, ending)

        return Endpoint(name, told, (photo, *more, hints, kind), answer)

    found = [endpoint("colorize", Text("api.any-method"), [_method(engine), *_as_json()], _any_request)]
    for method in engine.methods.values():
        info = method.info
        own, after = map(_parameter, controls(info.options)), map(_finish_parameter, controls(info.finish))
        title = Text("api.one-method", title=info.title, paper=info.paper)
        found.append(
            endpoint(f"colorize_{info.name}", title, [*own, *map(_parameter, controls(Looks)), *after], _Typed(info))
        )
    return found


def _for_many(engine: Engine) -> list[Endpoint]:
    """`/compare` and `/batch`."""
    photo = Parameter("photo", FileData, Text("api.photo"))
    rows = Text("api.rows-json", most=api_many.MOST_ROWS, example=api_many.ROWS_EXAMPLE)
    compared = (photo, Parameter("rows_json", str, rows))
    photos = Parameter("photos", list[FileData], Text("api.photos", most=api_many.MOST_PHOTOS))
    return [
        Endpoint("compare", Text("api.compare"), compared, partial(api_many.compare, engine)),
        Endpoint("batch", Text("api.batch"), (photos, _method(engine), *_as_json()), partial(api_many.batch, engine)),
    ]


def _finish() -> Endpoint:
    photo, colored = (Parameter(name, FileData, Text(f"api.{name}")) for name in ("photo", "colored"))
    _, finish = _as_json()
    return Endpoint("finish", Text("api.finish"), (photo, colored, finish), api_many.finish, FileData)


def _method(engine: Engine) -> Parameter:
    return Parameter("method", Literal[tuple(engine.methods)], Text("api.method"))


def _as_json() -> tuple[Parameter, Parameter]:
    """Options and finish."""
    finish = Text("api.finish-json", fields=(*Looks.model_fields, *Finish.model_fields))
    return (
        Parameter("options_json", str, Text("api.options-json"), "{}"),
        Parameter("finish_json", str, finish, "{}"),
    )


def _add(endpoint: Endpoint, **limits: Any) -> None:
    """Add an endpoint with the signature and the docstring that programs read."""
    parameters = endpoint.parameters

    def function(*values: Any) -> Any:
        with shown_errors(html=False):
            yield from endpoint.answer(dict(zip((each.name for each in parameters), values, strict=True)))

    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    function.__name__ = endpoint.name
    told = (f"    {each.name}: {each.help}" for each in parameters)
    function.__doc__ = "\n".join((str(endpoint.help), "", "Args:", *told))
    function.__annotations__ = {each.name: each.type for each in parameters} | {"return": endpoint.returns}
    function.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [inspect.Parameter(each.name, kind, default=each.default, annotation=each.type) for each in parameters],
        return_annotation=endpoint.returns,
    )
    added = gr.api(function, api_name=endpoint.name, **limits)
    for part, each in zip(_inputs(added), parameters, strict=True):
        part.label = each.name  # Gradio's own are 1st, 2nd and so on
        part._api_info = part._api_info | {"additional_description": str(each.help)}


def _inputs(added: gr.events.Dependency) -> Sequence[Any]:
    page = get_blocks_context()
    assert page is not None
    return page.fns[added["id"]].inputs


def _add_methods(engine: Engine) -> None:
    def methods() -> Records:
        return api_many.methods(engine)

    methods.__doc__ = str(Text("api.methods"))
    gr.api(methods, api_name="methods", queue=False)


def _any_request(given: dict[str, Any]) -> JobRequest:
    """The request that `/colorize` describes."""
    options, finish = (json_object(given[name], name) for name in ("options_json", "finish_json"))
    return JobRequest(opened(given["photo"], "photo"), str(given["method"]), options, finish, given["hints_json"])


@dataclass(frozen=True)
class _Typed:
    """Makes the request that a method's own endpoint describes."""

    info: MethodInfo

    def __call__(self, given: dict[str, Any]) -> JobRequest:
        names = (*Looks.model_fields, *Finish.model_fields)
        finish = {name: given[name] for name in names if given[name] is not None}
        options = {entry.name: _option(entry, given[entry.name]) for entry in controls(self.info.options)}
        return JobRequest(opened(given["photo"], "photo"), self.info.name, options, finish, given["hints_json"])


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
    return opened(value, entry.name)
