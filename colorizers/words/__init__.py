"""Every sentence that a user can meet, by its id: one file a language.

The code names a sentence and its parameters, as `Text("photo.too-large", name="a.png", limit=40)`; the surfaces word
it, each in the language of its reader. A language is a TOML file beside this module; an id such as `photo.too-large` is
the key `too-large` in the table `photo`. A sentence that a language lacks is worded in English.
"""

import functools
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ENGLISH = "en"
LANGUAGES = tuple(sorted(path.stem for path in Path(__file__).parent.glob("*.toml")))


@dataclass(frozen=True, init=False)
class Text:
    """A sentence of the catalogue and its parameters, which may be texts themselves. `str` words it in English."""

    id: str
    parameters: tuple[tuple[str, Any], ...]

    def __init__(self, id: str, /, **parameters: object) -> None:
        if id not in _catalogue(ENGLISH):
            raise KeyError(f"there is no text {id!r} in the catalogue")
        object.__setattr__(self, "id", id)
        object.__setattr__(self, "parameters", tuple(parameters.items()))

    def worded(self, language: str = ENGLISH) -> str:
        """The sentence in a language, one of LANGUAGES."""
        template = _catalogue(language).get(self.id, _catalogue(ENGLISH)[self.id])
        return template.format(**{name: _worded(value, language) for name, value in self.parameters})

    def __str__(self) -> str:
        return self.worded()


def exists(id: str) -> bool:
    """Whether the catalogue has a text of this id."""
    return id in _catalogue(ENGLISH)


def _worded(value: object, language: str) -> object:
    return value.worded(language) if isinstance(value, Text) else value


@functools.cache
def _catalogue(language: str) -> dict[str, str]:
    """The templates of a language by their ids."""
    return _flat(tomllib.loads(Path(__file__).with_name(f"{language}.toml").read_text(encoding="utf-8")))


def _flat(table: dict[str, Any], place: str = "") -> dict[str, str]:
    entries: dict[str, str] = {}
    for key, value in table.items():
        entries |= _flat(value, f"{place}{key}.") if isinstance(value, dict) else {f"{place}{key}": value}
    return entries
