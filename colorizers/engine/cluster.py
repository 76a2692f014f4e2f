"""Jobs in replicas on a Ray cluster, each with a pool of its own; a replica that is lost in a job costs only time.

A photo goes into the object store of the cluster once, however many jobs colour it and however often they start anew.
Batches, whose photos come from elsewhere, have workers of their own by Ray Data.
"""

import asyncio
import concurrent.futures
import contextlib
import importlib
import logging
import math
import os
import secrets
import signal
import threading
import warnings
import weakref
from collections.abc import AsyncIterator, Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any, TypeVar

import numpy as np
import torch

from colorizers.engine.jobs import CheckedJob, Event, Health, Heartbeat, Waiting, WeightsState
from colorizers.engine.line import AT_ONCE
from colorizers.engine.local import make_local_backend
from colorizers.errors import ColorizerError
from colorizers.methods.method import AnyMethod, Step
from colorizers.options import Options
from colorizers.picture.photo import Photo
from colorizers.pool import PoolStats
from colorizers.settings import Settings
from colorizers.threads import wait_briefly
from colorizers.weights.registry import Weights
from colorizers.weights.store import WeightStore
from colorizers.words import Text

Item = TypeVar("Item")
Made = TypeVar("Made")

APPLICATION = "colorizers"
_ATTEMPTS = 3  # of a job whose replicas are lost: a photo that kills each of them must not go round for ever
_TOGETHER = 32  # items of a batch, at most, that one worker gets at a time
_POLL = 0.25  # seconds between looks at whether the other side is still there
_LOGGING = {"log_level": "WARNING", "enable_access_log": False}
_STORE_BYTES = 10**9  # of a cluster that is started here; what does not fit goes to the disk


class RayBackend:
    """Runs jobs in the replicas of a Ray Serve deployment; see `Backend`."""

    def __init__(self, methods: Mapping[str, AnyMethod], settings: Settings, store: WeightStore) -> None:
        _connect(settings.cluster)
        self._replicas = _deployed(methods, settings, store)
        self._photos: weakref.WeakKeyDictionary[Photo, Any] = weakref.WeakKeyDictionary()

    def run(self, job: CheckedJob) -> Generator[Event, None, None]:
        """As `Backend.run`; a job whose replica is lost starts anew in another one."""
        from ray.exceptions import RayActorError

        photo = self._stored(job.photo)
        rest = {each.name: getattr(job, each.name) for each in fields(job) if each.name != "photo"}
        for _ in range(_ATTEMPTS):
            with contextlib.suppress(RayActorError):
                yield from self._followed("run", photo, rest)
                return
        raise ColorizerError(Text("engine.replicas-lost", count=_ATTEMPTS))

    def stop_early(self, job_id: str) -> None:
        """As `Engine.stop_early`: every replica is told, one of them knows the job."""
        self._replicas.broadcast("stop_early", job_id).results(return_exceptions=True)

    def health(self) -> Health:
        """The device of one replica, and the pools and jobs of all together."""
        healths = self._replicas.broadcast("health").results(return_exceptions=True)
        found = [each for each in healths if isinstance(each, Health)] or [self._answer("health")]
        pool, jobs = _together([each.pool for each in found]), sum(each.jobs for each in found)
        return Health(found[0].device, found[0].described, pool, jobs)

    def weights(self) -> WeightsState:
        """As `Engine.weights`, of one replica: their folders must hold the same."""
        state: WeightsState = self._answer("weights")
        return state

    def missing(self, method: str, options: Options) -> Sequence[Weights]:
        """As `Engine.missing`, of one replica."""
        found: Sequence[Weights] = self._answer("missing", method, options)
        return found

    def download(self, keys: Sequence[str]) -> Iterator[Step | Heartbeat]:
        """As `Engine.download`, into the folder of one replica, which is that of all."""
        return self._followed("download", keys)

    def _stored(self, photo: Photo) -> Any:
        """The photo's place in the object store."""
        import ray

        if photo not in self._photos:
            self._photos[photo] = ray.put(_packed(photo))
        return self._photos[photo]

    def _answer(self, name: str, *values: Any) -> Any:
        with _as_it_was_raised():
            return getattr(self._replicas, name).remote(*values).result()

    def _followed(self, name: str, *values: Any) -> Iterator[Any]:
        """What a replica yields, with heartbeats as long as it does not, nor any replica has room."""
        coming = getattr(self._replicas.options(stream=True), name).remote(*values)
        try:
            while True:
                following = _in_thread(lambda: next(coming, None))
                while not concurrent.futures.wait([following], _POLL).done:
                    yield Heartbeat()
                with _as_it_was_raised():
                    event = following.result()
                if event is None:
                    return
                yield event
        finally:
            coming.cancel()


