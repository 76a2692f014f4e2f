"""The photographs of test_images/ on the page: the black-and-white ones to be coloured, their originals for colours."""

from pathlib import Path
from typing import Any

import gradio as gr

from colorizers.picture.photo import SUFFIXES, Photo
from colorizers.settings import PROJECT
from colorizers.web.session import thumbnail

FOLDER = PROJECT / "test_images"


def gray_photos() -> tuple[Path, ...]:
    """The black-and-white ones; `cat.jpg` beside `cat_gray.jpg` is an original."""
    found = _pictures()
    return tuple(path for stem, path in found.items() if f"{stem}_gray" not in found)


def colour_photos() -> tuple[Path, ...]:
    """The originals."""
    found = _pictures()
    return tuple(path for stem, path in found.items() if f"{stem}_gray" in found)


def title(path: Path) -> str:
    """What the page calls one of them."""
    return path.stem.removesuffix("_gray").replace("_", " ").capitalize()


def strip(paths: tuple[Path, ...], label: str, **how: Any) -> gr.Gallery:
    """Render small pictures of them here, to choose from."""
    shown = [(thumbnail(Photo.open(path)), title(path)) for path in paths]
    return gr.Gallery(
        shown, label=label, show_label=False, columns=len(shown), allow_preview=False, buttons=[], interactive=False,
        container=False, elem_classes="strip", **how,
    )  # fmt: skip


def _pictures() -> dict[str, Path]:
    return {path.stem: path for path in sorted(FOLDER.glob("*")) if path.suffix.lower() in SUFFIXES}
