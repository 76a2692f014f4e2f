"""The line before an engine that serves many: visitors take turns, and quick jobs do not wait for slow ones."""

import itertools
import threading
import time
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from colorizers.engine.jobs import Waiting
from colorizers.errors import ColorizerError
from colorizers.words import Text

MOST = 32
AT_ONCE = {True: 4, False: 1}
"""Turns of each device at the same time in the lanes of the quick and of the slow. It computes one job a lane: of the
quick ones some are decoded and others saved meanwhile, beside which the work of slow ones is nothing."""
_LOOK_EVERY = 0.5  # seconds
_PATIENCE = 60.0  # seconds


@dataclass(frozen=True)
class Visitor:
    """Who asks for a job: an address, which may stand for many sessions, and whether anybody waits for its answer."""

    address: str = ""
    session: str = ""
    listens: Callable[[], bool] = lambda: True


@dataclass(eq=False)
class _Place:
    visitor: Visitor
    quick: bool
    kind: str
    begun: float | None = None


class Line:
    """At most `most` places, half of them for one address; in each lane addresses take turns, and so do their sessions.

    `devices` compute side by side. A visitor who does not listen for `patience` seconds loses place and turn.
    """

    def __init__(self, most: int = MOST, devices: int = 1, patience: float = _PATIENCE) -> None:
        self._most = most
        self._at_once = {quick: devices * count for quick, count in AT_ONCE.items()}
        self._patience = patience
        self._changed = threading.Condition()
        self._places: list[_Place] = []  # in the order in which they came
        self._turns = itertools.count(1)
        self._last: dict[Hashable, int] = {}  # turn of an address, and of a session of it
        self._usual: dict[str, float] = {}  # seconds that a kind took the last time
        self._closed: Text | None = None

    def __len__(self) -> int:
        return len(self._places)

    @contextmanager
    def turn(self, visitor: Visitor, quick: bool, kind: str) -> Iterator[Iterator[Waiting]]:
        """A turn of a visitor, from the end of the events that come before it to the end of the block.

        `kind` is what jobs that take about the same time have in common. Raises ColorizerError when there is no place,
        or it was lost.
        """
        place = _Place(visitor, quick, kind)
        with self._changed:
            self._check_room(visitor)
            self._places.append(place)
            self._advance()
        try:
            yield self._until_begun(place)
            if place.begun is not None:
                self._usual[kind] = time.monotonic() - place.begun
        finally:
            with self._changed:
                self._places.remove(place)
                self._advance()

    def close(self, why: Text) -> None:
        """Refuse all who wait and all who come, in this sentence; turns that have begun go on."""
        with self._changed:
            self._closed = why
            self._changed.notify_all()

    def heard(self, visitor: Visitor, last: float) -> float:
        """When a visitor listened last, by the monotonic clock; ColorizerError when that is too long ago."""
        now = time.monotonic()
        if visitor.listens():
            return now
        if now - last > self._patience:
            raise ColorizerError(Text("line.nobody-listens"))
        return last

    def _check_room(self, visitor: Visitor) -> None:
        if self._closed is not None:
            raise ColorizerError(self._closed)
        if len(self._places) >= self._most:
            raise ColorizerError(Text("line.full", count=self._most))
        own = sum(other.visitor.address == visitor.address for other in self._places)
        if own >= max(1, self._most // 2):
            raise ColorizerError(Text("line.enough", count=own))

    def _until_begun(self, place: _Place) -> Iterator[Waiting]:
        heard = time.monotonic()
        while True:
            with self._changed:
                if place.begun is not None:
                    return
                if self._closed is not None:
                    raise ColorizerError(self._closed)
                waiting = self._waiting(place)
            yield waiting
            with self._changed:
                self._changed.wait_for(lambda: place.begun is not None or self._closed is not None, _LOOK_EVERY)
            if place.begun is None:
                heard = self.heard(place.visitor, heard)

    def _waiting(self, place: _Place) -> Waiting:
        """How many come before a place, and how long they take where that is known."""
        order = self._order(place.quick)
        ahead = [*self._begun(place.quick), *order[: order.index(place)]]
        left = [seconds for other in ahead if (seconds := self._left(other)) is not None]
        return Waiting(len(ahead), sum(left) / self._at_once[place.quick] if len(left) == len(ahead) else None)

    def _left(self, place: _Place) -> float | None:
        """The seconds until a turn ends, if it takes as long as the last of its kind."""
        usual, gone = self._usual.get(place.kind), 0.0 if place.begun is None else time.monotonic() - place.begun
        return None if usual is None else max(0.0, usual - gone)

    def _begun(self, quick: bool) -> list[_Place]:
        return [place for place in self._places if place.quick == quick and place.begun is not None]

    def _order(self, quick: bool) -> list[_Place]:
        """Those who wait in a lane, the next one first."""
        waiting = [place for place in self._places if place.quick == quick and place.begun is None]
        sessions = self._in_turn(waiting, lambda place: (place.visitor.address, place.visitor.session))
        return self._in_turn(sessions, lambda place: place.visitor.address)

    def _in_turn(self, places: Sequence[_Place], group: Callable[[_Place], Hashable]) -> list[_Place]:
        """The first of each group, then the second of each, and so on; the group whose turn is longest ago first."""
        groups: dict[Hashable, list[_Place]] = {}
        for place in places:
            groups.setdefault(group(place), []).append(place)
        ranked = sorted(groups, key=lambda name: self._last.get(name, 0))
        rounds = itertools.zip_longest(*(groups[name] for name in ranked))
        return [place for each in rounds for place in each if place is not None]

    def _advance(self) -> None:
        """Begin the turns for which there is room."""
        for quick, at_once in self._at_once.items():
            while len(self._begun(quick)) < at_once and (order := self._order(quick)):
                order[0].begun = time.monotonic()
                visitor, turn = order[0].visitor, next(self._turns)
                self._last |= {visitor.address: turn, (visitor.address, visitor.session): turn}
        present = {place.visitor for place in self._places}
        names = {visitor.address for visitor in present} | {(visitor.address, visitor.session) for visitor in present}
        self._last = {name: turn for name, turn in self._last.items() if name in names}
        self._changed.notify_all()
