"""Names of files: clean enough to write, and fit to be shown in a sentence."""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from pathlib import Path


def clean_name(name: str) -> str:
    """A file stem that is safe to write anywhere: letters, digits, dot, dash and underscore; at most 80 bytes."""
    stem = _kept(Path(name.replace("\\", "/")).stem, "_.-")
    return stem.lstrip("._-").encode()[:80].decode(errors="ignore").rstrip("._-") or "photo"


def shown_name(name: str) -> str:
    """A file name as it may stand in a sentence: one line, no markup, at most 60 characters."""
    name = _kept(Path(name.replace("\\", "/")).name, "_ .,()'+-").strip()
    return name if len(name) <= 60 else name[:59] + "…"


def _kept(name: str, others: str) -> str:
    """Letters with their accents and vowel signs, digits, and some others; a low line for each run of anything else."""
    pieces = (each if each.isalnum() or each in others or _is_mark(each) else "\0" for each in name)
    return re.sub("\0+", "_", "".join(pieces))


def _is_mark(character: str) -> bool:
    return unicodedata.category(character) in ("Mn", "Mc")


def result_stem(photo: str, method: str, variant: int | None = None) -> str:
    """The stem of a result: the photo's, the method, and the number of the variant, from 1, where there are several."""
    return f"{photo}_{method}" if variant is None else f"{photo}_{method}_{variant}"


def distinct_stems(placed: Sequence[tuple[Path, Path]]) -> list[Path]:
    """For each photo and its place: the photo's stem; where photos share one, each with its suffix, then a number.

    So a photo that comes later never takes the name that another one's result has.
    """
    shared = Counter(_folded(place / photo.stem) for place, photo in placed)
    taken: set[str] = set()
    stems = []
    for place, photo in placed:
        plain = place / photo.stem
        named = place / f"{photo.stem}_{photo.suffix[1:].lower()}"
        stem, count = (named if shared[_folded(plain)] > 1 else plain), 1
        while _folded(stem) in taken:
            count += 1
            stem = named.with_name(f"{named.name}_{count}")
        taken.add(_folded(stem))
        stems.append(stem)
    return stems


def _folded(path: Path) -> str:
    """The path as a file system that ignores case sees it."""
    return str(path).casefold()
