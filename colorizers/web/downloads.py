"""The weights of a tab: what is installed, as the page says it, and a button that downloads what is not.

In public hosting there is no button. A visitor never names what is to be downloaded: it follows from the options.
"""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import gradio as gr

from colorizers.engine import Engine
from colorizers.engine.jobs import Heartbeat, Pace
from colorizers.errors import ColorizerError
from colorizers.options import controls
from colorizers.settings import get_settings
from colorizers.web import markup, texts
from colorizers.web.controls import offered, weights_among
from colorizers.web.gradio_io import QUIET, QUIET_NOW, sentence_of, shown_errors
from colorizers.web.handlers import TabHandlers
from colorizers.web.jobs import JobView, Phase
from colorizers.web.tab import Updates, seen
from colorizers.web.tab_header import header
from colorizers.weights.registry import Weights
from colorizers.words import Text

_AT_ONCE = 2


class TabWeights:
    """Follows the weights of one tab."""

    def __init__(self, engine: Engine, tab: TabHandlers, part: gr.Tab) -> None:
        self._engine = engine
        self._tab = tab
        self._part = part
        self._row = tab.view.downloading
        self._language = tab.view.language
        every, self._weights = controls(tab.info.options), engine.weights()
        self._entries = [entry for entry in every if weights_among(entry, tab.info.name, self._weights)]

    @property
    def lacks_something(self) -> bool:
        """Whether anything that its options may choose is not installed."""
        return bool(self._tab.missing()) or any(
            one.key not in self._weights.installed
            for entry in self._entries
            for one in weights_among(entry, self._tab.info.name, self._weights).values()
        )

    @property
    def outputs(self) -> list[gr.blocks.Block]:
        """What `updates` changes."""
        view = self._tab.view
        return [self._part, view.beforehand, *(view.options[entry.name] for entry in self._entries)]

    @property
    def offer_outputs(self) -> list[gr.blocks.Block]:
        """What `offered` changes."""
        return [self._row.offer, self._row.get] if self._row is not None else []

    def wire(self, every: "Sequence[TabWeights]") -> None:
        """Connect the button and the options; a download may help all the tabs."""
        row, options = self._row, self._tab.view.options
        if row is None:
            return
        kinds = {"choice": "input", "bool": "input", "picture": "change"}
        changes = [getattr(options[entry.name], kinds[entry.kind]) for entry in options.entries if entry.kind in kinds]
        inputs = list(options.components)
        gr.on(changes, self.offered, inputs, self.offer_outputs, **QUIET_NOW)
        begun = row.get.click(
            self.download, inputs, [row.get, row.stop, row.status], concurrency_id="download",
            concurrency_limit=_AT_ONCE, **QUIET,
        )  # fmt: skip
        begun.failure(self.stopped, None, [row.get, row.stop, row.status], **QUIET_NOW)
        ended = begun.then(self.offered, inputs, self.offer_outputs, **QUIET_NOW)
        ended.then(*_all_of(every), **QUIET_NOW)
        row.stop.click(None, cancels=[begun], **QUIET_NOW)

    def updates(self) -> Updates:
        """The tab with the weights that are installed now."""
        view, info, weights = self._tab.view, self._tab.info, self._engine.weights()
        updates: Updates = {
            self._part: gr.Tab(header(self._engine, info, self._language)),
            view.beforehand: self._tab.beforehand(),
        }
        for entry in self._entries:
            now = offered(entry, info.name, weights, self._language)
            labels = list(zip(now.labels, now.choices, strict=True))
            updates[view.options[entry.name]] = gr.Dropdown(choices=labels, info=now.help)
        return updates

    def at_first(self) -> Updates:
        """As `updates`, and what can be downloaded for the options as they are at first."""
        if self._row is None:
            return self.updates()
        return self.updates() | self.offered(*(entry.default for entry in self._tab.view.options.entries))

    def offered(self, *chosen: Any) -> Updates:
        """What can be downloaded for these options."""
        assert self._row is not None
        lacking = self._lacking(chosen)
        lines = [Text("page.can-be-downloaded", name=one.shown, licence=one.licence) for one in lacking]
        label = Text("page.download-weights", names=[one.shown for one in lacking]).worded(self._language)
        button = gr.Button(label, visible=seen(bool(lacking)))
        return {self._row.offer: markup.notes(lines, self._language), self._row.get: button}

    def download(self, *chosen: Any) -> Iterator[Updates]:
        """Download what these options lack, from its beginning to its end."""
        assert self._row is not None
        with shown_errors(self._language):
            if get_settings().public:
                raise ColorizerError(Text("page.no-downloads"))
        pace, keys = Pace(), [one.key for one in self._lacking(chosen)]
        try:
            yield self._show(JobView(Phase.QUEUED, Text("status.starting")))
            with contextlib.closing(self._engine.download(keys)) as steps:
                for step in steps:
                    if isinstance(step, Heartbeat):
                        yield {self._row.status: gr.skip()}
                        continue
                    text = texts.step(step.text, pace.left(step))
                    yield self._show(JobView(Phase.RUNNING, text, step.share))
            yield self._show(JobView(Phase.DONE, Text("page.downloaded")))
        except ColorizerError as error:
            yield self._show(JobView(Phase.FAILED, sentence_of(error)))

    def stopped(self) -> Updates:
        """After Stop: what has arrived stays."""
        return self._show(JobView(Phase.STOPPED, Text("page.download-stopped")))

    def _show(self, view: JobView) -> Updates:
        row = self._row
        assert row is not None
        busy, status = view.phase.busy, markup.status(view, self._language)
        return {row.get: gr.Button(visible=seen(not busy)), row.stop: gr.Button(visible=seen(busy)), row.status: status}

    def _lacking(self, chosen: Sequence[Any]) -> list[Weights]:
        """What these options need, is not installed, and can be downloaded."""
        names = [entry.name for entry in self._tab.view.options.entries]
        try:
            missing = self._engine.missing(self._tab.info.name, dict(zip(names, chosen, strict=True)))
        except ColorizerError:  # options that do not go together: running them says so
            return []
        return [one for one in missing if one.can_be_fetched]


def follow_weights(page: gr.Blocks, engine: Engine, tabs: Sequence[tuple[TabHandlers, gr.Tab]]) -> None:
    """Show in the tabs what is installed when the page is opened and after a download."""
    every = [TabWeights(engine, tab, part) for tab, part in tabs]
    every = [each for each in every if each.lacks_something]  # Gradio's page takes its time with every output
    for each in every:
        each.wire(every)
    outputs = [part for each in every for part in (*each.outputs, *each.offer_outputs)]
    page.load(lambda: _merged(each.at_first() for each in every), None, outputs, **QUIET_NOW)


def _all_of(every: Sequence[TabWeights]) -> tuple[Callable[[], Updates], None, list[gr.blocks.Block]]:
    """The function of an event that shows what is installed, in all tabs; its inputs, and its outputs."""
    return lambda: _merged(each.updates() for each in every), None, [part for each in every for part in each.outputs]


def _merged(every: Iterable[Updates]) -> Updates:
    return {part: update for each in every for part, update in each.items()}
