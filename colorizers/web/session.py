"""What the server keeps of one visitor's page: a reduced photo, the colours of each tab, a few preview files."""

import threading
import weakref
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from torch import Tensor

from colorizers.errors import ColorizerError
from colorizers.methods.method import MethodInfo
from colorizers.picture.compose import Kept, bytes_of, compose, held, packed, uncolored
from colorizers.picture.exports import ENDINGS, Export, save_export
from colorizers.picture.finish import Finish
from colorizers.picture.hints import Hints
from colorizers.picture.naming import result_stem, shown_name
from colorizers.picture.photo import Photo
from colorizers.picture.record import Record
from colorizers.picture.result import Coloring, Result, on_white, with_alpha
from colorizers.settings import get_settings
from colorizers.web.batch_files import Batch
from colorizers.web.files import Folder, open_upload
from colorizers.web.jobs import Phase
from colorizers.words import Text

_PREVIEWS = 8  # files of a tab that are kept: the browser may still be loading an earlier one
THUMBNAIL = 240  # pixels
_SAVED = 3  # full-size files of a page that are kept: the browser may still be fetching an earlier one
_STEPS = 50  # that can be undone
_MOST_KEPT = 2 * 10**9  # bytes of all visitors' results
_MAKING_FOLDER = threading.Lock()


def thumbnail(photo: Photo) -> Image.Image:
    """A small picture of the photo, in colour where it has any; transparency is laid on white."""
    small = photo.reduced(THUMBNAIL)
    if photo.rgb is None:
        pixels = uncolored(small.lightness)
    else:
        pixels = np.asarray(Image.fromarray(photo.rgb).resize(small.size, Image.Resampling.BOX))
    return on_white(with_alpha(pixels, small.alpha))


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
    """A photo as the page shows it: reduced, with its full size; its black-and-white side as a file and in small."""

    source: Source
    photo: Photo
    size: tuple[int, int]
    before: Path
    small: Image.Image


class Steps:
    """The finishes of a tab, one after the other, for undo and redo."""

    def __init__(self) -> None:
        self._taken: list[Finish] = []
        self._place = -1

    def take(self, finish: Finish) -> None:
        """A step to another finish; those that were undone are gone. The same finish is no step."""
        if self._taken and self._taken[self._place] == finish:
            return
        self._taken = [*self._taken[: self._place + 1], finish][-_STEPS:]
        self._place = len(self._taken) - 1

    def back(self) -> Finish:
        """The finish of the step before, or of the first one."""
        self._place = max(0, self._place - 1)
        return self._taken[self._place]

    def forward(self) -> Finish:
        """The finish that was undone last, or that of the last step."""
        self._place = min(len(self._taken) - 1, self._place + 1)
        return self._taken[self._place]

    def is_next(self, finish: Finish) -> bool:
        """Whether a finish is the one that was undone last."""
        return self._taken[self._place + 1 : self._place + 2] == [finish]

    def has_before(self, present: Finish) -> bool:
        """Whether there is a step to undo; the present finish may not have been taken yet."""
        return self._place > 0 or (self._place == 0 and self._taken[0] != present)

    def has_after(self, present: Finish) -> bool:
        """Whether there is a step to redo."""
        return self._place < len(self._taken) - 1 and self._taken[self._place] == present


@dataclass
class ColoredTab:
    """The content of one tab: colorings, the chosen one, its finish and the steps to it, and where its job is.

    `asked` are the values of the options of its last job, whose id is `job_id`. `small` is the chosen result for the
    strip, and `in_sight` whether the page has its picture; a tab gets it when it is opened.
    """

    finish: Finish
    colorings: tuple[Coloring, ...] = ()
    gone: bool = False
    chosen: int = 0
    phase: Phase = Phase.EMPTY
    job_id: str = ""
    asked: tuple[Any, ...] = ()
    small: Image.Image | None = None
    in_sight: bool = False
    previews: deque[Path] = field(default_factory=deque)
    steps: Steps = field(default_factory=Steps)

    @property
    def coloring(self) -> Coloring:
        """The chosen coloring; ColorizerError when there is none."""
        colorings = self.colorings  # another visitor's job may take them away at any time
        if not colorings:
            raise ColorizerError(Text("page.results-gone") if self.gone else Text("page.nothing-yet"))
        return colorings[self.chosen]

    def turn(self, quarter_turns: int) -> None:
        """Turn the colorings counter-clockwise; a job of the photo as it was has no place here any more."""
        self.colorings = tuple(coloring.turned(quarter_turns) for coloring in self.colorings)
        self.job_id, self.small = "", None
        self.rest()

    def rest(self) -> None:
        """No job runs any more, and the page shows another picture."""
        self.phase, self.in_sight = Phase.DONE if self.colorings else Phase.EMPTY, False

    @property
    def bytes(self) -> int:
        """The memory that the colorings take."""
        return sum(bytes_of(coloring.outcome) for coloring in self.colorings)


