"""What happens by itself when a photo comes: all quick methods colour it, one after the other, the best first."""

import contextlib
import functools
import time
from collections.abc import Generator, Iterator, Sequence
from typing import Any

import gradio as gr

from colorizers.engine import Engine
from colorizers.errors import ColorizerError
from colorizers.web.gradio_io import EACH, QUIET_NOW
from colorizers.web.handlers import IN_LINE, TabHandlers
from colorizers.web.listening import visitor
from colorizers.web.session import Session
from colorizers.web.strip import Strip
from colorizers.web.tab import Updates

_PAUSE = 0.25  # seconds between updates


class Automatic:
    """The tabs whose methods colour every photo, in their order, and the strip in which the results appear."""

    def __init__(self, engine: Engine, tabs: Sequence[TabHandlers], strip: Strip, row: gr.Tabs) -> None:
        self._engine = engine
        self._tabs = {tab.info.name: tab for tab in tabs if tab.info.automatic}
        self._strip = strip
        self._row = row
        self._jobs: list[gr.events.Dependency] = []

    @property
    def outputs(self) -> list[gr.blocks.Block]:
        """What the jobs and their beginning change."""
        return [self._row, *self._strip.outputs, *(part for tab in self._tabs.values() for part in tab.view.outputs)]

    def start_after(self, came: gr.events.Dependency, session: gr.State) -> None:
        """Begin when an event has brought a photo."""
        inputs = [part for tab in self._tabs.values() for part in tab.inputs]
        begun = came.success(self.run, [session, *inputs], self.outputs, **EACH, **IN_LINE)
        begun.failure(self.stopped, session, self.outputs, **QUIET_NOW)
        self._jobs.append(begun)

    def wire_stop(self) -> None:
        """Connect Stop, here and in the tabs."""
        stops = [self._strip.stop, *(tab.view.stop for tab in self._tabs.values())]
        gr.on([stop.click for stop in stops], None, cancels=self._jobs, **QUIET_NOW)

    def begin(self, session: Session, stay: bool) -> Updates:
        """Before the first job: the visible tab comes first if it is one of these; another gives way, or may `stay`."""
        ready = [tab for tab in self._tabs.values() if not tab.missing()] or [*self._tabs.values()][:1]
        ready.sort(key=lambda tab: tab.info.name != session.open)
        names = [tab.info.name for tab in ready if not session.tab(tab.info).job_id]
        session.coming = tuple(names)
        updates = {part: update for tab in ready if tab.info.name in names for part, update in tab.queued().items()}
        if not stay and names and session.open not in names:
            session.open = names[0]
            updates[self._row] = gr.Tabs(selected=session.open)
        return updates | self._strip.updates(session)

    def run(self, session: Session, *given: Any) -> Iterator[Updates]:
        """Run all that are to come, in one turn; closing the generator, another photo or another run ends this.

        Progress that follows quickly waits for the next, as server and page take long for each; a result comes at once.
        """
        shown = session.on_page
        results = {tab.view.download for tab in self._tabs.values()}
        waiting: Updates = {}
        yielded = -_PAUSE
        with contextlib.closing(self._run(session, given)) as every:
            for updates in every:
                waiting |= {part: new for part, new in updates.items() if part not in waiting or new != gr.skip()}
                if time.monotonic() >= yielded + _PAUSE or not results.isdisjoint(updates):
                    yield waiting
                    waiting, yielded = {}, time.monotonic()
        if waiting and session.on_page is shown:
            yield waiting

    def _run(self, session: Session, given: Sequence[Any]) -> Generator[Updates, None, None]:
        shown, coming = session.on_page, session.coming
        try:
            with self._engine.turn(visitor(), *coming) as waits:
                for waiting in waits:
                    if session.on_page is not shown or session.coming is not coming:
                        return
                    yield from (tab.waiting(session, waiting) for tab in self._to_come(session)[:1])
                yield from self._colored(session, given)
        except ColorizerError as error:
            if session.on_page is shown and session.coming is coming:
                yield from (tab.failed(session, error) for tab in self._to_come(session))
                session.coming = ()
                yield self._strip.updates(session)
        if session.on_page is shown:
            for tab in self._tabs.values():
                yield tab.look(session)

    def _colored(self, session: Session, given: Sequence[Any]) -> Generator[Updates, None, None]:
        shown, opened = session.on_page, functools.cache(lambda: session.shown.source.open())
        coming = session.coming
        while coming:
            name, *others = coming
            if not session.tab(self._tabs[name].info).job_id:  # otherwise the visitor was faster
                yield from self._tabs[name].colored(session, opened, self._values(name, given))
            if session.on_page is not shown or session.coming is not coming:  # other methods are to come now
                return
            session.coming = coming = tuple(others)
            yield self._strip.updates(session)

    def _to_come(self, session: Session) -> list[TabHandlers]:
        """The tabs that are to come, but for those where the visitor was faster."""
        return [tab for name in session.coming if not session.tab((tab := self._tabs[name]).info).job_id]

    def stopped(self, session: Session) -> Updates:
        """After a cancel: what has come stays."""
        names, session.coming = session.coming, ()
        updates = self._strip.updates(session)
        for name in names:
            updates |= self._tabs[name].stopped(session)
        return updates

    def _values(self, name: str, given: Sequence[Any]) -> Sequence[Any]:
        """The inputs of one tab among those of all."""
        before = 0
        for other, tab in self._tabs.items():
            if other == name:
                return given[before : before + len(tab.inputs)]
            before += len(tab.inputs)
        raise KeyError(name)
