"""A button that makes a file on the server and then saves it in the browser."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr

from colorizers.web.gradio_io import QUIET, QUIET_NOW
from colorizers.words import Text

_AT_ONCE = 2
_SAVE = """(file) => {
    if (!file) return;
    Object.assign(document.createElement('a'), {href: file.url, download: file.orig_name}).click();
    dispatchEvent(new CustomEvent('saved', {detail: file.orig_name}));
}"""


def show_saving(language: str) -> str:
    """A script for the browser, before the server has answered: the button while the file is made."""
    saving = json.dumps(Text("page.saving").worded(language))
    return f"() => ({{__type__: 'update', value: {saving}, interactive: false}})"


def wire_saving(
    button: gr.Button, file: gr.DownloadButton, label: Text, make: Callable[..., Path], inputs: Any, language: str
) -> None:
    """Connect a button with this label: `make` gets the inputs and gives the file, which `file` hands over."""
    button.click(None, None, button, js=show_saving(language), api_visibility="private")
    made = button.click(make, inputs, file, concurrency_id="files", concurrency_limit=_AT_ONCE, **QUIET)
    made.success(None, file, js=_SAVE, api_visibility="private")
    named = label.worded(language)
    made.then(lambda: gr.Button(named, interactive=True), None, button, **QUIET_NOW)