def made_on_cluster(
    items: Sequence[Item], worker: Callable[..., Callable[[Item], Made]], arguments: Sequence[Any], settings: Settings
) -> Iterator[Made]:
    """What workers make of each item, in no order, as it comes; `worker(*arguments)` makes one in each process.

    A worker that is lost starts anew with the items that it had, three times at most; some it may have made before.
    """
    _connect(settings.cluster)
    data = _imported("ray.data")
    from ray.exceptions import RayActorError

    logging.getLogger("ray.data").setLevel(logging.CRITICAL)
    data.DataContext.get_current().enable_progress_bars = False
    threads = _threads(settings.most_replicas)
    blocks = max(math.ceil(len(items) / _TOGETHER), min(len(items), 4 * settings.most_replicas))
    with warnings.catch_warnings(action="ignore"):  # Ray has no other way yet to say how often a task may start anew
        made = data.from_items(items, override_num_blocks=blocks).map(
            _OfRows,
            fn_constructor_args=(worker, *arguments),
            compute=data.ActorPoolStrategy(min_size=settings.min_replicas, max_size=settings.most_replicas),
            num_cpus=threads,
            num_gpus=settings.replica_gpus or None,
            runtime_env={"env_vars": _environment(threads)},
            max_task_retries=_ATTEMPTS - 1,
        )
    try:
        for row in made.iter_rows():
            yield row["item"]
    except RayActorError as error:
        raise ColorizerError(Text("engine.replicas-lost", count=_ATTEMPTS)) from error


class _OfRows:
    """A worker as Ray Data calls it, with a row that holds an item."""

    def __init__(self, worker: Callable[..., Callable[[Any], Any]], *arguments: Any) -> None:
        self._make = worker(*arguments)

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        return {"item": self._make(row["item"])}


class Replica:
    """A local backend in a process of the cluster; async iterators, which can be cancelled, follow its own."""

    def __init__(self, methods: Mapping[str, AnyMethod], settings: Settings, store: WeightStore) -> None:
        _send_tensors_as_arrays()
        self._backend = make_local_backend(methods, settings, store)

    async def run(self, photo: Photo, rest: Mapping[str, Any]) -> AsyncIterator[Event]:
        """As `Backend.run`; `rest` is the job without its photo."""
        async for event in _apart(self._backend.run(CheckedJob(_unpacked(photo), **rest))):
            yield event

    async def download(self, keys: Sequence[str]) -> AsyncIterator[Step | Heartbeat]:
        """As `Backend.download`."""
        async for event in _apart(self._backend.download(keys)):
            yield event

    async def stop_early(self, job_id: str) -> None:
        """As `Backend.stop_early`."""
        self._backend.stop_early(job_id)

    async def health(self) -> Health:
        """As `Backend.health`."""
        return self._backend.health()

    async def weights(self) -> WeightsState:
        """As `Backend.weights`."""
        return self._backend.weights()

    async def missing(self, method: str, options: Options) -> Sequence[Weights]:
        """As `Backend.missing`."""
        return self._backend.missing(method, options)


def _packed(photo: Photo) -> Photo:
    """A photo to send: without its L* where 8-bit gray, a fifth of the bytes, tells the same exactly."""
    told = photo.gray is not None and photo.gray.dtype == np.uint8
    return replace(photo, lightness=torch.empty(0, 0)) if told else photo


def _unpacked(photo: Photo) -> Photo:
    """The photo that was packed; its arrays are in memory that must not be written to."""
    if photo.gray is None or photo.lightness.numel():
        return photo
    return replace(photo, lightness=Photo.of_pixels(photo.gray.copy()).lightness)


def _connect(address: str) -> None:
    """Join a cluster, or start one here that ends with this process and answers only those who know its secret.

    Ray is kept from telling its makers that it is used, from starting another cluster when this one has ended, and from
    writing to the standard output that a task starts anew.
    """
    os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ENABLE_AUTO_CONNECT": "0", "RAY_DEDUP_LOGS_SKIP_REGEX": "."}
    if not address:
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex())
    ray = _imported("ray")
    here = {} if address else {"include_dashboard": False, "object_store_memory": _STORE_BYTES}
    quiet = {"logging_level": "ERROR", "log_to_driver": False}
    with _signals_kept():
        try:
            ray.init(address or "local", ignore_reinit_error=True, **here, **quiet)
        except ConnectionError as error:
            raise ColorizerError(Text("engine.no-cluster", address=address)) from error
    _send_tensors_as_arrays()


