"""The small pieces of HTML on the page; whatever comes from a file or a method is escaped here."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape

import numpy as np
from PIL import Image
from torch import Tensor

from colorizers.methods.method import MethodInfo
from colorizers.web import texts, theme
from colorizers.web.batch_files import Row
from colorizers.web.jobs import JobView, Phase
from colorizers.web.session import Card, Compared
from colorizers.web.shown import Shown, inline
from colorizers.words import Text

_MARK = theme.MARK.read_text()
_MAP = 480  # pixels, its long side


def header(language: str, languages: Sequence[str], device: Text) -> str:
    """The name, one sentence, where the methods run, and the switch of the language."""
    name, tagline = worded(Text("page.name"), language), worded(Text("page.tagline"), language)
    chip = f'<span class="chip" title="{worded(Text("page.device"), language)}">{worded(device, language)}</span>'
    switch = _switch(language, languages)
    kept = (
        f'<button type="button" class="kept-button" data-history hidden>{worded(Text("kept.open"), language)}</button>'
    )
    keys = f'<button type="button" class="kept-button" data-keys>{worded(Text("keys.open"), language)}</button>'
    parts = f"<h1>{name}</h1><p>{tagline}</p>{chip}{switch}{kept}{keys}"
    head = f'<header class="masthead">{_MARK}<div>{parts}</div></header>'
    return f'{head}{_history(language)}{_shortcuts(language)}<p id="told" role="status"></p>'


def kept_results(language: str) -> str:
    """Room for the results that the browser has kept: history.js fills it."""
    heading, where, forget, sure = (
        worded(Text(f"kept.{part}"), language) for part in ("heading", "where", "forget", "sure")
    )
    return (
        f'<section class="kept" aria-label="{heading}" hidden><h2>{heading}</h2><p>{where}</p><ul class="results"></ul>'
        f'<button type="button" class="kept-button" data-forget="{sure}">{forget}</button></section>'
    )


def _history(language: str) -> str:
    """The same as a window over the page, with one of the results in large."""
    heading, save, use, remove, close = (
        worded(Text(f"kept.{part}"), language) for part in ("heading", "save", "use", "remove", "close")
    )
    button = '<button type="button" class="kept-button"'
    return (
        f'<dialog id="history" aria-label="{heading}">{kept_results(language)}<figure hidden><img alt="{heading}">'
        f'<figcaption></figcaption><div class="row"><a class="kept-button" href="#">{save}</a>{button} data-use>{use}'
        f"</button>{button} data-forget-one>{remove}</button></div></figure>"
        f"{button} data-close>{close}</button></dialog>"
    )


_KEYS = {
    "space": "original", "enter": "color", "S": "save", "ctrl Z": "undo", "ctrl shift Z": "redo", "← →": "tabs",
    "?": "list",
}  # fmt: skip
"""What the page's keys do; those in small letters have names in every language."""


def _shortcuts(language: str) -> str:
    """A window that lists all shortcuts: shortcuts.js opens it."""
    heading, close = worded(Text("keys.heading"), language), worded(Text("kept.close"), language)
    rows = ""
    for keys, what in _KEYS.items():
        caps = "".join(f"<kbd>{_cap(key, language)}</kbd>" for key in keys.split())
        rows += f"<dt>{caps}</dt><dd>{worded(Text(f'keys.{what}'), language)}</dd>"
    return (
        f'<dialog id="keys" aria-label="{heading}"><h2>{heading}</h2><dl>{rows}</dl>'
        f'<button type="button" class="kept-button" data-close-keys>{close}</button></dialog>'
    )


def _cap(key: str, language: str) -> str:
    return worded(Text(f"keys.caps.{key}"), language) if key.islower() else key


def copy_button(language: str) -> str:
    """Copies the picture that is shown: shortcuts.js does."""
    label = worded(Text("page.copy"), language)
    said = '<p class="small copied" role="status"></p>'
    return f'<button type="button" class="kept-button" data-copy>{label}</button>{said}'


def _switch(language: str, languages: Sequence[str]) -> str:
    """Links to the page in these languages, each in its own words; the first has the address of the server."""
    links = []
    for place, each in enumerate(languages):
        name, tag = worded(Text("language.name"), each), worded(Text("language.tag"), each)
        current = ' aria-current="page"' if each == language else ""
        links.append(f'<a href="./{each if place else ""}" lang="{tag}" hreflang="{tag}"{current}>{name}</a>')
    return f'<nav class="languages" aria-label="{worded(Text("language.switch"), language)}">{"".join(links)}</nav>'


