"""From the description of an option to its Gradio component, and from component values back to options."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from colorizers.options import MAX_SEED, Control, Options, controls
from colorizers.picture.photo import SUFFIXES
from colorizers.web import markup, texts
from colorizers.web.files import open_upload


@dataclass(frozen=True)
class Panel:
    """The components of one options model, in its order."""

    entries: tuple[Control, ...]
    components: tuple[gr.components.Component, ...]

    def __getitem__(self, name: str) -> gr.components.Component:
        return next(part for entry, part in zip(self.entries, self.components, strict=True) if entry.name == name)

    def __contains__(self, name: str) -> bool:
        return any(entry.name == name for entry in self.entries)

    def values(self, given: Sequence[Any]) -> dict[str, Any]:
        """What the components hold, as the options model takes it."""
        named = zip(self.entries, given, strict=True)
        return {entry.name: _value(entry, value) for entry, value in named if value is not None}

    def defaults(self) -> list[Any]:
        """The value of each component before anybody touched it."""
        return [entry.default for entry in self.entries]


def build_panel(options: type[Options] | Options) -> Panel:
    """Render the controls of an options model here: the few that matter, and the rest folded away."""
    entries = tuple(controls(options))
    parts = {entry.name: component(entry) for entry in entries if not entry.advanced}
    folded = [entry for entry in entries if entry.advanced]
    if folded:
        with gr.Accordion(texts.ADVANCED, open=False):
            parts |= {entry.name: component(entry) for entry in folded}
    return Panel(entries, tuple(parts[entry.name] for entry in entries))


def component(entry: Control) -> gr.components.Component:
    """The Gradio component of one option."""
    label = f"{entry.label} ({entry.unit})" if entry.unit else entry.label
    if entry.kind == "picture":
        file = gr.File(label=label, file_types=["image", *SUFFIXES], height=130, elem_classes="picture-option")
        gr.HTML(markup.small(entry.help))
        return file
    shown: dict[str, Any] = {"label": label, "info": entry.help, "value": entry.default}
    if entry.kind == "bool":
        return gr.Checkbox(**shown)
    if entry.kind in ("int", "float"):
        return gr.Slider(minimum=entry.low, maximum=entry.high, step=entry.step, **shown)
    if entry.kind == "choice":
        return gr.Dropdown(choices=list(zip(entry.words, entry.choices, strict=True)), **shown)
    if entry.kind == "seed":
        return gr.Number(precision=0, minimum=0, maximum=MAX_SEED, **shown)
    return gr.Textbox(max_length=int(entry.high or 0), lines=2, **shown)


def _value(entry: Control, value: Any) -> Any:
    return open_upload(value) if entry.kind == "picture" else value
