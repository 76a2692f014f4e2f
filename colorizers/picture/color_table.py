"""The pixels of a large photo that has 8 bits of gray, looked up: a colour is computed once for all that have it."""

import threading
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

LEVELS = 256
_STEPS = 2  # of a* and b* in a Lab unit: about as fine as 8-bit levels
_MOST_AB = 128  # Lab units; what sRGB has reaches 108
_SIDE = 2 * _MOST_AB * _STEPS


class ColorTable:
    """The pixels of all levels of gray with each ab that was asked for, in steps of half a Lab unit.

    `colored` gives the pixels (n, LEVELS, 4) uint8 of all levels with each of n colours, ab (2, n, LEVELS); those of
    `cells` are computed at once. Several threads may ask for pixels.
    """

    def __init__(self, colored: Callable[[Tensor], np.ndarray], cells: Tensor) -> None:
        self._colored = colored
        self._begins = torch.full((_SIDE**2,), -1, dtype=torch.int32)  # in the table, by cell
        self._table = torch.empty(0, dtype=torch.int32)
        self._growing = threading.Lock()
        self._grow(cells)

    def pixels(self, levels: np.ndarray, ab: Tensor) -> np.ndarray:
        """Pixels (h, w, 4) uint8 of levels (h, w) uint8 with ab (2, h, w)."""
        cells = cells_of(ab)
        begins = self._begins.index_select(0, cells)
        if begins.min() < 0:
            self._grow(cells[begins < 0])
            begins = self._begins.index_select(0, cells)
        places = begins.add_(torch.tensor(levels).flatten())
        return self._table.index_select(0, places).numpy().view(np.uint8).reshape(*levels.shape, 4)

    def _grow(self, cells: Tensor) -> None:
        with self._growing:
            missing = distinct(cells)
            missing = missing[self._begins[missing] < 0]
            if not len(missing):  # another thread was faster
                return
            ab = torch.stack((missing // _SIDE, missing % _SIDE)) / _STEPS - _MOST_AB
            pixels = self._colored(ab[..., None].expand(2, len(missing), LEVELS))
            begin = len(self._table)
            self._table = torch.cat((self._table, torch.from_numpy(pixels.view(np.int32).ravel())))
            self._begins[missing] = begin + LEVELS * torch.arange(len(missing), dtype=torch.int32)  # last: others read


def cells_of(ab: Tensor) -> Tensor:
    """The cells (n,) of the table in which ab (2, h, w) lie, int32."""
    steps = ab.mul(_STEPS).add_(_MOST_AB * _STEPS + 0.5).clamp_(0, _SIDE - 1).to(torch.int32)
    return steps[0].mul_(_SIDE).add_(steps[1]).flatten()


def distinct(cells: Tensor) -> Tensor:
    """Each of the cells once, in order; much faster than to sort them."""
    found = np.zeros(_SIDE**2, bool)
    found[cells.numpy()] = True
    return torch.from_numpy(np.flatnonzero(found))
