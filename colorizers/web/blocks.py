"""The page: one photo above a tab a method."""

from collections.abc import Sequence

import gradio as gr

from colorizers.engine import Engine
from colorizers.methods.method import MethodInfo
from colorizers.web import comparison, markup
from colorizers.web.adjust import wire_adjusting
from colorizers.web.api import add_endpoints
from colorizers.web.automatic import Automatic
from colorizers.web.batch import BatchHandlers, build_batch
from colorizers.web.downloads import follow_weights
from colorizers.web.gradio_io import Page
from colorizers.web.handlers import TabHandlers
from colorizers.web.hint_tool import build_hint_tool
from colorizers.web.notice import build_notice
from colorizers.web.photo_handlers import PhotoHandlers
from colorizers.web.photo_section import build_photo_section
from colorizers.web.recall import Recall
from colorizers.web.session import Session
from colorizers.web.strip import build_strip
from colorizers.web.tab import TabView, build_tab
from colorizers.web.tab_header import compare_header, first_of_groups, group, header
from colorizers.words import ENGLISH, LANGUAGES, Text, spoken


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
        photo_handlers = PhotoHandlers(photo, workspace, tabs, automatic, recall, hint_tool, session)
        photo_handlers.wire(recall.wire(session))
        many.wire(photo, workspace, session)
        for tab in tabs:
            tab.wire_stop(session)
        automatic.wire_stop()
        follow_weights(page, engine, list(zip(tabs, headers, strict=True)))
        if route is None:
            with spoken(ENGLISH):
                add_endpoints(engine)
    return page


def _build_tab(engine: Engine, info: MethodInfo, language: str) -> tuple[gr.Tab, TabView]:
    with gr.Tab(header(engine, info, language), id=info.name) as tab:
        return tab, build_tab(info, engine.weights(), language)
