"""Looks as chips: those of `LOOKS`, and the visitor's own, which the visitor's browser keeps."""

from collections.abc import Iterable
from html import escape
from typing import Annotated, Any

import gradio as gr
from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from colorizers.errors import ColorizerError
from colorizers.options import controls
from colorizers.picture.finish import LOOKS, Finish, Looks
from colorizers.web.markup import worded
from colorizers.words import Text

MOST_OWN = 12
_LONGEST_NAME = 30  # characters
_Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=_LONGEST_NAME)]
_SENDING = """
element.addEventListener("click", (event) => {
    const { look, own, remove } = event.target.closest("button")?.dataset ?? {};
    if (look || own) trigger("select", look ? { look } : { own });
    if (remove) trigger("delete", { name: remove });
});
element.addEventListener("submit", (event) => {
    event.preventDefault();
    trigger("submit", { name: event.target.elements.name.value });
});
"""
"""For the browser: what is clicked or named goes to the server."""


class OwnLook(BaseModel):
    """A finish that the visitor has named. It comes from the browser, so it is somebody else's input."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: _Name
    finish: Finish


def own_looks(kept: Any) -> list[OwnLook]:
    """The looks that a browser has kept; what is not understood, as of another version, is passed over."""
    looks = []
    for each in (kept if isinstance(kept, list) else [])[:MOST_OWN]:
        try:
            looks.append(OwnLook.model_validate(each))
        except ValidationError:
            continue
    return looks


def with_look(looks: Iterable[OwnLook], name: Any, finish: Finish) -> list[OwnLook]:
    """The looks and one more, which takes the place of its namesake; ColorizerError when it cannot be kept."""
    try:
        look = OwnLook(name=name, finish=finish)
    except ValidationError as error:
        raise ColorizerError(Text("page.look-name", limit=_LONGEST_NAME)) from error
    others = [other for other in looks if other.name != look.name]
    if len(others) >= MOST_OWN:
        raise ColorizerError(Text("page.looks-full", count=MOST_OWN))
    return [*others, look]


def without_look(looks: Iterable[OwnLook], name: Any) -> list[OwnLook]:
    """The looks without the one of this name."""
    return [other for other in looks if other.name != name]


def kept_looks() -> gr.BrowserState:
    """What the visitor's browser keeps of looks, for every language of the page; it is no secret."""
    return gr.BrowserState([], storage_key="colorizers-looks", secret="colorizers")


def build_looks(language: str) -> gr.HTML:
    """Render the chips here, without the visitor's own."""
    return gr.HTML(looks_html([], language), js_on_load=_SENDING, elem_classes="looks")


def looks_html(own: Iterable[OwnLook], language: str) -> str:
    """The chips, and where the present finish gets a name."""
    (entry,) = controls(Looks)
    labels = dict(zip(entry.choices, entry.worded(language).labels, strict=True))
    about = {name: worded(Text(f"looks.{name}"), language) for name in LOOKS}
    shipped = "".join(
        f'<button type="button" data-look="{name}" title="{about[name]}">{labels[name]}</button>' for name in LOOKS
    )
    return (
        f'<div class="chips" role="group" aria-label="{escape(entry.worded(language).label)}">{shipped}'
        f"{''.join(_own_chip(look.name, language) for look in own)}</div>{_naming(language)}"
    )


def _own_chip(name: str, language: str) -> str:
    remove = worded(Text("looks.remove", name=name), language)
    name = escape(name)
    return (
        f'<span class="own"><button type="button" data-own="{name}">{name}</button>'
        f'<button type="button" data-remove="{name}" aria-label="{remove}" title="{remove}">×</button></span>'
    )


def _naming(language: str) -> str:
    keep, name, save, where = (worded(Text(f"looks.{part}"), language) for part in ("keep", "name", "save", "where"))
    return (
        f"<details><summary>{keep}</summary><form>"
        f'<input name="name" type="text" required maxlength="{_LONGEST_NAME}" aria-label="{name}" placeholder="{name}">'
        f"<button>{save}</button></form><p>{where}</p></details>"
    )
