"""The page: one photo above a tab a method."""

from collections.abc import Sequence
from functools import partial

import gradio as gr

from colorizers.engine import Engine
from colorizers.methods.method import MethodInfo
from colorizers.web import comparison, markup
from colorizers.web.adjust import wire_adjusting
from colorizers.web.api import add_endpoints
from colorizers.web.automatic import Automatic
from colorizers.web.batch import BatchHandlers, build_batch
from colorizers.web.downloads import follow_weights
from colorizers.web.files import OPENING
from colorizers.web.gradio_io import EACH, QUIET, QUIET_NOW, Page
from colorizers.web.handlers import TabHandlers
from colorizers.web.hint_tool import HintTool, build_hint_tool
from colorizers.web.notice import build_notice
from colorizers.web.photo_section import PhotoSection, build_photo_section
from colorizers.web.recall import Recall
from colorizers.web.session import Session
from colorizers.web.strip import build_strip
from colorizers.web.tab import TabView, Updates, build_tab
from colorizers.web.tab_header import compare_header, first_of_groups, group, header
from colorizers.words import ENGLISH, LANGUAGES, Text, spoken

_TURNED = Text("status.turned")


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
    infos = sorted((method.info for method in engine.methods.values()), key=group)
    name = Text("page.name").worded(language)
    with route or Page(title=name, analytics_enabled=False, fill_width=True) as page:
        session = gr.State(Session())
        photo = build_photo_section(language, languages, engine.health().described)
        notice = build_notice(language)
        with gr.Column(elem_id="workspace", elem_classes="away") as workspace:
            with gr.Tabs(overflow_behavior="wrap") as row:
                built = [_build_tab(engine, info, language) for info in infos]
                with gr.Tab(compare_header(language), id=comparison.ID) as compare:
                    compare_view = comparison.build_comparison(language)
            gr.HTML(markup.gaps(first_of_groups(infos)), visible="hidden")
            strip = build_strip(infos, language)
        hint_tool = build_hint_tool(language)
        many = BatchHandlers(engine, build_batch(engine, photo.several, language))
        headers = [header for header, _ in built]
        tabs = [TabHandlers(engine, info, view, strip) for info, (_, view) in zip(infos, built, strict=True)]
        for tab, header in zip(tabs, headers, strict=True):
            tab.wire(header, session)
        comparison.Comparison(infos, compare_view, strip).wire(compare, session)
        for tab in tabs:
            tab.view.beforehand.value = tab.beforehand()
        automatic = Automatic(engine, tabs, strip, row)
        wire_adjusting(tabs, page, session)
        recall = Recall(tabs, row, notice)
        hint_tool.wire(tabs, strip, session)
        _wire_photo(photo, workspace, tabs, automatic, recall, hint_tool, session, recall.wire(session))
        many.wire(photo, workspace, session)
        for tab in tabs:
            tab.wire_stop(session)
        automatic.wire_stop(session)
        follow_weights(page, engine, list(zip(tabs, headers, strict=True)))
        if route is None:
            with spoken(ENGLISH):
                add_endpoints(engine)
    return page


def _build_tab(engine: Engine, info: MethodInfo, language: str) -> tuple[gr.Tab, TabView]:
    with gr.Tab(header(engine, info, language), id=info.name) as tab:
        return tab, build_tab(info, engine.weights(), language)


def _wire_photo(
    photo: PhotoSection, workspace: gr.Column, tabs: list[TabHandlers], automatic: Automatic, recall: Recall,
    hint_tool: HintTool, session: gr.State, recalled: gr.events.Dependency,
) -> None:  # fmt: skip
    """A photo that comes or is turned ends what runs and clears the tabs, and is coloured by itself.

    What runs sees that its photo has gone, so that a file that is refused ends nothing; what waits to run is cancelled
    where the photo changes for sure. A picture that was made here is asked about first. `recalled` is the event that
    brings settings for the photo.
    """

    def shown(now: Session, stay: bool = False, said: Text = _TURNED) -> Updates:
        cleared = {part: update for tab in tabs for part, update in tab.blank(now, said).items()}
        now.deep = now.shown.photo.bits == 16
        begun = automatic.begin(now, stay)
        told = photo.updates(now) | hint_tool.updates(now)
        return {session: now, workspace: gr.Column(elem_classes=""), **told, **cleared, **begun}

    def in_sight(now: Session) -> Updates:
        return next((tab.look(now) for tab in tabs if tab.info.name == now.open), {})

    def arrived(now: Session) -> Updates:
        stay, now.stays = now.stays, False
        return shown(now, stay) | recall.notice.gone()

    def take_upload(now: Session, path: str) -> Updates:
        question = recall.ask_about(now, path)
        if question is not None:
            return {session: now, photo.upload: None, **question}
        photo.take_upload(now, path)
        return arrived(now)

    def take_example(now: Session, event: gr.EventData) -> Updates:
        photo.take_example(now, event)
        return arrived(now)

    def take_offered(now: Session) -> Updates:
        photo.take_upload(now, str(now.offered))
        return arrived(now)

    def use_offered(now: Session) -> Updates:
        used = recall.use_offered(now)
        return used if now.on_page is not None else take_offered(now) | used

    def turn(quarter_turns: int, now: Session) -> Updates:
        photo.turn(now, quarter_turns)
        return shown(now, stay=True) | in_sight(now)

    def go_back(now: Session) -> Updates:
        photo.go_back(now)
        finishes = {part: update for tab in tabs for part, update in tab.finish_values(now).items()}
        return shown(now, stay=True, said=Text("status.earlier")) | finishes | in_sight(now)

    # Gradio's page looks through all that it shows for every output of an event, changed or not: few have all of them.
    parts = dict.fromkeys([*automatic.outputs, *recall.notice.outputs, *(part for tab in tabs for part in tab.outputs)])
    outputs = [session, workspace, hint_tool.known, *photo.outputs, *parts]
    all_outputs = list(dict.fromkeys([*outputs, *recall.outputs]))
    came = [photo.upload.upload(take_upload, [session, photo.upload], outputs, **QUIET, **OPENING)]
    if photo.gallery is not None:
        came.append(photo.gallery.select(take_example, session, outputs, **QUIET, **OPENING))
    for event in came:
        event.failure(lambda: None, None, photo.upload, **QUIET_NOW)
    clicks = {photo.left: partial(turn, 1), photo.right: partial(turn, -1), recall.notice.anew: take_offered}
    settings = {photo.earlier: go_back, recall.notice.use: use_offered}
    for button, act in (clicks | settings).items():
        changed = all_outputs if button in settings else outputs
        came.append(button.click(act, session, changed, **EACH, **OPENING))
    sure = [button.click for button in clicks | settings]
    if photo.gallery is not None:
        sure.append(photo.gallery.select)
    gr.on(sure, None, cancels=[job for tab in tabs for job in tab.jobs], **QUIET_NOW)
    for event in (*came, recalled):
        automatic.start_after(event, session)
    sights = [photo.start, photo.bar, workspace, photo.back]
    photo.another.click(photo.start_again, None, sights, **QUIET_NOW)
    photo.back.click(photo.stay, None, sights, **QUIET_NOW)
