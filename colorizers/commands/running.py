"""A photo that is coloured while the steps are shown on the terminal, and what became of it."""

import contextlib
import os
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from tqdm import tqdm

from colorizers.commands import outputs
from colorizers.commands.reports import PhotoReport
from colorizers.commands.request import ColorizeRequest
from colorizers.engine import Engine
from colorizers.engine.jobs import CheckedJob, Done, Pace
from colorizers.errors import Cancelled, ColorizerError
from colorizers.methods.method import Step
from colorizers.picture.result import Result
from colorizers.words import Text

Report = TypeVar("Report")


@contextlib.contextmanager
def without_messages() -> Iterator[None]:
    """Meanwhile, what libraries write to the terminal is dropped: libtiff tells of damage before we do."""
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(nowhere)
        os.close(kept)


def run_shown(engine: Engine, job: CheckedJob, bar: "tqdm[Any]") -> tuple[Result, ...]:
    """Run a job to its end, its steps shown beside the bar."""
    pace = Pace()
    with contextlib.closing(engine.run(job)) as events:  # Ctrl-C would be lost while a dropped iterator ends
        for event in events:
            if isinstance(event, Step):
                bar.set_postfix_str(_told(event, pace.left(event)))
            elif isinstance(event, Done):
                return event.results(job)
    raise Cancelled


def _told(step: Step, left: float | None) -> str:
    """A step, its losses, and the seconds that are left, if that is known."""
    losses = (step.losses or {}).items()
    parts = [step.text, *(Text("loss.value", name=Text(f"losses.{name}"), value=f"{v:.3g}") for name, v in losses)]
    if left is not None:
        parts.append(Text("commands.colorize.time-left", duration=Text("duration.seconds", value=left)))
    return ", ".join(map(str, parts))


def colorized(engine: Engine, request: ColorizeRequest, task: outputs.Task, bar: "tqdm[Any]") -> PhotoReport:
    """Colour one photo and write those of its files that are not there yet."""
    return unwritten(engine, request, task, bar)()


def unwritten(
    engine: Engine, request: ColorizeRequest, task: outputs.Task, bar: "tqdm[Any]"
) -> Callable[[], PhotoReport]:
    """Colour one photo; what this gives writes those of its files that are not there yet, on any thread."""
    with without_messages():
        photo = request.opened(task.photo)
    files = request.files(task)
    missing = [file for file in files if not request.stands(file, photo)]
    if not missing:
        return lambda: PhotoReport(task.photo, "kept", tuple(file.path for file in files))
    job = engine.checked(request.job(photo))
    outputs.make_folder(task.target.parent)
    results = run_shown(engine, job, bar)

    def write() -> PhotoReport:
        made = {result.coloring.variant: result for result in results}
        notes = [*request.notes, *(note for result in results for note in result.notes)]
        for file in missing:
            if file.k in made:
                notes += request.write(made[file.k], file)
        written = tuple(file.path for file in files if file.k in made)
        records = tuple(result.record for result in results)
        seconds = results[0].coloring.seconds
        return PhotoReport(task.photo, "colored", written, records, seconds, (*dict.fromkeys(notes),))

    return write


def reported(photo: Path | str, color: Callable[[], Report]) -> Report | PhotoReport:
    """What `color` reports of a photo; an error becomes a report of it, and is no reason to leave other photos gray."""
    try:
        return color()
    except ColorizerError as error:
        return PhotoReport(photo, "failed", error=error.text)
    except Exception as error:
        text = Text("commands.colorize.bug", kind=type(error).__name__)
        return PhotoReport(photo, "failed", error=text, traceback=traceback.format_exc())
