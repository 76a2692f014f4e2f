"""The handlers of the buttons and sliders of a tab."""

import contextlib
import json
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property, partial
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from colorizers.engine import Engine
from colorizers.engine.jobs import JobRequest
from colorizers.errors import ColorizerError
from colorizers.methods.method import MethodInfo, finish_of
from colorizers.options import controls, suited_options, validated
from colorizers.picture.finish import Finish
from colorizers.web import markup, texts
from colorizers.web.gradio_io import place, sentence_of, shown_errors, toast
from colorizers.web.jobs import JobView, Phase, follow
from colorizers.web.session import Session
from colorizers.web.tab import FORMATS, TabView, Updates
from colorizers.weights.store import missing_weights
from colorizers.words import Text

DEVICE = "device"
JOBS_IN_HAND = 4  # one runs, the others know their place in the queue; each holds its photo and references, decoded
_FILES_AT_ONCE = 2
FINISHING: dict[str, Any] = {"concurrency_id": "finish", "concurrency_limit": 2}
"""For events that compose a preview on all cores: so many at once, the others wait in Gradio's queue, which ends."""
QUEUED = JobView(Phase.QUEUED, Text("status.queued"))
DOWNLOAD_FILE = """(file) => {
    if (file) Object.assign(document.createElement('a'), {href: file.url, download: file.orig_name}).click();
}"""


def show_queued(language: str) -> str:
    """A script for the browser, before the server has answered: the buttons and the status as `QUEUED` has them."""
    return f"""() => [
        {{__type__: 'update', visible: false}},
        {{__type__: 'update', visible: true}},
        {json.dumps(markup.status(QUEUED, language))}
    ]"""


def show_saving(language: str) -> str:
    """A script for the browser, before the server has answered: the download button while the file is made."""
    saving = json.dumps(Text("page.saving").worded(language))
    return f"() => ({{__type__: 'update', value: {saving}, interactive: false}})"


