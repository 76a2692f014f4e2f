"""What a browser says of an event, which may be anything."""

import gradio as gr

from colorizers.errors import ColorizerError
from colorizers.web import texts


def place(event: gr.EventData, among: int) -> int:
    """Which of so many pictures was selected; ColorizerError when it is none of them."""
    sent = event._data  # gr.SelectData fails before anybody could say so
    index = sent.get("index") if isinstance(sent, dict) else None
    if type(index) is not int or not 0 <= index < among:  # a bool is an int, too
        raise ColorizerError(texts.NOT_AMONG)
    return index