@dataclass(frozen=True)
class Card:
    """One of the pictures that are compared, as a file.

    Results have `seconds`; others, which no method has made, have none. `figures` are against the true colours, where
    the photo has them. `pinned` results stay when their tab changes.
    """

    key: str
    title: Text
    settings: str
    seconds: float | None
    figures: Mapping[str, float] | None
    path: Path
    pinned: bool = False


@dataclass(frozen=True)
class Pin:
    """A result that was kept for comparing."""

    key: str
    info: MethodInfo
    tab: ColoredTab


@dataclass
class Compared:
    """What is compared: results that were kept, all pictures as they were last made, the keys of two of them."""

    pins: list[Pin] = field(default_factory=list)
    cards: list[Card] = field(default_factory=list)
    sides: tuple[str, ...] = ()


class Shelf:
    """Bounds what the results of all tabs of all visitors take in memory: those that were made first go first."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._tabs: list[weakref.ref[ColoredTab]] = []
        self._lock = threading.Lock()

    def add(self, tab: ColoredTab) -> None:
        """Keep a tab with new results, for which older ones may have to go."""
        with self._lock:
            known = [other for ref in self._tabs if (other := ref()) is not None and other is not tab]
            taken = tab.bytes + sum(other.bytes for other in known)
            while taken > self._most and known:
                oldest = known.pop(0)
                taken -= oldest.bytes
                oldest.gone, oldest.colorings, oldest.chosen = True, (), 0
            self._tabs = [weakref.ref(each) for each in (*known, tab)]


_SHELF = Shelf(_MOST_KEPT)


@dataclass(frozen=True)
class Work:
    """A photo with its results and the visitor's hints."""

    shown: Shown
    tabs: dict[str, ColoredTab]
    hints: Hints


