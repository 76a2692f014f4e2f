"""Optimisers of neural style transfer: they minimise a sum of losses and can be stopped early."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

OptimizerName = Literal["lbfgs", "adam"]
_REMEMBERED = 20  # steps from which L-BFGS guesses the curvature
_DECAY = 0.8

Losses = Callable[[Tensor], dict[str, Tensor]]
"""Values to the losses by name, whose sum is minimised."""

Callback = Callable[[Tensor, dict[str, float]], bool]
"""Called after every evaluation with the best values so far and the losses; true stops, and it may raise."""


@dataclass(frozen=True)
class Descent:
    """An optimiser and its settings.

    The learning rate is Adam's, times 0.8 after every `decay_every` evaluations; for L-BFGS, which finds the lengths of
    its steps itself, it is the mean length of the first.
    """

    optimizer: OptimizerName = "lbfgs"
    learning_rate: float = 0.3
    decay_every: int = 50

    def minimize(
        self, start: Tensor, losses_of: Losses, evaluations: int, callback: Callback, before: int = 0
    ) -> Tensor:
        """The best values that were evaluated, at most so often; `before` evaluations were made at other sizes."""
        unit = self.learning_rate * start.numel() if self.optimizer == "lbfgs" else 1.0
        values = (start.detach() / unit).requires_grad_()
        optimizer = self._optimizer(values, evaluations)
        best, least, done = start.detach(), math.inf, 0

        def evaluate() -> float:
            nonlocal best, least, done
            optimizer.zero_grad()
            losses = losses_of(unit * values)
            total = torch.stack(list(losses.values())).sum()
            total.backward()
            found = total.item()
            if found < least:
                best, least = unit * values.detach(), found
            done += 1
            if callback(best, {name: loss.item() for name, loss in losses.items()}) or done == evaluations:
                raise _Stop
            return found

        try:
            if self.optimizer == "lbfgs":
                optimizer.step(evaluate)
            else:
                while True:
                    optimizer.param_groups[0]["lr"] = self.rate(before + done)
                    optimizer.step(evaluate)
        except _Stop:
            pass
        return best

    def rate(self, done: int) -> float:
        """Adam's learning rate after so many evaluations."""
        return self.learning_rate * _DECAY ** (done // self.decay_every)

    def _optimizer(self, values: Tensor, evaluations: int) -> torch.optim.Optimizer:
        if self.optimizer == "adam":
            return torch.optim.Adam([values], self.learning_rate)
        return torch.optim.LBFGS(
            [values], max_iter=evaluations, max_eval=evaluations, history_size=_REMEMBERED, tolerance_grad=0,
            tolerance_change=0, line_search_fn="strong_wolfe",
        )  # fmt: skip


class _Stop(Exception):
    """The evaluations are used up, or the callback asked to stop."""
