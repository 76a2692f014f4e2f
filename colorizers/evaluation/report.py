"""Figures as a table, as JSON, and as a block of a model card."""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from colorizers.errors import ColorizerError
from colorizers.evaluation.protocol import Figures


@dataclass(frozen=True)
class Report:
    """The rows of one evaluation, and what one needs to make it again.

    `left_out` counts the files that were found and not used: gray, broken or too large.
    """

    rows: Mapping[str, Figures]
    photos: int
    photos_sha256: str
    left_out: int
    size: int
    weights: Mapping[str, str]
    versions: Mapping[str, str]
    command: str

    def json(self) -> str:
        """Everything, for programs."""
        return json.dumps(asdict(self), indent=2) + "\n"

    def markdown(self) -> str:
        """The table for people; dE00 also as a multiple of the gray row's."""
        gray = self.rows["gray"].de00
        lines = [
            "| row | CIEDE2000 | x gray | ab RMSE | PSNR dB | colourfulness | L* error | s a photo, method alone |",
            "|---|---|---|---|---|---|---|---|",
        ]
        for name, row in self.rows.items():
            seconds = f"{row.seconds:.2f}" if row.seconds else "–"
            lines.append(
                f"| {name} | {row.de00:.2f} | {row.de00 / gray:.2f} | {row.ab_rmse:.2f} | {row.psnr:.2f} "
                f"| {row.colorfulness:.1f} | {row.l_error:.3f} | {seconds} |"
            )
        weights = ", ".join(f"{key} {digest[:12]}" for key, digest in self.weights.items())
        versions = ", ".join(f"{name} {version}" for name, version in self.versions.items())
        left_out = f", {self.left_out} gray or unusable left out" if self.left_out else ""
        lines += [
            "",
            f"{self.photos} photos (sha256 of the list {self.photos_sha256[:12]}){left_out}, centre squares of at most "
            f"{self.size} px, 8-bit results; weights {weights}; {versions}.",
            f"`{self.command}`",
        ]
        return "\n".join(lines) + "\n"


def table(rows: Mapping[str, str]) -> str:
    """Two columns without a heading, for a model card; a value cannot break out of its cell."""
    cells = {name: " ".join(value.split()).replace("|", r"\|") for name, value in rows.items()}
    return "\n".join(("| | |", "|---|---|", *(f"| {name} | {cell} |" for name, cell in cells.items()))) + "\n"


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


def _block(name: str) -> re.Pattern[str]:
    return re.compile(rf"(<!-- {re.escape(name)} -->\n).*?(<!-- end {re.escape(name)} -->)", re.DOTALL)


def _read(card: Path) -> str:
    try:
        return card.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise ColorizerError(f"The card {card} cannot be read; give the path of a text file.") from error
