"""A picture among the options of a method: one of the shipped ones, or an upload."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from colorizers.options import Control
from colorizers.picture.decode import SUFFIXES
from colorizers.web import markup, shipped
from colorizers.web.files import OPENING
from colorizers.web.gradio_io import QUIET, QUIET_NOW, place, shown_errors
from colorizers.web.shown import Source, thumbnail
from colorizers.words import Text

Updates = dict[gr.blocks.Block, Any]


@dataclass(frozen=True)
class PictureChoice:
    """The components. `chosen` holds a `Source` or None on the server, where no browser can set it.

    `remove` is None where there must be a picture, `strip` where no shipped picture will do.
    """

    chosen: gr.State
    card: gr.HTML
    remove: gr.Button | None
    strip: gr.Gallery | None
    references: tuple[Path, ...]
    upload: gr.File
    language: str

    @property
    def outputs(self) -> list[gr.blocks.Block]:
        """What a choice changes."""
        parts = (self.chosen, self.card, self.remove, self.strip, self.upload)
        return [part for part in parts if part is not None]

    def wire(self) -> None:
        """Connect the components."""
        came = self.upload.upload(self.take_upload, self.upload, self.outputs, **QUIET, **OPENING)
        came.failure(lambda: None, None, self.upload, **QUIET_NOW)
        if self.strip is not None:
            self.strip.select(self.take_shipped, None, self.outputs, **QUIET, **OPENING)
        if self.remove is not None:
            self.remove.click(self.take_none, None, self.outputs, **QUIET_NOW)

    def take_upload(self, path: str) -> Updates:
        """Take the file that was dropped."""
        with shown_errors(self.language):
            source = Source.uploaded(path)
        return self._taken(source, source.name, None)

    def take_shipped(self, event: gr.EventData) -> Updates:
        """Take the shipped picture that was selected."""
        with shown_errors(self.language):
            chosen = place(event, len(self.references))
        path = self.references[chosen]
        return self._taken(Source(path), shipped.title(path), chosen)

    def take_none(self) -> Updates:
        """Do without a picture."""
        return self._updates(None, markup.no_picture(self.language), None)

    def _taken(self, source: Source, name: str, place: int | None) -> Updates:
        with shown_errors(self.language):
            small = thumbnail(source.open())
        return self._updates(source, markup.picture(name, small), place)

    def _updates(self, source: Source | None, card: str, place: int | None) -> Updates:
        updates: Updates = {self.chosen: source, self.card: card, self.upload: None}
        if self.remove is not None:
            updates[self.remove] = gr.Button(visible=source is not None)
        if self.strip is not None:
            updates[self.strip] = gr.Gallery(selected_index=place)
        return updates


def picture_choice(entry: Control, language: str) -> gr.State:
    """Render the choice of a picture here, its option worded already; gives the component that holds it."""
    references = shipped.references() if entry.references else ()
    with gr.Column(elem_classes="picture-option"):
        gr.HTML(markup.option(entry.label, entry.help))
        with gr.Row(elem_classes="chosen"):
            card = gr.HTML(markup.no_picture(language))
            remove = None if entry.required else _remove(language)
        strip = shipped.strip(references, entry.label) if references else None
        with gr.Column(elem_classes="drop"):
            upload = gr.File(label=entry.label, file_types=["image", *SUFFIXES], show_label=False)
            invitation = Text("page.or-own-picture") if strip else Text("page.own-picture")
            gr.HTML(markup.small(invitation.worded(language)), elem_classes="invitation")
    choice = PictureChoice(gr.State(), card, remove, strip, references, upload, language)
    choice.wire()
    return choice.chosen


def _remove(language: str) -> gr.Button:
    return gr.Button(Text("page.remove").worded(language), size="sm", visible=False)
