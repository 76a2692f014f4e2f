"""One tab: the options of a method and its button, before and after, the variants, the finish, the download."""

from dataclasses import dataclass
from typing import Any

import gradio as gr

from colorizers.engine.jobs import WeightsState
from colorizers.methods.method import MethodInfo
from colorizers.options import MAX_VARIANTS
from colorizers.web import markup, texts
from colorizers.web.controls import Panel, build_panel
from colorizers.web.jobs import JobView, Phase
from colorizers.web.loss_plot import Losses, plot

FORMATS = {"PNG": (".png", 8), "JPEG": (".jpg", 8), "WebP": (".webp", 8), "TIFF": (".tif", 8)}
DEEP_FORMATS = FORMATS | {texts.SIXTEEN_BIT_TIFF: (".tif", 16)}
Updates = dict[gr.blocks.Block, Any]
MOVE_DIVIDER = "(position) => ({__type__: 'update', slider_position: position})"


@dataclass(frozen=True)
class TabView:
    """The components of one tab. `losses`, `gallery`, `seed`, `use_seed` and `maps` are None where there are none."""

    beforehand: gr.HTML
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
    finish: Panel
    reset: gr.Button
    format: gr.Dropdown
    keep_exif: gr.Checkbox
    download: gr.Button
    file: gr.DownloadButton

    @property
    def outputs(self) -> list[gr.blocks.Block]:
        """Everything that a job, a stop or another photo may change."""
        parts = (
            self.run, self.stop, self.status, self.losses, self.slider, self.gallery, self.seed, self.use_seed,
            self.maps, self.format, self.download,
        )  # fmt: skip
        return [part for part in parts if part is not None]

    def blank(self, before: Any, deep: bool) -> Updates:
        """The tab of a photo that nobody has coloured yet."""
        updates: Updates = {
            self.slider: (before, before),
            self.format: gr.Dropdown(choices=list(DEEP_FORMATS if deep else FORMATS), value="PNG"),
            self.download: gr.Button(interactive=False),
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
        busy = view.phase.busy
        updates: Updates = {self.run: gr.Button(visible=not busy), self.stop: gr.Button(visible=busy)}
        updates[self.status] = markup.status(view)
        if self.losses is not None and view.losses is not None:
            updates[self.losses] = plot(view.losses)
        return updates

    def without_losses(self) -> Updates:
        """The plot of the losses, if there is one, empty as in the beginning."""
        return {} if self.losses is None else {self.losses: self.losses.value}


def build_tab(info: MethodInfo, weights: WeightsState) -> TabView:
    """Render a method's tab here."""
    beforehand = gr.HTML(markup.paper(info), elem_classes="beforehand")
    with gr.Row(equal_height=False, elem_classes="workbench"):
        with gr.Column(scale=0, min_width=280, elem_classes="options"):
            left = _left(info, weights)
        with gr.Column(scale=1, min_width=320, elem_classes="result"):
            slider, gallery = _stage("variants" in info.options.model_fields)
            seed, use_seed = _seed("seed" in info.options.model_fields)
            with gr.Row(equal_height=False, elem_classes="after-care"):
                with gr.Column(scale=3, min_width=300, elem_classes="finish"):
                    finish, reset = _finish(info, weights)
                with gr.Column(scale=1, min_width=220, elem_classes="save"):
                    care = _download()
            maps = gr.HTML(elem_classes="maps-line") if info.shows_maps else None
    return TabView(beforehand, *left, slider, gallery, seed, use_seed, maps, finish, reset, *care)


def _left(info: MethodInfo, weights: WeightsState) -> tuple[Panel, gr.Button, gr.Button, gr.HTML, gr.HTML | None]:
    run = gr.Button(texts.COLORIZE, variant="primary", size="lg", elem_classes="run")
    stop = gr.Button(texts.STOP, variant="stop", size="lg", visible=False, elem_classes="run")
    status = gr.HTML(elem_classes="status-line")
    losses = gr.HTML(plot(Losses(info.losses))) if info.losses else None
    return build_panel(info.options, weights, info.name), run, stop, status, losses


def _stage(several: bool) -> tuple[gr.ImageSlider, gr.Gallery | None]:
    slider = gr.ImageSlider(
        type="filepath", show_label=False, label=texts.RESULT, interactive=False, buttons=["fullscreen"],
        container=False, elem_classes="stage",
    )  # fmt: skip
    divider = gr.Slider(
        0, 100, 50, step=1, label=texts.DIVIDER, container=False, buttons=[], elem_classes="divider"
    )  # fmt: skip
    divider.input(None, divider, slider, js=MOVE_DIVIDER, queue=False, api_visibility="private")
    if not several:
        return slider, None
    gallery = gr.Gallery(
        label=texts.VARIANTS, show_label=False, columns=MAX_VARIANTS, allow_preview=False, buttons=[],
        interactive=False, container=False, visible=False, elem_classes="strip variants",
    )  # fmt: skip
    return slider, gallery


def _seed(used: bool) -> tuple[gr.HTML | None, gr.Button | None]:
    if not used:
        return None, None
    with gr.Row(elem_classes="seed"):
        return gr.HTML(), gr.Button(texts.USE_SEED, size="sm", visible=False)


def _finish(info: MethodInfo, weights: WeightsState) -> tuple[Panel, gr.Button]:
    with gr.Row(elem_classes="finish-head"):
        gr.HTML(f"<h2>{texts.FINISH}</h2>")
        reset = gr.Button(texts.RESET, size="sm")
    return build_panel(info.finish, weights), reset


def _download() -> tuple[gr.Dropdown, gr.Checkbox, gr.Button, gr.DownloadButton]:
    kind = gr.Dropdown(list(FORMATS), value="PNG", label=texts.FORMAT)
    keep_exif = gr.Checkbox(label=texts.KEEP_EXIF)
    download = gr.Button(texts.DOWNLOAD, variant="primary", interactive=False)
    return kind, keep_exif, download, gr.DownloadButton(visible=False)
