"""What a visitor may want to know of a method: what it does and when to take it, and the facts about its weights."""

import functools
import re
from html import escape

from colorizers.engine.jobs import WeightsState
from colorizers.methods.method import MethodInfo
from colorizers.options import controls
from colorizers.web.controls import weights_among
from colorizers.web.markup import worded
from colorizers.weights.registry import Weights
from colorizers.weights.store import SHIPPED_DIR
from colorizers.words import Text

_BLOCK = re.compile(r"<!-- validation -->(.*?)<!-- end validation -->", re.DOTALL)
_PARAMETERS = re.compile(r"^\| Parameters \| ([\d.]+) M", re.MULTILINE)
_COLUMNS = ("x gray", "KID")  # of the table in a card: how far from the truth, and from photographs as a set


def about(info: MethodInfo, weights: WeightsState, language: str) -> str:
    """A part that can be opened: the paper, the method in two sentences, and a table of its weights, if it has any."""
    rows = [_row(info, one, label, weights, language) for one, label in _choices(info, weights, language)]
    told = f"<p>{worded(Text(f'methods.{info.name}.about'), language)}</p>{_table(rows, language) if rows else ''}"
    return f'<details class="about"><summary>{escape(info.paper)}</summary>{told}</details>'


def _table(rows: list[str], language: str) -> str:
    heads = (Text(f"about.{head}") for head in ("weights", "parameters", "x-gray", "kid"))
    line = "".join(f'<th scope="col">{worded(head, language)}</th>' for head in heads)
    table = f"<table><thead><tr>{line}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    return f"{table}<p>{worded(Text('about.figures'), language)}</p>"


def _choices(info: MethodInfo, weights: WeightsState, language: str) -> list[tuple[Weights, str]]:
    """The weights among which a visitor chooses, each with its label."""
    named = {entry.name: entry.worded(language) for entry in controls(info.options)}
    if "weights" not in named:
        own = (one for key, one in weights.registry.items() if key.startswith(f"{info.name}/"))
        return [(one, info.title.worded(language)) for one in own]
    entry = named["weights"]
    labels = dict(zip(entry.choices, entry.labels, strict=True))
    return [(one, labels[choice]) for choice, one in weights_among(entry, info.name, weights).items()]


def _row(info: MethodInfo, one: Weights, label: str, weights: WeightsState, language: str) -> str:
    size = _card(one.stem)[0]
    if not size and one.megabytes:
        size = Text("about.download", megabytes=one.megabytes).worded(language)
    licence = one.licence.worded(language) if isinstance(one.licence, Text) else one.licence
    told = "".join(f"<td>{escape(cell or '–')}</td>" for cell in (size, *_figures(info.name, one)))
    mark = "" if one.key in weights.installed else ' class="absent"'
    return f'<tr{mark}><th scope="row">{escape(label)}<small>{escape(licence)}</small></th>{told}</tr>'


def _figures(method: str, one: Weights) -> tuple[str, ...]:
    """The measured columns of the weights' own row in their card, empty where there is none."""
    rows = _card(one.stem)[1]
    for name in (f"{method}:{one.name}", method):
        if name in rows:
            return tuple(rows[name].get(column, "") for column in _COLUMNS)
    return ("",) * len(_COLUMNS)


@functools.cache
def _card(stem: str) -> tuple[str, dict[str, dict[str, str]]]:
    """The number of parameters in a card, and the rows of its validation table by name; nothing without a card."""
    path = SHIPPED_DIR / f"{stem}.md"
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    size, block = _PARAMETERS.search(text), _BLOCK.search(text)
    lines = [_cells(line) for line in block[1].splitlines() if line.startswith("|")] if block else []
    heads, rows = (lines[0], lines[2:]) if lines else ([], [])
    return f"{size[1]} M" if size else "", {row[0]: dict(zip(heads, row, strict=False)) for row in rows}


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]