@dataclass
class Session:
    """One visitor's page. `open` is the method of the visible tab, `coming` are those that will run by themselves.

    `earlier` is the work before, `offered` a picture made here about which the visitor is asked. When the next photo
    comes, the visible tab `stays` if its settings were asked for. `hints` are the visitor's colours for the photo, in
    every tab. `deep` is whether tabs offer files of 16 bits. `chosen` are the last choices, by what follows them.
    """

    on_page: Shown | None = None
    tabs: dict[str, ColoredTab] = field(default_factory=dict)
    open: str = ""
    coming: tuple[str, ...] = ()
    earlier: Work | None = None
    offered: Path | None = None
    stays: bool = False
    compared: Compared = field(default_factory=Compared)
    batch: Batch = field(default_factory=Batch)
    hints: Hints = ()
    deep: bool = False
    chosen: dict[Callable[..., Any], Any] = field(default_factory=dict)
    _held: dict[tuple[int, int], tuple[Hints, Tensor | None]] = field(default_factory=dict)  # by the size of a photo
    _saved: deque[Path] = field(default_factory=deque)
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
            raise ColorizerError(Text("page.no-photo"))
        return self.on_page

    def use(self, source: Source) -> None:
        """Take another photo; the one before can come back with its results."""
        earlier = None if self.on_page is None else Work(self.on_page, self.tabs, self.hints)
        self._place(source)
        self.earlier = earlier

    def go_back(self) -> None:
        """The photo before and its results; the present one takes its place, so that this can be undone."""
        if self.earlier is None:
            raise ColorizerError(Text("page.no-photo"))
        present, back = Work(self.shown, self.tabs, self.hints), self.earlier
        self.on_page, self.tabs, self.hints, self.earlier = back.shown, back.tabs, back.hints, present
        self.compared, self._held = Compared(), {}
        for tab in self.tabs.values():
            tab.rest()

    def _place(self, source: Source) -> None:
        whole = source.open()
        photo = whole.reduced(get_settings().preview_pixels)
        before = self.folder.preview(uncolored(photo.lightness), photo.alpha)
        reduced = photo.reduced(THUMBNAIL)
        small = on_white(with_alpha(uncolored(reduced.lightness), reduced.alpha))
        self.on_page, self.tabs = Shown(source, photo, whole.size, before, small), {}
        self.compared = Compared()
        self.hints, self._held = (), {}

    def turn(self, quarter_turns: int) -> None:
        """Turn the photo counter-clockwise, and its colours and hints with it."""
        source, tabs, pins, hints = self.shown.source, self.tabs, self.compared.pins, self.hints
        self._place(replace(source, quarter_turns=(source.quarter_turns + quarter_turns) % 4))
        for tab in (*tabs.values(), *(pin.tab for pin in pins)):
            tab.turn(quarter_turns)
        self.tabs, self.compared.pins = tabs, pins
        self.hints = tuple(hint.turned(quarter_turns) for hint in hints)

    def tab(self, info: MethodInfo) -> ColoredTab:
        """The content of a method's tab."""
        return self.tabs.setdefault(info.name, ColoredTab(info.finish))

    def result(self, info: MethodInfo) -> Result:
        """The chosen result on the reduced photo; ColorizerError when there is none."""
        tab = self.tab(info)
        return Result(self.shown.photo, tab.coloring, tab.finish, self.hints)

    def keep(self, info: MethodInfo, colorings: tuple[Coloring, ...]) -> None:
        """Put the colorings of a job on the page, packed."""
        tab = self.tab(info)
        tab.colorings = tuple(replace(coloring, outcome=packed(coloring.outcome)) for coloring in colorings)
        tab.chosen, tab.gone, tab.small, tab.in_sight = 0, False, None, False
        _SHELF.add(tab)

    def choose(self, info: MethodInfo, variant: int) -> None:
        """Another of the colorings."""
        tab = self.tab(info)
        tab.chosen, tab.small = variant, None

    def refinish(self, info: MethodInfo, finish: Finish) -> None:
        """Another finish."""
        tab = self.tab(info)
        tab.finish, tab.small = finish, None

    def forget_results(self) -> None:
        """Delete what was made of the batch: all of it is still to be coloured."""
        for row in self.batch.rows:
            for path in filter(None, (row.result, row.small)):
                self.folder.discard(path)
            row.result = row.small = None
            if row.item is not None:
                row.problem = None

    def pin(self, info: MethodInfo, key: str) -> None:
        """Keep the chosen result for comparing; ColorizerError when there is none. Once is enough for each `key`."""
        tab = self.tab(info)
        pinned = ColoredTab(tab.finish, (tab.coloring,))
        if key not in {pin.key for pin in self.compared.pins}:
            self.compared.pins.append(Pin(key, info, pinned))
            _SHELF.add(pinned)

    def hint(self, hints: Hints) -> None:
        """Other hints: every tab shows them when it is looked at."""
        self.hints = hints
        for tab in [*self.tabs.values()]:  # a job may add one at any time
            tab.small, tab.in_sight = None, False

    def _colored(self, photo: Photo, outcome: Kept, finish: Finish) -> np.ndarray:
        """The pixels of the page's photo at some size, under the hints."""
        hints = self.hints
        known, planes = self._held.get(photo.size, ((), None))
        if known is not hints:
            planes = held(hints, photo.lightness)
            self._held[photo.size] = hints, planes
        return compose(photo.lightness, outcome, finish, hints=() if planes is None else planes)

    def first_look(self, info: MethodInfo, outcome: Kept, record: Record | None = None) -> tuple[Path, Path]:
        """Before and after, as files, of a job that is running."""
        tab, shown = self.tab(info), self.shown
        pixels = self._colored(shown.photo, outcome, tab.finish)
        tab.previews.append(self.folder.preview(pixels, shown.photo.alpha, record))
        while len(tab.previews) > _PREVIEWS:
            self.folder.discard(tab.previews.popleft())
        return shown.before, tab.previews[-1]

    def look(self, info: MethodInfo) -> tuple[Path, Path]:
        """Before and after, as files, of the chosen result under the tab's finish; the record is in the second."""
        self.tab(info).in_sight = True
        return self.first_look(info, self.tab(info).coloring.outcome, self.result(info).record)

    def small(self, info: MethodInfo) -> Image.Image:
        """The chosen result for the strip."""
        tab = self.tab(info)
        if tab.small is None:
            photo = self.shown.photo.reduced(THUMBNAIL)
            pixels = self._colored(photo, tab.coloring.outcome, tab.finish)
            tab.small = on_white(with_alpha(pixels, photo.alpha))
        return tab.small

    def thumbnails(self, info: MethodInfo) -> list[Path]:
        """A small file for each variant."""
        tab, small = self.tab(info), self.shown.photo.reduced(THUMBNAIL)
        every = [self._colored(small, coloring.outcome, tab.finish) for coloring in tab.colorings]
        return [self.folder.preview(pixels, small.alpha) for pixels in every]

    def export(self, info: MethodInfo, export: Export, mark: bool = False) -> Path:
        """Make a picture of the chosen result that shows before and after."""
        path = self.place_to_save(f"{self._stem(info)}{ENDINGS[export]}")
        save_export(self._whole(info, mark), export, path)
        return path

    def save(
        self, info: MethodInfo, suffix: str, bits: int, keep_exif: bool, mark: bool = False
    ) -> tuple[Path, tuple[Text, ...]]:
        """Make the full-size file of the chosen result; gives it and notes on what the format could not hold."""
        path = self.place_to_save(f"{self._stem(info)}{suffix}")
        return path, self._whole(info, mark).save(path, bits, keep_exif)

    def place_to_save(self, name: str) -> Path:
        """Where a file that the visitor asks for may be written; of earlier ones all but the last are deleted."""
        self._saved.append(self.folder.place(name))
        while len(self._saved) > _SAVED:
            self.folder.discard(self._saved.popleft())
        return self._saved[-1]

    def _whole(self, info: MethodInfo, mark: bool) -> Result:
        """The chosen result on the photo at its full size."""
        return replace(self.result(info), photo=self.shown.source.open(), marked=mark)

    def _stem(self, info: MethodInfo) -> str:
        return result_stem(self.result(info).photo.name, info.name)