def _imported(name: str) -> Any:
    """A module of Ray, each of which needs packages of its own."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ColorizerError(Text("engine.no-ray", package="colorizers[ray]")) from error


def _send_tensors_as_arrays() -> None:
    """Torch's own way to pickle a tensor takes several times as long, and Ray shares no memory for it."""
    import ray

    ray.util.register_serializer(
        torch.Tensor,
        serializer=lambda tensor: tensor.detach().cpu().numpy(),
        deserializer=lambda array: torch.from_numpy(array.copy()),  # which is in memory that must not be written to
    )


def _deployed(methods: Mapping[str, AnyMethod], settings: Settings, store: WeightStore) -> Any:
    """The handle of the deployment: one a class of device, whose replicas share out the processor's cores."""
    serve = _imported("ray.serve")
    serve.start(proxy_location="Disabled", logging_config=_LOGGING)
    threads = _threads(settings.most_replicas)
    deployment = serve.deployment(Replica).options(
        name="gpu" if settings.replica_gpus else "cpu",
        autoscaling_config={
            "min_replicas": settings.min_replicas,
            "max_replicas": settings.most_replicas,
            "target_ongoing_requests": AT_ONCE[True] / 2,
        },
        max_ongoing_requests=sum(AT_ONCE.values()),
        ray_actor_options={
            "num_cpus": threads,
            "num_gpus": settings.replica_gpus,
            "runtime_env": {"env_vars": _environment(threads)},
        },
        logging_config=_LOGGING,
    )
    return serve.run(deployment.bind(methods, settings, store), name=APPLICATION, route_prefix=None)


def _environment(threads: int) -> dict[str, str]:
    """The variables of a process that computes in so many threads."""
    environment = {name: value for name, value in os.environ.items() if name.startswith("COLORIZERS_")}
    environment["OMP_NUM_THREADS"] = str(threads)
    wait_briefly(environment)
    return environment


def _threads(replicas: int) -> int:
    """The threads of each of so many replicas: as the user says, or its share of all cores, one machine's at most."""
    import ray

    if given := os.environ.get("OMP_NUM_THREADS"):
        return int(given)
    cores = [int(node["Resources"].get("CPU", 0)) for node in ray.nodes() if node["Alive"]]
    return max(1, min(sum(cores) // replicas, max(cores)))


async def _apart(events: Iterator[Any]) -> AsyncIterator[Any]:
    """Follow an iterator in other threads, and close it when this one is cancelled; what is no news is left out."""
    loop, coming, last = asyncio.get_running_loop(), None, None
    try:
        while True:
            coming = loop.run_in_executor(None, next, events, None)
            if (event := await asyncio.shield(coming)) is None:
                return
            if not isinstance(event, Heartbeat) and not (isinstance(event, Waiting) and event == last):
                yield event
            last = event
    finally:
        if coming is not None:  # it cannot be closed while it is followed, which ends by its next heartbeat
            coming.add_done_callback(lambda _: events.close())  # type: ignore[attr-defined]


def _in_thread(work: Callable[[], Any]) -> "concurrent.futures.Future[Any]":
    """Call something in a thread of its own, for which the process does not wait at its end."""
    future: concurrent.futures.Future[Any] = concurrent.futures.Future()

    def call() -> None:
        try:
            future.set_result(work())
        except BaseException as error:  # is raised where the future is asked
            future.set_exception(error)

    threading.Thread(target=call, daemon=True).start()
    return future


@contextlib.contextmanager
def _as_it_was_raised() -> Iterator[None]:
    """Raise what a replica raised as it was there."""
    from ray.exceptions import RayTaskError

    try:
        yield
    except RayTaskError as error:
        raise error.cause from None


@contextlib.contextmanager
def _signals_kept() -> Iterator[None]:
    """Ray ends the process at SIGTERM in its own way; here it ends in ours."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def _together(pools: Sequence[PoolStats]) -> PoolStats:
    """The sums of all counters, and every model that is resident in any of them."""
    counters = [each.name for each in fields(PoolStats) if each.name != "models"]
    sums = {name: sum(getattr(pool, name) for pool in pools) for name in counters}
    return PoolStats(**sums, models=tuple(dict.fromkeys(key for pool in pools for key in pool.models)))
