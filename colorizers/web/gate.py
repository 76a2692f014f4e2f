"""What every request passes before Gradio sees it: whom it asks, where it comes from, how much it sends."""

import logging
import os
import re
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from colorizers.settings import get_settings
from colorizers.web.files import make_room
from colorizers.web.gradio_io import in_log
from colorizers.web.visitors import Heartbeats
from colorizers.words import Text

_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_LONGEST_PATH = 100  # characters, in the log
_ENCODED = 4 / 3  # bytes of a file in base64, as an MCP client sends it, for one of its own
# Of Gradio's routes, those that fetch from other hosts or write files, and that this page does not use.
_CLOSED = re.compile(r"/gradio_api/(file[=/]\s*https?:|proxy=|deep_link|process_recording)", re.IGNORECASE)
_HEADERS = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin"}
# Gradio's page needs scripts and styles of its own text.
_POLICY = (
    "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; object-src 'none'; base-uri 'self'; "
    "form-action 'self'; frame-ancestors 'self'"
)
_log = logging.getLogger(__name__)


def gate(host: str, share: bool) -> list[Middleware]:
    """The middleware of a server that listens at a host.

    On a Space the page stands in a frame of another host and loads a script from there, so it has no policy.
    """
    headers = _HEADERS if "SPACE_ID" in os.environ else {**_HEADERS, "Content-Security-Policy": _POLICY}
    return [
        Middleware(_Headers, headers=headers),
        Middleware(TrustedHostMiddleware, allowed_hosts=_names(host, share), www_redirect=False),
        Middleware(_Gate),
        Middleware(Heartbeats),
    ]


def _names(host: str, share: bool) -> list[str]:
    """By which names the server may be asked: a page of another site that has its name lead here is refused."""
    given = _given_hosts()
    if not given and (share or host.strip("[]") not in _LOOPBACK):
        return ["*"]
    return [*_LOOPBACK, "[::1]", *given]


def _given_hosts() -> list[str]:
    return get_settings().hosts.replace(",", " ").lower().split()


class _Headers:
    """Adds headers to every answer."""

    def __init__(self, app: ASGIApp, headers: dict[str, str]) -> None:
        self._app = app
        self._headers = headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_more(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(self._headers)
            await send(message)

        await self._app(scope, receive, send_more)


class _Gate:
    """Refuses what no page and no program of ours sends."""

    def __init__(self, app: ASGIApp) -> None:
        settings = get_settings()
        files = max(settings.max_batch_megabytes, settings.max_upload_megabytes)
        encoded = settings.max_upload_megabytes * _ENCODED if settings.mcp else 0
        more = settings.max_request_megabytes
        self._requests = _limited(app, more)
        self._uploads = _limited(app, files + more)
        self._tools = _limited(app, encoded + more)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._requests(scope, receive, send)
            return
        begun = False

        async def send_on(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app_for(scope)(scope, receive, send_on)
        except Exception as error:  # Gradio has looked for something that there is not
            if begun:
                raise
            _log.warning("%s %s: %s", scope["method"], scope["path"][:_LONGEST_PATH], in_log(error))
            await PlainTextResponse("Bad Request", 400)(scope, receive, send)

    def _app_for(self, scope: Scope) -> ASGIApp:
        path, headers = scope["path"], Headers(scope=scope)
        if _CLOSED.search(path):
            return PlainTextResponse(str(Text("gate.closed")), 403)
        if scope["method"] == "POST" and _is_foreign(headers):
            return PlainTextResponse(str(Text("gate.foreign")), 403)
        if path.rstrip("/").endswith("/gradio_api/upload"):
            if not make_room(_length(headers)):
                return PlainTextResponse(str(Text("page.no-room")), 507)
            return self._uploads
        return self._tools if "/gradio_api/mcp" in path else self._requests


def _limited(app: ASGIApp, megabytes: float) -> ASGIApp:
    return RequestBodyLimitMiddleware(app, int(megabytes * 10**6))


def _is_foreign(headers: Headers) -> bool:
    """Whether another site's page makes a browser send this to a server of the visitor's own machine."""
    own = urlsplit(f"//{headers.get('host')}").hostname in _LOOPBACK
    origin = urlsplit(headers.get("origin") or "").hostname
    crosses = headers.get("sec-fetch-site", "cross-site" if "origin" in headers else "") == "cross-site"
    return own and crosses and origin not in (*_LOOPBACK, *_given_hosts())


def _length(headers: Headers) -> int:
    given = headers.get("content-length", "")
    return int(given) if given.isdecimal() else 0
