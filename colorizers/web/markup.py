"""The small pieces of HTML on the page; whatever comes from a file or a method is escaped here."""

import base64
import io
from collections.abc import Iterable, Mapping
from html import escape

import numpy as np
from PIL import Image
from torch import Tensor

from colorizers.methods.method import MethodInfo
from colorizers.web import texts, theme
from colorizers.web.jobs import JobView, Phase
from colorizers.web.session import Shown

_MARK = theme.MARK.read_text()
_MAP = 480  # pixels, its long side


def header() -> str:
    """The name and one sentence."""
    return f'<header class="masthead">{_MARK}<div><h1>{texts.NAME}</h1><p>{texts.TAGLINE}</p></div></header>'


def invitation() -> str:
    """What stands in the place where the photo is dropped."""
    return f"{_MARK}<h2>{texts.DROP}</h2><p>{texts.DROP_HOW}</p>"


def small(text: str) -> str:
    """A line that need not be read first."""
    return f'<p class="small">{escape(text)}</p>'


def option(label: str, help: str) -> str:
    """The name of an option that Gradio does not label, and its help."""
    return f'<p class="option"><strong>{escape(label)}</strong><span>{escape(help)}</span></p>'


def no_picture() -> str:
    """In place of the picture that somebody may choose."""
    return f'<p class="picture"><i></i><span>{texts.NO_PICTURE}</span></p>'


def picture(name: str, small: Image.Image) -> str:
    """The picture that somebody chose."""
    return f'<p class="picture"><img alt="" src="{_inline(small)}"><span>{escape(name)}</span></p>'


def maps(planes: Mapping[str, Tensor]) -> str:
    """What a network was guided by, planes (h, w) in [0, 1] by name, in small."""
    figures = "".join(_figure(name, plane) for name, plane in planes.items())
    return f'<div class="maps"><h2>{texts.MAPS}</h2>{figures}</div>' if figures else ""


def _figure(name: str, plane: Tensor) -> str:
    small = Image.fromarray((plane.clamp(0, 1) * 255).round().numpy().astype(np.uint8))
    small.thumbnail((_MAP, _MAP))
    said = escape(name)
    return f'<figure><img alt="{said}" src="{_inline(small)}"><figcaption>{said}</figcaption></figure>'


def _inline(small: Image.Image) -> str:
    """A picture as an address that holds it."""
    file = io.BytesIO()
    small.save(file, "JPEG", quality=90)
    return f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}"


def paper(info: MethodInfo) -> str:
    """Where the idea of a method comes from."""
    return f'<p class="paper">{escape(info.paper)}</p>'


def photo_card(shown: Shown) -> str:
    """The photo's name and size, and what there is to say about it."""
    width, height = shown.size
    size = f"{width} × {height}" + (f" · {texts.SIXTEEN_BIT}" if shown.photo.bits == 16 else "")
    name = escape(shown.source.name)
    return f'<div class="photo-card"><strong>{name}</strong> <span>{size}</span>{notes(shown.photo.notes)}</div>'


def notes(sentences: Iterable[str]) -> str:
    """Sentences for the user."""
    return "".join(f'<p class="note">{escape(sentence)}</p>' for sentence in sentences)


def status(view: JobView) -> str:
    """The status line of a job: its progress, how it ended, or why it did not succeed."""
    text = escape(view.text)
    if view.phase is Phase.EMPTY:
        return ""
    if view.phase is Phase.FAILED:
        return f'<div class="status problem" role="alert">{text}</div>'
    if not view.phase.busy:
        return f'<div class="status" role="status">{text}{notes(view.notes)}</div>'
    value = "" if view.share is None else f' value="{view.share:.3f}"'
    return f'<div class="status" role="status">{text}<progress{value} aria-label="{text}"></progress></div>'
