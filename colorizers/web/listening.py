"""Who sent what is being answered, and whether anybody still waits for the answer."""

from collections import Counter
from typing import Any
from urllib.parse import parse_qs

from gradio.context import LocalContext
from gradio.queueing import Queue
from gradio.utils import LRUCache
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from colorizers.engine.line import Visitor

_MOST_SESSIONS = 2000  # each page is one, and each call of a program
_heard: Counter[str] = Counter()
"""How many streams of answers are open, by what names them: a session, or an event of a program."""


def visitor() -> Visitor:
    """Who sent the event that is being answered; nobody in particular outside of one."""
    request = LocalContext.request.get(None)
    if request is None:
        return Visitor()
    session, event = str(request.session_hash), LocalContext.event_id.get(None)
    host = request.client.host if request.client else ""
    return Visitor(host, session, lambda: session in _heard or event in _heard)


class Untold(LRUCache[str, Any]):
    """What each session is still to be told; of too many the oldest goes that has no job.

    Gradio's own would leave those without an answer who wait in the line while many others come and go.
    """

    def __init__(self, queue: Queue) -> None:
        super().__init__(_MOST_SESSIONS)
        self._queue = queue

    def __setitem__(self, session: str, messages: Any) -> None:
        for event in self._queue.event_ids_to_events.values() if len(self) >= self.max_size else ():
            if event.session_hash in self:
                self.move_to_end(event.session_hash)
        super().__setitem__(session, messages)

    def popitem(self, last: bool = True) -> tuple[str, Any]:
        """One less, and nothing of it is left in Gradio's queue."""
        session, messages = super().popitem(last)
        self._queue.pending_event_ids_session.pop(session, None)
        return session, messages


class Listening:
    """ASGI middleware that knows who listens: Gradio runs the jobs of those who never did to the end.

    It also ends the answer to those whose session is not known, whom Gradio tells that, and then raises.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        name = _stream(scope)
        if name is None:
            return await self._app(scope, receive, send)
        _heard[name] += 1
        try:
            await self._app(scope, receive, send)
        except RuntimeError as error:
            if not isinstance(error.__cause__, HTTPException):
                raise
            await send({"type": "http.response.body"})
        finally:
            _heard[name] -= 1
            if not _heard[name]:
                del _heard[name]


def _stream(scope: Scope) -> str | None:
    """What a request for a stream of answers asks for: GET .../queue/data?session_hash=... or .../call/.../EVENT."""
    if scope["type"] != "http" or scope["method"] != "GET":
        return None
    parts = scope["path"].partition("/gradio_api/")[2].split("/")
    if parts == ["queue", "data"]:
        return next(iter(parse_qs(scope["query_string"].decode("latin-1")).get("session_hash", [])), None)
    return parts[-1] if parts[0] == "call" and len(parts) > 2 else None
