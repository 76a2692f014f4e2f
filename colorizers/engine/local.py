"""Runs jobs: one at a time on the device, each in its own thread, with progress, stop, cancel and seeds."""

import atexit
import contextlib
import queue
import random
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol
from weakref import WeakKeyDictionary

from colorizers.devices import find_device, is_out_of_memory, use_single
from colorizers.errors import Cancelled, ColorizerError, NotFinite
from colorizers.methods.catalog import METHODS, find
from colorizers.methods.method import Job, Method, Start, finish_of
from colorizers.options import MAX_SEED, Options, controls, seed_of_variant, validated
from colorizers.picture.compose import Outcome, rounded
from colorizers.picture.finish import Finish
from colorizers.picture.photo import Photo
from colorizers.picture.record import Record, versions
from colorizers.picture.result import Result
from colorizers.pool import Leases, ModelPool, PoolStats, default_budget, default_parking
from colorizers.settings import Settings, get_settings
from colorizers.weights import store as weights

_LAST_STEP = 10.0  # seconds that a job gets to see that the process ends
_POLL = 0.25  # seconds between looks at whether the other side is still there
_WAITING_EVENTS = 8  # progress beyond these is dropped, the outcome never


@dataclass(frozen=True)
class JobRequest:
    """A photo and what to do with it; plain data, picklable.

    `options` and `finish` name what is to differ from the method's own; a `Finish` is taken as it is.
    """

    photo: Photo
    method: str
    options: dict[str, Any] = field(default_factory=dict)
    finish: Finish | Mapping[str, Any] = field(default_factory=dict)
    id: str = field(default_factory=lambda: uuid.uuid4().hex)


@dataclass(frozen=True)
class Waiting:
    """The job has not begun; `ahead` jobs come first."""

    ahead: int


@dataclass(frozen=True)
class Step:
    """Work is going on: `done` of `total` steps, that is `share` of it, a first look when there is one, losses."""

    done: int
    total: int
    text: str
    share: float
    preview: Outcome | None = None
    losses: Mapping[str, float] | None = None


@dataclass
class Pace:
    """How fast the steps of a job follow each other."""

    first: Step | None = None
    since: float = 0.0

    def left(self, step: Step) -> float | None:
        """How many seconds are left at the pace of the steps after the first, in which a model may be loaded."""
        if step.done and self.first is None:
            self.first, self.since = step, time.monotonic()
        if self.first is None or step.share <= self.first.share:
            return None
        return (time.monotonic() - self.since) / (step.share - self.first.share) * (1 - step.share)


@dataclass(frozen=True)
class Busy:
    """Nothing new; comes four times a second while a step is long, so that closing the iterator takes effect."""


@dataclass(frozen=True)
class Done:
    """The last event of a job that succeeded: one result, or one a variant."""

    results: tuple[Result, ...]


Event = Waiting | Step | Busy | Done


@dataclass(frozen=True)
class Health:
    """What a backend says of itself."""

    device: str
    pool: PoolStats


class Backend(Protocol):
    """Where jobs run. Closing the iterator cancels the job."""

    def run(self, request: JobRequest) -> Iterator[Event]: ...

    def stop_early(self, job_id: str) -> None: ...

    def health(self) -> Health: ...


class Engine:
    """Checks requests, settles their seeds and hands them to a backend."""

    def __init__(self, methods: Mapping[str, Method], backend: Backend) -> None:
        self.methods = methods
        self._backend = backend

    def checked(self, request: JobRequest) -> JobRequest:
        """The request with every option and its finish present, and the seed; ColorizerError when it cannot run."""
        method = find(self.methods, request.method)
        settled = dict(validated(method.options, request.options))
        if "seed" in settled and settled["seed"] is None:
            settled["seed"] = random.SystemRandom().randint(0, MAX_SEED)
        return replace(request, options=settled, finish=finish_of(method, settled, request.finish))

    def submit(self, request: JobRequest) -> Generator[Event, None, None]:
        """Run a job; events come as they happen, `Done` last. Closing the iterator cancels the job.

        Raises ColorizerError for what the user can mend.
        """
        yield from self._backend.run(self.checked(request))

    def stop_early(self, job_id: str) -> None:
        """Ask a running job for what it has so far; methods without a partial result ignore it."""
        self._backend.stop_early(job_id)

    def health(self) -> Health:
        """The device and what its model pool holds."""
        return self._backend.health()

    def results(self, request: JobRequest) -> tuple[Result, ...]:
        """Run a job to its end."""
        for event in self.submit(request):
            if isinstance(event, Done):
                return event.results
        raise Cancelled


_workers: WeakKeyDictionary[threading.Thread, threading.Event] = WeakKeyDictionary()
"""The threads of jobs, entered by themselves, and how each is cancelled."""
_ending = threading.Event()


@atexit.register
def _end_workers() -> None:
    """Cancel what still runs when the process ends: it would abort if a thread were inside torch then."""
    _ending.set()
    workers = list(_workers.items())
    for _, cancel in workers:
        cancel.set()
    for worker, _ in workers:
        worker.join(_LAST_STEP)


