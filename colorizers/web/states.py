"""What Gradio keeps of each session, and every call of a program is one, without what nobody here needs."""

from typing import Any

from gradio.state_holder import SessionState, StateHolder


class _Empty:
    """A page as a new session sees it, to which no components belong."""

    blocks: tuple[()] = ()

    def __init__(self, page: Any) -> None:
        self.default_config = page.default_config


class _State(SessionState):
    """A session without a copy of the settings of its components.

    Gradio makes the copy for links that restore a page, which this one does not have, and makes that of a component
    anew at each of its updates. With hundreds of components this takes as long as colouring a photo, and nobody else
    is answered meanwhile.
    """

    def __init__(self, page: Any) -> None:
        super().__init__(_Empty(page))
        self.blocks_config.config_for_block = lambda *_: {}


class States(StateHolder):
    """The sessions of an app."""

    def __getitem__(self, session_id: str) -> SessionState:
        if session_id not in self.session_data:
            self.session_data[session_id] = _State(self.blocks)
        return super().__getitem__(session_id)
