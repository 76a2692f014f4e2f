"""Many photos at once: one method and one finish for all, an error beside the file that it belongs to, a zip."""

import contextlib
import time
import traceback
import zipfile
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import gradio as gr

from colorizers.engine import Engine
from colorizers.engine.jobs import Done, JobRequest
from colorizers.errors import ColorizerError
from colorizers.options import validated
from colorizers.picture.finish import Finish
from colorizers.picture.naming import distinct_stems
from colorizers.web import markup, texts
from colorizers.web.batch_files import Batch, Row, sent
from colorizers.web.closing import running
from colorizers.web.controls import Panel, build_panel
from colorizers.web.files import OPENING, Folder
from colorizers.web.gradio_io import QUIET, QUIET_NOW, on_choice, sentence_of, shown_errors
from colorizers.web.jobs import JobView, Phase
from colorizers.web.listening import visitor
from colorizers.web.photo_section import PhotoSection
from colorizers.web.saving import wire_saving
from colorizers.web.session import Session
from colorizers.web.tab import BUTTON, FORMATS, Updates, bright, build_file_options, seen
from colorizers.weights.store import missing_weights
from colorizers.words import Text

_BATCHES_AT_ONCE = 2
_SMALL = 240  # pixels


@dataclass(frozen=True)
class BatchView:
    """The components of the section."""

    upload: gr.File
    section: gr.Column
    method: gr.Dropdown
    finish: Panel
    format: gr.Dropdown
    keep_exif: gr.Checkbox
    mark: gr.Checkbox
    run: gr.Button
    stop: gr.Button
    download: gr.Button
    file: gr.DownloadButton
    back: gr.Button
    status: gr.HTML
    rows: gr.HTML
    language: str

    @property
    def outputs(self) -> list[gr.blocks.Block]:
        """What a run changes."""
        return [self.run, self.stop, self.download, self.status, self.rows]


class BatchHandlers:
    """What the section does."""

    def __init__(self, engine: Engine, view: BatchView) -> None:
        self.view = view
        self._engine = engine
        self._language = view.language
        self.job: gr.events.Dependency | None = None

    @property
    def outputs(self) -> list[gr.blocks.Block]:
        """What `taken` changes."""
        return [self.view.section, self.view.upload, *self.view.outputs]

    def wire(self, photo: PhotoSection, workspace: gr.Column, session: gr.State) -> None:
        """Connect the components: the section takes the place of the start and of the tabs, and gives it back."""
        view = self.view
        others: list[gr.blocks.Block] = [photo.start, photo.bar, workspace]

        def take(now: Session, paths: list[str]) -> Updates:
            self.take(now, [Path(path) for path in paths])
            away = gr.Column(elem_classes="away")
            hidden = dict(zip(others, (away, gr.Row(visible=False), away), strict=True))
            return {session: now, **hidden, **self.taken(now)}

        came = view.upload.upload(
            take, [session, view.upload], [session, *others, *self.outputs], **QUIET, **OPENING,
        )  # fmt: skip
        came.failure(lambda: None, None, view.upload, **QUIET_NOW)
        inputs = [session, view.method, view.format, view.keep_exif, view.mark, *view.finish.components]
        self.job = view.run.click(
            self.run, inputs, view.outputs, concurrency_id="batch", concurrency_limit=_BATCHES_AT_ONCE, **QUIET,
        )  # fmt: skip
        self.job.failure(self.stopped, session, view.outputs, **QUIET_NOW)
        view.back.click(
            lambda: [*photo.start_again(), gr.Column(elem_classes="away")], None,
            [*others, photo.back, view.section], cancels=[self.job], **QUIET_NOW,
        )  # fmt: skip
        view.stop.click(None, cancels=[self.job], **QUIET_NOW)  # `stopped` follows
        on_choice(view.method, session, self.own_finish, [view.method], view.finish.components, **QUIET_NOW)
        wire_saving(view.download, view.file, Text("batch.download"), self.zipped, session, self._language)

    def take(self, session: Session, paths: Sequence[Path]) -> None:
        """Take the files that were sent together."""
        with shown_errors(self._language):
            folder = Folder()
            came = sent([folder.keep(path) for path in paths])
            session.forget_results()
            stems = distinct_stems([(Path(*item.name.parent.parts), Path(item.name.name)) for item in came.items])
            rows = [Row(item.name, item, stem) for item, stem in zip(came.items, stems, strict=True)]
            rows += [Row(name, None, Path(name.stem), problem) for name, problem in came.refused]
            session.batch = Batch(rows, folder)

    def taken(self, session: Session) -> Updates:
        """The section with what was sent, before anything is coloured."""
        opened: Updates = {self.view.section: gr.Column(elem_classes=""), self.view.upload: None}
        return opened | self._show(session, JobView(Phase.EMPTY))

    def run(
        self, session: Session, method: str, kind: str, keep_exif: bool, mark: bool, *finish: Any
    ) -> Iterator[Updates]:
        """Colour what is still to be coloured, or all again; one photo that fails ends nothing.

        Closing the generator stops it.
        """
        batch = session.batch
        try:
            wanted = validated(Finish, self.view.finish.values(finish))
            if missing := self._engine.missing(method, {}):
                raise missing_weights(missing)
        except ColorizerError as error:
            yield self._show(session, JobView(Phase.FAILED, sentence_of(error)))
            return
        if not any(row.waits for row in batch.rows):
            session.forget_results()
        started, todo = time.monotonic(), [row for row in batch.rows if row.waits]
        for done, row in enumerate(todo):
            left = (time.monotonic() - started) / done * (len(todo) - done) if done else None
            text = Text("batch.progress", done=done + 1, total=len(todo), name=str(row.name))
            yield self._show(session, JobView(Phase.RUNNING, texts.step(text, left), done / len(todo)))
            with contextlib.closing(self._colored(session, row, method, wanted, kind, keep_exif, mark)) as beats:
                for _ in beats:
                    yield {self.view.status: gr.skip()}
            if session.batch is not batch:
                return
        yield self._show(session, JobView(Phase.DONE, _summary(batch)))

    def _colored(
        self, session: Session, row: Row, method: str, finish: Finish, kind: str, keep_exif: bool, mark: bool
    ) -> Generator[None, None, None]:
        """Colour one photo and write its file; yields while that goes on, so that a cancel lands there."""
        assert row.item is not None
        suffix, bits = FORMATS[kind]
        options = {"variants": 1} if "variants" in self._engine.methods[method].info.options.model_fields else {}
        try:
            with self._engine.turn(visitor(), method) as waits:
                yield from (None for _ in waits)
                job = self._engine.checked(JobRequest(row.item.open(session.folder), method, options, finish))
                with running(self._engine, job) as events:
                    for event in events:
                        yield
                        if isinstance(event, Done):
                            result = replace(event.results(job)[0], marked=mark)
                            path = session.folder.place(f"{row.stem.name}{suffix}")
                            result.save(path, bits if result.photo.bits == 16 else 8, keep_exif)
                            preview = result.preview(_SMALL)
                            row.small = session.folder.preview(preview.pixels(), preview.photo.alpha)
                            row.result = path
        except ColorizerError as error:
            row.problem = sentence_of(error)
        except Exception as error:  # a bug, which is no reason to leave the other photos gray
            traceback.print_exc()
            row.problem = Text("commands.colorize.bug", kind=type(error).__name__)

    def stopped(self, session: Session) -> Updates:
        """After Stop: what is coloured stays, and the rest can still be."""
        return self._show(session, JobView(Phase.STOPPED, _summary(session.batch)))

    def own_finish(self, method: str) -> list[float]:
        """The finish that suits a method."""
        own = self._engine.methods[method].info.finish
        return [getattr(own, entry.name) for entry in self.view.finish.entries]

    def zipped(self, session: Session) -> Path:
        """A zip of all results, each in its folder under its name."""
        with shown_errors(self._language):
            made = [(row.stem, row.result) for row in session.batch.rows if row.result is not None]
            if not made:
                raise ColorizerError(Text("page.nothing-yet"))
            target = session.place_to_save("color.zip")
            with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:  # pictures do not become smaller
                for stem, path in made:
                    archive.write(path, f"{stem.as_posix()}{path.suffix}")
        return target

    def _show(self, session: Session, view: JobView) -> Updates:
        rows, own, busy = session.batch.rows, self.view, view.phase.busy
        waiting, done = any(row.waits for row in rows), any(row.result is not None for row in rows)
        ahead, label = waiting or not done, Text("batch.run")
        if done:
            label = Text("batch.run-rest") if waiting else Text("batch.run-again")
        return {
            own.run: gr.Button(label.worded(self._language), variant=bright(ahead), visible=seen(not busy)),
            own.stop: gr.Button(visible=seen(busy)),
            own.download: gr.Button(visible=seen(done and not busy)),
            own.status: markup.status(view, self._language),
            own.rows: markup.batch(rows, self._language),
        }


