"""`serve`: the page for browsers."""

import argparse
import os
from pathlib import Path

from colorizers.engine import make_engine
from colorizers.errors import ColorizerError
from colorizers.methods.catalog import REGISTRY
from colorizers.settings import get_settings
from colorizers.weights.store import WeightStore, make_store
from colorizers.words import Text


def prepare(parser: argparse.ArgumentParser, argv: list[str]) -> None:
    """The arguments of `serve`."""
    add = parser.add_argument
    add("--host", help=str(Text("commands.serve.host")))
    add("--port", type=int, help=str(Text("commands.serve.port")))
    add("--share", action="store_true", help=str(Text("commands.serve.share")))
    checkpoint = str(Text("commands.serve.checkpoint"))
    add("--checkpoint", action="append", default=[], metavar="KEY=PATH", help=checkpoint)
    add("--model", metavar="PATH_OR_ID", help=str(Text("commands.serve.model")))
    add("--controlnet", metavar="PATH_OR_ID", help=str(Text("commands.serve.controlnet")))
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    from colorizers.web import serve

    engine = make_engine(store=_store(arguments))
    serve(engine, host=arguments.host, port=arguments.port, share=arguments.share)
    return 0


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
