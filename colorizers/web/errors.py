"""How an error reaches the visitor: one escaped sentence in a toast; the slot is freed and the app goes on."""

import contextlib
from collections.abc import Iterator
from html import escape

import gradio as gr

from colorizers.errors import ColorizerError


@contextlib.contextmanager
def shown_errors() -> Iterator[None]:
    """Say in a toast what the user can mend; anything else is a bug and goes on as it is."""
    try:
        yield
    except ColorizerError as error:
        raise toast(error) from error


def toast(error: ColorizerError) -> gr.Error:
    """The sentence of an error, for Gradio, which shows messages as HTML."""
    return gr.Error(escape(str(error)), duration=12, print_exception=False)
