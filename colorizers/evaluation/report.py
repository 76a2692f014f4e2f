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


class Column(NamedTuple):
    """A figure: its key, heading, number format and meaning."""

    key: str
    heading: str
    form: str
    meaning: str


_MOVED = (
    "share of the way to that of the reference, from the same method with the photo's own colors as reference; "
    "without such a row from the truth, where plain gray reads 50%"
)

COLUMNS = (
    Column("de00", "CIEDE2000", ".2f", "mean color difference to the truth; lower is closer"),
    Column("x_gray", "x gray", ".2f", "CIEDE2000 as a multiple of the gray row's"),
    Column(
        "de00_at_85",
        "CIEDE2000 @ 85%",
        ".2f",
        f"CIEDE2000 where the mean CF is {SHARE:.0%} of the truth's, else the share that the method reaches",
    ),
    Column("x_gray_at_85", "x gray @ 85%", ".2f", "CIEDE2000 @ 85% as a multiple of the gray row's"),
    Column("ab_rmse", "ab RMSE", ".2f", "root mean square error of a* and b*, in Lab units"),
    Column("psnr", "PSNR dB", ".2f", "on 8-bit RGB, at most 99; plain gray scores well"),
    Column("ssim", "SSIM", ".3f", "structural similarity on RGB; plain gray scores well"),
    Column("lpips", "LPIPS", ".3f", "perceptual distance on the features of a network, named below"),
    Column("fid", "FID", ".2f", "Frechet distance between sets of features of a network, named below"),
    Column("kid", "KID", ".2f", "kernel distance between sets of features of a network, named below; times 1000"),
    Column("cf", "CF", ".1f", "colorfulness of Hasler and Suesstrunk (2003), of signed values as they define it"),
    Column("cf_ddcolor", "CF abs", ".1f", "colorfulness as in DDColor's script, of absolute values"),
    Column("delta_cf", "dCF", ".1f", "difference of the mean CF to the truth's"),
    Column("cf_error", "dCF per photo", ".1f", "mean difference of each photo's CF to the truth's"),
    Column("l_error", "L* error", ".3f", "mean error of L*; rounding to 8 bits alone causes up to 0.1"),
    Column("gray_fraction", "gray", ".0%", "share of pixels with chroma below 4"),
    Column("moved_mean", "moved mean", ".0%", f"mean of a* and b*: {_MOVED}"),
    Column("moved_std", "moved std", ".0%", f"standard deviation of a* and b*: {_MOVED}"),
    Column(
        "diversity", "diversity", ".2f", "mean ab RMSE between the variants of a photo; other figures are of the first"
    ),
    Column(
        "seconds_per_megapixel",
        "s/MP",
        ".2f",
        "seconds per megapixel for all variants together, without loading the model",
    ),
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
        headings = ["row", *(column.heading for column in self.columns())]
        lines = [_line(headings), "|" + "---|" * len(headings), *map(_line, self.cells())]
        return "\n".join((*lines, "", self.provenance(), f"`{self.command}`")) + "\n"

    def provenance(self) -> str:
        """Photos, weights, seed, networks and versions in one line."""
        exactly = f", exactly those of {self.photos_list}" if self.photos_list else ""
        left_out = f", {self.left_out} gray or unusable left out" if self.left_out else ""
        seeds = sorted({options["seed"] for options in self.options.values() if "seed" in options})
        parts = (
            f"{self.photos} photos (sha256 of the list {self.photos_sha256[:12]}){exactly}{left_out}, centre squares "
            f"of at most {self.size} px, 8-bit results",
            _named("weights", self.weights),
            f"seed {', '.join(map(str, seeds))}" if seeds else "",
            _named("networks", self.networks),
            ", ".join(f"{name} {version}" for name, version in self.versions.items()),
        )
        return "; ".join(filter(None, parts)) + "."


def _cell(column: Column, values: Values) -> str:
    """A formatted figure; for a method that is never colourful enough, the share that it reaches."""
    if column.key in values:
        return f"{values[column.key]:{column.form}}"
    if column.key == "de00_at_85" and "color_reached" in values:
        share = values["color_reached"]
        return f"at most {share:.0%}" if share < SHARE else f"at least {share:.0%}"
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
        raise ColorizerError(f"{card.name} has no block {name!r}; add its two comment lines to the card.")
    if not os.access(card, os.W_OK):
        raise ColorizerError(f"{card} cannot be written; check its permissions.")


def write_block(card: Path, name: str, text: str) -> None:
    """Replace the text between `<!-- NAME -->` and `<!-- end NAME -->` of a model card."""
    check_block(card, name)
    written = _block(name).sub(lambda found: found[1] + text + found[2], _read(card))
    card.write_text(written, encoding="utf-8")


def _line(cells: list[str]) -> str:
    """One line of a table in Markdown."""
    clean = (" ".join(cell.split()).replace("|", r"\|") for cell in cells)
    return f"| {' | '.join(clean)} |"


def _named(kind: str, hashes: Mapping[str, str]) -> str:
    """Files by name and the start of their hash, or an empty string."""
    files = ", ".join(f"{name} {digest[:12]}" for name, digest in hashes.items())
    return f"{kind} {files}" if files else ""


def _block(name: str) -> re.Pattern[str]:
    return re.compile(rf"(<!-- {re.escape(name)} -->\n).*?(<!-- end {re.escape(name)} -->)", re.DOTALL)


def _read(card: Path) -> str:
    try:
        return card.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise ColorizerError(f"The card {card} cannot be read; give the path of a text file.") from error
