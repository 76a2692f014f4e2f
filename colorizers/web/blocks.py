"""The page: one photo above a tab a method."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import gradio as gr

from colorizers.engine import Engine
from colorizers.engine.jobs import WeightsState
from colorizers.methods.method import MethodInfo
from colorizers.web.api import add_endpoints
from colorizers.web.automatic import Automatic
from colorizers.web.files import OPENING
from colorizers.web.handlers import TabHandlers
from colorizers.web.hint_tool import HintTool, build_hint_tool
from colorizers.web.photo_section import PhotoSection, build_photo_section
from colorizers.web.session import Session
from colorizers.web.strip import build_strip
from colorizers.web.tab import TabView, Updates, build_tab
from colorizers.words import ENGLISH, LANGUAGES, Text, spoken

_SESSION_SECONDS = 3600
_FILES_EVERY, _FILES_AGE = 600, 3600  # seconds


def build_pages(engine: Engine, own: str) -> gr.Blocks:
    """The page in a server's own language, and in each of the others at its name, such as /zh."""
    others = [language for language in LANGUAGES if language != own]
    page = build_page(engine, own, (own, *others))
    for language in others:
        build_page(engine, language, (own, *others), page.route(language, f"/{language}", show_in_navbar=False))
    return page


def build_page(
    engine: Engine, language: str = ENGLISH, languages: Sequence[str] = (), route: gr.Blocks | None = None
) -> gr.Blocks:
    """The whole page, in a language, with links to those of `languages`, and its endpoints, which are in English.

    The page of a `route` belongs to another page, which has the endpoints.
    """
    infos, weights = [method.info for method in engine.methods.values()], engine.weights()
    name = Text("page.name").worded(language)
    with route or gr.Blocks(
        title=name, analytics_enabled=False, fill_width=True, delete_cache=(_FILES_EVERY, _FILES_AGE)
    ) as page:
        session = gr.State(Session(), time_to_live=_SESSION_SECONDS)
        photo = build_photo_section(language, languages)
        with gr.Column(elem_id="workspace", elem_classes="away") as workspace:
            with gr.Tabs(overflow_behavior="wrap") as row:
                built = [_build_tab(info, weights, language) for info in infos]
            strip = build_strip(infos, language)
        hint_tool = build_hint_tool(language)
        tabs = [TabHandlers(engine, info, view, strip) for info, (_, view) in zip(infos, built, strict=True)]
        for tab, (part, _) in zip(tabs, built, strict=True):
            tab.wire(part, session)
        automatic = Automatic(tabs, strip, row)
        hint_tool.wire(tabs, strip, session)
        _wire_photo(photo, workspace, tabs, automatic, hint_tool, session)
        for tab in tabs:
            tab.wire_stop(session)
        automatic.wire_stop(session)
        page.load(
            lambda: [tab.beforehand() for tab in tabs], None, [tab.view.beforehand for tab in tabs],
            queue=False, show_progress="hidden", api_visibility="private",
        )  # fmt: skip
        if route is None:
            with spoken(ENGLISH):
                add_endpoints(engine)
    return page


def _build_tab(info: MethodInfo, weights: WeightsState, language: str) -> tuple[gr.Tab, TabView]:
    with gr.Tab(Text("page.tab", title=info.title, purpose=info.purpose).worded(language), id=info.name) as tab:
        return tab, build_tab(info, weights, language)


def _wire_photo(
    photo: PhotoSection,
    workspace: gr.Column,
    tabs: list[TabHandlers],
    automatic: Automatic,
    hint_tool: HintTool,
    session: gr.State,
) -> None:
    """A photo that comes or is turned ends what runs and clears the tabs, and is coloured by itself."""
    plumbing: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    opening = {"cancels": [job for tab in tabs for job in tab.jobs], **OPENING}

    def shown(now: Session, stay: bool = False) -> Updates:
        cleared = {part: update for tab in tabs for part, update in tab.blank(now).items()}
        begun = automatic.begin(now, stay)
        told = photo.updates(now) | hint_tool.updates(now)
        return {session: now, workspace: gr.Column(elem_classes=""), **told, **cleared, **begun}

    def take_upload(now: Session, path: str) -> Updates:
        photo.take_upload(now, path)
        return shown(now)

    def take_example(now: Session, event: gr.EventData) -> Updates:
        photo.take_example(now, event)
        return shown(now)

    def turn(quarter_turns: int, now: Session) -> Updates:
        photo.turn(now, quarter_turns)
        in_sight = next((tab.look(now) for tab in tabs if tab.info.name == now.open), {})
        return shown(now, stay=True) | in_sight

    parts = dict.fromkeys([*automatic.outputs, *(part for tab in tabs for part in tab.view.outputs)])
    outputs = [session, workspace, hint_tool.known, *photo.outputs, *parts]
    came = [photo.upload.upload(take_upload, [session, photo.upload], outputs, **plumbing, **opening)]
    if photo.gallery is not None:
        came.append(photo.gallery.select(take_example, session, outputs, **plumbing, **opening))
    for event in came:
        event.failure(lambda: None, None, photo.upload, queue=False, **plumbing)
    for button, quarter_turns in ((photo.left, 1), (photo.right, -1)):
        came.append(button.click(partial(turn, quarter_turns), session, outputs, **plumbing, **opening))
    for event in came:
        automatic.start_after(event, session)
    photo.another.click(photo.start_again, None, [photo.start, photo.bar, workspace], queue=False, **plumbing)
