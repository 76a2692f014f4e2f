"""The photo on the page: the file that the visitor chose, and what is shown of it."""

import base64
import io
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from colorizers.errors import ColorizerError
from colorizers.picture.compose import uncolored
from colorizers.picture.naming import shown_name
from colorizers.picture.photo import Photo
from colorizers.picture.result import on_white, with_alpha
from colorizers.web.files import Folder, open_upload
from colorizers.words import Text

THUMBNAIL = 240  # pixels


def thumbnail(photo: Photo) -> Image.Image:
    """A small picture of the photo, in colour where it has any; transparency is laid on white."""
    small = photo.reduced(THUMBNAIL)
    if photo.rgb is None:
        pixels = uncolored(small.lightness)
    else:
        pixels = np.asarray(Image.fromarray(photo.rgb).resize(small.size, Image.Resampling.BOX))
    return on_white(with_alpha(pixels, small.alpha))


def inline(small: Image.Image) -> str:
    """A small picture as an address that holds it."""
    file = io.BytesIO()
    small.save(file, "JPEG", quality=90)
    return f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}"


@dataclass(frozen=True)
class Source:
    """The file that the visitor chose, and how far it was turned counter-clockwise."""

    path: Path
    quarter_turns: int = 0
    _folder: Folder | None = field(default=None, repr=False, compare=False)

    @classmethod
    def uploaded(cls, path: str | Path) -> "Source":
        """A file that came just now: it stays as long as somebody holds the source."""
        folder = Folder()
        return cls(folder.keep(Path(path)), _folder=folder)

    @property
    def name(self) -> str:
        """The file's name, as it may be shown."""
        return shown_name(self.path.name)

    def open(self) -> Photo:
        """The whole photo, decoded again: the server keeps only the reduced one."""
        if not self.path.exists():
            raise ColorizerError(Text("page.file-gone", name=self.name))
        return open_upload(self.path, quarter_turns=self.quarter_turns)


@dataclass(frozen=True)
class Shown:
    """A photo as the page shows it: reduced, with its full size; its black-and-white side as a file and `inline`."""

    source: Source
    photo: Photo
    size: tuple[int, int]
    before: Path
    small: str
