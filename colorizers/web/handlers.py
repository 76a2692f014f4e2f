"""The handlers of the buttons and sliders of a tab."""

import contextlib
import json
import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from colorizers.engine import Engine
from colorizers.engine.jobs import JobRequest, Waiting
from colorizers.errors import ColorizerError
from colorizers.methods.method import MethodInfo, listens
from colorizers.options import controls, suited_options, validated
from colorizers.picture.exports import ENDINGS
from colorizers.picture.finish import Finish
from colorizers.picture.photo import Photo
from colorizers.web import markup, texts
from colorizers.web.about import about
from colorizers.web.gradio_io import EACH, QUIET, QUIET_NOW, on_choice, place, sentence_of, shown_errors
from colorizers.web.jobs import JobView, Phase, follow
from colorizers.web.listening import visitor
from colorizers.web.saving import wire_saving
from colorizers.web.session import Session
from colorizers.web.strip import Strip
from colorizers.web.tab import FORMATS, TabView, Updates
from colorizers.weights.registry import Weights
from colorizers.weights.store import missing_weights
from colorizers.words import Text

IN_LINE: dict[str, Any] = {"concurrency_limit": None}
"""For events that wait in the engine's line, which knows whose turn it is: Gradio's queue does not."""
FINISHING: dict[str, Any] = {"concurrency_id": "finish", "concurrency_limit": 2}
"""For events that compose a preview on all cores: so many at once, the others wait in Gradio's queue, which ends."""
QUEUED = JobView(Phase.QUEUED, Text("status.queued"))


def show_queued(language: str) -> str:
    """A script for the browser, before the server has answered: the buttons and the status as `QUEUED` has them."""
    return f"""() => [
        {{__type__: 'update', visible: 'hidden'}},
        {{__type__: 'update', visible: true}},
        {json.dumps(markup.status(QUEUED, language))}
    ]"""


