"""Figures as a table, as JSON, picture by picture as CSV, and as a block of a model card."""

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
    """A figure: its key, its heading, how it is written, and what it is."""

    key: str
    heading: str
    form: str
    meaning: str


_MOVED = (
    "how far it went to that of the reference, as a share of the way from the row that has the photo's own colours "
    "for reference and is alike otherwise; without such a row from the truth, where plain gray reads 50%"
)

COLUMNS = (
    Column("de00", "CIEDE2000", ".2f", "mean colour difference to the truth; lower is closer"),
    Column("x_gray", "x gray", ".2f", "CIEDE2000 as a multiple of the gray row's"),
    Column(
        "de00_at_85",
        "CIEDE2000 @ 85%",
        ".2f",
        f"at the vividness where the mean CF is {SHARE} of the truth's; where it never is, the share that it comes to",
    ),
    Column("x_gray_at_85", "x gray @ 85%", ".2f", "the same as a multiple of the gray row's CIEDE2000"),
    Column("ab_rmse", "ab RMSE", ".2f", "root mean square error of a* and b*, in Lab units"),
    Column("psnr", "PSNR dB", ".2f", "on 8-bit RGB, at most 99; plain gray scores well"),
    Column("ssim", "SSIM", ".3f", "structural similarity on RGB; plain gray scores well"),
    Column("lpips", "LPIPS", ".3f", "distance on the features of a network, named beneath"),
    Column("fid", "FID", ".2f", "Frechet distance of the set of features of a network, named beneath"),
    Column("kid", "KID", ".2f", "kernel distance of the set of features of a network, named beneath; times 1000"),
    Column("cf", "CF", ".1f", "colourfulness of Hasler and Suesstrunk (2003), signed as they define it"),
    Column("cf_ddcolor", "CF abs", ".1f", "colourfulness as DDColor's script has it, of absolute values"),
    Column("delta_cf", "dCF", ".1f", "difference of the mean CF over the set to the truth's"),
    Column("cf_error", "dCF a photo", ".1f", "mean over the photos of the difference of their CF to the truth's"),
    Column("l_error", "L* error", ".3f", "mean error of L*; rounding to 8 bits alone makes up to 0.1"),
    Column("gray_fraction", "gray", ".0%", "share of pixels with chroma below 4"),
    Column("moved_mean", "moved mean", ".0%", f"the mean of a* and b*: {_MOVED}"),
    Column("moved_std", "moved std", ".0%", f"the standard deviation of a* and b*: {_MOVED}"),
    Column("diversity", "diversity", ".2f", "mean ab RMSE between the variants of a photo; all else is of the first"),
    Column(
        "seconds_per_megapixel",
        "s/MP",
        ".2f",
        "seconds a megapixel, of the method alone, its model in memory; for all variants together",
    ),
)


@dataclass(frozen=True)
class Report:
    """The mean figures of one evaluation by row and key, and what one needs to make it again.

    `photos_list` is the committed list when the photos are exactly those, else empty. `left_out` counts the files
    that were found and not used: gray, broken or too large. `options` are every option of the methods' rows,
    `weights` the sha256 of the files they loaded, `networks` of those that LPIPS and FID stand on.
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
        """The figures that any row has."""
        keys = {key for values in self.rows.values() for key in values}
        if "color_reached" in keys:
            keys.add("de00_at_85")
        return [column for column in COLUMNS if column.key in keys]

    def cells(self) -> Iterator[list[str]]:
        """The rows of the table: the name and the figures; a dash where one does not apply."""
        for name, values in self.rows.items():
            yield [name, *(_cell(column, values) for column in self.columns())]

    def markdown(self) -> str:
        """The table for people, with what it was measured on."""
        headings = ["row", *(column.heading for column in self.columns())]
        lines = [_line(headings), "|" + "---|" * len(headings), *map(_line, self.cells())]
        return "\n".join((*lines, "", self.provenance(), f"`{self.command}`")) + "\n"

    def provenance(self) -> str:
        """What was measured and how, in one line."""
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
    """A figure as it is written; what stands for it where a method is never colourful enough."""
    if column.key in values:
        return f"{values[column.key]:{column.form}}"
    if column.key == "de00_at_85" and "color_reached" in values:
        share = values["color_reached"]
        return f"at most {share:.0%}" if share < SHARE else f"at least {share:.0%}"
    return "–"


def write_csv(path: Path, collection: Collection, evaluation: Evaluation) -> None:
    """Every figure of every photo: a line a photo and row."""
    keys = [column.key for column in COLUMNS if any(column.key in row for row in evaluation.pictures[0].values())]
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, ["photo", "sha256", "row", *keys], lineterminator="\n")
        table.writeheader()
        for name, digest, rows in zip(collection.names, collection.digests, evaluation.pictures, strict=True):
            for row, values in rows.items():
                rounded = {key: f"{value:.6g}" for key, value in values.items()}
                table.writerow({"photo": name, "sha256": digest, "row": row, **rounded})


def table(rows: Mapping[str, str]) -> str:
    """Two columns without a heading, for a model card; a value cannot break out of its cell."""
    return "\n".join(("| | |", "|---|---|", *(_line([name, value]) for name, value in rows.items()))) + "\n"


def check_block(card: Path, name: str) -> None:
    """Raise ColorizerError, in one sentence, when `write_block` could not do its work."""
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
    """One line of a table in markdown."""
    clean = (" ".join(cell.split()).replace("|", r"\|") for cell in cells)
    return f"| {' | '.join(clean)} |"


def _named(what: str, hashes: Mapping[str, str]) -> str:
    """Files by name and the beginning of their hash; nothing when there is none."""
    files = ", ".join(f"{name} {digest[:12]}" for name, digest in hashes.items())
    return f"{what} {files}" if files else ""


def _block(name: str) -> re.Pattern[str]:
    return re.compile(rf"(<!-- {re.escape(name)} -->\n).*?(<!-- end {re.escape(name)} -->)", re.DOTALL)


def _read(card: Path) -> str:
    try:
        return card.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise ColorizerError(f"The card {card} cannot be read; give the path of a text file.") from error
