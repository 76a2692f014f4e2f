"""One description of every control: it drives sliders, flags, endpoints, validation and the record.

A method's options are a pydantic model whose fields are made by the functions below. The kinds are a closed set:
bool, bounded int and float, Literal, bounded text, Seed and Picture (always a decoded Photo). What people read of them
stands in the catalogue: `options.<key>.label`, `.help` and `.choices.<value>`; the key is the field's name, unless
another is given.
"""

import types
import typing
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic.fields import FieldInfo

from colorizers.errors import ColorizerError
from colorizers.words import Text, clauses

Kind = Literal["bool", "int", "float", "choice", "text", "seed", "picture"]
MAX_SEED = 2**32 - 1
MAX_VARIANTS = 10
MAX_TEXT = 500
RESERVED = {
    "seed": "seed",
    "variants": "int",
    "working_size": "int",
    "start_from": "choice",
    "blend_with": "choice",
    "vividness": "float",
    "color_strength": "float",
    "saturation": "float",
    "warmth": "float",
    "luminance_lock": "float",
    "edge_snap": "float",
    "contrast": "float",
    "look": "choice",
}
"""Names that mean the same in every place, and their kinds."""


@dataclass(frozen=True)
class Words:
    """What people read of an option; the labels of its choices by their values."""

    label: Text
    help: Text
    labels: Mapping[str, Text]


@dataclass(frozen=True)
class Control:
    """What any surface needs to know of one option. Bounds are inclusive; `high` of a text is its length.

    `label`, `help` and `labels`, those of the `choices` in their order, are worded by `str`: see `worded`. Some of the
    choices may be weights of a `family`. `finish` and `options` hold, by choice, the values of the finish and of other
    options that suit it, where they differ from the defaults. A picture may be one of the shipped references where
    `references` says so.
    """

    name: str
    label: str
    kind: Kind
    default: Any
    help: str
    words: Words
    low: float | None = None
    high: float | None = None
    step: float | None = None
    unit: str = ""
    choices: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    family: str = ""
    finish: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    references: bool = False
    required: bool = False
    advanced: bool = False

    def worded(self, language: str) -> "Control":
        """The same in a language."""
        return replace(
            self,
            label=self.words.label.worded(language),
            help=self.words.help.worded(language),
            labels=tuple(self.words.labels[choice].worded(language) for choice in self.choices),
        )

    @property
    def help_with_choices(self) -> str:
        """The help, with what each choice means and brings: for surfaces that show the choices by their values."""
        if self.labels == self.choices:
            return self.help
        named = zip(self.choices, self.labels, strict=True)
        meanings = clauses(
            Text("options.meaning", choice=choice, label=f"{label}{_brought(self.options.get(choice, {}))}")
            for choice, label in named
        )
        return str(Text("options.with-meanings", help=self.help, meanings=meanings))


def _brought(values: Mapping[str, Any]) -> str:
    return f" ({', '.join(f'{name} {value}' for name, value in values.items())})" if values else ""


