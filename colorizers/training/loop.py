"""The one loop that trains every recipe: on a CPU, on a GPU in bf16, or on several processes, exactly resumable."""

import contextlib
import csv
import json
import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from colorizers.errors import ColorizerError
from colorizers.picture.color import rgb_to_lab
from colorizers.training.degradation import degraded
from colorizers.training.export import export
from colorizers.training.photos import BatchOrder, Photographs, crops, seeded
from colorizers.training.print_defects import bordered
from colorizers.training.recipe import Batch, Objective, Recipe, TrainingPlan
from colorizers.training.validation import SHOWN, Figures

_FREE = ("log_every", "save_every", "judge_every")  # numbers that may change when a run goes on
_OF_THE_END = ("steps", "cool_down", "cool_size")  # that may change until a cool-down has begun
CHECKPOINT, LOG, SAMPLES, LAST, BEST = "checkpoint.pt", "log.csv", "samples", "last.safetensors", "best.safetensors"


@dataclass(frozen=True)
class Place:
    """Where a run leaves what it makes, and what its weights say of their making beside the plan."""

    folder: Path
    provenance: dict[str, str]


class TrainingRun:
    """The state of a run: the objective, its averaged network, the optimizers, and how far it has come."""

    def __init__(
        self, objective: Objective, plan: TrainingPlan, accelerator: Accelerator, key: str, photos: str
    ) -> None:
        """`key` is the recipe's and `photos` the sha256 of the list: a checkpoint of another run is refused."""
        self.plan, self.accelerator = plan, accelerator
        numbers = {name: value for name, value in plan.model_dump().items() if name not in _FREE}
        self.identity = {"recipe": key, "photos": photos} | numbers
        if plan.encoder_rate == 0:
            objective.rest(objective.network.encoder)
        objective.network.to(memory_format=torch.channels_last)
        objective.to(accelerator.device).train()
        self.objective = objective
        self.average = AveragedModel(objective.network, multi_avg_fn=_moving_average(plan.ema), use_buffers=True)
        self.optimizer = torch.optim.AdamW(
            _groups(objective, plan), plan.learning_rate, (0.9, 0.99), weight_decay=plan.weight_decay
        )
        self.learner, self.optimizer = accelerator.prepare(objective, self.optimizer)
        self.critic = self.critic_optimizer = None
        if objective.critic is not None:
            rival = objective.critic.to(accelerator.device).train()
            adam = torch.optim.AdamW(rival.parameters(), plan.critic_rate, (0.5, 0.99), weight_decay=plan.weight_decay)
            self.critic, self.critic_optimizer = accelerator.prepare(rival, adam)
        self.step, self.seconds, self.best = 0, 0.0, math.inf

    @property
    def averaged(self) -> nn.Module:
        """The network with averaged weights: the one that is measured and shipped."""
        network: nn.Module = self.average.module
        return network

    def _parts(self) -> dict[str, Any]:
        parts = {"objective": self.objective, "average": self.average, "optimizer": self.optimizer}
        if self.critic is not None:
            parts |= {"critic": self.objective.critic, "critic_optimizer": self.critic_optimizer}
        return parts

    def save(self, path: Path) -> None:
        """Write a checkpoint; a kill at any moment leaves the old one or the new one."""
        state = {name: part.state_dict() for name, part in self._parts().items()}
        state |= {"step": self.step, "seconds": self.seconds, "best": self.best, "identity": self.identity}
        partial = path.with_suffix(".partial")
        torch.save(state, partial)
        partial.replace(path)

    def resume(self, path: Path) -> None:
        """Go on exactly where a checkpoint was written; ColorizerError when it is of another run."""
        state = read_checkpoint(path)
        open_end = all(plan.may_end_anywhere(state["step"]) for plan in (self.plan, plan_of(state)))
        identity = state["identity"] | {name: self.identity[name] for name in _OF_THE_END if open_end}
        other = [name for name, value in self.identity.items() if identity.get(name) != value]
        if other:
            said = ", ".join(name.replace("_", "-") for name in other)
            raise ColorizerError(
                f"The run to go on with has another {said}; give what it began with, or another --out."
            )
        for name, part in self._parts().items():
            part.load_state_dict(state[name])
        self.step, self.seconds, self.best = state["step"], state["seconds"], state["best"]

    def take_step(self, photos: Photographs, order: BatchOrder) -> dict[str, float]:
        """One optimizer step on the next photos; gives the parts of the loss."""
        plan, accelerator = self.plan, self.accelerator
        for group in self.optimizer.param_groups:
            group["lr"] = group["share"] * plan.learning_rate * plan.rate(self.step)
        if self.critic_optimizer is not None:
            self.critic_optimizer.param_groups[0]["lr"] = plan.critic_rate * plan.rate(self.step)
        said: dict[str, Tensor] = {}
        for k in range(plan.accumulation):
            batch = self.batch(photos, order, k)
            last = k == plan.accumulation - 1
            with contextlib.nullcontext() if last else accelerator.no_sync(self.learner):
                parts = self.learner(batch, self.step)
                accelerator.backward(torch.stack(list(parts.values())).sum() / plan.accumulation)
            contest = self.objective.discriminator_batch()
            if contest is not None:
                parts["critic"] = self._discriminator_step(*contest, last)
            for name, part in parts.items():
                said[name] = said.get(name, 0) + part.detach() / plan.accumulation
        accelerator.clip_grad_norm_(self.learner.parameters(), plan.clip)
        self.optimizer.step()
        self.optimizer.zero_grad()
        if self.critic is not None and self.critic_optimizer is not None:
            accelerator.clip_grad_norm_(self.critic.parameters(), plan.clip)
            self.critic_optimizer.step()  # without gradients, in the first phase, nothing moves
            self.critic_optimizer.zero_grad()
        self.average.update_parameters(self.objective.network)
        self.step += 1
        return {name: float(value) for name, value in said.items()}

    def _discriminator_step(self, real: Tensor, fake: Tensor, last: bool) -> Tensor:
        assert self.critic is not None
        with contextlib.nullcontext() if last else self.accelerator.no_sync(self.critic):
            loss: Tensor = self.critic(real, fake)
            self.accelerator.backward(loss / self.plan.accumulation)
        return loss

    def batch(self, photos: Photographs, order: BatchOrder, part: int) -> Batch:
        """Crops of this process's share of a step's photos, or of a part of it.

        What is in it and what is random about it depend on the step alone, and not on how many processes there are:
        two of them see what one sees in two parts.
        """
        accelerator, plan = self.accelerator, self.plan
        shares = accelerator.num_processes * plan.accumulation
        share = accelerator.process_index + part * accelerator.num_processes
        random = seeded(accelerator.device, plan.seed, self.step, share)
        chosen = order.chosen(self.step)[share::shares].to(accelerator.device)
        size = plan.crop_size(self.step)
        lab = bordered(rgb_to_lab(crops(photos, chosen, size, random)), random)
        lightness = degraded(lab[:, :1], random).contiguous(memory_format=torch.channels_last)

        def another() -> Tensor:
            return rgb_to_lab(crops(photos, chosen, size, random))

        return Batch(lightness, lab, photos.label_ids[chosen], random, another)


