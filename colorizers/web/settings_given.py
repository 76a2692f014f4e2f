"""Settings of a method that come back to the page: in the address, in a result file, from the browser's history.

All of them are somebody else's input: what is not an option here, or out of its bounds, is left out and named.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import parse_qsl, urlencode

from pydantic import ConfigDict, TypeAdapter

from colorizers.errors import ColorizerError
from colorizers.options import Control, Options
from colorizers.picture.finish import Finish
from colorizers.picture.naming import shown_name
from colorizers.picture.record import Record
from colorizers.web.tab import TabView
from colorizers.words import Text

_MOST = 64_000  # characters
_MOST_NAMED = 5
_CONFIG = ConfigDict(allow_inf_nan=False)


@dataclass(frozen=True)
class Settings:
    """The name of a method, values by the names of its options and of the finish, and what must be chosen again."""

    method: str
    values: Mapping[str, Any]
    pictures: tuple[str, ...] = ()


def of_address(fragment: Any) -> Settings | None:
    """The settings in the address behind `#`; None where there are none."""
    if not isinstance(fragment, str) or len(fragment) > _MOST:
        return None
    values = dict(parse_qsl(fragment, keep_blank_values=True))
    method = values.pop("method", "")
    return Settings(method, values) if method else None


def of_record(record: Record) -> Settings:
    """The settings that a record names."""
    return Settings(record.method, {**record.options, **record.finish}, tuple(record.pictures))


def of_sent(text: Any) -> Settings:
    """The settings of a record that the browser kept as JSON; ColorizerError when it is none."""
    try:
        if not isinstance(text, str) or len(text) > _MOST:
            raise ValueError
        return of_record(Record.model_validate(json.loads(text)))
    except (ValueError, RecursionError) as error:
        raise ColorizerError(Text("given.no-record")) from error


def address(method: str, view: TabView, values: Iterable[Any]) -> str:
    """What stands behind `#` for the values of a tab that differ from its first ones; pictures are left out."""
    named = zip((*view.options.entries, *view.finish.entries), values, strict=True)
    changed = {
        entry.name: value
        for entry, value in named
        if entry.kind != "picture" and value not in (entry.default, None) and (value != "" or entry.default)
    }
    return urlencode({"method": method, **changed})


def understood(settings: Settings, view: TabView, options: type[Options]) -> tuple[dict[Any, Any], tuple[str, ...]]:
    """The components of a tab with their valid values, and the names of what was left out, as they may be shown."""
    parts, left_out = {}, []
    for name, value in settings.values.items():
        panel, model = (view.finish, Finish) if name in view.finish else (view.options, options)
        entry = next((one for one in panel.entries if one.name == name), None)
        try:
            parts[panel[name]] = _checked(entry, model, value) if entry else _unknown()
        except ValueError:
            left_out.append(shown_name(name) or "?")
    return parts, (*left_out, *map(shown_name, settings.pictures))


def said(title: Text, left_out: tuple[str, ...]) -> Text:
    """One sentence on how it went."""
    if not left_out:
        return Text("given.all", title=title)
    more = (*left_out[:_MOST_NAMED], *(["…"] if len(left_out) > _MOST_NAMED else []))
    return Text("given.some", title=title, names=more)


def _checked(entry: Control, model: type[Options], value: Any) -> Any:
    """The value as the component takes it; a pydantic error, which is a ValueError, where it is none."""
    field = model.model_fields[entry.name]
    if entry.kind == "picture":
        return _unknown()
    if entry.kind == "seed" and value in (None, ""):
        return None
    adapter: TypeAdapter[Any] = TypeAdapter(Annotated[field.annotation, field], config=_CONFIG)
    checked = adapter.validate_python(value)
    if entry.choices and checked not in entry.choices:  # what is not installed may not be offered
        return _unknown()
    return str(checked) if entry.kind == "seed" else checked


def _unknown() -> Any:
    raise ValueError
