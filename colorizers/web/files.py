"""A visitor's files: those that come, and the previews and full-size files that the server makes."""

import secrets
import shutil
import tempfile
import weakref
from pathlib import Path
from typing import Any

import numpy as np
from gradio.utils import get_upload_folder

from colorizers.picture.photo import Photo
from colorizers.picture.record import Record
from colorizers.picture.result import on_white, with_alpha
from colorizers.settings import get_settings

OPENING: dict[str, Any] = {"concurrency_id": "opening", "concurrency_limit": 4}
"""For events that decode what a visitor sent: so many at once."""
_PREVIEW_QUALITY = 90
_MOST_XMP = 65_000  # bytes; what a JPEG can hold


def open_upload(path: str | Path, name: str | None = None) -> Photo:
    """Decode a file that a visitor sent, within the limits for uploads."""
    return Photo.open(path, name=name, max_megabytes=get_settings().max_upload_megabytes)


class Folder:
    """A folder inside Gradio's cache: the page may show what lies there, and no one can guess its name.

    It is deleted when nobody holds it any more.
    """

    def __init__(self) -> None:
        cache = Path(get_upload_folder())
        cache.mkdir(parents=True, exist_ok=True)
        self._path = Path(tempfile.mkdtemp(prefix="page-", dir=cache))
        weakref.finalize(self, shutil.rmtree, self._path, ignore_errors=True)

    def place(self, name: str) -> Path:
        """Where a file of this name may be written; another place each time."""
        path = self._path / secrets.token_hex(4) / name
        path.parent.mkdir()
        return path

    def preview(self, pixels: np.ndarray, alpha: np.ndarray | None, record: Record | None = None) -> Path:
        """Write a picture (H, W, 3) uint8 as a small file; transparency is laid on white, a record goes with it."""
        path = self.place("preview.jpg")
        xmp = b"" if record is None else record.xmp()
        kept = {"xmp": xmp} if 0 < len(xmp) <= _MOST_XMP else {}
        on_white(with_alpha(pixels, alpha)).save(path, "JPEG", quality=_PREVIEW_QUALITY, subsampling=0, **kept)
        return path

    def discard(self, path: Path) -> None:
        """Delete a file that is no longer shown."""
        shutil.rmtree(path.parent, ignore_errors=True)