class Options(BaseModel):
    """Validated options: nothing unknown, nothing out of bounds, no NaN."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, arbitrary_types_allowed=True)

    @model_validator(mode="before")
    @classmethod
    def _with_what_suits(cls, values: Any) -> Any:
        return {**suited_options(cls, values), **values} if isinstance(values, dict) else values

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        for entry in controls(cls):
            expected = RESERVED.get(entry.name, entry.kind)
            if entry.kind != expected:
                raise TypeError(f"{cls.__name__}.{entry.name} is reserved for kind {expected}, not {entry.kind}")


_Model = TypeVar("_Model", bound=Options)


def control(default: Any, *, low: float | None = None, high: float | None = None, step: float | None = None,
            unit: str = "", key: str = "", help: Text | None = None, labels: Mapping[str, Text] | None = None,
            family: str = "", finish: Mapping[str, Mapping[str, float]] | None = None,
            options: Mapping[str, Mapping[str, Any]] | None = None, advanced: bool = False) -> Any:  # fmt: skip
    """A bool, bounded number or choice; the annotation says which: a choice is a Literal.

    `help` and `labels` take the place of the catalogue's entries of the key. Values that are weights of `family` can be
    chosen only when the weights are installed. `finish` and `options` hold, by value, what of the finish and which
    values of other options suit it; these take the place of the defaults of whatever is not given.
    """
    extra: Any = {
        "key": key, "help": help, "labels": labels, "step": step, "unit": unit, "family": family, "advanced": advanced,
        "finish": finish, "options": options,
    }  # fmt: skip
    return Field(default, ge=low, le=high, json_schema_extra=extra)


def choice(default: str, labels: Mapping[str, Text], *, key: str = "") -> Any:
    """A choice among the keys of `labels`, annotated `str`, where they are not known before the program runs."""
    extra: Any = {"kind": "choice", "labels": labels, "key": key}
    return Field(default, pattern=f"^({'|'.join(labels)})$", json_schema_extra=extra)


def text(default: str, *, max_length: int = MAX_TEXT, advanced: bool = False) -> Any:
    """A text of bounded length."""
    return Field(default, max_length=max_length, json_schema_extra={"advanced": advanced})


def seed(default: int | None = None) -> Any:
    """The seed, annotated `int | None`: None asks the engine for a random one, which the record then names."""
    return Field(default, ge=0, le=MAX_SEED, json_schema_extra={"kind": "seed", "advanced": True})


def seed_of_variant(seed: int, k: int) -> int:
    """The seed of variant k: seed + k, and 0 after the largest."""
    return (seed + k) % (MAX_SEED + 1)


def options_of_variant(options: _Model, k: int) -> _Model:
    """The options that make variant k alone: seed + k, one variant. A seed that is not yet known stays so."""
    single: dict[str, Any] = {"variants": 1} if "variants" in type(options).model_fields else {}
    if (seed := getattr(options, "seed", None)) is not None:
        single["seed"] = seed_of_variant(seed, k)
    return options.model_copy(update=single)


def variants(default: int = 1) -> Any:
    """How many results to make; variant k has seed + k."""
    return control(default, low=1, high=MAX_VARIANTS, step=1)


def picture(*, help: Text | None = None, required: bool = True, references: bool = True, advanced: bool = False) -> Any:
    """A second picture, annotated `Photo` (or `Photo | None` when not required); `help` as in `control`."""
    extra: Any = {"kind": "picture", "help": help, "references": references, "advanced": advanced}
    return Field(json_schema_extra=extra) if required else Field(None, json_schema_extra=extra)


def controls(options: type[Options] | Options) -> list[Control]:
    """The controls of an options model, in its order; those of an instance have its values for defaults."""
    model = options if isinstance(options, type) else type(options)
    entries = [_control(name, info) for name, info in model.model_fields.items()]
    if isinstance(options, type):
        return entries
    return [replace(entry, default=getattr(options, entry.name), required=False) for entry in entries]


def suited_options(options: type[Options], given: Mapping[str, Any]) -> dict[str, Any]:
    """The values of options that suit the given choices, where these differ from the defaults."""
    suited: dict[str, Any] = {}
    for name, info in options.model_fields.items():
        extra: Any = info.json_schema_extra
        by_choice = (extra or {}).get("options") or {}
        suited |= by_choice.get(given.get(name, info.default), {})
    return suited


def validated(options: type[_Model], values: dict[str, Any]) -> _Model:
    """Check values from any surface; ColorizerError names the first thing that is wrong."""
    try:
        return options.model_validate(values)
    except ValidationError as error:
        raise ColorizerError(_mistake(options, error)) from error


def _control(name: str, info: FieldInfo) -> Control:
    extra: Any = info.json_schema_extra
    if not isinstance(extra, dict):
        raise TypeError(f"option {name} is not made by control(), text(), seed(), variants() or picture()")
    kind, choices = _kind(name, info, extra.get("kind"), extra.get("labels") or ())
    key = extra.get("key") or name
    words = Words(
        label=Text(f"options.{key}.label"),
        help=extra.get("help") or Text(f"options.{key}.help"),
        labels=extra.get("labels") or {value: Text(f"options.{key}.choices.{value}") for value in choices},
    )
    bounds = {type(rule).__name__: rule for rule in info.metadata}
    low = bounds["Ge"].ge if "Ge" in bounds else None
    high = bounds["Le"].le if "Le" in bounds else None
    if kind == "text":
        high = bounds["MaxLen"].max_length if "MaxLen" in bounds else None
    if kind in ("int", "float", "text") and (high is None or (kind != "text" and low is None)):
        raise TypeError(f"option {name} has no bounds")
    return Control(
        name=name,
        label=str(words.label),
        kind=kind,
        default=None if info.is_required() else info.default,
        help=str(words.help),
        words=words,
        low=low,
        high=high,
        step=extra.get("step") or (1 if kind == "int" else None),
        unit=str(extra.get("unit") or ""),
        choices=choices,
        labels=tuple(str(words.labels[value]) for value in choices),
        family=str(extra.get("family") or ""),
        finish=extra.get("finish") or {},
        options=extra.get("options") or {},
        references=bool(extra.get("references")),
        required=info.is_required(),
        advanced=bool(extra.get("advanced")),
    )


def _kind(name: str, info: FieldInfo, marked: Any, labels: Iterable[str]) -> tuple[Kind, tuple[str, ...]]:
    if marked in ("seed", "picture"):
        return marked, ()
    if marked == "choice":
        return marked, tuple(labels)
    annotation = info.annotation
    if typing.get_origin(annotation) is Literal:
        return "choice", typing.get_args(annotation)
    kinds: dict[Any, Kind] = {bool: "bool", int: "int", float: "float", str: "text"}
    if isinstance(annotation, types.UnionType) or annotation not in kinds:
        raise TypeError(f"option {name} has the type {annotation}, which is no kind of control")
    return kinds[annotation], ()


def _mistake(options: type[Options], error: ValidationError) -> Text:
    first = error.errors(include_url=False, include_input=False)[0]
    name = str(first["loc"][0]) if first["loc"] else ""
    known = {entry.name: entry for entry in controls(options)}
    if name not in known:
        if not known:
            return Text("option.unknown-none", name=name[:40])
        return Text("option.unknown", name=name[:40], options=tuple(known))
    entry = known[name]
    label = entry.words.label
    if first["type"] == "missing":
        return Text("option.missing", label=label)
    match entry.kind:
        case "int":
            return Text("option.whole-number", label=label, low=entry.low, high=entry.high)
        case "float":
            return Text("option.number", label=label, low=entry.low, high=entry.high)
        case "bool":
            return Text("option.bool", label=label)
        case "choice":
            return Text("option.choice", label=label, choices=entry.choices)
        case "text":
            return Text("option.text", label=label, limit=entry.high)
        case "seed":
            return Text("option.seed", label=label, high=MAX_SEED)
        case "picture":
            return Text("option.picture", label=label)
