"""Who sent what is being answered, and whether anybody still waits for the answer."""

from collections import Counter
from urllib.parse import parse_qs

from gradio.context import LocalContext
from starlette.types import ASGIApp, Receive, Scope, Send

from colorizers.engine.line import Visitor

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


class Listening:
    """ASGI middleware that knows who listens: Gradio runs the jobs of those who never did to the end."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        name = _stream(scope)
        if name is None:
            return await self._app(scope, receive, send)
        _heard[name] += 1
        try:
            await self._app(scope, receive, send)
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
