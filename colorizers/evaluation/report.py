"""Figures as a table, as JSON, and as a block of a model card."""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from colorizers.errors import ColorizerError
from colorizers.evaluation.protocol import Figures


@dataclass(frozen=True)
class Report:
    """The rows of one evaluation, and what one needs to make it again."""

    rows: Mapping[str, Figures]
    photos: int
    photos_sha256: str
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
            "| row | CIEDE2000 | x gray | ab RMSE | PSNR dB | colourfulness | L* error | s a photo |",
            "|---|---|---|---|---|---|---|---|",
        ]
        for name, row in self.rows.items():
            lines.append(
                f"| {name} | {row.de00:.2f} | {row.de00 / gray:.2f} | {row.ab_rmse:.2f} | {row.psnr:.2f} "
                f"| {row.colorfulness:.1f} | {row.l_error:.3f} | {row.seconds:.2f} |"
            )
        weights = ", ".join(f"{key} {digest[:12]}" for key, digest in self.weights.items())
        versions = ", ".join(f"{name} {version}" for name, version in self.versions.items())
        lines += [
            "",
            f"{self.photos} photos (sha256 of the list {self.photos_sha256[:12]}), centre squares of at most "
            f"{self.size} px, 8-bit results; weights {weights}; {versions}.",
            f"`{self.command}`",
        ]
        return "\n".join(lines) + "\n"


def write_block(card: Path, name: str, text: str) -> None:
    """Replace the text between `<!-- NAME -->` and `<!-- end NAME -->` of a model card."""
    content = card.read_text()
    block = re.compile(rf"(<!-- {re.escape(name)} -->\n).*?(<!-- end {re.escape(name)} -->)", re.DOTALL)
    if not block.search(content):
        raise ColorizerError(f"{card.name} has no block {name!r}; add its two comment lines to the card.")
    card.write_text(block.sub(lambda found: found[1] + text + found[2], content))
