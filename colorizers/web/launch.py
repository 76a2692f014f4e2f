"""One start path for `python app.py`, `colorizers serve`, Docker and Spaces: the page, its limits, its health."""

import contextlib
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import gradio as gr
from gradio import routes
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from colorizers import __version__
from colorizers.engine import Engine, make_engine
from colorizers.errors import ColorizerError
from colorizers.settings import PROJECT, get_settings, listening_host
from colorizers.web import theme
from colorizers.web.blocks import build_pages
from colorizers.web.closing import end_jobs
from colorizers.web.files import Tidying, folder_of_process
from colorizers.web.gate import gate
from colorizers.web.listening import Listening, Untold
from colorizers.web.metrics import metrics_of
from colorizers.web.visitors import keeping_visitors
from colorizers.weights.store import SHIPPED_DIR
from colorizers.words import Text

_LOOK_EVERY = 0.2  # seconds between looks at whether the server still runs
_EVENTS_EVERY = 0.01  # seconds between Gradio's looks for new events; by itself a thousand a second, 4 % of a core
_THREADS = 40  # beside one for each who waits in the line


def serve(
    engine: Engine | None = None,
    host: str | None = None,
    port: int | None = None,
    share: bool = False,
) -> gr.Blocks:
    """Serve the page and return it while it runs, for `close()` or `wait` to end.

    The page is in the language of the settings and has a switch to the others. Host and port default to
    GRADIO_SERVER_NAME and GRADIO_SERVER_PORT, then to 127.0.0.1 (0.0.0.0 on Spaces) and the first free port from 7860.
    """
    engine = engine or make_engine()
    settings, host = get_settings(), listening_host(host)
    if settings.mcp and find_spec("mcp") is None:
        raise ColorizerError(Text("commands.serve.no-mcp", package="gradio[mcp]"))
    metrics = [Route("/metrics", metrics_of(engine))] if settings.metrics else []
    folder = folder_of_process()
    routes.DEFAULT_TEMP_DIR = str(folder)  # Gradio has read it when it was imported
    page = build_pages(engine, settings.language)
    _ask_oneself_directly()
    page.queue(max_size=settings.queue_size, api_open=False)
    page._queue.sleep_when_free = _EVENTS_EVERY
    page._queue.pending_messages_per_session = Untold(page._queue)
    page.launch(
        server_name=host,
        server_port=port,
        share=share,
        prevent_thread_lock=True,
        quiet=True,
        theme=theme.theme(),
        css_paths=theme.CSS,
        favicon_path=theme.MARK,
        footer_links=["api"],
        max_threads=settings.queue_size + _THREADS,
        app_kwargs={
            "routes": [Route("/healthz", _health(engine)), *metrics],
            "middleware": [*gate(host, share), Middleware(Listening)],
            "lifespan": _together(Tidying(folder), keeping_visitors(page)),
        },
        max_file_size=int(max(settings.max_upload_megabytes, settings.max_batch_megabytes) * 10**6),
        state_session_capacity=settings.max_sessions,
        mcp_server=settings.mcp,
        show_error=not settings.public,
        allowed_paths=[],
        blocked_paths=[str(path) for path in _private_paths()],
        strict_cors=True,
        enable_monitoring=False,
        run_history=False,
        ssr_mode=False,
        pwa=False,
        _frontend=False,  # else Gradio asks for its own page and gives up after 3 s, which a busy machine needs
    )
    return page


def wait(page: gr.Blocks, engine: Engine) -> None:
    """Return when the process is told to end: jobs are ended first, and pages that are open, which keep the server."""
    with contextlib.suppress(KeyboardInterrupt):
        while page.is_running:
            time.sleep(_LOOK_EVERY)
    end_jobs(engine)
    page.close(verbose=False)


def _together(*lifespans: Callable[[Any], AbstractAsyncContextManager[None]]) -> Callable[[Any], Any]:
    @contextlib.asynccontextmanager
    async def lifespan(app: Any) -> AsyncIterator[None]:
        async with contextlib.AsyncExitStack() as stack:
            for each in lifespans:
                await stack.enter_async_context(each(app))
            yield

    return lifespan


def _ask_oneself_directly() -> None:
    """Gradio asks the new server whether it has started: a proxy of the office must not be asked for that."""
    given = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    names = [*filter(None, given.split(",")), "localhost", "127.0.0.1"]
    os.environ["no_proxy"] = os.environ["NO_PROXY"] = ",".join(dict.fromkeys(names))


def _private_paths() -> list[Path]:
    """Never served, whatever else is."""
    folders = [SHIPPED_DIR, PROJECT / ".env", get_settings().weights_dir, get_settings().cache_dir]
    return [folder for folder in folders if folder is not None]


def _health(engine: Engine) -> Callable[[Request], JSONResponse]:
    def answer(request: Request) -> JSONResponse:
        health = engine.health()
        return JSONResponse({"version": __version__, "device": health.device, "pool": asdict(health.pool)})

    return answer
