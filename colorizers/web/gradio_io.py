"""The border to Gradio: errors go out as one escaped sentence, updates whole, and events come in checked."""

import contextlib
import logging
from collections.abc import Callable, Iterator, Sequence
from copy import copy
from html import escape
from typing import Any

import gradio as gr
from gradio.blocks import Block, BlockFunction

from colorizers.errors import ColorizerError
from colorizers.settings import get_settings
from colorizers.words import ENGLISH, Text

QUIET: dict[str, Any] = {"show_progress": "hidden", "show_progress_on": [], "api_visibility": "private"}
"""For the page's own events: no endpoint, and no progress of Gradio's, which its page looks up for each output."""
QUIET_NOW: dict[str, Any] = {"queue": False, **QUIET}
"""For those of them that need no queue."""
EACH: dict[str, Any] = {"trigger_mode": "multiple", **QUIET}
"""For those of which each counts, also one that comes before the last was answered."""
_ADDRESSES = ("http:", "https:")
_LONGEST_LOG = 300  # characters
_log = logging.getLogger(__name__)


class Page(gr.Blocks):
    """Gradio's page, which fetches nothing and logs little of what is sent.

    Updates of some outputs of many cost little, and none is lost.
    """

    exited = False

    def get_config_file(self) -> Any:
        """What the browser is told; nothing while the page is built, as nobody can ask yet, and Gradio does often."""
        return super().get_config_file() if self.exited else {}

    async def postprocess_data(self, block_fn: Any, predictions: Any, state: Any) -> list[Any]:
        """What the page gets for each output; Gradio makes each component anew, also where nothing changes."""
        if not (isinstance(predictions, dict) and any(isinstance(key, Block) for key in predictions)):
            return await super().postprocess_data(block_fn, predictions, state)
        changed = copy(block_fn)
        changed.outputs = [part for part in block_fn.outputs if predictions.get(part, gr.skip()) != gr.skip()]
        unknown = predictions.keys() - set(block_fn.outputs)
        assert not unknown, f"no outputs of this event: {unknown}"
        if not changed.outputs:
            return [gr.skip() for _ in block_fn.outputs]
        news = await super().postprocess_data(changed, {part: predictions[part] for part in changed.outputs}, state)
        told = dict(zip(changed.outputs, news, strict=True))
        return [told.get(part, gr.skip()) for part in block_fn.outputs]

    async def preprocess_data(
        self, block_fn: BlockFunction, inputs: list[Any], state: Any, explicit_call: bool = False
    ) -> list[Any]:
        """The values of the inputs, whose files are uploads; gr.Error, of which nothing is logged but a line, else."""
        try:
            if _has_address(inputs):
                raise _refusal(Text("api.no-addresses"))
            return await super().preprocess_data(block_fn, inputs, state, explicit_call)
        except gr.Error as error:
            error.print_exception = False
            raise
        except Exception as error:
            _log.warning("%s: %s", block_fn.name, in_log(error))
            raise _refusal(Text("api.not-understood")) from error

    def handle_streaming_diffs(
        self, block_fn: Any, data: list[Any], session_hash: str | None, run: str | None, final: bool,
        simple_format: bool = False,
    ) -> list[Any]:  # fmt: skip
        """The edits for the page: none where nothing changed, and otherwise one that replaces the output's update.

        Gradio's edits change the update before, and its page makes these changes even where that update still waits to
        be shown: what a button was told is then lost when the next update leaves the button as it is.
        """
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


def _refusal(sentence: Text) -> gr.Error:
    return gr.Error(str(sentence), print_exception=False)


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


def on_choice(
    part: gr.components.Component, session: gr.State, act: Callable[..., Any], inputs: Sequence[Block],
    outputs: Sequence[Block], **how: Any,
) -> None:  # fmt: skip
    """Call `act` once for each choice from a list.

    Gradio's lists tell of one up to three times, and what follows it would take back what the visitor has done in
    between.
    """

    def once(now: Any, choice: Any, *given: Any) -> Any:
        if (once, choice) in now.chosen.items():
            return {outputs[0]: gr.skip()}
        now.chosen[once] = choice
        return act(*given)

    part.input(once, [session, part, *inputs], outputs, **how)


def sent_with(event: gr.EventData) -> dict[str, Any]:
    """What the browser sent with an event, by name, and not checked; nothing where it sent something else."""
    return event._data if isinstance(event._data, dict) else {}  # gr.SelectData fails without a sentence for the user


def place(event: gr.EventData, among: int) -> int:
    """The index of the selected picture, below `among`; ColorizerError when it is none."""
    index = sent_with(event).get("index")
    if type(index) is not int or not 0 <= index < among:  # a bool is an int, too
        raise ColorizerError(Text("page.picture-gone"))
    return index