def invitation(language: str) -> str:
    """What stands in the place where the photo is dropped."""
    drop, how = worded(Text("page.drop"), language), worded(Text("page.drop-how"), language)
    return f"{_MARK}<h2>{drop}</h2><p>{how}</p>"


def tools(language: str) -> str:
    """The buttons below the picture: page.js gives them their work."""
    hold, hints = worded(Text("page.hold"), language), worded(Text("page.hints.mode"), language)
    signs = (
        _tool("hints-undo", "↶", Text("page.hints.undo"), language),
        _tool("hints-redo", "↷", Text("page.hints.redo"), language),
        _tool("hints-clear", "✕", Text("page.hints.clear"), language),
        _tool("zoom-out", "−", Text("page.zoom-out"), language),
        _tool("zoom-in", "+", Text("page.zoom-in"), language),
    )
    return (
        f'<div class="tools"><button type="button" data-tool="hold"><kbd aria-hidden="true">␣</kbd> {hold}</button>'
        f'<button type="button" data-tool="hints" aria-pressed="false">{hints}</button>{"".join(signs)}</div>'
    )


def gaps(infos: Iterable[MethodInfo]) -> str:
    """A gap before the tabs of these methods."""
    tabs = ", ".join(f'[role="tab"][data-tab-id="{info.name}"]' for info in infos)
    return f"<style>{tabs} {{ margin-left: var(--gap-of-tabs); }}</style>" if tabs else ""


def _tool(name: str, sign: str, label: Text, language: str) -> str:
    said = worded(label, language)
    return f'<button type="button" data-tool="{name}" aria-label="{said}" title="{said}">{sign}</button>'


def data(**values: str) -> str:
    """What a script of the page reads, and nobody sees."""
    given = (f'data-{name}="{escape(value)}"' for name, value in values.items())
    return f"<span {' '.join(given)}></span>"


def heading(text: Text, language: str) -> str:
    """The heading of a part of a tab."""
    return f"<h2>{worded(text, language)}</h2>"


def small(text: str) -> str:
    """A line that need not be read first."""
    return f'<p class="small">{escape(text)}</p>'


def option(label: str, help: str) -> str:
    """The name of an option that Gradio does not label, and its help."""
    return f'<p class="option"><strong>{escape(label)}</strong><span>{escape(help)}</span></p>'


def no_picture(language: str) -> str:
    """In place of the picture that somebody may choose."""
    return f'<p class="picture"><i></i><span>{worded(Text("page.no-picture"), language)}</span></p>'


def picture(name: str, small: Image.Image) -> str:
    """The picture that somebody chose."""
    return f'<p class="picture"><img alt="" src="{inline(small)}"><span>{escape(name)}</span></p>'


def maps(planes: Mapping[Text, Tensor], language: str) -> str:
    """What a network was guided by, planes (h, w) in [0, 1] by name, in small."""
    figures = "".join(_figure(worded(name, language), plane) for name, plane in planes.items())
    return f'<div class="maps">{heading(Text("page.maps"), language)}{figures}</div>' if figures else ""


def _figure(name: str, plane: Tensor) -> str:
    small = Image.fromarray((plane.clamp(0, 1) * 255).round().numpy().astype(np.uint8))
    small.thumbnail((_MAP, _MAP))
    return f'<figure><img alt="{name}" src="{inline(small)}"><figcaption>{name}</figcaption></figure>'


def strip(results: Iterable[tuple[MethodInfo, str, float]], before: str, language: str) -> str:
    """All results in small, as `inline` has them, each with its method and its seconds.

    Those that are still to come have no address, and stand there as `before`, without colour.
    """
    items = "".join(_result(info, small, before, seconds, language) for info, small, seconds in results)
    return f'<ul class="results" aria-label="{worded(Text("page.results"), language)}">{items}</ul>' if items else ""


