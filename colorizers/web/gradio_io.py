"""The border to Gradio: errors go out as one escaped sentence, updates whole, and events come in checked."""

import contextlib
import logging
from collections.abc import Iterator
from html import escape
from typing import Any

import gradio as gr
from gradio.blocks import BlockFunction

from colorizers.errors import ColorizerError
from colorizers.settings import get_settings
from colorizers.words import ENGLISH, Text

_ADDRESSES = ("http:", "https:")
_LONGEST_LOG = 300  # characters
_log = logging.getLogger(__name__)


class Page(gr.Blocks):
    """A page to which a generator's updates go whole, and that fetches nothing and logs little of what is sent.

    Gradio sends the differences to the update before, and its page applies them to that very update, even where this
    still waits to be shown: what a button was told is then lost when the next update leaves the button as it is.
    """

    async def preprocess_data(
        self, block_fn: BlockFunction, inputs: list[Any], state: Any, explicit_call: bool = False
    ) -> list[Any]:
        """The values of the inputs, whose files are uploads; gr.Error, of which nothing is logged but a line, else."""
        try:
            if _has_address(inputs):
                raise _refusal("api.no-addresses")
            return await super().preprocess_data(block_fn, inputs, state, explicit_call)
        except gr.Error as error:
            error.print_exception = False
            raise
        except Exception as error:
            _log.warning("%s: %s", block_fn.name, in_log(error))
            raise _refusal("api.not-understood") from error

    def handle_streaming_diffs(
        self, block_fn: Any, data: list[Any], session_hash: str | None, run: str | None, final: bool,
        simple_format: bool = False,
    ) -> list[Any]:  # fmt: skip
        """The edits for the page: none where nothing changed, and otherwise one that replaces the output's update."""
        updates = list(data)
        first = run not in self.pending_diff_streams.get(session_hash, {})
        edits = super().handle_streaming_diffs(block_fn, data, session_hash, run, final, simple_format)
        if first or final or simple_format:  # these are no edits
            return edits
        return [[["replace", [], update]] if edit else [] for edit, update in zip(edits, updates, strict=True)]


def _has_address(sent: Any) -> bool:
    """Whether among what was sent there is a file that Gradio would fetch from elsewhere."""
    if isinstance(sent, dict):
        return str(sent.get("path")).lower().startswith(_ADDRESSES) or any(map(_has_address, sent.values()))
    return isinstance(sent, list) and any(map(_has_address, sent))


def _refusal(key: str) -> gr.Error:
    return gr.Error(str(Text(key)), print_exception=False)


def in_log(error: BaseException) -> str:
    """An error in one short line: what a visitor has sent may stand in it."""
    line = " ".join(f"{type(error).__name__}: {error}"[: 2 * _LONGEST_LOG].split())
    return line if len(line) <= _LONGEST_LOG else f"{line[:_LONGEST_LOG]} …"


@contextlib.contextmanager
def shown_errors(language: str = ENGLISH, html: bool = True) -> Iterator[None]:
    """Show in a toast what the user can mend, or tell a program, which needs no HTML; anything else is a bug."""
    try:
        yield
    except ColorizerError as error:
        sentence = sentence_of(error).worded(language)
        sentence = escape(sentence) if html else sentence  # Gradio shows messages as HTML
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
