"""The small pieces of HTML on the page; whatever comes from a file or a method is escaped here."""

import base64
import io
import math
from collections.abc import Iterable, Mapping
from html import escape

import numpy as np
from PIL import Image
from torch import Tensor

from colorizers.methods.method import Method
from colorizers.web import texts, theme
from colorizers.web.loss_plot import Losses
from colorizers.web.session import Shown

_MARK = theme.MARK.read_text()
_WIDTH, _HEIGHT = 240, 88  # of the lines of a plot; around them stand the numbers of its axes
_MAP = 480  # pixels, its long side
_DECADES = 5  # below the largest loss; what is less is not drawn


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


def losses(told: Losses) -> str:
    """A plot of the losses of a job over its steps, on one logarithmic axis, with their present values."""
    points = told.points
    decades = _decades([value for point in points for value in point.values])
    drawn = _lines(told, *decades) if decades else _middle(_HEIGHT / 2, texts.NO_LOSSES)
    values = [texts.number(value) for value in points[-1].values] if points else ["–"] * len(told.names)
    named = list(zip(told.names, values, strict=True))
    said = texts.losses(points[-1].done, told.total, named) if points else texts.NO_LOSSES
    legend = "".join(_legend(k, name, value) for k, (name, value) in enumerate(named))
    return (
        f'<div class="losses" role="img" aria-label="{escape(said)}"><svg viewBox="-26 -8 270 110">'
        f'<path class="axes" d="M0,0V{_HEIGHT}H{_WIDTH}"/>{drawn}</svg><p>{legend}</p></div>'
    )


def _decades(values: list[float]) -> tuple[int, int] | None:
    """The powers of ten between which the values are drawn; none when there is nothing to draw."""
    sizes = [math.log10(value) for value in values if 0 < value < math.inf]
    if not sizes:
        return None
    high = math.ceil(max(sizes))
    return min(high - 1, math.floor(max(min(sizes), max(sizes) - _DECADES))), high


def _lines(told: Losses, low: int, high: int) -> str:
    """The numbers of the axes, and a line for each loss, cut off where it leaves the plot."""

    def place(done: int, value: float) -> str:
        size = math.log10(max(value, 10.0 ** (low - 1)))
        return f"{done / told.total * _WIDTH:.1f},{(high - size) / (high - low) * _HEIGHT:.1f}"

    ticks = "".join(_tick((high - power) / (high - low) * _HEIGHT, power) for power in range(low, high + 1))
    lines = (
        " ".join(place(point.done, point.values[k]) for point in told.points if math.isfinite(point.values[k]))
        for k in range(len(told.names))
    )
    drawn = "".join(f'<polyline class="loss-{k % 3}" points="{line}"/>' for k, line in enumerate(lines))
    return (
        f'{ticks}<svg width="{_WIDTH}" height="{_HEIGHT}">{drawn}</svg>{_middle(99, texts.LOSSES)}'
        f'<text x="0" y="99">0</text><text x="{_WIDTH}" y="99" class="end">{told.total}</text>'
    )


def _tick(y: float, power: int) -> str:
    line = f'<path class="tick" d="M0,{y:.1f}H{_WIDTH}"/>'
    return f'{line}<text x="-4" y="{y + 3:.1f}" class="end">10<tspan dy="-4">{power}</tspan></text>'


def _middle(y: float, text: str) -> str:
    return f'<text x="{_WIDTH / 2}" y="{y}" class="middle">{text}</text>'


def _legend(k: int, name: str, value: str) -> str:
    """The name of a loss, what its line looks like, and its value."""
    line = f'<svg viewBox="0 0 17 4"><path class="loss-{k % 3}" d="M0,2H17"/></svg>'
    return f"<span>{escape(name)}<b>{line}{value}</b></span>"
