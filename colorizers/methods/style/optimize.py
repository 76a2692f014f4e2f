"""Making losses small, an evaluation at a time, with an end that the user may bring forward."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

OptimizerName = Literal["lbfgs", "adam"]
_REMEMBERED = 20  # steps from which L-BFGS guesses the curvature
_DECAY = 0.8

Parts = Callable[[Tensor], dict[str, Tensor]]
"""Values to the parts of the loss, whose sum is to fall."""

Seen = Callable[[Tensor, dict[str, float]], bool]
"""Called after every evaluation with the best values so far and the parts; true ends it, and it may raise."""


@dataclass(frozen=True)
class Descent:
    """How to go down.

    The learning rate is Adam's, times 0.8 after every `decay_every` evaluations; for L-BFGS, which finds the lengths of
    its steps itself, it is the mean length of the first.
    """

    optimizer: OptimizerName = "lbfgs"
    learning_rate: float = 0.3
    decay_every: int = 50

    def lowest(self, start: Tensor, parts_of: Parts, evaluations: int, seen: Seen, before: int = 0) -> Tensor:
        """The best values that were evaluated, at most so often; `before` evaluations were made at other sizes."""
        unit = self.learning_rate * start.numel() if self.optimizer == "lbfgs" else 1.0
        values = (start.detach() / unit).requires_grad_()
        optimizer = self._optimizer(values, evaluations)
        best, least, done = start.detach(), math.inf, 0

        def evaluate() -> float:
            nonlocal best, least, done
            optimizer.zero_grad()
            parts = parts_of(unit * values)
            total = torch.stack(list(parts.values())).sum()
            total.backward()
            found = total.item()
            if found < least:
                best, least = unit * values.detach(), found
            done += 1
            if seen(best, {name: part.item() for name, part in parts.items()}) or done == evaluations:
                raise _Enough
            return found

        try:
            if self.optimizer == "lbfgs":
                optimizer.step(evaluate)
            else:
                while True:
                    optimizer.param_groups[0]["lr"] = self.rate(before + done)
                    optimizer.step(evaluate)
        except _Enough:
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


class _Enough(Exception):
    """The evaluations are used up, or the user wants what there is."""
