"""What the buttons and sliders of a tab do."""

import contextlib
import json
import math
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property, partial
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from colorizers.engine.local import Busy, Engine, Event, JobRequest, Pace, Step, Waiting
from colorizers.errors import ColorizerError
from colorizers.methods.method import Method
from colorizers.options import Control, validated
from colorizers.picture.finish import Finish
from colorizers.web import markup, texts
from colorizers.web.errors import shown_errors, toast
from colorizers.web.events import place
from colorizers.web.loss_plot import Losses
from colorizers.web.session import Session
from colorizers.web.tab import DEEP_FORMATS, TabView
from colorizers.weights import store as weights

DEVICE = "device"
JOBS_IN_HAND = 4  # one runs, the others know their place in the line; each holds its photo and references, decoded
_FILES_AT_ONCE = 2
FINISHING: dict[str, Any] = {"concurrency_id": "finish", "concurrency_limit": 2}
"""For events that compose a preview on all cores: so many at once, the others wait in Gradio's queue, which ends."""
_LOOK_EVERY = 0.5  # seconds between previews of a job, and between plots of its losses
SHOW_SAVING = f"() => ({{__type__: 'update', value: {json.dumps(texts.SAVING)}, interactive: false}})"
SHOW_BUSY = f"""() => [
    {{__type__: 'update', visible: false}},
    {{__type__: 'update', visible: true}},
    {json.dumps(markup.status(texts.IN_LINE))}
]"""
DOWNLOAD_FILE = """(file) => {
    if (file) Object.assign(document.createElement('a'), {href: file.url, download: file.orig_name}).click();
}"""

Updates = dict[gr.blocks.Block, Any]


@dataclass
class _Clock:
    """The time that a job takes; it starts anew when a job begins that had to wait."""

    started: float = field(default_factory=time.monotonic)
    looked: dict[gr.blocks.Block, float] = field(default_factory=dict)
    pace: Pace = field(default_factory=Pace)

    @property
    def seconds(self) -> float:
        """Since the start."""
        return time.monotonic() - self.started

    def start(self) -> None:
        """Begin to count."""
        self.started = time.monotonic()

    def may_look(self, at: gr.blocks.Block) -> bool:
        """Whether it is time for another look at the picture or the plot, which is then taken."""
        if self.seconds - self.looked.get(at, -math.inf) < _LOOK_EVERY:
            return False
        self.looked[at] = self.seconds
        return True


