"""One tab: before and after, and beside it the buttons, the variants, the options of a method, the finish."""

from dataclasses import dataclass
from typing import Any, Literal

import gradio as gr

from colorizers.engine.jobs import WeightsState
from colorizers.methods.method import MethodInfo
from colorizers.options import MAX_VARIANTS
from colorizers.picture.exports import ENDINGS
from colorizers.settings import get_settings
from colorizers.web import markup
from colorizers.web.controls import Panel, build_panel
from colorizers.web.jobs import JobView, Phase
from colorizers.web.looks import build_looks
from colorizers.web.loss_plot import Losses, plot
from colorizers.words import Text

BUTTON: dict[str, Any] = {"size": "md", "min_width": 120}
FORMATS = {"PNG": (".png", 8), "JPEG": (".jpg", 8), "WebP": (".webp", 8), "TIFF": (".tif", 8), "TIFF-16": (".tif", 16)}
"""The suffix and the bits of each file format, the last one for photos of 16 bits only."""
Updates = dict[gr.blocks.Block, Any]
DIVIDER = 12  # percent: nearly all of the picture is in colour
MOVE_DIVIDER = "(position) => ({__type__: 'update', slider_position: position})"


def seen(is_seen: bool) -> bool | Literal["hidden"]:
    """For buttons that come and go: on the page they stay, as Gradio loses updates of what it is just building."""
    return is_seen or "hidden"


def bright(is_next: bool) -> Literal["primary", "secondary"]:
    """For buttons that stand out as long as they are what comes next."""
    return "primary" if is_next else "secondary"


@dataclass(frozen=True)
class DownloadRow:
    """What can be downloaded, with its licence; the buttons, and how it goes."""

    offer: gr.HTML
    get: gr.Button
    stop: gr.Button
    status: gr.HTML


@dataclass(frozen=True)
class TabView:
    """The components of one tab. `losses`, `gallery`, `seed`, `use_seed` and `maps` are None where there are none.

    So is `downloading` in public hosting.
    """

    beforehand: gr.HTML
    downloading: DownloadRow | None
    options: Panel
    run: gr.Button
    stop: gr.Button
    status: gr.HTML
    losses: gr.HTML | None
    slider: gr.ImageSlider
    gallery: gr.Gallery | None
    seed: gr.HTML | None
    use_seed: gr.Button | None
    maps: gr.HTML | None
    looks: gr.HTML
    finish: Panel
    undo: gr.Button
    redo: gr.Button
    reset: gr.Button
    format: gr.Dropdown
    keep_exif: gr.Checkbox
    mark: gr.Checkbox
    download: gr.Button
    file: gr.DownloadButton
    link: gr.Button
    linked: gr.Textbox
    language: str

    @property
    def outputs(self) -> list[gr.blocks.Block]:
        """Everything that a job, a stop or another photo may change."""
        parts = (
            self.run, self.stop, self.status, self.losses, self.slider, self.gallery, self.seed, self.use_seed,
            self.maps, self.undo, self.redo, self.format, self.download,
        )  # fmt: skip
        return [part for part in parts if part is not None]

    def kinds(self, deep: bool) -> Updates:
        """The formats of a photo, which may have 16 bits."""
        return {self.format: gr.Dropdown(choices=_kinds(deep, self.language), value="PNG")}

    def blank(self, before: Any) -> Updates:
        """The tab of a photo that nobody has coloured yet."""
        updates: Updates = {
            self.slider: (before, before),
            self.download: gr.Button(interactive=False),
            self.undo: gr.Button(interactive=False),
            self.redo: gr.Button(interactive=False),
            **self.render(JobView(Phase.EMPTY)),
            **self.without_losses(),
        }
        if self.gallery is not None:
            updates[self.gallery] = gr.Gallery(value=[], selected_index=None, visible=False)
        if self.seed is not None and self.use_seed is not None:
            updates |= {self.seed: "", self.use_seed: gr.Button(visible=False)}
        if self.maps is not None:
            updates[self.maps] = ""
        return updates

    def render(self, view: JobView) -> Updates:
        """The buttons, the status and the losses for a view of a job; the pictures are the session's."""
        busy, done = view.phase.busy, view.phase is Phase.DONE
        label = Text("page.color-again") if done else Text("page.colorize")
        updates: Updates = {self.run: self.run_button(label, ahead=not done, visible=seen(not busy))}
        updates[self.stop] = gr.Button(visible=seen(busy))
        updates[self.status] = markup.status(view, self.language)
        if self.losses is not None and view.losses is not None:
            updates[self.losses] = plot(view.losses, self.language)
        return updates

    def run_button(self, label: Text, ahead: bool, **how: Any) -> gr.Button:
        """The button that begins; it stands out where colouring lies `ahead`."""
        return gr.Button(label.worded(self.language), variant=bright(ahead), **how)

    def without_losses(self) -> Updates:
        """The plot of the losses, if there is one, empty as in the beginning."""
        return {} if self.losses is None else {self.losses: self.losses.value}


def build_tab(info: MethodInfo, weights: WeightsState, language: str) -> TabView:
    """Render a method's tab here, in a language: the picture, and a panel with all that can be done about it."""
    with gr.Column(elem_classes="picture"):
        slider = build_stage(language)
        gr.HTML(markup.tools(language), elem_classes="tools-line")
    with gr.Column(elem_classes="side"):
        run, stop, download, file, status, downloading = _actions(language)
        kind, keep_exif, mark = _save_as(language)
        beforehand = gr.HTML(elem_classes="beforehand")
        gallery = _variants(language) if "variants" in info.options.model_fields else None
        seed, use_seed = _seed("seed" in info.options.model_fields, language)
        losses = gr.HTML(plot(Losses(info.losses), language)) if info.losses else None
        options = build_panel(info.options, weights, language, info.name)
        with gr.Column(elem_classes="finish"):
            undo, redo, reset = _steps(language)
            looks = build_looks(language)
            finish = build_panel(info.finish, weights, language)
        link = gr.Button(Text("page.copy-link").worded(language), size="sm")
        linked = gr.Textbox(visible=False)
        maps = gr.HTML(elem_classes="maps-line") if info.shows_maps else None
    return TabView(
        beforehand, downloading, options, run, stop, status, losses, slider, gallery, seed, use_seed, maps, looks,
        finish, undo, redo, reset, kind, keep_exif, mark, download, file, link, linked, language,
    )  # fmt: skip


