"""`serve`: the page for browsers."""

import argparse
import atexit
import contextlib
import gc
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

from colorizers.commands.weights import download, fetchable
from colorizers.engine import make_engine
from colorizers.errors import ColorizerError
from colorizers.methods.catalog import REGISTRY
from colorizers.settings import get_settings, listening_host
from colorizers.weights.store import WeightStore, make_store
from colorizers.words import Text


def prepare(parser: argparse.ArgumentParser, argv: list[str]) -> None:
    """The arguments of `serve`."""
    add = parser.add_argument
    add("--host", help=str(Text("commands.serve.host", host=listening_host(None))))
    add("--port", type=int, help=str(Text("commands.serve.port")))
    add("--share", action="store_true", help=str(Text("commands.serve.share")))
    checkpoint = str(Text("commands.serve.checkpoint"))
    add("--checkpoint", action="append", default=[], metavar="KEY=PATH", help=checkpoint)
    add("--model", metavar="PATH_OR_ID", help=str(Text("commands.serve.model")))
    add("--controlnet", metavar="PATH_OR_ID", help=str(Text("commands.serve.controlnet")))
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    host = listening_host(arguments.host)
    _check_address(host, arguments.port or os.environ.get("GRADIO_SERVER_PORT") or 0)
    store = _store(arguments)
    download_wanted(store)
    engine = make_engine(store=store)
    with _all_kept():
        from colorizers.web import serve, wait

        page = serve(engine, arguments.host, arguments.port, arguments.share)
    print(Text("commands.serve.running", address=f"http://{page.server_name}:{page.server_port}"), flush=True)
    wait(page, engine)
    _end()


def _end() -> NoReturn:
    """End the process: by itself Python would first touch all that it has in memory, which may have been moved out."""
    atexit._run_exitfuncs()
    sys.stdout.flush()
    os._exit(0)


@contextlib.contextmanager
def _all_kept() -> Iterator[None]:
    """Spare the collector of garbage, now and later, what is made here: it stays until the process ends."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def download_wanted(store: WeightStore) -> None:
    """Get the weights that COLORIZERS_DOWNLOAD names and that are not installed."""
    for key in [fetchable(name.strip(), store) for name in get_settings().download.split(",") if name.strip()]:
        download(key, store)


def _check_address(host: str, port: int | str) -> None:
    """Raise ColorizerError where nobody can listen, before anything is loaded."""
    try:
        if not 0 <= int(port) < 2**16:
            raise ValueError(port)
        found = socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_STREAM)
        family, kind, protocol, _, address = found[0]
        with contextlib.closing(socket.socket(family, kind, protocol)) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except (OSError, OverflowError, ValueError) as error:
        reason = getattr(error, "strerror", None) or Text("commands.serve.no-port")
        raise ColorizerError(Text("commands.serve.cannot-listen", host=host, port=port, reason=reason)) from error


def _store(arguments: argparse.Namespace) -> WeightStore:
    """The weights that the settings and the arguments name."""
    store = make_store(REGISTRY, get_settings())
    for text in arguments.checkpoint:
        name, equals, path = text.partition("=")
        if not equals:
            raise ColorizerError(Text("commands.serve.checkpoint-form"))
        home = os.path.expanduser(path)  # noqa: PTH111 - Path's own fails for users that there are not
        store = store.with_file(store.key_of(name), Path(home))
    if arguments.model is not None:
        store = store.with_model(arguments.model)
    if arguments.controlnet is not None:
        store = store.with_controlnet(arguments.controlnet)
    return store