class LocalBackend:
    """Runs jobs in this process, on one device, in the order in which they came."""

    def __init__(self, methods: Mapping[str, Method], pool: ModelPool) -> None:
        self.pool = pool
        self._methods = methods
        self._turnstile = Turnstile()
        self._stops: dict[str, threading.Event] = {}

    def run(self, request: JobRequest) -> Iterator[Event]:
        """As `Backend.run`."""
        events: queue.Queue[Event | BaseException] = queue.Queue()
        cancel = threading.Event()
        stop = self._stops[request.id] = threading.Event()
        work = (request, events, cancel, stop)
        event = None
        try:
            self._check_weights(request)
            threading.Thread(target=self._work, args=work, daemon=True, name=request.method).start()
            while not isinstance(event, Done):
                try:
                    event = events.get(timeout=None if event is None else _POLL)
                except queue.Empty:
                    event = Busy()
                if isinstance(event, BaseException):
                    raise event
                yield event
        finally:
            cancel.set()
            if self._stops.get(request.id) is stop:
                del self._stops[request.id]
            del event  # an error knows this frame by its traceback: a circle that would keep the worker's memory

    def stop_early(self, job_id: str) -> None:
        """As `Engine.stop_early`; a job that has ended is left in peace."""
        if (stop := self._stops.get(job_id)) is not None:
            stop.set()

    def health(self) -> Health:
        """As `Engine.health`."""
        return Health(str(self.pool.device), self.pool.stats())

    def _work(
        self,
        request: JobRequest,
        events: "queue.Queue[Event | BaseException]",
        cancel: threading.Event,
        stop: threading.Event,
    ) -> None:
        _workers[threading.current_thread()] = cancel
        if _ending.is_set():
            return

        def emit(event: Event) -> None:
            if cancel.is_set():
                raise Cancelled
            if events.qsize() < _WAITING_EVENTS:
                events.put(event)

        try:
            with self._turnstile.turn(lambda ahead: emit(Waiting(ahead))):
                results = self._results(request, emit, stop)
            events.put(Done(results))
        except BaseException as error:  # handed to whoever still waits for the job
            if not cancel.is_set():
                events.put(error)

    def _results(self, request: JobRequest, emit: Callable[[Event], None], stop: threading.Event) -> tuple[Result, ...]:
        leases = Leases(self.pool)
        job = Job(
            models=leases,
            device=self.pool.device,
            progress=lambda done, total, preview, text, losses=None, share=None: emit(
                Step(done, total, text, done / total if share is None else share, preview, losses)
            ),
            stop_early=stop.is_set,
        )
        method = self._methods[request.method]
        finish = finish_of(method, request.options, request.finish)
        wanted = method.options.model_validate(request.options)
        started = time.monotonic()
        outcomes, options = self._outcomes(method, request.photo, wanted, job)
        seconds = time.monotonic() - started
        notes = (*request.photo.notes, *dict.fromkeys(job.notes))
        if options != wanted:
            notes += ("Memory ran short: a smaller working size was used.",)
        stopped = method.stops_early and stop.is_set()
        if stopped:
            notes += ("It was stopped early: its record alone cannot make it again.",)
        return tuple(
            Result(
                photo=request.photo,
                outcome=rounded(outcome),
                finish=finish,
                record=_record(request, method, _of_variant(options, k), finish, leases.keys, stopped),
                seconds=seconds,
                notes=notes,
                maps=job.maps,
                variant=k,
            )
            for k, outcome in enumerate(outcomes)
            if outcome is not None
        )

    def _check_weights(self, request: JobRequest) -> None:
        """Say what is missing before the job waits in the line."""
        method = self._methods[request.method]
        options = method.options.model_validate(request.options)
        needed = [*method.needs(options)]
        if (base := self._base(options)) is not None:
            needed += base[0].needs(base[1])
        if said := weights.missing(needed):
            raise ColorizerError(said)

    def _base(self, options: Options) -> tuple[Method, Options] | None:
        """The method whose colours an option asks to start from, and its options: its own, one variant, seed 0.

        Not the seed of the run, so that all its variants, each alone or together, have the same start.
        """
        name = getattr(options, "start_from", "gray")
        if name == "gray":
            return None
        base = find(self._methods, name)
        fixed = {"seed": 0, "variants": 1}
        return base, validated(base.options, {k: v for k, v in fixed.items() if k in base.options.model_fields})

    def _run(self, method: Method, photo: Photo, options: Options, job: Job) -> Sequence[Outcome | None]:
        """Run the method, after the one that it starts from."""
        if (resolved := self._base(options)) is None:
            return method.run(photo, options, job)
        base, own = resolved

        def before(done: int, total: int, preview: Outcome | None, text: str, *more: Any, **said: Any) -> None:
            job.progress(0, 1, preview, f"{base.title}: {text}", share=0)

        outcome = base.run(photo, own, replace(job, progress=before, stop_early=lambda: False))[0]
        if outcome is None:
            raise ColorizerError(f"{base.title} gave no colours to start from; start from another method.")
        return method.run(photo, options, replace(job, start=Start(outcome, base.finish_for(dict(own)))))

    def _outcomes(
        self, method: Method, photo: Photo, options: Options, job: Job
    ) -> tuple[Sequence[Outcome | None], Options]:
        """Run the method; where half precision gave NaN, once more in float32."""
        try:
            return self._within_memory(method, photo, options, job)
        except NotFinite:
            if not use_single(self.pool.device):
                raise
        self.pool.forget()
        _begin_again(job)
        outcomes = self._within_memory(method, photo, options, job)
        job.notes.append("Half precision gave no picture on this device, so single precision was used.")
        return outcomes

    def _within_memory(
        self, method: Method, photo: Photo, options: Options, job: Job
    ) -> tuple[Sequence[Outcome | None], Options]:
        """Run the method; out of memory, free what is idle and try again as it is, then at a smaller working size."""
        smaller = _smaller(options)
        tries = [options, options] if smaller is None else [options, options, smaller]
        for tried in tries:
            outcomes = self._if_it_fits(method, photo, tried, job)
            if outcomes is not None:
                return outcomes, tried
        message = "The device has too little memory for this; choose a smaller photo or another method."
        if smaller is not None:
            message = "The device has too little memory for this; choose a smaller working size or a smaller photo."
        raise ColorizerError(message)

    def _if_it_fits(self, method: Method, photo: Photo, options: Options, job: Job) -> Sequence[Outcome | None] | None:
        """Run the method; None when memory ran out, of which all that is idle was then given back."""
        try:
            return self._run(method, photo, options, job)
        except Exception as error:
            if not is_out_of_memory(error):
                raise
        self.pool.clear()  # not earlier: the error holds what the method held
        _begin_again(job)
        return None