class TabWork:
    """The handlers of one tab; a generator's updates appear as they come."""

    def __init__(self, engine: Engine, method: Method, view: TabView) -> None:
        self.view = view
        self._engine = engine
        self._method = method
        self._usual: float | None = None
        self._jobs: list[gr.events.Dependency] = []

    @property
    def job(self) -> gr.events.Dependency:
        """The event that the tab's own button starts."""
        return self._jobs[0]

    def wire(self, session: gr.State) -> None:
        """Connect the components; Stop comes last, in `wire_stop`."""
        view, finish = self.view, list(self.view.finish.components)
        view.run.click(None, None, [view.run, view.stop, view.status], js=SHOW_BUSY, api_visibility="private")
        self._jobs.append(self._begin(view.run.click, session))
        quick: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
        tune: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private", **FINISHING}
        gr.on(
            [part.input for part in finish], self.refinish, [session, *finish], view.slider,
            trigger_mode="always_last", **tune,
        )  # fmt: skip
        suiting = [view.options[name] for name in self._suiting]
        changes = {view.reset.click: set(Finish.model_fields)}
        changes |= {view.options[name].input: fields for name, fields in self._suiting.items()}
        for changed, fields in changes.items():
            own = changed(partial(self.own_finish, fields), suiting, [view.finish[name] for name in fields], **quick)
            own.then(self.refinish, [session, *finish], view.slider, **tune)
        if view.gallery is not None:
            view.gallery.select(self.choose, session, view.outputs, **tune)
        if view.use_seed is not None:
            view.use_seed.click(self.use_seed, session, view.options["seed"], **quick)
        view.download.click(None, None, view.download, js=SHOW_SAVING, api_visibility="private")
        made = view.download.click(
            self.save, [session, view.format, view.keep_exif], view.file, show_progress="hidden",
            concurrency_id="files", concurrency_limit=_FILES_AT_ONCE, api_visibility="private",
        )  # fmt: skip
        made.success(None, view.file, js=DOWNLOAD_FILE, api_visibility="private")
        made.then(lambda: gr.Button(texts.DOWNLOAD, interactive=True), None, view.download, **quick)

    def start_after(self, event: gr.events.Dependency, session: gr.State) -> None:
        """Begin by itself when another event has succeeded."""
        self._jobs.append(self._begin(event.success, session))

    def wire_stop(self, session: gr.State) -> None:
        """Connect Stop: it asks for the result so far where the method has one, and cancels elsewhere."""
        click = partial(self.view.stop.click, queue=False, show_progress="hidden", api_visibility="private")
        if self._method.stops_early:
            click(self.stop_early, session, self.view.status)
        else:
            click(self.stopped, session, self.view.outputs, cancels=self._jobs)

    def beforehand(self) -> str:
        """What a visitor should know of the tab: its paper, the weights that it lacks now, and that it is slow here."""
        wanted = {entry.name: entry.default for entry in self.view.options.entries}
        lacks = weights.missing(self._method.needs(self._method.options.model_construct(**wanted)))
        slow = texts.SLOW if self._method.heavy and self._engine.health().device == "cpu" else ""
        return markup.paper(self._method) + markup.notes(sentence for sentence in (lacks, slow) if sentence)

    def blank(self, session: Session) -> Updates:
        """The tab for the session's new photo."""
        return self.view.blank(str(session.shown.before), session.shown.photo.bits == 16)

    def _begin(self, listener: Callable[..., gr.events.Dependency], session: gr.State) -> gr.events.Dependency:
        view = self.view
        inputs = [session, *view.options.components, *view.finish.components]
        job = listener(
            self.colour, inputs, view.outputs, concurrency_id=DEVICE, concurrency_limit=JOBS_IN_HAND,
            show_progress="hidden", trigger_mode="multiple", api_visibility="private",
        )  # fmt: skip
        quiet: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
        job.failure(self.failed, [session, view.status], view.outputs, **quiet)
        return job

    def colour(self, session: Session, *values: Any) -> Iterator[Updates]:
        """Run the method on the whole photo. Closing the generator cancels the job."""
        view, method = self.view, self._method
        options, finish = values[: len(view.options.entries)], values[len(view.options.entries) :]
        try:
            shown = session.shown
            tab = session.tab(method)
            tab.finish = _finish(view, finish)
            request = JobRequest(shown.source.open(), method.name, view.options.values(options), tab.finish)
            tab.job_id = request.id
            yield self._begun(request.options)
            clock, losses = _Clock(), Losses(method.losses)
            with contextlib.closing(self._engine.submit(request)) as events:
                for event in events:
                    if session.on_page is not shown:
                        return
                    yield self._updates(session, event, clock, losses)
        except ColorizerError as error:
            yield self._as_before(session) | {view.status: markup.failed(str(error))}
            raise toast(error) from error

    def stopped(self, session: Session) -> Updates:
        """After a cancel."""
        return self._as_before(session) | {self.view.status: markup.done(texts.STOPPED)}

    def failed(self, session: Session, said: str | None) -> Updates:
        """After an error what was said of it stays; what a job showed after its cancel does not, nor a refused one."""
        if "<progress" not in (said or ""):
            return self.view.idle()
        if said == markup.status(texts.IN_LINE):
            return self.view.idle() | {self.view.status: ""}
        return self.stopped(session)

    def stop_early(self, session: Session) -> str:
        """Ask the running job for what it has so far."""
        self._engine.stop_early(session.tab(self._method).job_id)
        return markup.status(texts.STOPPING)

    @cached_property
    def _suiting(self) -> dict[str, set[str]]:
        """The options by whose choices the method's finish changes, and what of it changes."""
        moved = {entry.name: self._moved(entry) for entry in self.view.options.entries}
        return {name: fields for name, fields in moved.items() if fields}

    def _moved(self, entry: Control) -> set[str]:
        finishes = [dict(self._method.finish_for({entry.name: choice})) for choice in entry.choices]
        return {name for name in Finish.model_fields if len({finish[name] for finish in finishes}) > 1}

    def own_finish(self, fields: Iterable[str], *choices: str) -> Updates:
        """Of the method's own finish for what is chosen these fields."""
        own = self._method.finish_for(dict(zip(self._suiting, choices, strict=True)))
        return {self.view.finish[name]: getattr(own, name) for name in fields}

    def refinish(self, session: Session, *finish: Any) -> Any:
        """The same colours under another finish."""
        with shown_errors():
            tab = session.tab(self._method)
            tab.finish = _finish(self.view, finish)
            nothing_yet = session.shown.before, session.shown.before
            return session.look(self._method) if tab.results or tab.gone else nothing_yet

    def choose(self, session: Session, event: gr.EventData) -> Updates:
        """Another variant."""
        tab = session.tab(self._method)
        with shown_errors():
            tab.chosen = place(event, len(tab.results))
        return {self.view.slider: session.look(self._method), **self._seed_used(session)}

    def use_seed(self, session: Session) -> int:
        """The seed of the chosen result."""
        with shown_errors():
            return int(session.tab(self._method).result.record.options["seed"] or 0)

    def save(self, session: Session, kind: str, keep_exif: bool) -> Path:
        """The full-size file."""
        suffix, bits = DEEP_FORMATS[kind]
        with shown_errors():
            path, notes = session.save(self._method, suffix, bits, keep_exif)
        for note in notes:
            gr.Info(escape(note))
        return path

    def _updates(self, session: Session, event: Event, clock: _Clock, losses: Losses) -> Updates:
        view, method = self.view, self._method
        if isinstance(event, Busy):
            return {view.status: gr.skip()}
        if isinstance(event, Waiting):
            clock.start()
            return {view.status: markup.status(texts.waiting(event.ahead) if event.ahead else self._outlook())}
        if isinstance(event, Step):
            updates: Updates = {view.status: markup.status(*_progress(event, clock.pace.left(event)))}
            if event.preview is not None and clock.may_look(view.slider):
                updates[view.slider] = session.first_look(method, event.preview)
            losses.add(event)
            if view.losses is not None and clock.may_look(view.losses):
                updates[view.losses] = markup.losses(losses)
            return updates
        self._usual = clock.seconds
        session.keep(method, event.results)
        fresh = [note for note in event.results[0].notes if note not in session.shown.photo.notes]
        said = markup.done(texts.DONE.format(seconds=texts.seconds(clock.seconds)), fresh)
        plot = {} if view.losses is None else {view.losses: markup.losses(losses)}
        return self._as_before(session) | {view.status: said, view.download: gr.Button(interactive=True), **plot}

    def _begun(self, options: dict[str, Any]) -> Updates:
        """A job begins: room is made for as many variants as were asked for."""
        updates: Updates = {self.view.status: markup.status(self._outlook()), **self.view.without_losses()}
        if self.view.gallery is not None:
            updates[self.view.gallery] = gr.Gallery(value=[], visible=options["variants"] > 1, selected_index=None)
        return updates

    def _as_before(self, session: Session) -> Updates:
        """No job is under way, and the tab shows what it holds."""
        view, method = self.view, self._method
        if session.on_page is None:
            return view.idle()
        tab, before = session.tab(method), str(session.on_page.before)
        updates = view.idle() | view.without_losses()
        updates[view.slider] = session.look(method) if tab.results else (before, before)
        if view.gallery is not None:
            several = len(tab.results) > 1
            shown = session.thumbnails(method) if several else []
            updates[view.gallery] = gr.Gallery(value=shown, visible=several, selected_index=tab.chosen)
        if tab.results and view.maps is not None:
            updates[view.maps] = markup.maps(tab.result.maps)
        return updates | (self._seed_used(session) if tab.results else {})

    def _seed_used(self, session: Session) -> Updates:
        """The seed of the chosen result."""
        if self.view.seed is None or self.view.use_seed is None:
            return {}
        seed = session.tab(self._method).result.record.options["seed"]
        return {self.view.seed: texts.SEED_USED.format(seed=seed), self.view.use_seed: gr.Button(visible=True)}

    def _outlook(self) -> str:
        usual = f", {texts.USUALLY.format(seconds=texts.seconds(self._usual))}" if self._usual else ""
        return texts.STARTING + usual


def _progress(step: Step, left: float | None) -> tuple[str, float | None]:
    """What is said of a step, and its share of the whole."""
    if not step.done:
        return step.text, None
    more = f", {texts.LEFT.format(seconds=texts.seconds(left))}" if left is not None and left >= 1 else ""
    return step.text + more, step.share


def _finish(view: TabView, values: tuple[Any, ...]) -> Finish:
    return validated(Finish, view.finish.values(values))
