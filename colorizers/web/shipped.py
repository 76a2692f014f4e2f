"""The pictures of test_images/ on the page: black-and-white photographs to be coloured, and references for colours."""

import functools
from pathlib import Path
from typing import Any

import gradio as gr
from PIL import Image

from colorizers.assets import TEST_IMAGES
from colorizers.picture.dataset import REFERENCES
from colorizers.picture.decode import SUFFIXES
from colorizers.web.shown import THUMBNAIL


def gray_photos() -> tuple[Path, ...]:
    """The black-and-white ones; `cat.jpg` beside `cat_gray.jpg` is an original."""
    found = _pictures(TEST_IMAGES)
    return tuple(path for stem, path in found.items() if f"{stem}_gray" not in found)


def references() -> tuple[Path, ...]:
    """The originals of the photographs, and after them the pictures that were made to be references."""
    found = _pictures(TEST_IMAGES)
    originals = (path for stem, path in found.items() if f"{stem}_gray" in found)
    return (*originals, *_pictures(TEST_IMAGES / REFERENCES).values())


def title(path: Path) -> str:
    """What the page calls one of them."""
    return path.stem.removesuffix("_gray").replace("_", " ").capitalize()


def strip(paths: tuple[Path, ...], label: str, **how: Any) -> gr.Gallery:
    """Render small pictures of them here, to choose from."""
    shown = [(small, title(path)) for path in paths if (small := _small(path)) is not None]
    return gr.Gallery(
        shown, label=label, show_label=False, columns=len(shown), allow_preview=False, buttons=[], interactive=False,
        container=False, elem_classes="strip", format="jpeg", **how,
    )  # fmt: skip


@functools.cache
def _small(path: Path) -> Image.Image | None:
    try:
        with Image.open(path) as image:
            image.thumbnail((THUMBNAIL, THUMBNAIL))
            return image.convert("RGB")
    except OSError:  # also what is no picture
        return None


def _pictures(folder: Path) -> dict[str, Path]:
    """The pictures of a folder by their stems; one that cannot be read, such as a Git LFS pointer, is left out."""
    found = (path for path in sorted(folder.glob("*")) if path.suffix.lower() in SUFFIXES)
    return {path.stem: path for path in found if _small(path) is not None}
