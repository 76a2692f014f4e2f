"""A line above the photo's tabs: settings that came in, and the offer of what to do with a picture made here."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from colorizers.errors import ColorizerError
from colorizers.picture.naming import shown_name
from colorizers.picture.record import Record, read_record
from colorizers.web import markup
from colorizers.web.tab import Updates
from colorizers.words import Text


@dataclass(frozen=True)
class Notice:
    """The components. `sent` hands over what the page's scripts send."""

    row: gr.Row
    text: gr.HTML
    use: gr.Button
    anew: gr.Button
    close: gr.Button
    sent: gr.HTML
    language: str

    @property
    def outputs(self) -> list[gr.blocks.Block]:
        """What `saying`, `offering` and `gone` change."""
        return [self.row, self.text, self.use, self.anew]

    def saying(self, sentence: Text) -> Updates:
        """One sentence."""
        return self._updates(sentence, False)

    def offering(self, sentence: Text) -> Updates:
        """One sentence and two things to do."""
        return self._updates(sentence, True)

    def gone(self) -> Updates:
        """Nothing to say."""
        return {self.row: gr.Row(elem_classes="away")}

    def _updates(self, sentence: Text, offers: bool) -> Updates:
        said = markup.said(sentence, self.language)
        shown: Any = True if offers else "hidden"
        return {
            self.row: gr.Row(elem_classes=""), self.text: said,
            self.use: gr.Button(visible=shown), self.anew: gr.Button(visible=shown),
        }  # fmt: skip


def record_in(path: str | Path) -> Record | None:
    """The record in a file that was dropped; None where it is an ordinary picture, or none at all."""
    try:
        return read_record(Path(path))
    except ColorizerError:
        return None


def offer(title: Text | str, path: str) -> Text:
    """What was found in a picture that a method, by its title, has coloured."""
    return Text("given.offer", name=shown_name(Path(path).name), title=title)


_SENDING = """
addEventListener("settings", (event) => trigger("submit", { record: event.detail }));
if (location.hash) trigger("submit", { address: location.hash.slice(1) });
"""


def build_notice(language: str) -> Notice:
    """Render the line here, out of sight."""
    small: dict[str, Any] = {"size": "sm", "scale": 0}
    with gr.Row(elem_id="notice", elem_classes="away", equal_height=True) as row:
        text = gr.HTML()
        use = gr.Button(Text("given.use").worded(language), variant="primary", visible="hidden", min_width=150, **small)
        anew = gr.Button(Text("given.anew").worded(language), visible="hidden", min_width=130, **small)
        close = gr.Button(Text("given.close").worded(language), min_width=80, **small)
    sent = gr.HTML(visible="hidden", js_on_load=_SENDING)
    return Notice(row, text, use, anew, close, sent, language)
