"""The log of a training run: lines on the terminal, and every number in a CSV."""

import csv
import time
from pathlib import Path
from typing import Any

from colorizers.training.validation import Figures
from colorizers.words import Text


class TrainingLog:
    """Writes a CSV with the columns step, name, value; prints the same for people."""

    def __init__(self, path: Path, step: int, steps: int, batch: int) -> None:
        """Go on after `step` of a run of `steps`; rows beyond it, of an interrupted run, are removed."""
        lines = path.read_text().splitlines() if step and path.exists() else ["step,name,value"]
        rows = list(csv.reader(lines))
        self._path, self._steps, self._batch = path, steps, batch
        self._write("w", [row for row in rows if not row[0].isdecimal() or int(row[0]) <= step])
        self._start, self._first_step = time.monotonic(), step

    def losses(self, step: int, parts: dict[str, float], learning_rate: float) -> None:
        """Mean parts of the loss since the last line, with the speed and the remaining time."""
        pace = (time.monotonic() - self._start) / (step - self._first_step)
        speed, left = self._batch / pace, pace * (self._steps - step)
        values = [f"{name} {value:.4f}" for name, value in parts.items()]
        line = Text("training.step", step=step, steps=self._steps, losses=values, speed=speed, left=duration(left))
        print(line, flush=True)
        self._add(step, parts | {"photos_per_second": speed, "learning_rate": learning_rate})

    def figures(self, step: int, figures: Figures) -> None:
        """Figures of a validation."""
        values = {"score": figures.score} | figures.values
        named = [f"{name} {value:.3f}" for name, value in values.items()]
        print(Text("training.validation", step=step, figures=named), flush=True)
        self._add(step, {f"validation_{name}": value for name, value in values.items()})

    def _add(self, step: int, values: dict[str, float]) -> None:
        self._write("a", [[step, name, f"{value:.6g}"] for name, value in values.items()])

    def _write(self, mode: str, rows: list[list[Any]]) -> None:
        with self._path.open(mode, newline="") as file:
            csv.writer(file).writerows(rows)


def duration(seconds: float) -> Text:
    """Seconds as text, such as 45 s, 12 min or 3.5 h."""
    if seconds < 90:
        return Text("duration.seconds", value=seconds)
    if seconds < 5400:
        return Text("duration.minutes", value=seconds / 60)
    return Text("duration.hours", value=seconds / 3600)
