"""A job that runs while its steps are shown on the terminal."""

import contextlib
import os
from collections.abc import Iterator
from typing import Any

from tqdm import tqdm

from colorizers.engine import Engine
from colorizers.engine.jobs import CheckedJob, Done, Pace
from colorizers.errors import Cancelled
from colorizers.methods.method import Step
from colorizers.picture.result import Result
from colorizers.words import Text


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
    for event in engine.run(job):
        if isinstance(event, Step):
            values = (event.losses or {}).items()
            parts = [event.text, *(Text("loss.value", name=Text(f"losses.{n}"), value=f"{v:.3g}") for n, v in values)]
            if (left := pace.left(event)) is not None:
                parts.append(Text("commands.colorize.time-left", duration=Text("duration.seconds", value=left)))
            bar.set_postfix_str(", ".join(map(str, parts)))
        elif isinstance(event, Done):
            return event.results(job)
    raise Cancelled
