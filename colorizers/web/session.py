"""What the server keeps of one visitor's page: a reduced photo, the colours of each tab, a few preview files."""

import threading
import weakref
from collections import deque
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from colorizers.errors import ColorizerError
from colorizers.methods.method import Method
from colorizers.picture.compose import Chroma, Kept, bytes_of, compose, packed
from colorizers.picture.finish import Finish
from colorizers.picture.photo import Photo, shown_name
from colorizers.picture.result import Result
from colorizers.settings import get_settings
from colorizers.web import texts
from colorizers.web.files import Folder, flat, open_upload

_PREVIEWS = 8  # files of a tab that are kept: the browser may still be loading an earlier one
_THUMBNAIL = 240  # pixels
_MOST_KEPT = 2 * 10**9  # bytes of all visitors' results
_MAKING_FOLDER = threading.Lock()
_NO_COLOUR = Chroma(torch.zeros(2, 1, 1))


def gray(photo: Photo) -> np.ndarray:
    """The pixels (H, W, 3) uint8 of the photo without colour."""
    return compose(photo.lightness, _NO_COLOUR, Finish())


def thumbnail(photo: Photo) -> Image.Image:
    """A small picture of the photo, in colour where it has any; transparency is laid on white."""
    small = photo.reduced(_THUMBNAIL)
    if photo.rgb is None:
        pixels = gray(small)
    else:
        pixels = np.asarray(Image.fromarray(photo.rgb).resize(small.size, Image.Resampling.BOX))
    return flat(pixels, small.alpha)


@dataclass(frozen=True)
class Source:
    """The file that the visitor chose, and how far it was turned counter-clockwise."""

    path: Path
    quarter_turns: int = 0

    @property
    def name(self) -> str:
        """The file's name, as it may be shown."""
        return shown_name(self.path.name)

    def open(self) -> Photo:
        """The whole photo, decoded again: the server keeps only the reduced one."""
        if not self.path.exists():
            raise ColorizerError(texts.GONE.format(name=self.name))
        return open_upload(self.path).rotated(self.quarter_turns)


@dataclass(frozen=True)
class Shown:
    """A photo as the page shows it: reduced, with the size it has in full and the file of its black-and-white side."""

    source: Source
    photo: Photo
    size: tuple[int, int]
    before: Path


@dataclass
class Coloured:
    """What one tab holds: results on the reduced photo, the chosen one, the finish, the job that is under way."""

    finish: Finish
    results: tuple[Result, ...] = ()
    gone: bool = False
    chosen: int = 0
    job_id: str = ""
    previews: deque[Path] = field(default_factory=deque)

    @property
    def result(self) -> Result:
        """The chosen result under the tab's finish; ColorizerError when there is none."""
        results = self.results  # another visitor's job may take them away at any time
        if not results:
            raise ColorizerError(texts.RESULTS_GONE if self.gone else texts.NOTHING_YET)
        return results[self.chosen].finished(self.finish)

    @property
    def bytes(self) -> int:
        """What the results take in memory, without the photo, which all of them share."""
        return sum(bytes_of(result.outcome) for result in self.results)


class Shelf:
    """Bounds what the results of all tabs of all visitors take in memory: those that were made first go first."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._tabs: list[weakref.ref[Coloured]] = []
        self._lock = threading.Lock()

    def add(self, tab: Coloured) -> None:
        """Keep a tab with new results, for which older ones may have to go."""
        with self._lock:
            known = [other for ref in self._tabs if (other := ref()) is not None and other is not tab]
            taken = tab.bytes + sum(other.bytes for other in known)
            while taken > self._most and known:
                oldest = known.pop(0)
                taken -= oldest.bytes
                oldest.gone, oldest.results, oldest.chosen = True, (), 0
            self._tabs = [weakref.ref(each) for each in (*known, tab)]


_SHELF = Shelf(_MOST_KEPT)


@dataclass
class Session:
    """One visitor's page."""

    on_page: Shown | None = None
    tabs: dict[str, Coloured] = field(default_factory=dict)
    _folder: Folder | None = None

    @property
    def folder(self) -> Folder:
        """The visitor's files; they go when the session does."""
        with _MAKING_FOLDER:
            if self._folder is None:
                self._folder = Folder()
            return self._folder

    @property
    def shown(self) -> Shown:
        """The photo on the page; ColorizerError when there is none (any more)."""
        if self.on_page is None:
            raise ColorizerError(texts.NO_PHOTO)
        return self.on_page

    def use(self, source: Source) -> None:
        """Take another photo, or the same one turned; what was coloured before is gone."""
        whole = source.open()
        photo = whole.reduced(get_settings().preview_pixels)
        before = self.folder.preview(gray(photo), photo.alpha)
        self.on_page, self.tabs = Shown(source, photo, whole.size, before), {}

    def turn(self, quarter_turns: int) -> None:
        """Turn the photo counter-clockwise."""
        source = self.shown.source
        self.use(replace(source, quarter_turns=(source.quarter_turns + quarter_turns) % 4))

    def tab(self, method: Method) -> Coloured:
        """What the tab of a method holds."""
        return self.tabs.setdefault(method.name, Coloured(method.finish))

    def keep(self, method: Method, results: tuple[Result, ...]) -> None:
        """Put a job's results on the page, packed, the full-size photo left aside."""
        tab, photo = self.tab(method), self.shown.photo
        tab.results = tuple(replace(result, photo=photo, outcome=packed(result.outcome)) for result in results)
        tab.chosen, tab.gone = 0, False
        _SHELF.add(tab)

    def first_look(self, method: Method, outcome: Kept) -> tuple[Path, Path]:
        """Before and after, as files, of a job that is under way."""
        tab, shown = self.tab(method), self.shown
        tab.previews.append(self.folder.preview(compose(shown.photo.lightness, outcome, tab.finish), shown.photo.alpha))
        while len(tab.previews) > _PREVIEWS:
            self.folder.discard(tab.previews.popleft())
        return shown.before, tab.previews[-1]

    def look(self, method: Method) -> tuple[Path, Path]:
        """Before and after, as files, of the chosen result under the tab's finish."""
        return self.first_look(method, self.tab(method).result.outcome)

    def thumbnails(self, method: Method) -> list[Path]:
        """A small file for each variant."""
        small = [result.preview(_THUMBNAIL) for result in self.tab(method).results]
        return [self.folder.preview(result.pixels(), result.photo.alpha) for result in small]

    def save(self, method: Method, suffix: str, bits: int, keep_exif: bool) -> tuple[Path, tuple[str, ...]]:
        """Make the full-size file of the chosen result; gives it and notes on what the format could not hold."""
        chosen = self.tab(method).result
        path = self.folder.place(f"{chosen.photo.name}_{method.name}{suffix}")
        return path, replace(chosen, photo=self.shown.source.open()).save(path, bits, keep_exif)
