"""From the description of an option to its Gradio component, and from component values back to options."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr

from colorizers.engine.jobs import WeightsState
from colorizers.options import Control, Options, controls, suited_options
from colorizers.settings import get_settings
from colorizers.web import texts
from colorizers.web.picture_choice import picture_choice
from colorizers.weights.registry import OWN, Weights
from colorizers.words import Text


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


def build_panel(options: type[Options] | Options, weights: WeightsState, language: str, family: str = "") -> Panel:
    """Render the controls of an options model here: the few that matter, and the rest folded away.

    `family` is the method whose weights may be among the choices: see `offered`.
    """
    entries = at_first(options, weights, language, family)
    parts = {entry.name: component(entry, language) for entry in entries if not entry.advanced}
    folded = [entry for entry in entries if entry.advanced]
    if folded:
        with gr.Accordion(Text("page.advanced").worded(language), open=False):
            parts |= {entry.name: component(entry, language) for entry in folded}
    return Panel(entries, tuple(parts[entry.name] for entry in entries))


def at_first(
    options: type[Options] | Options, weights: WeightsState, language: str, family: str = ""
) -> tuple[Control, ...]:
    """The options as a visitor finds them: see `offered`; the defaults suit the choices that are offered first."""
    entries = [offered(entry, family, weights, language) for entry in controls(options)]
    model = options if isinstance(options, type) else type(options)
    suited = suited_options(model, {entry.name: entry.default for entry in entries})
    return tuple(replace(entry, default=suited.get(entry.name, entry.default)) for entry in entries)


def offered(entry: Control, family: str, weights: WeightsState, language: str) -> Control:
    """The option in a language, as a visitor may choose it.

    Some of its choices may be weights: of its family, else of `family`. Those that are not installed are marked, where
    others are; visitors, who cannot get them, are not offered them. The default is one that is installed; a model of
    the user's own comes before others, and is offered only if given.
    """
    entry = entry.worded(language)
    keys = _keys(entry, family)
    labels = dict(zip(entry.choices, entry.labels, strict=True))
    labels = {choice: label for choice, label in labels.items() if _exists(keys[choice], weights)}
    known = weights_among(entry, family, weights)
    missing = {choice: known[choice] for choice in labels if choice in known and keys[choice] not in weights.installed}
    ready = [choice for choice in labels if choice not in missing]
    preferred = [*(choice for choice in labels if keys[choice] == OWN), entry.default, *labels]
    help = entry.help
    if missing and ready and get_settings().public:
        labels = {choice: labels[choice] for choice in ready}
    elif missing and ready:
        labels |= {choice: Text("page.not-installed", label=labels[choice]).worded(language) for choice in missing}
        help = Text("options.with-more", help=help, more=_missing(list(missing.values()))).worded(language)
    default = next((choice for choice in preferred if choice in ready), preferred[0])
    return replace(entry, choices=tuple(labels), labels=tuple(labels.values()), default=default, help=help)


def weights_among(entry: Control, family: str, weights: WeightsState) -> dict[str, Weights]:
    """Those choices of an option that are weights, of its family or else of `family`."""
    keys = _keys(entry, family)
    return {choice: weights.registry[key] for choice, key in keys.items() if key in weights.registry}


def _keys(entry: Control, family: str) -> dict[str, str]:
    return {choice: f"{entry.family or family}/{choice}" for choice in entry.choices}


def _exists(key: str, weights: WeightsState) -> bool:
    """Whether a choice means anything: a model of the user's own does if one was given."""
    return key != OWN or key in weights.installed or weights.registry[key].hub is not None


def _missing(entries: list[Weights]) -> Text:
    """A sentence that names weights and how to get them: those to download before others."""
    ways = [one.how_to_get for one in entries if one.hub] or [entries[0].how_to_get]
    return texts.missing([one.called for one in entries], ways)


def component(entry: Control, language: str) -> gr.components.Component:
    """The Gradio component of one option, which is worded already."""
    label = entry.label
    if entry.unit:
        label = Text("page.with-unit", label=label, unit=entry.unit).worded(language)
    if entry.kind == "picture":
        return picture_choice(entry, language)
    shown: dict[str, Any] = {"label": label, "info": entry.help, "value": entry.default}
    if entry.kind == "bool":
        return gr.Checkbox(**shown)
    if entry.kind in ("int", "float"):
        return gr.Slider(minimum=entry.low, maximum=entry.high, step=entry.step, **shown)
    if entry.kind == "choice":
        return gr.Dropdown(choices=list(zip(entry.labels, entry.choices, strict=True)), **shown)
    if entry.kind == "seed":
        placeholder = Text("page.any-seed").worded(language)
        return gr.Textbox(placeholder=placeholder, **shown)  # an empty gr.Number makes itself 0
    return gr.Textbox(lines=3, max_lines=6, **shown)  # its max_length would cut off what is pasted, without a word


def _value(entry: Control, value: Any) -> Any:
    if entry.kind == "picture":
        return value.open()
    return value or None if entry.kind == "seed" else value
