"""The cached pool of models: loaded once, pinned while in use, evicted by bytes, least recently used first."""

import contextlib
import gc
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from torch import nn

from colorizers.devices import empty_cache, free_bytes, memory_limit
from colorizers.weights.store import WeightReader, WeightStore

Loader = Callable[[str, torch.device, WeightReader], nn.Module]
"""A key, the device on which the model will stand, and the reader of its weights, to the model."""

_LOADING = threading.RLock()
"""Building modules is not thread-safe in this process: diffusers and transformers swap
`nn.Module.register_parameter` while they load, and a second load at that time is left without data."""

_RESERVE = 2 * 10**9  # bytes left to the photos and to Python
_WORKING_ROOM = 3 * 10**9  # bytes of a GPU left to what networks compute


@dataclass(frozen=True)
class PoolStats:
    """Counters since the start, and what is resident now; bytes and seconds."""

    hits: int = 0
    misses: int = 0
    loads: int = 0
    evictions: int = 0
    load_seconds: float = 0.0
    bytes: int = 0
    models: tuple[str, ...] = ()


@dataclass(frozen=True)
class Leased:
    """A model in use, and the sha256 of the weights that it was made of, by key."""

    model: nn.Module
    hashes: Mapping[str, str]


@dataclass
class _Entry:
    leased: Leased
    pins: int = 0


class ModelPool:
    """Models by key, such as `unet/lab`; the part before the slash says which loader makes them.

    `budget` is in bytes and counts parameters and buffers, storages shared between models once. Models that are evicted
    from a GPU are offloaded to main memory, up to `offload_budget` bytes, from where they come back faster than from a
    file. Room is made before a model is loaded where its size is known: from the last time, or from its file in the
    `store`; a model that was made in main memory is measured before it moves to a GPU.
    """

    def __init__(
        self,
        loaders: Mapping[str, Loader],
        device: torch.device,
        budget: int,
        offload_budget: int = 0,
        store: WeightStore | None = None,
    ) -> None:
        self.device = device
        self.store = store or WeightStore()
        self._sizes: dict[str, int] = {}
        self._moving = threading.RLock()  # taken before `_lock` by who moves models; the rest need not wait for it
        self._loaders = loaders
        self._budget = budget
        self._offload_budget = offload_budget
        self._offloaded: OrderedDict[str, Leased] = OrderedDict()
        self._lock = threading.Lock()
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._loading: dict[str, Future[None]] = {}
        self._stats = PoolStats()

    @contextlib.contextmanager
    def lease(self, key: str) -> Iterator[Leased]:
        """The model, on the pool's device and in eval mode, pinned until the block ends."""
        entry = self._pinned(key)
        try:
            yield entry.leased
        finally:
            with self._lock:
                entry.pins -= 1
            self._evict_over(self._budget)

    def clear(self) -> None:
        """Free the device of every model that is not at work."""
        self._evict_over(0)
        gc.collect()
        empty_cache(self.device)

    def forget(self) -> None:
        """As `clear`, and keep none of them in main memory: the next lease makes its model anew."""
        self._evict_over(0)
        with self._moving, self._lock:
            self._offloaded.clear()
            self._sizes.clear()
        self.clear()

    def stats(self) -> PoolStats:
        """A snapshot of the counters."""
        with self._lock:
            return replace(self._stats, bytes=self._bytes(), models=tuple(self._entries))

    def _pinned(self, key: str) -> _Entry:
        """Find or load the model and count one more user of it; loads once however many ask."""
        counted = False
        while True:
            with self._lock:
                entry = self._entries.get(key)
                if not counted:
                    self._count(**{"misses" if entry is None else "hits": 1})
                    counted = True
                if entry is not None:
                    entry.pins += 1
                    self._entries.move_to_end(key)
                    return entry
                pending = self._loading.get(key)
                mine = pending is None
                if pending is None:
                    pending = self._loading[key] = Future()
            if mine:
                return self._load(key, pending)
            pending.result()

    def _load(self, key: str, pending: "Future[None]") -> _Entry:
        """Make the model and let those who wait go on; a failed load is theirs to see and then forgotten."""
        started = time.monotonic()
        try:
            # A job may ask in inference mode; a model made in it could never carry gradients again.
            with _LOADING, torch.inference_mode(False):
                leased = self._brought(key)
                _check_not_meta(leased.model, key)
            with self._lock:
                entry = self._entries[key] = _Entry(leased, pins=1)
                self._sizes[key] = _bytes_of([leased.model])
                self._count(loads=1, load_seconds=time.monotonic() - started)
        except BaseException as error:
            with self._lock:
                del self._loading[key]
            pending.set_exception(error)
            raise
        with self._lock:
            del self._loading[key]
        pending.set_result(None)
        return entry

    def _brought(self, key: str) -> Leased:
        """The model on the device, where room was made for it first; what a job needs may be more than the budget."""
        with self._moving, self._lock:
            leased = self._offloaded.pop(key, None)
        if leased is None:
            self._evict_over(self._budget - self._expected_bytes(key))
            leased = self._made(key)
        with self._lock:
            coming = _bytes_of([leased.model, *self._models()]) - self._bytes()
        self._evict_over(self._budget - coming)
        try:
            return replace(leased, model=leased.model.to(self.device))
        except BaseException:  # it may stand on both sides now; a second try shall not need the file again
            self._offload(key, leased)
            raise

    def _expected_bytes(self, key: str) -> int:
        """As it was the last time, else as its file says; unknown on a GPU, where networks may be of half precision."""
        if key in self._sizes or self.device.type == "cuda":
            return self._sizes.get(key, 0)
        return self.store.expected_bytes(key)

    def _made(self, key: str) -> Leased:
        family = key.partition("/")[0]
        if family not in self._loaders:
            raise KeyError(f"no loader makes {key}")
        reader = WeightReader(self.store)
        model = self._loaders[family](key, self.device, reader).eval().requires_grad_(False)
        return Leased(model, reader.hashes)

    def _evict_over(self, budget: int) -> None:
        """Let models leave that are not at work, those used longest ago first, until the others fit."""
        with self._moving:
            leaving: OrderedDict[str, Leased] = OrderedDict()
            with self._lock:
                for key in [key for key, entry in self._entries.items() if entry.pins == 0]:
                    if self._bytes() <= budget:
                        break
                    leaving[key] = self._entries.pop(key).leased
                    self._count(evictions=1)
            while leaving:
                self._offload(*leaving.popitem(last=False))

    def _offload(self, key: str, leased: Leased) -> None:
        """Keep a model in main memory if there is room, for which those offloaded first may have to go."""
        size = _bytes_of([leased.model])
        if size > self._offload_budget:
            return
        with self._moving:
            leased.model.to("cpu")  # gigabytes take a while, and nobody else may have to wait for them
            with self._lock:
                while size + _bytes_of(each.model for each in self._offloaded.values()) > self._offload_budget:
                    self._offloaded.popitem(last=False)
                self._offloaded[key] = leased

    def _models(self) -> list[nn.Module]:
        return [entry.leased.model for entry in self._entries.values()]

    def _bytes(self) -> int:
        return _bytes_of(self._models())

    def _count(self, **more: float) -> None:
        self._stats = replace(self._stats, **{name: getattr(self._stats, name) + n for name, n in more.items()})