def read_checkpoint(path: Path) -> dict[str, Any]:
    """What `TrainingRun.save` wrote; ColorizerError when it cannot be read."""
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        plan_of(state)
    except Exception as error:  # a broken file reaches every corner of the unpickler
        raise ColorizerError(f"{path.name} is damaged; begin again in another folder with --out.") from error
    return state


def plan_of(checkpoint: Mapping[str, Any]) -> TrainingPlan:
    """The plan of the run that a checkpoint is of."""
    return TrainingPlan(
        **{name: value for name, value in checkpoint["identity"].items() if name in TrainingPlan.model_fields}
    )


def _groups(objective: Objective, plan: TrainingPlan) -> list[dict[str, Any]]:
    """The parameters with the share of the learning rate that each gets."""
    encoder: list[nn.Parameter] = []
    others: list[nn.Parameter] = []
    for name, parameter in objective.named_parameters():
        (encoder if name.startswith("network.encoder.") else others).append(parameter)
    groups = [{"params": encoder, "share": plan.encoder_rate}, {"params": others, "share": 1.0}]
    return [group for group in groups if group["params"]]


def _moving_average(decay: float) -> Callable[[Sequence[Tensor], Sequence[Tensor], Tensor | int], None]:
    """Exponential, with a decay that grows from 0.1 so that the random start is soon forgotten."""

    def update(averaged: Sequence[Tensor], current: Sequence[Tensor], count: Tensor | int) -> None:
        share = 1 - min(decay, (1 + int(count)) / (10 + int(count)))
        for mean, new in zip(averaged, current, strict=True):
            if mean.is_floating_point():
                mean.lerp_(new, share)
            else:
                mean.copy_(new)

    return update


def accelerator_of(preset_device: str) -> Accelerator:
    """The processes and the device of this run: bf16 on a GPU, fp32 on a CPU."""
    on_cpu = preset_device == "cpu"
    return Accelerator(cpu=on_cpu, mixed_precision="no" if on_cpu else "bf16")


