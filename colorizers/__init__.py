"""Colour for black-and-white photographs, by every family of method the field has.

>>> from colorizers import colorize
>>> result = colorize("test_images/astronaut_gray.jpg")[0]  # doctest: +SKIP
>>> result.save(Path("astronaut.png"))  # doctest: +SKIP
"""

from __future__ import annotations

import functools
import importlib
import os
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    from colorizers.engine import Engine
    from colorizers.errors import ColorizerError
    from colorizers.picture.finish import Finish
    from colorizers.picture.photo import Photo
    from colorizers.picture.result import Result

__version__ = "0.1.0"
__all__ = ["ColorizerError", "Finish", "Photo", "Result", "colorize", "method_names"]

_PLACES = {
    "ColorizerError": "colorizers.errors",
    "Finish": "colorizers.picture.finish",
    "Photo": "colorizers.picture.photo",
    "Result": "colorizers.picture.result",
}


def colorize(
    photo: Photo | str | os.PathLike[str] | bytes | BinaryIO,
    method: str = "unet",
    *,
    seed: int | None = None,
    finish: Finish | Mapping[str, float] | None = None,
    hints: Any = (),
    **options: Any,
) -> list[Result]:
    """Colour one photo: a path, the bytes of a file, or a `Photo`.

    `options` are the method's own, as `colorizers methods` lists them; a picture among them is given as the photo is.
    Of the method's finish, a mapping changes what it names; a `Finish` takes its place. `hints` say what has which
    colour: see `colorizers.picture.hints`. Gives one result, or one a variant; see `Result.save` and `Result.pixels`.
    Raises ColorizerError, in one sentence, for what a user can mend.
    """
    from colorizers.engine.jobs import JobRequest
    from colorizers.methods.catalog import METHODS, find
    from colorizers.options import controls

    if seed is not None:
        options["seed"] = seed
    pictures = {entry.name for entry in controls(find(METHODS, method).info.options) if entry.kind == "picture"}
    options |= {name: _opened(options[name]) for name in pictures & options.keys() if options[name] is not None}
    wanted = JobRequest(_opened(photo), method, options, {} if finish is None else finish, hints)
    return list(_engine().results(wanted))


def __getattr__(name: str) -> Any:
    """Import what the docstrings name when it is first used: torch takes seconds."""
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_PLACES[name]), name)


def method_names() -> list[str]:
    """The names of the methods, in the order in which a newcomer should try them."""
    from colorizers.methods.catalog import METHODS

    return list(METHODS)


def _opened(source: Photo | str | os.PathLike[str] | bytes | BinaryIO) -> Photo:
    from colorizers.picture.photo import Photo

    return source if isinstance(source, Photo) else Photo.open(source)


_MAKING_ENGINE = threading.Lock()
"""Two first callers at once would make two engines, each with a pool of its own."""


def _engine() -> Engine:
    with _MAKING_ENGINE:
        return _made_engine()


@functools.cache
def _made_engine() -> Engine:
    from colorizers.engine import make_engine

    return make_engine()
