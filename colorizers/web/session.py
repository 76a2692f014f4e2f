"""What the server keeps of one visitor's page: a reduced photo, the colours of each tab, a few preview files."""

import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from colorizers.errors import ColorizerError
from colorizers.methods.method import MethodInfo
from colorizers.picture.compose import Kept, compose, held, packed, uncolored
from colorizers.picture.exports import ENDINGS, Export, save_export
from colorizers.picture.finish import Finish
from colorizers.picture.hints import Hints
from colorizers.picture.naming import result_stem
from colorizers.picture.photo import Photo
from colorizers.picture.record import Record
from colorizers.picture.result import Coloring, Result, on_white, with_alpha
from colorizers.settings import get_settings
from colorizers.web.batch_files import Batch
from colorizers.web.colored_tab import SHELF, ColoredTab
from colorizers.web.files import Folder
from colorizers.web.shown import THUMBNAIL, Shown, Source, inline
from colorizers.words import Text

_PREVIEWS = 8  # files of a tab that are kept: the browser may still be loading an earlier one
_SAVED = 3  # full-size files of a page that are kept: the browser may still be fetching an earlier one
_MAKING_FOLDER = threading.Lock()


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
        self._show(source, whole.reduced(get_settings().preview_pixels), whole.size)

    def _show(self, source: Source, photo: Photo, size: tuple[int, int]) -> None:
        before = self.folder.preview(uncolored(photo.lightness), photo.alpha)
        reduced = photo.reduced(THUMBNAIL)
        small = inline(on_white(with_alpha(uncolored(reduced.lightness), reduced.alpha)))
        self.on_page, self.tabs = Shown(source, photo, size, before, small), {}
        self.compared = Compared()
        self.hints, self._held = (), {}

    def turn(self, quarter_turns: int) -> None:
        """Turn the photo counter-clockwise, and its colours and hints with it; the file is not looked at."""
        shown, tabs, pins, hints = self.shown, self.tabs, self.compared.pins, self.hints
        source = replace(shown.source, quarter_turns=(shown.source.quarter_turns + quarter_turns) % 4)
        size = shown.size[::-1] if quarter_turns % 2 else shown.size
        self._show(source, shown.photo.rotated(quarter_turns), size)
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
        tab.chosen, tab.gone, tab.small, tab.in_sight = 0, False, "", False
        SHELF.add(tab)

    def choose(self, info: MethodInfo, variant: int) -> None:
        """Another of the colorings."""
        tab = self.tab(info)
        tab.chosen, tab.small = variant, ""

    def refinish(self, info: MethodInfo, finish: Finish) -> None:
        """Another finish."""
        tab = self.tab(info)
        tab.finish, tab.small = finish, ""

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
            SHELF.add(pinned)

    def hint(self, hints: Hints) -> None:
        """Other hints: every tab shows them when it is looked at."""
        self.hints = hints
        for tab in [*self.tabs.values()]:  # a job may add one at any time
            tab.small, tab.in_sight = "", False

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

    def small(self, info: MethodInfo) -> str:
        """The chosen result for the strip, as `inline` has it."""
        tab = self.tab(info)
        if not tab.small:
            photo = self.shown.photo.reduced(THUMBNAIL)
            pixels = self._colored(photo, tab.coloring.outcome, tab.finish)
            tab.small = inline(on_white(with_alpha(pixels, photo.alpha)))
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
