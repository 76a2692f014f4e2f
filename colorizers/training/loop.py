"""The training loop of every recipe: on a CPU, on a GPU or on several processes, exactly resumable."""

import contextlib
import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from colorizers.errors import ColorizerError
from colorizers.picture.color import rgb_to_lab
from colorizers.training.degradation import degraded
from colorizers.training.export import export
from colorizers.training.log import TrainingLog
from colorizers.training.photos import BatchOrder, Photographs, crops, seeded
from colorizers.training.print_defects import bordered
from colorizers.training.recipe import Batch, Objective, Recipe, TrainingPlan
from colorizers.training.validation import SHOWN
from colorizers.words import Text

_CHANGEABLE = ("log_every", "save_every", "judge_every")  # when a run is resumed
_CHANGEABLE_BEFORE_COOL_DOWN = ("steps", "cool_down", "cool_size")
CHECKPOINT, LOG, SAMPLES, LAST, BEST = "checkpoint.pt", "log.csv", "samples", "last.safetensors", "best.safetensors"


@dataclass(frozen=True)
class RunOutput:
    """The folder of a run, and the provenance that its weights carry beside the plan."""

    folder: Path
    provenance: dict[str, str]


class TrainingRun:
    """State of a run: the objective, its averaged network, the optimizers, and the step."""

    def __init__(
        self, objective: Objective, plan: TrainingPlan, accelerator: Accelerator, key: str, photos: str
    ) -> None:
        """`key` is the recipe's and `photos` the sha256 of the list: checkpoints of other runs are refused."""
        self.plan, self.accelerator = plan, accelerator
        numbers = {name: value for name, value in plan.model_dump().items() if name not in _CHANGEABLE}
        self.identity = {"recipe": key, "photos": photos} | numbers
        if plan.encoder_rate == 0:
            objective.freeze(objective.network.encoder)
        objective.network.to(memory_format=torch.channels_last)
        objective.to(accelerator.device).train()
        self.objective = objective
        self.average = AveragedModel(objective.network, multi_avg_fn=_moving_average(plan.ema), use_buffers=True)
        self.optimizer = torch.optim.AdamW(
            _groups(objective, plan), plan.learning_rate, (0.9, 0.99), weight_decay=plan.weight_decay
        )
        self.learner, self.optimizer = accelerator.prepare(objective, self.optimizer)
        self.discriminator = self.discriminator_optimizer = None
        if objective.discriminator is not None:
            network = objective.discriminator.to(accelerator.device).train()
            adam = torch.optim.AdamW(
                network.parameters(), plan.critic_rate, (0.5, 0.99), weight_decay=plan.weight_decay
            )
            self.discriminator, self.discriminator_optimizer = accelerator.prepare(network, adam)
        self.step, self.seconds, self.best = 0, 0.0, math.inf

    @property
    def averaged(self) -> nn.Module:
        """The network with averaged weights: the one that is validated and exported."""
        network: nn.Module = self.average.module
        return network

    def _parts(self) -> dict[str, Any]:
        parts = {"objective": self.objective, "average": self.average, "optimizer": self.optimizer}
        if self.discriminator is not None:
            parts["discriminator"] = self.objective.discriminator
            parts["discriminator_optimizer"] = self.discriminator_optimizer
        if self.accelerator.scaler is not None:
            parts["scaler"] = self.accelerator.scaler
        return parts

    def save(self, path: Path) -> None:
        """Write a checkpoint atomically: an interrupted process leaves the old one or the new one."""
        state = {name: part.state_dict() for name, part in self._parts().items()}
        state |= {"step": self.step, "seconds": self.seconds, "best": self.best, "identity": self.identity}
        partial = path.with_suffix(".partial")
        torch.save(state, partial)
        partial.replace(path)

    def resume(self, path: Path) -> None:
        """Restore a checkpoint exactly; raises ColorizerError if it is of another run."""
        state = read_checkpoint(path)
        open_end = all(plan.may_end_anywhere(state["step"]) for plan in (self.plan, plan_of(state)))
        identity = state["identity"] | {name: self.identity[name] for name in _CHANGEABLE_BEFORE_COOL_DOWN if open_end}
        other = [name for name, value in self.identity.items() if identity.get(name) != value]
        if other:
            names = [name.replace("_", "-") for name in other]
            raise ColorizerError(Text("training.another-run", settings=names))
        for name, part in self._parts().items():
            part.load_state_dict(state[name])
        self.step, self.seconds, self.best = state["step"], state["seconds"], state["best"]

    def take_step(self, photos: Photographs, order: BatchOrder) -> dict[str, float]:
        """One optimizer step on the next photos; gives the parts of the loss."""
        self._set_learning_rates()
        parts: dict[str, Tensor] = {}
        pairs: list[tuple[Tensor, Tensor]] = []
        count = self.plan.accumulation
        for k in range(count):
            batch = self.batch(photos, order, k)
            with self._accumulating(self.learner, last=k == count - 1):
                losses = self.learner(batch, self.step)
                self.accelerator.backward(torch.stack(list(losses.values())).sum() / count)
            for name, loss in losses.items():
                parts[name] = parts.get(name, 0) + loss.detach() / count
            pair = self.objective.discriminator_batch()
            if pair is not None:
                pairs.append(pair)
        self._update(self.learner, self.optimizer)
        if pairs:
            parts["discriminator"] = self._discriminator_step(pairs)
        self.average.update_parameters(self.objective.network)
        self.step += 1
        return dict(zip(parts, torch.stack(list(parts.values())).tolist(), strict=True))

    def _set_learning_rates(self) -> None:
        rate = self.plan.rate(self.step)
        for group in self.optimizer.param_groups:
            group["lr"] = group["share"] * self.plan.learning_rate * rate
        if self.discriminator_optimizer is not None:
            self.discriminator_optimizer.param_groups[0]["lr"] = self.plan.critic_rate * rate

    def _accumulating(self, module: nn.Module, last: bool) -> contextlib.AbstractContextManager[Any]:
        """Several processes exchange gradients at the last part of a batch only."""
        return contextlib.nullcontext() if last else self.accelerator.no_sync(module)

    def _update(self, module: nn.Module, optimizer: Any) -> None:
        """Clip the gradients, take the optimizer's step, and clear them."""
        self.accelerator.clip_grad_norm_(module.parameters(), self.plan.clip)
        optimizer.step()
        optimizer.zero_grad()

    def _discriminator_step(self, pairs: list[tuple[Tensor, Tensor]]) -> Tensor:
        """One optimizer step of the discriminator on real and fake pictures; gives its loss.

        It comes after the generator's: in fp16 one gradient scaler serves both, and ends its cycle with each step.
        """
        assert self.discriminator is not None
        total = torch.zeros((), device=self.accelerator.device)
        for k, (real, fake) in enumerate(pairs):
            with self._accumulating(self.discriminator, last=k == len(pairs) - 1):
                loss: Tensor = self.discriminator(real, fake)
                self.accelerator.backward(loss / len(pairs))
            total += loss.detach() / len(pairs)
        self._update(self.discriminator, self.discriminator_optimizer)
        return total

    def batch(self, photos: Photographs, order: BatchOrder, part: int) -> Batch:
        """Crops of this process's share of a step's photos, or of a part of it.

        It depends on the step alone and not on the number of processes: two processes get the crops of two parts.
        """
        accelerator, plan = self.accelerator, self.plan
        shares = accelerator.num_processes * plan.accumulation
        share = accelerator.process_index + part * accelerator.num_processes
        random = seeded(accelerator.device, plan.seed, self.step, share)
        picked = photos.take(order.indices(self.step)[share::shares], accelerator.device)
        size = plan.crop_size(self.step)
        lab = bordered(rgb_to_lab(crops(picked, size, random)), random)
        lightness = degraded(lab[:, :1], random).contiguous(memory_format=torch.channels_last)

        def second_crop() -> Tensor:
            return rgb_to_lab(crops(picked, size, random))

        return Batch(lightness, lab, picked.label_ids, random, second_crop)


