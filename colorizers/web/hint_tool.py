"""Colour hints on the page: what the browser sends of them, and what it is told. `hints.js` draws them."""

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import gradio as gr
from pydantic import Field, TypeAdapter, ValidationError

from colorizers.errors import ColorizerError
from colorizers.picture.hints import checked_hints
from colorizers.web import markup
from colorizers.web.gradio_io import QUIET, QUIET_NOW, shown_errors
from colorizers.web.handlers import FINISHING, TabHandlers
from colorizers.web.hint_colors import likely_colors
from colorizers.web.session import Session
from colorizers.web.strip import Strip
from colorizers.web.tab import Updates
from colorizers.words import Text

_Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
_PLACE: TypeAdapter[tuple[_Share, _Share]] = TypeAdapter(tuple[_Share, _Share])
_LONGEST_PLACE = 100  # characters
_TAKE = "document.addEventListener('%s', (event) => { props.value = event.detail; trigger('input'); });"


@dataclass(frozen=True)
class HintTool:
    """Components that nobody sees.

    The browser writes into `sent`, a list of hints, and `place`, for which it wants colours. It reads `known`, the
    session's hints, and `colors`, those that are likely at the place.
    """

    sent: gr.HTML
    place: gr.HTML
    known: gr.HTML
    colors: gr.HTML
    language: str

    def wire(self, tabs: Sequence[TabHandlers], strip: Strip, session: gr.State) -> None:
        """Connect the components: a change acts on the visible tab, then on the strip and on methods that listen."""
        latest: dict[str, Any] = {"trigger_mode": "always_last", **QUIET, **FINISHING}
        pictures = [tab.view.slider for tab in tabs]

        def change(now: Session, sent: str) -> Updates:
            with shown_errors(self.language):
                now.hint(checked_hints(sent))
                seen = (tab for tab in tabs if tab.info.name == now.open and now.tab(tab.info).colorings)
                return {pictures[0]: gr.skip()} | {tab.view.slider: now.look(tab.info) for tab in seen}

        changed = self.sent.input(change, [session, self.sent], pictures, **latest)
        changed.failure(self.updates, session, self.known, **QUIET_NOW)
        changed.success(strip.updates, session, strip.outputs, **latest)
        for tab in tabs:
            if tab.info.listening:
                tab.listen_to(changed, session)
        self.place.input(self.suggest, [session, self.place], self.colors, **QUIET_NOW)

    def updates(self, session: Session) -> Updates:
        """The session's hints for the browser, which begins anew with them."""
        hints = [hint.model_dump() for hint in session.hints]
        return {self.known: markup.data(hints=json.dumps(hints), token=secrets.token_hex(4))}

    def suggest(self, session: Session, place: str) -> str:
        """The likely colours of a place."""
        with shown_errors(self.language):
            along, down = _checked_place(place)
            return markup.data(place=place, colors=json.dumps(likely_colors(session, along, down)))


def build_hint_tool(language: str) -> HintTool:
    """Render the components here."""
    sent, place = (
        gr.HTML(html_template="", js_on_load=_TAKE % name, visible="hidden") for name in ("hints-sent", "hints-place")
    )
    known, colors = (gr.HTML(visible="hidden", elem_id=name) for name in ("hints-known", "hints-colors"))
    return HintTool(sent, place, known, colors, language)


def _checked_place(given: str) -> tuple[float, float]:
    """A place in shares of width and height, from the JSON of a pair."""
    try:
        return _PLACE.validate_json(given[:_LONGEST_PLACE])
    except ValidationError as error:
        raise ColorizerError(Text("hints.no-place")) from error