class TabHandlers:
    """The handlers of one tab; a generator's updates appear as they come."""

    def __init__(self, engine: Engine, info: MethodInfo, view: TabView, strip: Strip) -> None:
        self.info = info
        self.view = view
        self._strip = strip
        self._language = view.language
        self._engine = engine
        self._usual: float | None = None
        self._jobs: list[gr.events.Dependency] = []

    @property
    def jobs(self) -> list[gr.events.Dependency]:
        """The events that start jobs of this tab."""
        return self._jobs

    @property
    def inputs(self) -> list[gr.components.Component]:
        """What decides a result."""
        return [*self.view.options.components, *self.view.finish.components]

    @property
    def outputs(self) -> list[gr.blocks.Block]:
        """What a job changes."""
        return [*self.view.outputs, *self._strip.outputs]

    @property
    def refinished(self) -> list[gr.blocks.Block]:
        """What another finish changes."""
        return [self.view.slider, self.view.undo, self.view.redo, *self._strip.outputs]

    def wire(self, tab: gr.Tab, session: gr.State) -> None:
        """Connect the components; Stop comes last, in `wire_stop`."""
        view = self.view
        view.run.click(
            None, None, [view.run, view.stop, view.status], js=show_queued(self._language), api_visibility="private"
        )
        self._begin(view.run.click, self.run_job, session)
        tab.select(self.opened, session, view.outputs, **QUIET, **FINISHING)
        self._wire_options(session)
        for entry in view.options.entries:
            if names := {name for suited in entry.options.values() for name in suited}:
                changed, parts = view.options[entry.name], [view.options[name] for name in names]
                suited = partial(self.suited_options, entry.name, names)
                on_choice(changed, session, suited, [changed], parts, **QUIET_NOW)
        if view.gallery is not None:
            view.gallery.select(self.choose, session, self.outputs, **EACH, **FINISHING)
        if view.use_seed is not None:
            view.use_seed.click(self.use_seed, session, view.options["seed"], **QUIET_NOW)
        inputs = [session, view.format, view.keep_exif, view.mark, *view.finish.components]
        wire_saving(view.download, view.file, Text("page.download"), self.save, inputs, self._language)

    def _wire_options(self, session: gr.State) -> None:
        """An option that changes colours the photo again where this is quick; elsewhere the result is marked as old."""
        options = self.view.options
        changes = [_settled(part) for part in options.components]
        if self.info.quick:
            self._begin(partial(gr.on, changes), self.run_again, session)
        else:
            gr.on(changes, self.changed, [session, *options.components], [self.view.run, self.view.status], **QUIET_NOW)

    def wire_stop(self, session: gr.State) -> None:
        """Connect Stop: it asks for the partial result where the method has one, and cancels elsewhere."""
        click = partial(self.view.stop.click, **QUIET_NOW)
        if self.info.stops_early:
            click(self.stop_early, session, self.view.outputs)
        else:
            click(None, cancels=self._jobs)  # `stopped` follows when they have ended, and another one can begin

    def beforehand(self) -> str:
        """Facts that a visitor should know: the paper, weights that are missing now, and that it is slow here."""
        offered = self.view.downloading is not None
        missing = [one for one in self.missing() if not (offered and one.can_be_fetched)]  # the others have a button
        sentences = [sentence_of(missing_weights(missing))] if missing else []
        if self.info.slow_on_cpu and self._engine.health().device == "cpu":
            sentences.append(Text("page.slow"))
        return about(self.info, self._engine.weights(), self._language) + markup.notes(sentences, self._language)

    def missing(self) -> Sequence[Weights]:
        """The weights that the method lacks now, as its options are at first."""
        wanted = {entry.name: entry.default for entry in self.view.options.entries}
        return self._engine.missing(self.info.name, wanted)

    def blank(self, session: Session, said: Text) -> Updates:
        """The tab for the session's photo, which it has not coloured or whose colours come when it is opened.

        Of colours that are there already `said` says why.
        """
        before, deep = str(session.shown.before), session.shown.photo.bits == 16
        updates = self.view.blank(before)
        if deep != session.deep:
            updates |= self.view.kinds(deep)
        if session.tab(self.info).colorings:
            updates |= self.view.render(JobView(Phase.DONE, said)) | self.step_buttons(session)
            updates[self.view.download] = gr.Button(interactive=True)
        return updates

    def queued(self) -> Updates:
        """The tab whose job will begin by itself."""
        return self.view.render(QUEUED)

    def opened(self, session: Session) -> Updates:
        """The visitor looks at this tab now."""
        session.open = self.info.name
        with shown_errors(self._language):
            return self.look(session)

    def look(self, session: Session) -> Updates:
        """The picture that was made while nobody looked, if there is one."""
        tab = session.tab(self.info)
        return self.pictures(session) if tab.colorings and not tab.in_sight else {self.view.slider: gr.skip()}

    def _begin(self, listener: Callable[..., gr.events.Dependency], job: Callable[..., Any], session: gr.State) -> None:
        begun = listener(job, [session, *self.inputs], self.outputs, **EACH, **IN_LINE)
        begun.failure(self.stopped, session, self.outputs, **QUIET_NOW)
        self._jobs.append(begun)

    def run_again(self, session: Session, *values: Any) -> Iterator[Updates]:
        """After an option has changed: as `run_job`, unless there is nothing to begin with."""
        given = dict(zip((entry.name for entry in self.view.options.entries), values, strict=False))
        lacking = session.on_page is None or any(given[name] is None for name in self.info.needed_pictures)
        if lacking or tuple(given.values()) == session.tab(self.info).asked:
            yield {self.view.status: gr.skip()}
        else:
            yield from self.run_job(session, *values)

    def listen_to(self, changed: gr.events.Dependency, session: gr.State) -> None:
        """Colour the photo again when its hints have changed, if the method's network takes them."""
        self._begin(changed.success, self.run_listening, session)

    def run_listening(self, session: Session, *values: Any) -> Iterator[Updates]:
        """After the hints have changed: as `run_job` where the visitor looks and the network listens."""
        options = self.view.options.values(values[: len(self.view.options.entries)])
        tab = session.tab(self.info)
        if session.open == self.info.name and tab.colorings and self.info.quick and listens(self.info, options):
            yield from self.run_job(session, *values)
        else:
            yield {self.view.status: gr.skip()}

    def run_job(self, session: Session, *values: Any) -> Iterator[Updates]:
        """Run the method on the whole photo, as the visitor of this tab asks. Closing the generator cancels the job."""
        session.open = self.info.name
        tab, asked = session.tab(self.info), secrets.token_hex()
        try:
            shown, tab.job_id = session.shown, asked
            with self._engine.turn(visitor(), self.info.name) as waits:
                for waiting in waits:
                    if session.on_page is not shown or tab.job_id != asked:
                        return
                    if tab.phase is Phase.STOPPING:
                        yield self.stopped(session)
                        return
                    yield self.waiting(session, waiting)
                yield from self.colored(session, lambda: session.shown.source.open(), values)
        except ColorizerError as error:
            yield self.failed(session, error)

    def waiting(self, session: Session, waiting: Waiting) -> Updates:
        """The visitor's turn has not come, and what the run before drew is gone."""
        job_view = JobView(Phase.QUEUED, texts.waiting(waiting.ahead, waiting.seconds))
        return self._room(1) | self._show(session, job_view)

    def colored(self, session: Session, opened: Callable[[], Photo], values: Sequence[Any]) -> Iterator[Updates]:
        """A job from its beginning to its end, which may be a mistake that the status names; as `run_job`."""
        view, tab = self.view, session.tab(self.info)
        options, finish = values[: len(view.options.entries)], values[len(view.options.entries) :]
        try:
            shown = session.shown
            session.refinish(self.info, _finish(view, finish))
            tab.steps.take(tab.finish)
            chosen = view.options.values(options)
            job = self._engine.checked(JobRequest(opened(), self.info.name, chosen, tab.finish, session.hints))
            tab.job_id, tab.asked = job.id, tuple(options)
            last = JobView(Phase.QUEUED, texts.starting(self._usual))
            yield self._room(dict(job.options).get("variants", 1)) | self._show(session, last)
            with contextlib.closing(follow(self._engine, job, self.info.losses, self._usual)) as job_views:
                for job_view in job_views:
                    if session.on_page is not shown or tab.job_id != job.id:
                        return
                    news, last = job_view is not last, job_view
                    yield self._show(session, job_view) if news else {view.status: gr.skip()}
        except ColorizerError as error:
            yield self.failed(session, error)

    def failed(self, session: Session, error: ColorizerError) -> Updates:
        """A mistake that the status names."""
        return self.pictures(session) | self._show(session, JobView(Phase.FAILED, sentence_of(error)))

    def stopped(self, session: Session) -> Updates:
        """After a cancel, or a failure of the server: what is there stays."""
        return self.pictures(session) | self._show(session, JobView(Phase.STOPPED, Text("status.stopped")))

    def stop_early(self, session: Session) -> Updates:
        """Ask the running job for its partial result."""
        self._engine.stop_early(session.tab(self.info).job_id)
        return self._show(session, JobView(Phase.STOPPING, Text("status.stopping")))

    def changed(self, session: Session, *options: Any) -> Updates:
        """An option is no longer, or is again, what the result was made with."""
        tab, view = session.tab(self.info), self.view
        if not tab.colorings or tab.phase.busy:
            return {view.run: gr.skip(), view.status: gr.skip()}
        stale = options != tab.asked
        again = Text("page.color-again-about", duration=texts.duration(tab.colorings[0].seconds))
        button = view.run_button(again if stale else Text("page.color-again"), ahead=stale)
        said = JobView(tab.phase, Text("page.changed") if stale else None)
        return {view.run: button, view.status: markup.status(said, self._language)}

    def suited_options(self, name: str, fields: Iterable[str], choice: str) -> Updates:
        """The values of these options that suit a choice of another."""
        options = self.info.options
        suited = suited_options(options, {name: choice})
        defaults = {entry.name: entry.default for entry in controls(options)}
        return {self.view.options[field]: suited.get(field, defaults[field]) for field in fields}

    def refinish(self, session: Session, *finish: Any) -> Updates:
        """The same colours under another finish."""
        with shown_errors(self._language):
            session.refinish(self.info, _finish(self.view, finish))
            tab, nothing_yet = session.tab(self.info), (session.shown.before, session.shown.before)
            look = session.look(self.info) if tab.colorings or tab.gone else nothing_yet
            return {self.view.slider: look, **self.step_buttons(session), **self._strip.updates(session)}

    def finish_values(self, session: Session) -> Updates:
        """The sliders of the finish as the session has them."""
        finish = session.tab(self.info).finish
        return {self.view.finish[entry.name]: getattr(finish, entry.name) for entry in self.view.finish.entries}

    def step_buttons(self, session: Session) -> Updates:
        """Undo and redo, where there is anything."""
        tab = session.tab(self.info)
        return {
            self.view.undo: gr.Button(interactive=tab.steps.has_before(tab.finish)),
            self.view.redo: gr.Button(interactive=tab.steps.has_after(tab.finish)),
        }

    def choose(self, session: Session, event: gr.EventData) -> Updates:
        """Another variant."""
        with shown_errors(self._language):
            session.choose(self.info, place(event, len(session.tab(self.info).colorings)))
            look = session.look(self.info)
        return {self.view.slider: look, **self._seed_used(session), **self._strip.updates(session)}

    def use_seed(self, session: Session) -> int:
        """The seed of the chosen result."""
        with shown_errors(self._language):
            return int(session.tab(self.info).coloring.record.options["seed"] or 0)

    def save(self, session: Session, kind: Any, keep_exif: bool, mark: bool, *finish: Any) -> Path:
        """The full-size file, or a picture that shows before and after; the sliders may be ahead of the picture."""
        with shown_errors(self._language):
            session.refinish(self.info, _finish(self.view, finish))
            if kind in ENDINGS:
                return session.export(self.info, kind, mark)
            suffix, bits = FORMATS[kind]
            path, notes = session.save(self.info, suffix, bits, keep_exif, mark)
        for note in notes:
            gr.Info(escape(note.worded(self._language)))
        return path

    def _show(self, session: Session, job_view: JobView) -> Updates:
        """A view of the tab's job; its pictures where the visitor looks at them, and otherwise when he does."""
        info, view = self.info, self.view
        tab, looks = session.tab(info), session.open == info.name
        tab.phase = job_view.phase
        updates = view.render(job_view)
        if job_view.preview is not None and looks:
            updates[view.slider] = session.first_look(info, job_view.preview)
        if job_view.phase is Phase.DONE:
            self._usual = job_view.seconds
            session.keep(info, job_view.colorings)
            if looks:
                updates = self.pictures(session) | updates  # which draws the losses of the job that is done
            updates |= {view.download: gr.Button(interactive=True), **self._strip.updates(session)}
        return updates

    def _room(self, variants: int) -> Updates:
        """Room for as many variants as a job makes, and an empty plot."""
        updates = self.view.without_losses()
        if self.view.gallery is not None:
            updates[self.view.gallery] = gr.Gallery(value=[], visible=variants > 1, selected_index=None)
        return updates

    def pictures(self, session: Session) -> Updates:
        """What the tab holds: its chosen result, all variants, maps and seed; or the gray photo."""
        view, info = self.view, self.info
        if session.on_page is None:
            return {}
        tab, before = session.tab(info), str(session.on_page.before)
        updates = view.without_losses()
        updates[view.slider] = session.look(info) if tab.colorings else (before, before)
        if view.gallery is not None:
            several = len(tab.colorings) > 1
            shown = session.thumbnails(info) if several else []
            updates[view.gallery] = gr.Gallery(value=shown, visible=several, selected_index=tab.chosen)
        if tab.colorings and view.maps is not None:
            updates[view.maps] = markup.maps(tab.coloring.maps, self._language)
        return updates | (self._seed_used(session) if tab.colorings else {})

    def _seed_used(self, session: Session) -> Updates:
        """The seed of the chosen result."""
        if self.view.seed is None or self.view.use_seed is None:
            return {}
        seed = session.tab(self.info).coloring.record.options["seed"]
        text = Text("page.seed", seed=seed).worded(self._language)
        return {self.view.seed: text, self.view.use_seed: gr.Button(visible=True)}


def _settled(part: gr.components.Component) -> Any:
    """The event of an option that has got its value: a slider is let go."""
    kinds = {gr.Slider: "release", gr.State: "change"}
    return getattr(part, next((event for kind, event in kinds.items() if isinstance(part, kind)), "input"))


def _finish(view: TabView, values: Sequence[Any]) -> Finish:
    return validated(Finish, view.finish.values(values))
