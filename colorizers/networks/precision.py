"""Full precision for the parts of a network that mixed precision would spoil."""

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import torch
from torch import Tensor

P = ParamSpec("P")
R = TypeVar("R")


def in_float32(function: Callable[P, R]) -> Callable[P, R]:
    """Run a function or method in float32 under autocast too; without autocast it runs as it is.

    Positional tensors in half precision become float32. bfloat16 has steps of 0.25 to 0.5 near 60, the order of a
    visible difference in a* or b*.
    """

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        device = next(each.device.type for each in args if isinstance(each, Tensor))
        if not torch.is_autocast_enabled(device):
            return function(*args, **kwargs)
        exact = [each.float() if isinstance(each, Tensor) and each.is_floating_point() else each for each in args]
        with torch.autocast(device, enabled=False):
            return function(*exact, **kwargs)  # type: ignore[arg-type]

    return run
