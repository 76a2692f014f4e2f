"""Making losses small, an evaluation at a time, with an end that the user may bring forward."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

Optimizer = Literal["lbfgs", "adam"]
_REMEMBERED = 20  # steps from which L-BFGS guesses the curvature
_DECAY = 0.8

Losses = Callable[[Tensor], dict[str, Tensor]]
"""Values to the parts whose sum is to fall."""


@dataclass(frozen=True)
class Descent:
    """How to go down; the learning rate, times 0.8 after every `decay_every` evaluations, is Adam's alone."""

    optimizer: Optimizer = "lbfgs"
    learning_rate: float = 0.3
    decay_every: int = 50

    def lowest(self, start: Tensor, losses: Losses, evaluations: int, seen: "Seen") -> Tensor:
        """The best values that were evaluated, at most so often.

        After each evaluation `seen(values, parts)` is called: true ends it, and it may raise.
        """
        unit = self.learning_rate * start.numel() if self.optimizer == "lbfgs" else 1.0
        values = (start.detach() / unit).requires_grad_()
        optimizer = self._optimizer(values, evaluations)
        best, least, done = start.detach(), math.inf, 0

        def evaluate() -> float:
            nonlocal best, least, done
            optimizer.zero_grad()
            parts = losses(unit * values)
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
                decay = torch.optim.lr_scheduler.StepLR(optimizer, self.decay_every, _DECAY)
                while True:
                    optimizer.step(evaluate)
                    decay.step()
        except _Enough:
            pass
        return best

    def _optimizer(self, values: Tensor, evaluations: int) -> torch.optim.Optimizer:
        if self.optimizer == "adam":
            return torch.optim.Adam([values], self.learning_rate)
        return torch.optim.LBFGS(
            [values], max_iter=evaluations, max_eval=evaluations, history_size=_REMEMBERED, tolerance_grad=0,
            tolerance_change=0, line_search_fn="strong_wolfe",
        )  # fmt: skip


Seen = Callable[[Tensor, dict[str, float]], bool]


class _Enough(Exception):
    """The evaluations are used up, or the user wants what there is."""