class TabHandlers:
    """The handlers of one tab; a generator's updates appear as they come."""

    def __init__(self, engine: Engine, info: MethodInfo, view: TabView) -> None:
        self.view = view
        self._language = view.language
        self._engine = engine
        self._info = info
        self._usual: float | None = None
        self._jobs: list[gr.events.Dependency] = []

    @property
    def job(self) -> gr.events.Dependency:
        """The event that the tab's own button starts."""
        return self._jobs[0]

    def wire(self, session: gr.State) -> None:
        """Connect the components; Stop comes last, in `wire_stop`."""
        view, finish = self.view, list(self.view.finish.components)
        view.run.click(
            None, None, [view.run, view.stop, view.status], js=show_queued(self._language), api_visibility="private"
        )
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
        for entry in view.options.entries:
            if names := {name for suited in entry.options.values() for name in suited}:
                changed, parts = view.options[entry.name], [view.options[name] for name in names]
                changed.input(partial(self.suited_options, entry.name, names), changed, parts, **quick)
        if view.gallery is not None:
            view.gallery.select(self.choose, session, view.outputs, **tune)
        if view.use_seed is not None:
            view.use_seed.click(self.use_seed, session, view.options["seed"], **quick)
        view.download.click(None, None, view.download, js=show_saving(self._language), api_visibility="private")
        made = view.download.click(
            self.save, [session, view.format, view.keep_exif], view.file, show_progress="hidden",
            concurrency_id="files", concurrency_limit=_FILES_AT_ONCE, api_visibility="private",
        )  # fmt: skip
        made.success(None, view.file, js=DOWNLOAD_FILE, api_visibility="private")
        label = Text("page.download").worded(self._language)
        made.then(lambda: gr.Button(label, interactive=True), None, view.download, **quick)

    def start_after(self, event: gr.events.Dependency, session: gr.State) -> None:
        """Begin by itself when another event has succeeded."""
        self._jobs.append(self._begin(event.success, session))

    def wire_stop(self, session: gr.State) -> None:
        """Connect Stop: it asks for the partial result where the method has one, and cancels elsewhere."""
        click = partial(self.view.stop.click, queue=False, show_progress="hidden", api_visibility="private")
        if self._info.stops_early:
            click(self.stop_early, session, self.view.outputs)
        else:
            click(self.stopped, session, self.view.outputs, cancels=self._jobs)

    def beforehand(self) -> str:
        """Facts that a visitor should know: the paper, weights that are missing now, and that it is slow here."""
        wanted = {entry.name: entry.default for entry in self.view.options.entries}
        missing = self._engine.missing(self._info.name, wanted)
        sentences = [sentence_of(missing_weights(missing))] if missing else []
        if self._info.slow_on_cpu and self._engine.health().device == "cpu":
            sentences.append(Text("page.slow"))
        return markup.paper(self._info) + markup.notes(sentences, self._language)

    def blank(self, session: Session) -> Updates:
        """The tab for the session's new photo."""
        return self.view.blank(str(session.shown.before), session.shown.photo.bits == 16)

    def queued(self) -> Updates:
        """The tab whose job will begin by itself."""
        return self.view.render(QUEUED)

    def _begin(self, listener: Callable[..., gr.events.Dependency], session: gr.State) -> gr.events.Dependency:
        view = self.view
        inputs = [session, *view.options.components, *view.finish.components]
        job = listener(
            self.run_job, inputs, view.outputs, concurrency_id=DEVICE, concurrency_limit=JOBS_IN_HAND,
            show_progress="hidden", trigger_mode="multiple", api_visibility="private",
        )  # fmt: skip
        quiet: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
        job.failure(self.failed, session, view.outputs, **quiet)
        return job

    def run_job(self, session: Session, *values: Any) -> Iterator[Updates]:
        """Run the method on the whole photo. Closing the generator cancels the job."""
        view, info = self.view, self._info
        options, finish = values[: len(view.options.entries)], values[len(view.options.entries) :]
        tab = session.tab(info)
        try:
            shown = session.shown
            tab.finish = _finish(view, finish)
            request = JobRequest(shown.source.open(), info.name, view.options.values(options), tab.finish)
            job = self._engine.checked(request)
            tab.job_id = job.id
            last = JobView(Phase.QUEUED, texts.starting(self._usual))
            yield self._room(dict(job.options).get("variants", 1)) | self._show(session, last)
            with contextlib.closing(follow(self._engine, job, info.losses, self._usual)) as job_views:
                for job_view in job_views:
                    if session.on_page is not shown:
                        return
                    news, last = job_view is not last, job_view
                    yield self._show(session, job_view) if news else {view.status: gr.skip()}
        except ColorizerError as error:
            yield self._pictures(session) | self._show(session, JobView(Phase.FAILED, sentence_of(error)))
            raise toast(error, self._language) from error

    def stopped(self, session: Session) -> Updates:
        """After a cancel."""
        return self._pictures(session) | self._show(session, JobView(Phase.STOPPED, Text("status.stopped")))

    def failed(self, session: Session) -> Updates:
        """After an error: its sentence stays; a job that was refused or cancelled leaves nothing of its own."""
        phase = session.tab(self._info).phase
        if phase.busy:
            return self.stopped(session)
        updates = self.view.render(JobView(Phase.EMPTY))
        if phase is Phase.FAILED:
            del updates[self.view.status]
        return updates

    def stop_early(self, session: Session) -> Updates:
        """Ask the running job for its partial result."""
        self._engine.stop_early(session.tab(self._info).job_id)
        return self._show(session, JobView(Phase.STOPPING, Text("status.stopping")))

    @cached_property
    def _suiting(self) -> dict[str, set[str]]:
        """The options by whose choices the method's finish changes, and the fields that change."""
        return {
            entry.name: {name for suited in entry.finish.values() for name in suited}
            for entry in self.view.options.entries
            if entry.finish
        }

    def own_finish(self, fields: Iterable[str], *choices: str) -> Updates:
        """These fields of the finish that suits the choices."""
        own = finish_of(self._info, dict(zip(self._suiting, choices, strict=True)), {})
        return {self.view.finish[name]: getattr(own, name) for name in fields}

    def suited_options(self, name: str, fields: Iterable[str], choice: str) -> Updates:
        """The values of these options that suit a choice of another."""
        options = self._info.options
        suited = suited_options(options, {name: choice})
        defaults = {entry.name: entry.default for entry in controls(options)}
        return {self.view.options[field]: suited.get(field, defaults[field]) for field in fields}

    def refinish(self, session: Session, *finish: Any) -> Any:
        """The same colours under another finish."""
        with shown_errors(self._language):
            tab = session.tab(self._info)
            tab.finish = _finish(self.view, finish)
            nothing_yet = session.shown.before, session.shown.before
            return session.look(self._info) if tab.colorings or tab.gone else nothing_yet

    def choose(self, session: Session, event: gr.EventData) -> Updates:
        """Another variant."""
        tab = session.tab(self._info)
        with shown_errors(self._language):
            tab.chosen = place(event, len(tab.colorings))
        return {self.view.slider: session.look(self._info), **self._seed_used(session)}

    def use_seed(self, session: Session) -> int:
        """The seed of the chosen result."""
        with shown_errors(self._language):
            return int(session.tab(self._info).coloring.record.options["seed"] or 0)

    def save(self, session: Session, kind: str, keep_exif: bool) -> Path:
        """The full-size file."""
        suffix, bits = FORMATS[kind]
        with shown_errors(self._language):
            path, notes = session.save(self._info, suffix, bits, keep_exif)
        for note in notes:
            gr.Info(escape(note.worded(self._language)))
        return path

    def _show(self, session: Session, job_view: JobView) -> Updates:
        """A view of the tab's job, with its pictures."""
        info, view = self._info, self.view
        tab = session.tab(info)
        tab.phase = job_view.phase
        updates = view.render(job_view)
        if job_view.preview is not None:
            updates[view.slider] = session.first_look(info, job_view.preview)
        if job_view.phase is Phase.DONE:
            self._usual = job_view.seconds
            session.keep(info, job_view.colorings)
            updates = self._pictures(session) | updates  # which draws the losses of the job that is done
            updates[view.download] = gr.Button(interactive=True)
        return updates

    def _room(self, variants: int) -> Updates:
        """Room for as many variants as a job makes, and an empty plot."""
        updates = self.view.without_losses()
        if self.view.gallery is not None:
            updates[self.view.gallery] = gr.Gallery(value=[], visible=variants > 1, selected_index=None)
        return updates

    def _pictures(self, session: Session) -> Updates:
        """What the tab holds: its chosen result, all variants, maps and seed; or the gray photo."""
        view, info = self.view, self._info
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
        seed = session.tab(self._info).coloring.record.options["seed"]
        text = Text("page.seed", seed=seed).worded(self._language)
        return {self.view.seed: text, self.view.use_seed: gr.Button(visible=True)}


def _finish(view: TabView, values: tuple[Any, ...]) -> Finish:
    return validated(Finish, view.finish.values(values))
