"""Every sentence that a user can meet, by its id: one file a language.

The code names a sentence and its parameters, as `Text("photo.too-large", name="a.png", limit=40)`; the surfaces word
it, each in the language of its reader. A language is a TOML file beside this module; an id such as `photo.too-large`
is the key `too-large` in the table `photo`. A sentence that a language lacks is worded in English.
"""

import contextlib
import functools
import string
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ENGLISH = "en"
FOLDER = Path(__file__).parent
LANGUAGES = tuple(sorted(path.stem for path in FOLDER.glob("*.toml")))
_spoken = ContextVar("_spoken", default=ENGLISH)


@dataclass(frozen=True, init=False)
class Text:
    """A sentence of the catalogue and its parameters. `str` words it in the language that is `spoken`, usually English.

    A parameter may be a text itself, or several values, which are listed. KeyError when the catalogue does not have the
    sentence, TypeError when the parameters are not those of its template.
    """

    id: str
    parameters: tuple[tuple[str, Any], ...]

    def __init__(self, id: str, /, **parameters: object) -> None:
        if id not in templates(ENGLISH):
            raise KeyError(f"there is no text {id!r} in the catalogue")
        if parameters.keys() != (wanted := fields(templates(ENGLISH)[id])):
            raise TypeError(f"the text {id} takes {sorted(wanted)}, not {sorted(parameters)}")
        values = {name: tuple(value) if isinstance(value, list) else value for name, value in parameters.items()}
        object.__setattr__(self, "id", id)
        object.__setattr__(self, "parameters", tuple(sorted(values.items())))

    def renamed(self, names: Mapping[Any, Any]) -> "Text":
        """The same sentence about others: values that are among the names get their new ones."""
        return type(self)(self.id, **{name: names.get(value, value) for name, value in self.parameters})

    def worded(self, language: str) -> str:
        """The sentence in a language, one of LANGUAGES."""
        template = templates(language).get(self.id, templates(ENGLISH)[self.id])
        return template.format(**{name: _worded(value, language) for name, value in self.parameters})

    def __str__(self) -> str:
        return self.worded(_spoken.get())


@contextlib.contextmanager
def spoken(language: str) -> Iterator[None]:
    """Meanwhile, `str` words texts in this language, one of LANGUAGES, in this thread."""
    before = _spoken.set(language)
    try:
        yield
    finally:
        _spoken.reset(before)


def clauses(texts: Iterable[Text]) -> Text:
    """Texts in one sentence, with semicolons between them."""
    return functools.reduce(lambda first, second: Text("lists.semicolon", first=first, second=second), texts)


@functools.cache
def templates(language: str) -> dict[str, str]:
    """The templates of a language by their ids."""
    return _flat(tomllib.loads((FOLDER / f"{language}.toml").read_text(encoding="utf-8")))


@functools.cache
def fields(template: str) -> frozenset[str]:
    """The names of the parameters of a template."""
    return frozenset(name for _, name, _, _ in string.Formatter().parse(template) if name is not None)


def _worded(value: object, language: str) -> object:
    if isinstance(value, Text):
        return value.worded(language)
    if isinstance(value, tuple):
        return Text("lists.comma").worded(language).join(str(_worded(each, language)) for each in value)
    return value


def _flat(table: dict[str, Any], place: str = "") -> dict[str, str]:
    entries: dict[str, str] = {}
    for key, value in table.items():
        entries |= _flat(value, f"{place}{key}.") if isinstance(value, dict) else {f"{place}{key}": value}
    return entries