@dataclass
class Leases:
    """The pool as one job sees it; `hashes` gathers the sha256 of all weights that it used, by key, for the record."""

    pool: ModelPool
    hashes: dict[str, str] = field(default_factory=dict)

    @contextlib.contextmanager
    def lease(self, key: str) -> Iterator[nn.Module]:
        """As `ModelPool.lease`, the model alone."""
        with self.pool.lease(key) as leased:
            self.hashes |= leased.hashes
            yield leased.model

    def read(self, key: str) -> Path:
        """The verified file or folder of weights that a method reads by itself."""
        path, self.hashes[key] = self.pool.store.ready(key)
        return path


def _bytes_of(models: Iterable[nn.Module]) -> int:
    """Of parameters and buffers, storages shared between models once, and what `Converted` networks hold besides."""
    models = list(models)
    tensors = (tensor for model in models for tensor in (*model.parameters(), *model.buffers()))
    storages = {t.untyped_storage().data_ptr(): t.untyped_storage().nbytes() for t in tensors}
    return sum(storages.values()) + sum(getattr(model, "foreign_bytes", 0) for model in models)


def default_budget(device: torch.device) -> int:
    """Bytes for models: what is free on a GPU less 3 GB of working room, or half of the memory's limit less 2 GB."""
    if device.type == "cuda":
        return max(free_bytes(device) - _WORKING_ROOM, 10**9)
    return _share_of_memory()


def default_offload_budget(device: torch.device) -> int:
    """Bytes of main memory for models that had to leave a GPU; a CPU's models are in main memory anyway."""
    return _share_of_memory() if device.type == "cuda" else 0


def _share_of_memory() -> int:
    return max(memory_limit() // 2 - _RESERVE, 10**9)


def _check_not_meta(model: nn.Module, key: str) -> None:
    """Stop a model without data before it colours anything."""
    if any(tensor.is_meta for tensor in (*model.parameters(), *model.buffers())) or nn.Linear(1, 1).weight.is_meta:
        raise RuntimeError(f"{key} was loaded without data: another load ran in this process at the same time")
