"""The visitors whose pages the server knows: how long, and who goes first when there are too many."""

import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from typing import Any

import gradio as gr
from gradio.state_holder import SessionState
from starlette.types import ASGIApp, Receive, Scope, Send

from colorizers.settings import get_settings
from colorizers.web.session import Session
from colorizers.web.states import States

_HEARTBEAT = "/gradio_api/heartbeat/"


class Visitors(States):
    """What Gradio keeps of each page: as long as this is open, and for some time after its last use.

    Gradio itself would count from when the page's photo came, and let anyone's empty requests take the place of pages.
    """

    def __init__(self, page: gr.Blocks) -> None:
        super().__init__()
        self.set_blocks(page)
        self._open = Counter[str]()

    @contextlib.contextmanager
    def visited(self, session_id: str) -> Iterator[None]:
        """While a page is open."""
        self._open[session_id] += 1
        try:
            yield
        finally:
            self._open[session_id] -= 1
            self._open += Counter()  # without those that are closed
            if session_id in self.session_data:
                self.time_last_used[session_id] = datetime.now()

    def update(self, session_id: str) -> None:
        """A page is used; for a new one that is too many, another goes: of those with nothing to lose, the oldest."""
        with self.lock:
            if session_id in self.session_data:
                self.session_data.move_to_end(session_id)
            if len(self.session_data) > self.capacity:
                self._forget(min((one for one in self.session_data if one != session_id), key=self._worth))

    def delete_all_expired_state(self) -> None:
        """Forget pages that were closed and not used for long; Gradio asks for this every second."""
        oldest = datetime.now() - timedelta(hours=get_settings().keep_hours)
        with self.lock:
            for session_id, used in [*self.time_last_used.items()]:
                if used < oldest and session_id not in self._open:
                    self._forget(session_id)

    def _forget(self, session_id: str) -> None:
        self.session_data.pop(session_id, None)
        self.time_last_used.pop(session_id, None)

    def _worth(self, session_id: str) -> tuple[bool, bool]:
        return _has_work(self.session_data[session_id]), session_id in self._open


def _has_work(state: SessionState) -> bool:
    kept = [value for value in [*state.state_data.values()] if isinstance(value, Session)]
    return any(session.on_page is not None or session.batch.rows for session in kept)


def keeping_visitors(page: gr.Blocks) -> Callable[[Any], AbstractAsyncContextManager[None]]:
    """The lifespan of a server whose sessions are kept so."""

    @contextlib.asynccontextmanager
    async def lifespan(app: Any) -> AsyncIterator[None]:
        app.state_holder = page.state_holder = Visitors(page)
        yield

    return lifespan


class Heartbeats:
    """Middleware that tells which pages are open: each has a request that lasts as long."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        _, is_heartbeat, session_id = scope.get("path", "").partition(_HEARTBEAT)
        visitors = scope["app"].state_holder if is_heartbeat else None
        with visitors.visited(session_id) if isinstance(visitors, Visitors) else contextlib.nullcontext():
            await self._app(scope, receive, send)
