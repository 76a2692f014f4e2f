"""The strip below the picture: every method's result in small, and those that are coming."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import gradio as gr

from colorizers.methods.method import MethodInfo
from colorizers.web import markup
from colorizers.web.session import Session
from colorizers.web.tab import Updates, seen
from colorizers.words import Text


@dataclass(frozen=True)
class Strip:
    """The components, and the methods in their order. `page.js` opens the tab of a result that is clicked."""

    infos: Sequence[MethodInfo]
    results: gr.HTML
    stop: gr.Button
    keep: gr.Button
    language: str

    @property
    def outputs(self) -> list[gr.blocks.Block]:
        """What `updates` changes."""
        return [self.results, self.stop, self.keep]

    def updates(self, session: Session) -> Updates:
        """The strip as the session has it."""
        if session.on_page is None:
            return {}
        shown = markup.strip(self._results(session), session.on_page.small, self.language)
        busy, label = bool(session.coming), Text("compare.keep").worded(self.language)
        stop, keep = gr.Button(visible=seen(busy)), gr.Button(label, visible=seen(not busy))
        return {self.results: shown, self.stop: stop, self.keep: keep}

    def _results(self, session: Session) -> Iterator[tuple[MethodInfo, str, float]]:
        for info in self.infos:
            tab = session.tab(info)
            if colorings := tab.colorings:  # another visitor's job may take them away at any time
                yield info, session.small(info), colorings[0].seconds
            elif info.name in session.coming:
                yield info, "", 0.0


def build_strip(infos: Sequence[MethodInfo], language: str) -> Strip:
    """Render the strip here, the quick methods first."""
    in_order = sorted(infos, key=lambda info: not info.quick)
    with gr.Row(elem_id="results"):
        results = gr.HTML()
        stop = gr.Button(Text("page.stop-the-rest").worded(language), size="sm", visible="hidden", min_width=120)
        keep = gr.Button(Text("compare.keep").worded(language), size="sm", visible="hidden", min_width=120)
    return Strip(in_order, results, stop, keep, language)
