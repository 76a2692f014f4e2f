"""The page: one photo above a tab a method."""

from functools import partial
from typing import Any

import gradio as gr

from colorizers.engine.local import Engine
from colorizers.methods.method import Method
from colorizers.web import markup, texts
from colorizers.web.api import add_endpoints
from colorizers.web.files import OPENING
from colorizers.web.handlers import TabWork, Updates
from colorizers.web.photo_section import PhotoSection, build_photo_section
from colorizers.web.session import Session
from colorizers.web.tab import TabView, build_tab

_SESSION_SECONDS = 3600
_FILES_EVERY, _FILES_AGE = 600, 3600  # seconds


def build_page(engine: Engine) -> gr.Blocks:
    """The whole page and its endpoints."""
    methods = list(engine.methods.values())
    with gr.Blocks(
        title=texts.NAME, analytics_enabled=False, fill_width=True, delete_cache=(_FILES_EVERY, _FILES_AGE)
    ) as page:
        session = gr.State(Session(), time_to_live=_SESSION_SECONDS)
        gr.HTML(markup.header())
        photo = build_photo_section()
        with gr.Column(visible=False, elem_id="workspace") as workspace, gr.Tabs(overflow_behavior="wrap"):
            views = [_build_tab(method) for method in methods]
        works = [TabWork(engine, method, view) for method, view in zip(methods, views, strict=True)]
        for work in works:
            work.wire(session)
        _wire_photo(photo, workspace, works, session)
        for work in works:
            work.wire_stop(session)
        page.load(
            lambda: [work.beforehand() for work in works], None, [work.view.beforehand for work in works],
            queue=False, show_progress="hidden", api_visibility="private",
        )  # fmt: skip
        add_endpoints(engine)
    return page


def _build_tab(method: Method) -> TabView:
    with gr.Tab(method.title, id=method.name):
        return build_tab(method)


def _wire_photo(photo: PhotoSection, workspace: gr.Column, works: list[TabWork], session: gr.State) -> None:
    """A photo that comes or is turned ends what runs and clears the tabs; for a new one the first tab starts itself."""
    first = works[0]
    plumbing: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    opening = {"cancels": [w.job for w in works], **OPENING}

    def shown(now: Session) -> Updates:
        blank = {part: update for work in works for part, update in work.blank(now).items()}
        return {session: now, workspace: gr.Column(visible=True), **photo.updates(now), **blank}

    def take_upload(now: Session, path: str) -> Updates:
        photo.take_upload(now, path)
        return shown(now) | first.view.busy()

    def take_example(now: Session, event: gr.EventData) -> Updates:
        photo.take_example(now, event)
        return shown(now) | first.view.busy()

    def turn(quarter_turns: int, now: Session) -> Updates:
        photo.turn(now, quarter_turns)
        return shown(now)

    outputs = [session, workspace, *photo.outputs, *(part for work in works for part in work.view.outputs)]
    came = [photo.upload.upload(take_upload, [session, photo.upload], outputs, **plumbing, **opening)]
    if photo.gallery is not None:
        came.append(photo.gallery.select(take_example, session, outputs, **plumbing, **opening))
    for event in came:
        first.start_after(event, session)
        event.failure(lambda: None, None, photo.upload, queue=False, **plumbing)
    photo.left.click(partial(turn, 1), session, outputs, **plumbing, **opening)
    photo.right.click(partial(turn, -1), session, outputs, **plumbing, **opening)
    photo.another.click(photo.start_again, None, [photo.start, photo.bar, workspace], queue=False, **plumbing)
