"""Names of files: clean enough to write, and fit to be shown in a sentence."""

import re
from pathlib import Path


def clean_name(name: str) -> str:
    """A file stem that is safe to write anywhere: letters, digits, dot, dash and underscore; at most 80 bytes."""
    stem = re.sub(r"[^\w.-]+", "_", Path(name.replace("\\", "/")).stem)
    return stem.lstrip("._-").encode()[:80].decode(errors="ignore").rstrip("._-") or "photo"


def shown_name(name: str) -> str:
    """A file name as it may stand in a sentence: one line, no markup, at most 60 characters."""
    name = re.sub(r"[^\w .,()'+-]+", "_", Path(name.replace("\\", "/")).name).strip()
    return name if len(name) <= 60 else name[:59] + "…"


def result_stem(photo: str, method: str, variant: int | None = None) -> str:
    """The stem of a result: the photo's, the method, and the number of the variant, from 1, where there are several."""
    return f"{photo}_{method}" if variant is None else f"{photo}_{method}_{variant}"
