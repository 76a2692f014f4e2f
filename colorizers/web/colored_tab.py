"""What the server keeps of one tab: its colorings, their finish and the steps to it; and how much it keeps of all."""

import threading
import weakref
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from colorizers.errors import ColorizerError
from colorizers.picture.compose import bytes_of
from colorizers.picture.finish import Finish
from colorizers.picture.result import Coloring
from colorizers.web.jobs import Phase
from colorizers.words import Text

_STEPS = 50  # that can be undone
_MOST_KEPT = 2 * 10**9  # bytes of all visitors' results


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
    strip as `inline` has it, and `in_sight` whether the page has its picture; a tab gets it when it is opened.
    """

    finish: Finish
    colorings: tuple[Coloring, ...] = ()
    gone: bool = False
    chosen: int = 0
    phase: Phase = Phase.EMPTY
    job_id: str = ""
    asked: tuple[Any, ...] = ()
    small: str = ""
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
        self.job_id = self.small = ""
        self.rest()

    def rest(self) -> None:
        """No job runs any more, and the page shows another picture."""
        self.phase, self.in_sight = Phase.DONE if self.colorings else Phase.EMPTY, False

    @property
    def bytes(self) -> int:
        """The memory that the colorings take."""
        return sum(bytes_of(coloring.outcome) for coloring in self.colorings)


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


SHELF = Shelf(_MOST_KEPT)