def train(run: TrainingRun, photos: Photographs, judged: list[Tensor], recipe: Recipe, place: Place) -> None:
    """Take the steps that are left, with log, sample sheets, checkpoints and the best weights so far.

    Without photos to judge by, the sample sheets show some of those that it learns from.
    """
    plan = run.plan
    order = BatchOrder(len(photos), plan.batch, plan.seed, plan.subset, plan.refresh_every)
    shown = judged[:SHOWN] or [photos.photo(k) for k in range(min(len(photos), SHOWN))]
    photos = photos.to(run.accelerator.device)
    log = Log(place.folder / LOG, run.step) if run.accelerator.is_main_process else None
    began = time.monotonic() - run.seconds
    parts: dict[str, list[float]] = {}
    while run.step < plan.steps:
        for name, value in run.take_step(photos, order).items():
            parts.setdefault(name, []).append(value)
        run.seconds = time.monotonic() - began
        if log and run.step % plan.log_every == 0:
            log.losses(run, {name: sum(values) / len(values) for name, values in parts.items()})
            parts = {}
        ended = run.step == plan.steps
        if log and (ended or run.step % plan.judge_every == 0):
            _judge(run, judged, recipe, place, log)
            _show(run, shown, place)
        if log and (ended or run.step % plan.save_every == 0):
            run.save(place.folder / CHECKPOINT)
    run.accelerator.wait_for_everyone()


def _judge(run: TrainingRun, judged: list[Tensor], recipe: Recipe, place: Place, log: "Log") -> None:
    """Measure the averaged network, keep its weights, and those of the best step apart."""
    network = run.averaged.eval()
    said = place.provenance | {
        "recipe": json.dumps({"key": recipe.key} | run.plan.model_dump()),
        "steps_done": str(run.step),
        "seconds": str(math.ceil(run.seconds)),
        "torch": torch.__version__,
    }
    export(network, place.folder / LAST, said)
    if judged:
        figures = run.objective.figures(network, judged)
        log.figures(run.step, figures)
        if figures.score < run.best:
            run.best = figures.score
            export(network, place.folder / BEST, said)


def _show(run: TrainingRun, shown: list[Tensor], place: Place) -> None:
    """Write a sample sheet of the averaged network, where it makes colours."""
    sheet = run.objective.sheet(run.averaged.eval(), shown)
    if sheet is not None:
        path = place.folder / SAMPLES / f"{run.step:06d}.jpg"
        path.parent.mkdir(exist_ok=True)
        sheet.save(path, quality=90)


class Log:
    """Lines for people on the terminal, and every number in a CSV of the columns step, name, value."""

    def __init__(self, path: Path, step: int) -> None:
        """Go on after a step: what an interrupted run wrote beyond its checkpoint is taken back."""
        there = path.read_text().splitlines() if step and path.exists() else ["step,name,value"]
        rows = list(csv.reader(there))
        self._path = path
        self._write("w", [row for row in rows if not row[0].isdecimal() or int(row[0]) <= step])
        self._began, self._from = time.monotonic(), step

    def losses(self, run: TrainingRun, parts: dict[str, float]) -> None:
        """The mean parts of the loss since the last line, the speed, and when it will be done."""
        pace = (time.monotonic() - self._began) / (run.step - self._from)
        speed, left = run.plan.batch / pace, pace * (run.plan.steps - run.step)
        said = ", ".join(f"{name} {value:.4f}" for name, value in parts.items())
        print(f"step {run.step}/{run.plan.steps}  {said}  {speed:.1f} photos/s, {duration(left)} left", flush=True)
        rate = run.plan.learning_rate * run.plan.rate(run.step)
        self._add(run.step, parts | {"photos_per_second": speed, "learning_rate": rate})

    def figures(self, step: int, figures: Figures) -> None:
        """What validation found."""
        values = {"score": figures.score} | figures.values
        print(f"step {step} validation  " + ", ".join(f"{n} {v:.3f}" for n, v in values.items()), flush=True)
        self._add(step, {f"validation_{name}": value for name, value in values.items()})

    def _add(self, step: int, values: dict[str, float]) -> None:
        self._write("a", [[step, name, f"{value:.6g}"] for name, value in values.items()])

    def _write(self, mode: str, rows: list[list[Any]]) -> None:
        with self._path.open(mode, newline="") as file:
            csv.writer(file).writerows(rows)


def duration(seconds: float) -> str:
    """Seconds in words."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def device_words(accelerator: Accelerator) -> str:
    """The device as the card names it."""
    count = accelerator.num_processes
    if accelerator.device.type == "cuda":
        return f"{count} x {torch.cuda.get_device_name(accelerator.device)}, bf16"
    processes = f"{count} process" if count == 1 else f"{count} processes"
    return f"CPU, {processes} of {torch.get_num_threads()} threads, {os.cpu_count()} cores"
