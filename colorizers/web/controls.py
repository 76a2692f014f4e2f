"""From the description of an option to its Gradio component, and from component values back to options."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr

from colorizers import weights
from colorizers.options import Control, Options, controls
from colorizers.settings import get_settings
from colorizers.web import texts
from colorizers.web.picture_choice import picture_choice


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


def build_panel(options: type[Options] | Options, family: str = "") -> Panel:
    """Render the controls of an options model here: the few that matter, and the rest folded away.

    `family` is the method whose weights may be among the choices: see `offered`.
    """
    entries = tuple(offered(entry, family) for entry in controls(options))
    parts = {entry.name: component(entry) for entry in entries if not entry.advanced}
    folded = [entry for entry in entries if entry.advanced]
    if folded:
        with gr.Accordion(texts.ADVANCED, open=False):
            parts |= {entry.name: component(entry) for entry in folded}
    return Panel(entries, tuple(parts[entry.name] for entry in entries))


def offered(entry: Control, family: str) -> Control:
    """The option as a visitor may choose it, where some of its choices are weights of `family` that are not here.

    Those are marked, and kept from strangers, who cannot get them; the default is one that is here.
    """
    known = {choice: weights.REGISTRY.get(f"{family}/{choice}") for choice in entry.choices}
    missing = {choice: one for choice, one in known.items() if one is not None and not weights.here(one.key)}
    ready = [choice for choice in entry.choices if choice not in missing]
    if not missing or not ready:
        return entry
    words = {
        choice: texts.NOT_HERE.format(word=word) if choice in missing else word
        for choice, word in zip(entry.choices, entry.words, strict=True)
        if choice in ready or not get_settings().public
    }
    return replace(
        entry,
        choices=tuple(words),
        words=tuple(words.values()),
        default=entry.default if entry.default in ready else ready[0],
        help=f"{entry.help} {not_here(texts.MORE_WEIGHTS, list(missing.values()))}",
    )


def not_here(said: str, missing: list[weights.Weights]) -> str:
    """A sentence that names weights and, except to strangers, how to get them: those to download before others."""
    hows = [one.how_to_get for one in missing if one.hub] or [missing[0].how_to_get]
    return texts.missing(said, [one.name for one in missing], [] if get_settings().public else hows)


def component(entry: Control) -> gr.components.Component:
    """The Gradio component of one option."""
    label = f"{entry.label} ({entry.unit})" if entry.unit else entry.label
    if entry.kind == "picture":
        return picture_choice(entry)
    shown: dict[str, Any] = {"label": label, "info": entry.help, "value": entry.default}
    if entry.kind == "bool":
        return gr.Checkbox(**shown)
    if entry.kind in ("int", "float"):
        return gr.Slider(minimum=entry.low, maximum=entry.high, step=entry.step, **shown)
    if entry.kind == "choice":
        return gr.Dropdown(choices=list(zip(entry.words, entry.choices, strict=True)), **shown)
    if entry.kind == "seed":
        return gr.Textbox(placeholder=texts.ANY_SEED, **shown)  # an empty gr.Number makes itself 0
    return gr.Textbox(max_length=int(entry.high or 0), lines=2, **shown)


def _value(entry: Control, value: Any) -> Any:
    if entry.kind == "picture":
        return value.open()
    return value or None if entry.kind == "seed" else value
