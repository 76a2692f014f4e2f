"""Colour for black-and-white photographs, by every family of method the field has.

>>> from colorizers import colorize
>>> result = colorize("test_images/astronaut_gray.jpg")[0]  # doctest: +SKIP
>>> result.save(Path("astronaut.png"))  # doctest: +SKIP
"""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    from colorizers.engine import Engine
    from colorizers.picture.finish import Finish
    from colorizers.picture.photo import Photo
    from colorizers.picture.result import Result

__version__ = "0.1.0"
__all__ = ["colorize", "method_names"]


def colorize(
    photo: Photo | str | os.PathLike[str] | bytes | BinaryIO,
    method: str = "unet",
    *,
    seed: int | None = None,
    finish: Finish | Mapping[str, float] | None = None,
    **options: Any,
) -> list[Result]:
    """Colour one photo: a path, the bytes of a file, or a `Photo`.

    `options` are the method's own, as `colorizers methods` lists them; a picture among them is given as the
    photo is. Of the method's finish, a mapping changes what it names; a `Finish` takes its place. Gives one result, or
    one a variant; see `Result.save` and `Result.pixels`. Raises ColorizerError, in one sentence, for what a user can
    mend.
    """
    from colorizers.engine import JobRequest
    from colorizers.methods.catalog import METHODS, find
    from colorizers.options import controls

    if seed is not None:
        options["seed"] = seed
    pictures = {entry.name for entry in controls(find(METHODS, method).options) if entry.kind == "picture"}
    options |= {name: _opened(options[name]) for name in pictures & options.keys() if options[name] is not None}
    return list(_engine().results(JobRequest(_opened(photo), method, options, {} if finish is None else finish)))


def method_names() -> list[str]:
    """The names of the methods, in the order in which a stranger should try them."""
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
    from colorizers.engine import local_engine

    return local_engine()