def _result(info: MethodInfo, small: str, before: str, seconds: float, language: str) -> str:
    title, took = worded(info.title, language), worded(texts.brief(seconds), language) if small else "…"
    said = Text("page.result-coming", title=info.title)
    if small:
        said = Text("page.result-of", title=info.title, duration=texts.brief(seconds))
    return (
        f'<li><button type="button" data-method="{info.name}" aria-label="{worded(said, language)}"'
        f' title="{title}"'
        f'{"" if small else " class=coming"}><img alt="" src="{small or before}">'
        f"<span>{title}</span><small>{took}</small></button></li>"
    )


def cards(compared: Compared, language: str) -> str:
    """The pictures that are compared, each with its title, settings, seconds and figures; a click chooses one."""
    items = "".join(_card(card, compared.sides, language) for card in compared.cards)
    return f'<ul class="cards" aria-label="{worded(Text("compare.pictures"), language)}">{items}</ul>'


def _card(card: Card, sides: Sequence[str], language: str) -> str:
    side = sides.index(card.key) if card.key in sides else None
    marks = [worded(Text(f"compare.{name}"), language) for name in ("left", "right")]
    mark = "" if side is None else f"<mark>{marks[side]}</mark>"
    lines = [card.settings] if card.settings else []
    if card.seconds is not None:
        lines.append(texts.brief(card.seconds).worded(language))
    if card.figures is not None:
        lines.append(Text("comparison.figures", **card.figures).worded(language))
    said = "".join(f"<small>{escape(line)}</small>" for line in lines)
    title, remove = worded(card.title, language), worded(Text("compare.remove", title=card.title), language)
    cross = f'<button type="button" data-card="{card.key}" data-act="remove" aria-label="{remove}">×</button>'
    return (
        f'<li><button type="button" data-card="{card.key}" aria-pressed="{str(side is not None).lower()}">'
        f'<img alt="" src="gradio_api/file={escape(str(card.path))}">{mark}<span>{title}</span>{said}</button>'
        f"{cross if card.pinned else ''}</li>"
    )


def batch(rows: Sequence[Row], language: str) -> str:
    """The photos of a batch with their results in small, or what went wrong with them."""
    items = "".join(_row(row, language) for row in rows)
    return f'<ul class="batch" aria-label="{worded(Text("batch.photos"), language)}">{items}</ul>'


def _row(row: Row, language: str) -> str:
    name = f"<span>{escape(str(row.name))}</span>"
    if row.small is not None:
        source = f"gradio_api/file={escape(str(row.small))}"
        colored = worded(Text("batch.colored"), language)
        return f'<li><img alt="" loading="lazy" src="{source}">{name}<small>{colored}</small></li>'
    if row.problem is None:
        return f"<li><i></i>{name}<small>{worded(Text('batch.waits'), language)}</small></li>"
    problem = f'<small class="problem">{worded(row.problem, language)}</small>'
    return f'<li class="failed"><i></i>{name}{problem}</li>'


def photo_card(shown: Shown, language: str) -> str:
    """The photo's name and size, and what there is to say about it; its shape, which the picture's place takes."""
    width, height = shown.size
    size, name = f"{width} × {height}", escape(shown.source.name)
    if shown.photo.bits == 16:
        size = f"{size} · {worded(Text('page.sixteen-bit'), language)}"
    lines, ratio = notes(shown.photo.notes, language), f"<style>:root {{ --ratio: {width / height:.4f} }}</style>"
    return f'{ratio}<div class="photo-card"><strong>{name}</strong> <span>{size}</span>{lines}</div>'


def said(sentence: Text, language: str) -> str:
    """A sentence that is read aloud when it appears."""
    return f'<p role="status">{worded(sentence, language)}</p>'


def notes(sentences: Iterable[Text], language: str) -> str:
    """Sentences for the user."""
    return "".join(f'<p class="note">{worded(sentence, language)}</p>' for sentence in sentences)


def status(view: JobView, language: str) -> str:
    """The status line of a job: its progress, how it ended, or why it did not succeed."""
    if view.text is None:
        return ""
    text = worded(view.text, language)
    if view.phase is Phase.FAILED:
        return f'<div class="status problem" role="alert">{text}</div>'
    if not view.phase.busy:
        return f'<div class="status">{text}{notes(view.notes, language)}</div>'
    value = "" if view.share is None else f' value="{view.share:.3f}"'
    return f'<div class="status">{text}<progress{value} aria-label="{text}"></progress></div>'


def worded(text: Text, language: str) -> str:
    """A text in a language, as HTML."""
    return escape(text.worded(language))