def build_stage(language: str, *classes: str, position: int = DIVIDER) -> gr.ImageSlider:
    """Before and after, and a slider that moves the divider by keyboard: it is seen only while it has the focus."""
    slider = gr.ImageSlider(
        type="filepath", show_label=False, label=Text("page.result").worded(language), interactive=False,
        buttons=["fullscreen"], container=False, slider_position=position, elem_classes=["stage", *classes],
    )  # fmt: skip
    divider = gr.Slider(
        0, 100, position, step=1, label=Text("page.divider").worded(language), container=False, buttons=[],
        elem_classes="divider",
    )  # fmt: skip
    divider.input(None, divider, slider, js=MOVE_DIVIDER, queue=False, api_visibility="private")
    return slider


def _actions(
    language: str,
) -> tuple[gr.Button, gr.Button, gr.Button, gr.DownloadButton, gr.HTML, DownloadRow | None]:
    """What is always in sight: the buttons, how it goes, and the weights that it lacks."""
    saving = Text("page.download").worded(language)
    with gr.Column(elem_classes="actions"):
        with gr.Row(elem_classes="buttons"):
            run = gr.Button(Text("page.colorize").worded(language), variant="primary", elem_classes="run", **BUTTON)
            stop = gr.Button(Text("page.stop").worded(language), variant="stop", visible="hidden", **BUTTON)
            download = gr.Button(saving, variant="primary", interactive=False, elem_classes="save", **BUTTON)
            file = gr.DownloadButton(saving, visible=False)
        status = gr.HTML(elem_classes="status-line")
        downloading = None if get_settings().public else _download_row(language)
    return run, stop, download, file, status, downloading


def _download_row(language: str) -> DownloadRow:
    with gr.Column(elem_classes="download-row"):
        offer = gr.HTML()
        get = gr.Button("", visible="hidden", size="md")
        stop = gr.Button(Text("page.stop-download").worded(language), variant="stop", visible="hidden", size="md")
        return DownloadRow(offer, get, stop, gr.HTML())


def _variants(language: str) -> gr.Gallery:
    return gr.Gallery(
        label=Text("page.variants").worded(language), show_label=False, columns=MAX_VARIANTS, allow_preview=False,
        buttons=[], interactive=False, container=False, visible=False, elem_classes="strip variants",
    )  # fmt: skip


def _seed(used: bool, language: str) -> tuple[gr.HTML | None, gr.Button | None]:
    if not used:
        return None, None
    with gr.Row(elem_classes="seed"):
        return gr.HTML(), gr.Button(Text("page.use-seed").worded(language), size="sm", visible=False)


def _steps(language: str) -> tuple[gr.Button, gr.Button, gr.Button]:
    with gr.Row(elem_classes="finish-head"):
        gr.HTML(markup.heading(Text("page.finish"), language))
        undo = gr.Button(Text("page.undo").worded(language), size="sm", interactive=False, elem_classes="undo")
        redo = gr.Button(Text("page.redo").worded(language), size="sm", interactive=False, elem_classes="redo")
        return undo, redo, gr.Button(Text("page.reset").worded(language), size="sm")


def _save_as(language: str) -> tuple[gr.Dropdown, gr.Checkbox, gr.Checkbox]:
    """What Download saves, and what can be done in its place: `page.js` copies the picture."""
    gr.HTML(markup.small(Text("page.machine-made").worded(language)), elem_classes="machine-made")
    with gr.Accordion(Text("page.save-as").worded(language), open=False, elem_classes="save-as"):
        kind = gr.Dropdown(_kinds(False, language), value="PNG", label=Text("page.format").worded(language))
        keep_exif, mark = _file_switches(language)
        gr.HTML(markup.copy_button(language))
    return kind, keep_exif, mark


def _file_switches(language: str) -> tuple[gr.Checkbox, gr.Checkbox]:
    """Whether files keep their EXIF data, and whether they have the mark."""
    keep_exif, mark = (gr.Checkbox(label=Text(f"page.{name}").worded(language)) for name in ("keep-exif", "mark"))
    return keep_exif, mark


def _kinds(deep: bool, language: str) -> list[tuple[str, str]]:
    """The file formats of the picture, and pictures made from it."""
    return [*_formats(deep, language), *((Text(f"page.export-{name}").worded(language), name) for name in ENDINGS)]


def build_file_options(language: str) -> tuple[gr.Dropdown, gr.Checkbox, gr.Checkbox]:
    """The format of files, that of 16 bits too, whether they keep their EXIF data, and whether they have the mark."""
    kind = gr.Dropdown(_formats(True, language), value="PNG", label=Text("page.format").worded(language))
    return kind, *_file_switches(language)


def _formats(deep: bool, language: str) -> list[tuple[str, str]]:
    """The file formats by what people read; 16 bits are for photos that have them."""
    labels = {name: name for name in FORMATS} | {"TIFF-16": Text("page.format-tiff-16").worded(language)}
    return [(labels[name], name) for name, (_, bits) in FORMATS.items() if bits == 8 or deep]