def _summary(batch: Batch) -> Text:
    """How it went."""
    done, failed = (sum(getattr(row, part) is not None for row in batch.rows) for part in ("result", "problem"))
    return Text("batch.done", done=done, failed=failed, total=len(batch.rows))


def build_batch(engine: Engine, upload: gr.File, language: str) -> BatchView:
    """Render the section here; it is away until several photos come."""
    infos = [method.info for method in engine.methods.values() if not method.info.needed_pictures]
    labels = [info.title.worded(language) for info in infos]
    labels[0] = Text("batch.default-method", title=infos[0].title).worded(language)
    names = [info.name for info in infos]
    with gr.Column(elem_id="batch", elem_classes="away") as section:
        with gr.Row(elem_classes="batch-head"):
            gr.HTML(markup.heading(Text("batch.title"), language))
            back = gr.Button(Text("page.another").worded(language), size="sm", scale=0, min_width=130)
        with gr.Row(elem_classes="batch-body"):
            with gr.Column(elem_classes="batch-rows", scale=3):
                rows = gr.HTML()
            with gr.Column(elem_classes="batch-side", scale=1, min_width=300):
                with gr.Column(elem_classes="actions"):
                    with gr.Row(elem_classes="buttons"):
                        run = gr.Button(Text("batch.run").worded(language), variant="primary", **BUTTON)
                        stop = gr.Button(Text("page.stop").worded(language), variant="stop", visible="hidden", **BUTTON)
                        label = Text("batch.download").worded(language)
                        download = gr.Button(label, variant="primary", visible="hidden", **BUTTON)
                        file = gr.DownloadButton("", visible=False)
                    status = gr.HTML(elem_classes="status-line")
                method = gr.Dropdown(
                    list(zip(labels, names, strict=True)), value=names[0], label=Text("batch.method").worded(language)
                )
                gr.HTML(markup.heading(Text("page.finish"), language))
                finish = build_panel(infos[0].finish, engine.weights(), language)
                kind, keep_exif, mark = build_file_options(language)
    return BatchView(
        upload, section, method, finish, kind, keep_exif, mark, run, stop, download, file, back, status, rows, language
    )  # fmt: skip
