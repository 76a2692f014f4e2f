"""The border to Gradio: errors go out as one escaped sentence, events come in checked."""

import contextlib
from collections.abc import Iterator
from html import escape
from typing import Any

import gradio as gr

from colorizers.errors import ColorizerError
from colorizers.settings import get_settings
from colorizers.words import ENGLISH, Text


@contextlib.contextmanager
def shown_errors(language: str = ENGLISH) -> Iterator[None]:
    """Show in a toast what the user can mend; anything else is a bug and is raised as it is."""
    try:
        yield
    except ColorizerError as error:
        sentence = escape(sentence_of(error).worded(language))  # Gradio shows messages as HTML
        raise gr.Error(sentence, duration=12, print_exception=False) from error


def sentence_of(error: ColorizerError) -> Text:
    """The sentence that a visitor of this page may read."""
    return error.for_visitors if get_settings().public else error.text


def sent_with(event: gr.EventData) -> dict[str, Any]:
    """What the browser sent with an event, by name, and not checked; nothing where it sent something else."""
    return event._data if isinstance(event._data, dict) else {}  # gr.SelectData fails without a sentence for the user


def place(event: gr.EventData, among: int) -> int:
    """The index of the selected picture, below `among`; ColorizerError when it is none."""
    index = sent_with(event).get("index")
    if type(index) is not int or not 0 <= index < among:  # a bool is an int, too
        raise ColorizerError(Text("page.picture-gone"))
    return index