def read_checkpoint(path: Path) -> dict[str, Any]:
    """The content of a checkpoint file; raises ColorizerError if it cannot be read."""
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        plan_of(state)
    except Exception as error:  # a damaged file can raise anything in the unpickler
        raise ColorizerError(Text("training.damaged-checkpoint", file=path.name)) from error
    return state


def plan_of(checkpoint: Mapping[str, Any]) -> TrainingPlan:
    """The plan of a checkpoint's run."""
    fields = TrainingPlan.model_fields
    return TrainingPlan(**{name: value for name, value in checkpoint["identity"].items() if name in fields})


def _groups(objective: Objective, plan: TrainingPlan) -> list[dict[str, Any]]:
    """Parameter groups of the optimizer, each with its share of the learning rate."""
    encoder: list[nn.Parameter] = []
    others: list[nn.Parameter] = []
    for name, parameter in objective.named_parameters():
        (encoder if name.startswith("network.encoder.") else others).append(parameter)
    groups = [{"params": encoder, "share": plan.encoder_rate}, {"params": others, "share": 1.0}]
    return [group for group in groups if group["params"]]


def _moving_average(decay: float) -> Callable[[Sequence[Tensor], Sequence[Tensor], Tensor | int], None]:
    """Exponential moving average for `AveragedModel`, with a decay that grows from 0.1 to `decay`.

    Not diffusers' `EMAModel`, which has this warm-up but averages no buffers: batch norm needs its statistics averaged.
    """

    def update(averaged: Sequence[Tensor], current: Sequence[Tensor], count: Tensor | int) -> None:
        if averaged[0].is_floating_point():
            get_ema_multi_avg_fn(min(decay, (1 + int(count)) / (10 + int(count))))(averaged, current, count)
            return
        for mean, new in zip(averaged, current, strict=True):
            mean.copy_(new)  # counters of batches

    return update


