"""A report as an HTML page: the table, and the first photos as input, coloured and true, side by side.

The folder holds `index.html`, `pictures.csv` and small JPEGs; the page loads nothing from other hosts.
"""

import html
from collections.abc import Sequence
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from colorizers.evaluation.protocol import TRUTH, Evaluation, Pictures
from colorizers.evaluation.reference_rows import GRAY
from colorizers.evaluation.report import Report, write_csv
from colorizers.picture.dataset import Collection
from colorizers.words import Text

_PHOTOS = 30
_QUALITY = 88
_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem; color-scheme: light dark; }
table { border-collapse: collapse; }
th, td { padding: .3rem .7rem; text-align: right; border-bottom: 1px solid #8886; }
th:first-child, td:first-child { text-align: left; }
.sheet tr > * { text-align: center; border: 0; }
.sheet img { display: block; width: 192px; height: 192px; object-fit: contain; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 0 1rem; }
dd { margin: 0; }
"""


class ContactSheet:
    """Saves the pictures of the first photos in `folder` during an evaluation of the rows `methods`."""

    def __init__(self, folder: Path, methods: Sequence[str]) -> None:
        self._folder = folder
        self._rows = (GRAY, *methods, TRUTH)
        self._photos = 0

    def add(self, pictures: Pictures) -> None:
        """Save the pictures of one photo, if it is among the first."""
        if self._photos < _PHOTOS:
            for column, row in enumerate(self._rows):
                _save(pictures[row], self._folder / _file(self._photos, column))
            self._photos += 1

    def write(self, report: Report, collection: Collection, evaluation: Evaluation) -> None:
        """Write the page, and the figures of every photo as CSV."""
        write_csv(self._folder / "pictures.csv", collection, evaluation)
        (self._folder / "index.html").write_text(self._page(report, collection, evaluation), encoding="utf-8")

    def _page(self, report: Report, collection: Collection, evaluation: Evaluation) -> str:
        columns = report.columns()
        headings = [str(Text("evaluation.row")), *(column.heading for column in columns)]
        meanings = (f"<dt>{_text(each.heading)}</dt><dd>{_text(each.meaning)}</dd>" for each in columns)
        photos = (self._line(k, collection.names[k], evaluation) for k in range(self._photos))
        heads = _cells("th", [str(Text("evaluation.input")), *self._rows[1:]])
        title, first = _text(Text("evaluation.title")), _text(Text("evaluation.first-photos", count=self._photos))
        below, link = _text(Text("evaluation.below-pictures")), _text(Text("evaluation.figures-of-photos"))
        return (
            f'<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<title>{title}</title>\n'
            f"<style>{_STYLE}</style>\n<h1>{title}</h1>\n"
            f"<table>\n{_cells('th', headings)}\n"
            + "\n".join(_cells("td", cells) for cells in report.cells())
            + f"\n</table>\n<p>{_text(report.provenance())}</p>\n<p><code>{_text(report.command)}</code></p>\n"
            f"<dl>\n{chr(10).join(meanings)}\n</dl>\n"
            f'<p>{link} <a href="pictures.csv">pictures.csv</a></p>\n'
            f"<h2>{first}</h2>\n<p>{below}</p>\n"
            f'<table class="sheet">\n{heads}\n{chr(10).join(photos)}\n</table>\n</html>\n'
        )

    def _line(self, k: int, name: str, evaluation: Evaluation) -> str:
        """The pictures of one photo."""
        alts = [_text(Text("evaluation.picture", photo=name, row=row)) for row in self._rows]
        cells = (
            f'<td><img src="{_file(k, column)}" alt="{alts[column]}" title="{_text(name)}" loading="lazy">'
            f"{evaluation.pictures[k][row]['de00']:.1f}</td>"
            for column, row in enumerate(self._rows)
        )
        return f"<tr>{''.join(cells)}</tr>"


def _file(photo: int, column: int) -> str:
    return f"{photo + 1:02}_{column}.jpg"


def _save(rgb: Tensor, path: Path) -> None:
    pixels = (rgb * 255).round().to(torch.uint8).movedim(0, -1).contiguous().numpy()
    Image.fromarray(pixels).save(path, quality=_QUALITY, subsampling=0)


def _text(plain: Text | str) -> str:
    return html.escape(str(plain))


def _cells(tag: str, cells: list[str]) -> str:
    return f"<tr>{''.join(f'<{tag}>{_text(cell)}</{tag}>' for cell in cells)}</tr>"
