"""The small pieces of HTML on the page; whatever comes from a file or a method is escaped here."""

import base64
import io
from collections.abc import Iterable
from html import escape

from PIL import Image

from colorizers.methods.method import Method
from colorizers.web import texts, theme
from colorizers.web.session import Shown

_MARK = theme.MARK.read_text()


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
    file = io.BytesIO()
    small.save(file, "JPEG", quality=90)
    data = base64.b64encode(file.getvalue()).decode()
    return f'<p class="picture"><img alt="" src="data:image/jpeg;base64,{data}"><span>{escape(name)}</span></p>'


def paper(method: Method) -> str:
    """Where the idea of a method comes from."""
    return f'<p class="paper">{escape(method.paper)}</p>'


def photo_card(shown: Shown) -> str:
    """The photo's name and size, and what there is to say about it."""
    width, height = shown.size
    size = f"{width} × {height}" + (f" · {texts.SIXTEEN_BIT}" if shown.photo.bits == 16 else "")
    name = escape(shown.source.name)
    return f'<div class="photo-card"><strong>{name}</strong> <span>{size}</span>{notes(shown.photo.notes)}</div>'


def notes(sentences: Iterable[str]) -> str:
    """Sentences for the user."""
    return "".join(f'<p class="note">{escape(sentence)}</p>' for sentence in sentences)


def status(text: str, share: float | None = None) -> str:
    """What is going on, and how far it is: `share` in [0, 1]; a moving bar when nobody knows."""
    said = escape(text)
    value = "" if share is None else f' value="{share:.3f}"'
    return f'<div class="status" role="status">{said}<progress{value} aria-label="{said}"></progress></div>'


def done(text: str, sentences: Iterable[str] = ()) -> str:
    """How a job ended."""
    return f'<div class="status" role="status">{escape(text)}{notes(sentences)}</div>'


def failed(text: str) -> str:
    """Why a job did not succeed."""
    return f'<div class="status problem" role="alert">{escape(text)}</div>'