def train(run: TrainingRun, photos: Photographs, held_out: list[Tensor], recipe: Recipe, output: RunOutput) -> None:
    """Take the remaining steps, with log, sample sheets, checkpoints and the best weights so far.

    Without validation photos the sample sheets show training photos.
    """
    plan = run.plan
    order = BatchOrder(len(photos), plan.batch, plan.seed, plan.subset, plan.refresh_every)
    shown = held_out[:SHOWN] or [photos.photo(k) for k in range(min(len(photos), SHOWN))]
    photos = photos.moved_if_small(run.accelerator.device)
    log = None
    if run.accelerator.is_main_process:
        log = TrainingLog(output.folder / LOG, run.step, plan.steps, plan.batch)
    start = time.monotonic() - run.seconds
    parts: dict[str, list[float]] = {}
    while run.step < plan.steps:
        for name, value in run.take_step(photos, order).items():
            parts.setdefault(name, []).append(value)
        run.seconds = time.monotonic() - start
        if log and run.step % plan.log_every == 0:
            means = {name: sum(values) / len(values) for name, values in parts.items()}
            log.losses(run.step, means, plan.learning_rate * plan.rate(run.step))
            parts = {}
        ended = run.step == plan.steps
        if log and (ended or run.step % plan.judge_every == 0):
            _validate(run, held_out, recipe, output, log)
            _save_sheet(run, shown, output)
        if log and (ended or run.step % plan.save_every == 0):
            run.save(output.folder / CHECKPOINT)
    run.accelerator.wait_for_everyone()


def _validate(run: TrainingRun, held_out: list[Tensor], recipe: Recipe, output: RunOutput, log: TrainingLog) -> None:
    """Export the averaged network, measure it, and export it once more if it is the best so far."""
    network = run.averaged.eval()
    provenance = output.provenance | {
        "recipe": json.dumps({"key": recipe.key} | run.plan.model_dump()),
        "steps_done": str(run.step),
        "seconds": str(math.ceil(run.seconds)),
        "torch": torch.__version__,
    }
    export(network, output.folder / LAST, provenance)
    if held_out:
        figures = run.objective.figures(network, held_out)
        log.figures(run.step, figures)
        if figures.score < run.best:
            run.best = figures.score
            export(network, output.folder / BEST, provenance)


def _save_sheet(run: TrainingRun, shown: list[Tensor], output: RunOutput) -> None:
    """Write a sample sheet of the averaged network, if it makes colours."""
    sheet = run.objective.sheet(run.averaged.eval(), shown)
    if sheet is not None:
        path = output.folder / SAMPLES / f"{run.step:06d}.jpg"
        path.parent.mkdir(exist_ok=True)
        sheet.save(path, quality=90)
