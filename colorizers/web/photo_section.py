"""The top of the page: its name and the bar that shows the photo, and at first the place where it is dropped."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from colorizers.picture.decode import SUFFIXES
from colorizers.settings import get_settings
from colorizers.web import markup, shipped, theme
from colorizers.web.batch_files import ZIP
from colorizers.web.gradio_io import place, shown_errors
from colorizers.web.session import Session
from colorizers.web.shown import Source
from colorizers.web.tab import seen
from colorizers.words import Text

_TURN: dict[str, Any] = {"size": "sm", "scale": 0, "min_width": 110, "elem_classes": "turn"}


@dataclass(frozen=True)
class PhotoSection:
    """The components that hold the photo; the bar and the tabs appear once there is one."""

    start: gr.Column
    upload: gr.File
    several: gr.File
    gallery: gr.Gallery | None
    examples: tuple[Path, ...]
    bar: gr.Row
    card: gr.HTML
    left: gr.Button
    right: gr.Button
    another: gr.Button
    earlier: gr.Button
    back: gr.Button
    language: str

    @property
    def outputs(self) -> list[gr.blocks.Block]:
        """What `updates` may change."""
        return [self.start, self.upload, self.bar, self.card, self.earlier, self.back]

    def take_upload(self, session: Session, path: str) -> None:
        """Take the file that was dropped."""
        with shown_errors(self.language):
            session.use(Source.uploaded(path))

    def take_example(self, session: Session, event: gr.EventData) -> None:
        """Take the shipped photo that was selected."""
        with shown_errors(self.language):
            session.use(Source(self.examples[place(event, len(self.examples))]))

    def turn(self, session: Session, quarter_turns: int) -> None:
        """Turn the photo counter-clockwise."""
        with shown_errors(self.language):
            session.turn(quarter_turns)

    def go_back(self, session: Session) -> None:
        """The photo before."""
        with shown_errors(self.language):
            session.go_back()

    def updates(self, session: Session) -> dict[gr.blocks.Block, Any]:
        """The section for the session's photo."""
        return {
            self.start: gr.Column(elem_classes="away"),
            self.upload: None,
            self.bar: gr.Row(visible=True),
            self.card: markup.photo_card(session.shown, self.language),
            self.earlier: gr.Button(visible=seen(session.earlier is not None)),
            self.back: gr.Button(visible="hidden"),
        }

    def start_again(self) -> tuple[gr.Column, gr.Row, gr.Column, gr.Button]:
        """Back to the first sight: the start, without the bar and the tabs; there is a way back."""
        return (
            gr.Column(elem_classes=""),
            gr.Row(visible=False),
            gr.Column(elem_classes="away"),
            gr.Button(visible=True),
        )

    def stay(self) -> tuple[gr.Column, gr.Row, gr.Column, gr.Button]:
        """No other photo after all: the bar and the tabs as they were."""
        return (
            gr.Column(elem_classes="away"),
            gr.Row(visible=True),
            gr.Column(elem_classes=""),
            gr.Button(visible="hidden"),
        )


def build_photo_section(language: str, languages: Sequence[str], device: Text) -> PhotoSection:
    """Render the top of the page and the start here."""
    paths = shipped.gray_photos()
    drop = Text("page.drop").worded(language)
    with gr.Row(elem_id="top", equal_height=True):
        gr.HTML(markup.header(language, languages, device), head=theme.head(language), elem_id="name")
        bar, card, left, right, another, earlier = _photo_bar(language)
    with gr.Column(elem_id="start") as start:
        back = gr.Button(Text("page.back").worded(language), size="sm", visible="hidden", elem_id="back")
        with gr.Column(elem_classes="drop"):
            upload = gr.File(label=drop, file_types=["image", *SUFFIXES], show_label=False, elem_id="upload")
            gr.HTML(markup.invitation(language), elem_classes="invitation")
        gr.HTML(markup.small(_limits().worded(language)))
        several = _several(language)
        gallery = _examples(paths, language) if paths else None
        gr.HTML(markup.kept_results(language))
    return PhotoSection(
        start, upload, several, gallery, paths, bar, card, left, right, another, earlier, back, language
    )


def _photo_bar(language: str) -> tuple[gr.Row, gr.HTML, gr.Button, gr.Button, gr.Button, gr.Button]:
    with gr.Row(visible=False, equal_height=True, elem_id="photo-bar") as bar:
        card = gr.HTML(elem_id="photo-card")
        left = gr.Button(Text("page.turn-left").worded(language), **_TURN)
        right = gr.Button(Text("page.turn-right").worded(language), **_TURN)
        another = gr.Button(Text("page.another").worded(language), size="sm", scale=0, min_width=130)
        before = Text("page.earlier").worded(language)
        earlier = gr.Button(before, size="sm", scale=0, min_width=130, visible="hidden")
    return bar, card, left, right, another, earlier


def _examples(paths: tuple[Path, ...], language: str) -> gr.Gallery:
    label = Text("page.examples").worded(language)
    gr.HTML(markup.small(label))
    return shipped.strip(paths, label, elem_id="examples")


def _limits() -> Text:
    settings = get_settings()
    return Text("page.limits", megabytes=settings.max_upload_megabytes, megapixels=settings.max_megapixels)


def _several(language: str) -> gr.File:
    """Render here the place where several files are dropped."""
    with gr.Column(elem_classes="drop"):
        label = Text("batch.drop").worded(language)
        kinds = ["image", *SUFFIXES, ZIP]
        upload = gr.File(label=label, file_count="multiple", file_types=kinds, show_label=False, elem_id="batch-upload")
        gr.HTML(markup.small(label), elem_classes="invitation")
    return upload