class Turnstile:
    """A lock that is taken in the order of asking."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._line: deque[object] = deque()

    @contextlib.contextmanager
    def turn(self, on_wait: Callable[[int], None]) -> Iterator[None]:
        """Wait for one's turn; `on_wait(ahead)` is called now and then and may raise to leave the line."""
        ticket = object()
        with self._changed:
            self._line.append(ticket)
        try:
            with self._changed:
                while self._line[0] is not ticket:
                    on_wait(self._line.index(ticket))
                    self._changed.wait(_POLL)
            on_wait(0)
            yield
        finally:
            with self._changed:
                self._line.remove(ticket)
                self._changed.notify_all()


def local_engine(methods: Mapping[str, Method] = METHODS, settings: Settings | None = None) -> Engine:
    """An engine for this machine, its pool within the memory that the settings allow."""
    settings = settings or get_settings()
    device = find_device(settings.device)
    budget = int(settings.memory_budget_gb * 1e9) if settings.memory_budget_gb else default_budget(device)
    loaders = {family: load for method in methods.values() for family, load in method.loaders.items()}
    # On a GPU networks may be of half precision; they are made in main memory and measured there.
    expected = weights.expected_bytes if device.type != "cuda" else lambda key: 0
    pool = ModelPool(loaders, device, budget, default_parking(device), expected)
    weights.use_settings()
    if settings.pool_policy == "eager":
        # Folders, such as Stable Diffusion, are too large to be loaded unasked.
        keys = [key for family in loaders for key in weights.keys_of(family) if not weights.REGISTRY[key].folders]
        for key in filter(weights.here, keys):
            with pool.lease(key):
                pass
    return Engine(methods, LocalBackend(methods, pool))


def _smaller(options: Options) -> Options | None:
    """The same options at half the working size; None when they have none, or it is as small as can be."""
    for entry in controls(type(options)):
        if entry.name == "working_size" and entry.low is not None:
            size = getattr(options, entry.name)
            half = max(int(entry.low), size // 2)
            return options.model_copy(update={"working_size": half}) if half < size else None
    return None


def _begin_again(job: Job) -> None:
    """Nothing of what a failed run said belongs to the next."""
    job.notes.clear()
    job.maps.clear()
    job.models.keys.clear()


def _of_variant(options: Options, k: int) -> Options:
    """The options that make variant k alone: seed + k, one variant."""
    names = type(options).model_fields
    single: dict[str, Any] = {"variants": 1} if "variants" in names else {}
    if "seed" in names:
        single["seed"] = seed_of_variant(options.seed, k)  # type: ignore[attr-defined]
    return options.model_copy(update=single)


def _record(
    request: JobRequest, method: Method, options: Options, finish: Finish, keys: list[str], stopped: bool
) -> Record:
    values = dict(options)
    pictures = {name: value for name, value in values.items() if isinstance(value, Photo)}
    return Record(
        method=request.method,
        options={name: value for name, value in values.items() if name not in pictures},
        finish=finish.model_dump(),
        weights=weights.loaded_hashes(keys),
        pictures={name: value.sha256 for name, value in pictures.items()},
        input_sha256=request.photo.sha256,
        versions=versions(method.libraries),
        stopped_early=stopped,
    )
