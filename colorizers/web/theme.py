"""How the page looks: in neutral grays, so that the photograph alone has colour."""

import json
from pathlib import Path

import gradio as gr

from colorizers.words import Text

_PARTS = ("page", "compare", "batch", "adjust", "history", "hints", "shortcuts")
CSS = [Path(__file__).with_name(f"{name}.css") for name in _PARTS]
MARK = Path(__file__).with_name("mark.svg")
_SCRIPTS = [
    Path(__file__).with_name(f"{name}.js") for name in ("page", "batch", "adjust", "history", "hints", "shortcuts")
]
_HINT_TEXTS = {
    "hintHelp": "help", "hintKeys": "keys", "hintColors": "colors", "noColor": "no-color", "otherColor": "other-color",
    "fromPicture": "from-picture", "clickPicture": "click-picture", "unreadablePicture": "unreadable-picture",
    "removeHint": "remove", "closeHint": "close",
}  # fmt: skip
_SANS = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "Helvetica Neue", "Noto Sans", "sans-serif")
_MONO = ("ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace")


def theme() -> gr.themes.Base:
    """Gradio's variables for light and dark, in the fonts of the visitor's own system."""
    stone = gr.themes.colors.stone
    return gr.themes.Base(
        primary_hue=stone, secondary_hue=stone, neutral_hue=stone, radius_size="lg", font=_SANS, font_mono=_MONO
    ).set(
        body_background_fill="#faf9f7",
        body_background_fill_dark="#171412",
        background_fill_secondary="#efedea",
        background_fill_secondary_dark="#100e0c",
        body_text_color_subdued="*neutral_500",
        body_text_color_subdued_dark="*neutral_400",
        block_info_text_color="*neutral_500",
        block_info_text_color_dark="*neutral_400",
        block_label_text_size="*text_sm",
        block_title_text_color="*neutral_800",
        block_title_text_color_dark="*neutral_200",
        button_primary_background_fill="*neutral_900",
        button_primary_background_fill_hover="*neutral_700",
        button_primary_text_color="white",
        button_primary_background_fill_dark="*neutral_100",
        button_primary_background_fill_hover_dark="white",
        button_primary_text_color_dark="*neutral_900",
        button_cancel_background_fill="*neutral_200",
        button_cancel_background_fill_hover="*neutral_300",
        button_cancel_text_color="*neutral_900",
        button_cancel_background_fill_dark="*neutral_700",
        button_cancel_background_fill_hover_dark="*neutral_600",
        button_cancel_text_color_dark="white",
        input_border_color="#8f8882",
        input_border_color_dark="*neutral_500",
        checkbox_border_color="#8f8882",
        checkbox_border_color_dark="*neutral_500",
        slider_color="*neutral_700",
        slider_color_dark="*neutral_300",
    )


def head(language: str) -> str:
    """The page's own script, with its language and its texts in it."""
    texts = {
        "before": Text("page.before"),
        "after": Text("page.after"),
        "left": Text("compare.left-picture"),
        "right": Text("compare.right-picture"),
        "notYet": Text("page.not-colored"),
        "name": Text("page.name"),
        "picture": Text("page.result"),
        "copied": Text("page.copied", size="{size}"),
        "notCopied": Text("page.not-copied"),
        "saved": Text("page.saved", name="{name}"),
        "onlyAddress": Text("page.only-address"),
        "resetZoom": Text("page.reset-zoom"),
        "hint": Text("page.hints.one", number="{number}", color="{color}"),
        "useColor": Text("page.hints.use-color", color="{color}"),
        **{name: Text(f"page.hints.{key}") for name, key in _HINT_TEXTS.items()},
    }
    worded = json.dumps({name: text.worded(language) for name, text in texts.items()})
    given = f"const LANGUAGE = {json.dumps(Text('language.tag').worded(language))}, TEXTS = {worded};"
    first, *others = (script.read_text() for script in _SCRIPTS)
    scripts = "\n".join((first, *(f"{{ {script} }}" for script in others)))  # the names of the first are known to all
    return f"<script>(() => {{ 'use strict'; {given}\n{scripts}}})();</script>"
