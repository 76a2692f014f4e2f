"""What became of a photo, for programs: one line of JSON."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from colorizers.picture.record import Record
from colorizers.words import Text

State = Literal["colored", "kept", "failed"]


@dataclass(frozen=True)
class PhotoReport:
    """What became of one photo: colored, kept because its results were there already, or failed with an error.

    `files` are its results and exports; `records` say how those were made that are new, and `seconds` is the time of
    the method. `traceback` is there when the error is one of the program.
    """

    photo: Path | str
    state: State
    files: tuple[Path | str, ...] = ()
    records: tuple[Record, ...] = ()
    seconds: float | None = None
    notes: tuple[Text, ...] = ()
    error: Text | None = None
    traceback: str = ""

    def json(self) -> str:
        """One line; a file name in no known encoding has surrogates as JSON escapes them."""
        return json.dumps(
            {
                "photo": str(self.photo),
                "state": self.state,
                "files": [str(path) for path in self.files],
                "records": [record.model_dump() for record in self.records],
                "seconds": None if self.seconds is None else round(self.seconds, 3),
                "notes": [str(note) for note in self.notes],
                "error": None if self.error is None else str(self.error),
            }
        )
