"""Figures as a table, as JSON, as CSV by photo, and as a block of a model card."""

import csv
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

from colorizers.errors import ColorizerError
from colorizers.evaluation.equal_color import SHARE
from colorizers.evaluation.protocol import Evaluation, Values
from colorizers.picture.dataset import Collection
from colorizers.words import Text


class Column(NamedTuple):
    """A figure: its key and number format."""

    key: str
    form: str

    @property
    def heading(self) -> str:
        """Its name."""
        return str(Text(f"evaluation.columns.{self.key}.heading"))

    @property
    def meaning(self) -> str:
        """What it measures."""
        return str(Text(f"evaluation.columns.{self.key}.meaning"))


COLUMNS = (
    Column("de00", ".2f"),
    Column("x_gray", ".2f"),
    Column("de00_at_85", ".2f"),
    Column("x_gray_at_85", ".2f"),
    Column("ab_rmse", ".2f"),
    Column("psnr", ".2f"),
    Column("ssim", ".3f"),
    Column("lpips", ".3f"),
    Column("fid", ".2f"),
    Column("kid", ".2f"),
    Column("cf", ".1f"),
    Column("cf_ddcolor", ".1f"),
    Column("delta_cf", ".1f"),
    Column("cf_error", ".1f"),
    Column("l_error", ".3f"),
    Column("gray_fraction", ".0%"),
    Column("moved_mean", ".0%"),
    Column("moved_std", ".0%"),
    Column("diversity", ".2f"),
    Column("seconds_per_megapixel", ".2f"),
)


@dataclass(frozen=True)
class Report:
    """The mean figures of one evaluation by row and key, with everything needed to repeat it.

    `photos_list` names the committed list of exactly these photos, or is empty. `left_out` counts unused files: gray,
    broken or too large. `options` has all options of the methods' rows, `weights` the sha256 of the loaded files,
    `networks` that of the metrics' networks.
    """

    rows: Mapping[str, Values]
    photos: int
    photos_sha256: str
    photos_list: str
    left_out: int
    size: int
    options: Mapping[str, Mapping[str, Any]]
    weights: Mapping[str, str]
    networks: Mapping[str, str]
    versions: Mapping[str, str]
    command: str

    def json(self) -> str:
        """Everything, for programs."""
        return json.dumps(asdict(self), indent=2) + "\n"

    def columns(self) -> list[Column]:
        """The columns with a figure in any row."""
        keys: set[str] = set()
        for values in self.rows.values():
            keys.update(values)
        if "color_reached" in keys:
            keys.add("de00_at_85")
        return [column for column in COLUMNS if column.key in keys]

    def cells(self) -> Iterator[list[str]]:
        """Rows of the table: the name and the figures, with a dash for one that does not apply."""
        for name, values in self.rows.items():
            yield [name, *(_cell(column, values) for column in self.columns())]

    def markdown(self) -> str:
        """The table in Markdown, with its provenance and the command."""
        headings = [str(Text("evaluation.row")), *(column.heading for column in self.columns())]
        lines = [_line(headings), "|" + "---|" * len(headings), *map(_line, self.cells())]
        return "\n".join((*lines, "", self.provenance(), f"`{self.command}`")) + "\n"

    def provenance(self) -> str:
        """Photos, weights, seed, networks and versions in one line."""
        photos = [Text("evaluation.photos", count=self.photos, sha256=self.photos_sha256[:12])]
        if self.photos_list:
            photos.append(Text("evaluation.exactly", file=self.photos_list))
        if self.left_out:
            photos.append(Text("evaluation.left-out", count=self.left_out))
        photos.append(Text("evaluation.squares", size=self.size))
        parts = [", ".join(map(str, photos))]
        if self.weights:
            parts.append(str(Text("evaluation.weights", files=_named(self.weights))))
        if seeds := sorted({options["seed"] for options in self.options.values() if "seed" in options}):
            parts.append(str(Text("evaluation.seeds", seeds=seeds)))
        if self.networks:
            parts.append(str(Text("evaluation.networks", files=_named(self.networks))))
        parts.append(", ".join(f"{name} {version}" for name, version in self.versions.items()))
        return "; ".join(parts) + "."


def _cell(column: Column, values: Values) -> str:
    """A formatted figure; for a method that is never colourful enough, the share that it reaches."""
    if column.key in values:
        return f"{values[column.key]:{column.form}}"
    if column.key == "de00_at_85" and "color_reached" in values:
        share = values["color_reached"]
        known = Text("evaluation.not-reached", share=share)
        return str(known if share < SHARE else Text("evaluation.always-above", share=share))
    return "–"


def write_csv(path: Path, collection: Collection, evaluation: Evaluation) -> None:
    """Write the figures of every photo, one line per photo and row."""
    measured: set[str] = set()
    for values in evaluation.pictures[0].values():
        measured.update(values)
    keys = [column.key for column in COLUMNS if column.key in measured]
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, ["photo", "sha256", "row", *keys], lineterminator="\n")
        table.writeheader()
        for name, digest, rows in zip(collection.names, collection.digests, evaluation.pictures, strict=True):
            for row, values in rows.items():
                rounded = {key: f"{value:.6g}" for key, value in values.items()}
                table.writerow({"photo": name, "sha256": digest, "row": row, **rounded})


def table(rows: Mapping[str, str]) -> str:
    """A Markdown table of names and values for a model card; special characters are escaped."""
    lines = ["| | |", "|---|---|"]
    for name, value in rows.items():
        lines.append(_line([name, value]))
    return "\n".join(lines) + "\n"


def check_block(card: Path, name: str) -> None:
    """Raise ColorizerError if `write_block` would fail."""
    if not _block(name).search(_read(card)):
        raise ColorizerError(Text("evaluation.no-block", card=card.name, block=name))
    if not os.access(card, os.W_OK):
        raise ColorizerError(Text("evaluation.read-only-card", card=card))


def write_block(card: Path, name: str, text: str) -> None:
    """Replace the text between `<!-- NAME -->` and `<!-- end NAME -->` of a model card."""
    check_block(card, name)
    written = _block(name).sub(lambda found: found[1] + text + found[2], _read(card))
    card.write_text(written, encoding="utf-8")


def _line(cells: list[str]) -> str:
    """One line of a table in Markdown."""
    clean = (" ".join(cell.split()).replace("|", r"\|") for cell in cells)
    return f"| {' | '.join(clean)} |"


def _named(hashes: Mapping[str, str]) -> list[str]:
    """Files by name and the start of their hash."""
    return [f"{name} {digest[:12]}" for name, digest in hashes.items()]


def _block(name: str) -> re.Pattern[str]:
    return re.compile(rf"(<!-- {re.escape(name)} -->\n).*?(<!-- end {re.escape(name)} -->)", re.DOTALL)


def _read(card: Path) -> str:
    try:
        return card.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise ColorizerError(Text("evaluation.unreadable-card", card=card)) from error
