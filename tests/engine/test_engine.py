import gc
import pickle
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import torch
from conftest import encoded, engine_with, result_of
from PIL import Image
from trivial_method import RADIUS, TrivialMethod

from colorizers.engine import Engine
from colorizers.engine.jobs import Done, JobRequest, Waiting
from colorizers.errors import Cancelled, ColorizerError
from colorizers.methods.catalog import METHODS
from colorizers.methods.method import Job, Step
from colorizers.methods.shared_options import working_size
from colorizers.options import MAX_SEED, Options
from colorizers.picture.compose import Chroma, Painting
from colorizers.picture.finish import Finish
from colorizers.picture.photo import Photo
from colorizers.picture.record import read_record
from colorizers.words import Text

PATIENCE = 20  # seconds after which a test that waits has failed


class Gate:
    """Stops a method after a step until it is opened."""

    def __init__(self, at: int = 1) -> None:
        self._at = at
        self.reached, self.open = threading.Event(), threading.Event()

    def __call__(self, done: int) -> None:
        if done == self._at and not self.open.is_set():
            self.reached.set()
            assert self.open.wait(PATIENCE)


class Sized(Options):
    working_size: int = working_size()


class StubMethod:
    """A method whose run is the function given."""

    info = replace(METHODS["unet"].info, name="stub", options=Sized)
    loaders, own_weights = {}, ()

    def __init__(self, run) -> None:
        self._run = run

    def needs(self, options, store) -> tuple[str, ...]:
        return ()

    def run(self, photo: Photo, options: Sized, job: Job) -> list[Chroma]:
        return self._run(photo, options, job)


def request(photo: Photo, **options) -> JobRequest:
    return JobRequest(photo, "trivial", {"seed": 1} | options)


def stub_engine(run) -> Engine:
    return engine_with(StubMethod(run))


def until(kind: type, events):
    """The next event of a kind."""
    return next(event for event in events if isinstance(event, kind))


# Events


def test_a_job_tells_that_its_turn_has_come_its_progress_and_its_result(engine: Engine, gray_photo: Photo):
    events = list(engine.run(engine.checked(request(gray_photo, steps=3))))
    assert isinstance(events[0], Waiting)
    assert events[0].ahead == 0
    steps = [event for event in events if isinstance(event, Step)]
    assert [(step.done, step.total) for step in steps] == [(1, 3), (2, 3), (3, 3)]
    assert all(step.text and isinstance(step.preview, Chroma) for step in steps)
    assert isinstance(events[-1], Done)
    assert len([event for event in events if isinstance(event, Done)]) == 1
    result = result_of(gray_photo, events[-1])
    assert result.pixels().shape == (48, 64, 3)
    assert result.coloring.seconds >= 0


def test_a_consumer_that_does_not_look_misses_progress_but_never_the_result(gray_photo: Photo):
    finished = threading.Event()
    engine = engine_with(TrivialMethod(lambda done: finished.set() if done == 100 else None))
    events = engine.run(engine.checked(request(gray_photo, steps=100)))
    next(events)
    assert finished.wait(PATIENCE)
    rest = list(events)
    assert len(rest) < 100
    assert isinstance(rest[-1], Done)


def test_requests_and_events_are_plain_data(engine: Engine, gray_photo: Photo):
    asked = pickle.loads(pickle.dumps(request(gray_photo, variants=2)))  # noqa: S301
    events = [pickle.loads(pickle.dumps(event)) for event in engine.run(engine.checked(asked))]  # noqa: S301
    assert np.array_equal(result_of(gray_photo, events[-1]).pixels(), engine.results(request(gray_photo))[0].pixels())


# Order and cancelling


def test_jobs_run_one_at_a_time_and_in_the_order_in_which_they_came(gray_photo: Photo):
    gate, running, order = Gate(), [], []

    def after_step(done: int) -> None:
        running.append(threading.get_ident())
        assert len(running) == 1
        gate(done)
        if done == 1:
            order.append(threading.get_ident())
        running.pop()

    engine = engine_with(TrivialMethod(after_step))
    jobs = [engine.run(engine.checked(request(gray_photo, seed=k))) for k in range(4)]
    first = until(Waiting, jobs[0])
    assert first.ahead == 0
    assert gate.reached.wait(PATIENCE)
    for place, job in enumerate(jobs[1:], start=1):
        assert until(Waiting, job).ahead == place
    gate.open.set()
    with ThreadPoolExecutor(4) as threads:
        seeds = [done.colorings[0].record.options["seed"] for done in threads.map(lambda job: until(Done, job), jobs)]
    assert seeds == [0, 1, 2, 3]
    assert len(order) == 4


def test_a_job_that_is_left_ends_and_the_next_one_runs(gray_photo: Photo):
    gate = Gate()
    engine = engine_with(TrivialMethod(gate))
    left, next_one = (
        engine.run(engine.checked(request(gray_photo))),
        engine.run(engine.checked(request(gray_photo, seed=5))),
    )
    until(Waiting, left)
    assert gate.reached.wait(PATIENCE)
    assert until(Waiting, next_one).ahead == 1
    left.close()
    gate.open.set()
    assert until(Done, next_one).colorings[0].record.options["seed"] == 5


def test_a_job_that_is_left_in_the_line_never_runs(gray_photo: Photo):
    gate, seeds = Gate(), []
    engine = engine_with(TrivialMethod(gate))
    running, left, last = (engine.run(engine.checked(request(gray_photo, seed=k))) for k in range(3))
    until(Waiting, running)
    assert gate.reached.wait(PATIENCE)
    assert until(Waiting, left).ahead == 1
    assert until(Waiting, last).ahead == 2
    left.close()
    while until(Waiting, last).ahead == 2:
        pass
    gate.open.set()
    seeds += [until(Done, job).colorings[0].record.options["seed"] for job in (running, last)]
    assert seeds == [0, 2]


def test_a_cancelled_job_sees_it_at_its_next_progress(gray_photo: Photo):
    begun, go_on, seen = threading.Event(), threading.Event(), threading.Event()

    def run(photo: Photo, options: Sized, job: Job) -> list[Chroma]:
        begun.set()
        go_on.wait(PATIENCE)
        try:
            job.report(Step(1, 2, Text("progress.step", done=1, total=2)))
        except Cancelled:
            seen.set()
            raise
        return [Chroma(torch.zeros(2, 1, 1))]

    engine = stub_engine(run)
    events = engine.run(engine.checked(JobRequest(gray_photo, "stub")))
    next(events)
    assert begun.wait(PATIENCE)
    events.close()
    go_on.set()
    assert seen.wait(PATIENCE)


def test_stop_gives_what_there_is_so_far_and_a_note_says_so(gray_photo: Photo):
    gate = Gate(at=6)
    engine = engine_with(TrivialMethod(gate))
    asked = request(gray_photo, steps=4, variants=3)
    events = engine.run(engine.checked(asked))
    next(events)
    assert gate.reached.wait(PATIENCE)
    engine.stop_early(asked.id)
    gate.open.set()
    colorings = until(Done, events).colorings
    assert [coloring.outcome.ab.norm().item() for coloring in colorings] == pytest.approx([RADIUS, RADIUS / 2])
    assert all(str(coloring.notes[-1]).startswith("Stopped early") for coloring in colorings)
    assert all(coloring.record.stopped_early for coloring in colorings)


def test_stopping_a_job_that_has_ended_or_never_was_does_nothing(engine: Engine, gray_photo: Photo):
    asked = request(gray_photo)
    engine.results(asked)
    engine.stop_early(asked.id)
    engine.stop_early("nobody")
    assert engine.results(asked)[0].notes == ()


def test_the_same_request_may_run_twice_at_once(gray_photo: Photo):
    gate = Gate()
    engine = engine_with(TrivialMethod(gate))
    asked = request(gray_photo)
    first, second = engine.run(engine.checked(asked)), engine.run(engine.checked(asked))
    until(Waiting, first)
    assert gate.reached.wait(PATIENCE)
    until(Waiting, second)
    gate.open.set()
    one, other = (result_of(gray_photo, until(Done, job)).pixels() for job in (first, second))
    first.close()
    second.close()
    assert np.array_equal(one, other)


# Seeds and variants


def test_same_request_same_pixels(engine: Engine, gray_photo: Photo):
    asked = request(gray_photo, seed=99)
    assert np.array_equal(engine.results(asked)[0].pixels(), engine.results(asked)[0].pixels())


def test_variant_k_is_what_seed_plus_k_gives_alone(engine: Engine, gray_photo: Photo):
    several = engine.results(request(gray_photo, seed=40, variants=3))
    assert len({result.pixels().tobytes() for result in several}) == 3
    for k, result in enumerate(several):
        alone = engine.results(request(gray_photo, seed=40 + k))[0]
        assert np.array_equal(alone.pixels(), result.pixels())
        assert alone.record == result.record


def test_the_seed_after_the_last_one_is_the_first(engine: Engine, gray_photo: Photo):
    last = engine.results(request(gray_photo, seed=MAX_SEED, variants=2))
    assert [result.record.options["seed"] for result in last] == [MAX_SEED, 0]


def test_a_seed_that_is_not_given_is_chosen_and_recorded(engine: Engine, gray_photo: Photo):
    results = [engine.results(JobRequest(gray_photo, "trivial"))[0] for _ in range(3)]
    seeds = {result.record.options["seed"] for result in results}
    assert len(seeds) == 3
    assert all(0 <= seed <= MAX_SEED for seed in seeds)
    again = engine.results(request(gray_photo, seed=results[0].record.options["seed"]))[0]
    assert np.array_equal(again.pixels(), results[0].pixels())


def test_a_record_makes_its_picture_again(engine: Engine, gray_photo: Photo, tmp_path):
    asked = JobRequest(gray_photo, "trivial", {"steps": 3}, Finish(warmth=0.5, color_strength=0.7))
    made = engine.results(asked)[0]
    made.save(tmp_path / "made.png")
    record = read_record(tmp_path / "made.png")
    assert record.input_sha256 == gray_photo.sha256
    options = {name: value for name, value in record.options.items() if value is not None}
    again = engine.results(JobRequest(gray_photo, record.method, options, Finish(**record.finish)))[0]
    assert np.array_equal(again.pixels(), made.pixels())
    assert again.record == made.record


# The finish


@pytest.mark.parametrize(
    ("wanted", "used"),
    [
        ({}, Finish(warmth=0.1)),
        ({"saturation": 2}, Finish(warmth=0.1, saturation=2)),
        ({"warmth": -0.5}, Finish(warmth=-0.5)),
        (Finish(saturation=2), Finish(saturation=2)),
    ],
)
def test_a_method_has_a_finish_of_its_own_and_a_request_changes_what_it_names(
    engine: Engine, gray_photo: Photo, wanted: Finish | dict, used: Finish
):
    result = engine.results(JobRequest(gray_photo, "trivial", {"seed": 1}, wanted))[0]
    assert result.finish == used
    assert result.record.finish == used.model_dump()


# Pictures as options


def test_a_picture_is_an_option_like_any_other_and_the_record_knows_its_hash(engine: Engine, gray_photo: Photo):
    reference = Photo.open(encoded(Image.new("RGB", (8, 8), (200, 120, 90))))
    result = engine.results(request(gray_photo, reference=reference))[0]
    assert result.record.pictures == {"reference": reference.sha256}
    assert "reference" not in result.record.options
    assert (result.coloring.outcome.ab > 5).all(), "the colour of the reference"
    result.record.model_dump_json()


# What can go wrong


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"method": "nothing<b>"}, "There is no method"),
        ({"options": {"steps": 0}}, "Steps must be"),
        ({"options": {"unknown": 1}}, "Unknown option"),
        ({"options": {"seed": float("nan")}}, "Seed must be"),
        ({"options": {"reference": "/etc/passwd"}}, "Reference must be a picture"),
        ({"finish": {"warmth": 2}}, "Warmth must be a number from -1 to 1"),
        ({"finish": {"brightness": 1}}, "Unknown option 'brightness'"),
    ],
)
def test_a_request_that_cannot_run_is_refused_in_one_sentence(
    engine: Engine, gray_photo: Photo, asked: dict, said: str
):
    with pytest.raises(ColorizerError, match=said) as caught:
        engine.results(JobRequest(**{"photo": gray_photo, "method": "trivial"} | asked))
    assert str(caught.value).count(". ") == 0


@pytest.mark.parametrize(
    "error",
    [
        ColorizerError(Text("stable_diffusion.withheld")),
        ValueError("a bug"),
        SystemExit(3),
        Cancelled(),
        KeyboardInterrupt(),
    ],
    ids=repr,
)
def test_an_error_reaches_the_consumer_and_the_next_job_runs(error: BaseException, gray_photo: Photo):
    answers = [error, [Chroma(torch.zeros(2, 1, 1))]]

    def run(photo: Photo, options: Sized, job: Job) -> list[Chroma]:
        answer = answers.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    engine = stub_engine(run)
    with pytest.raises(type(error)) as caught:
        engine.results(JobRequest(gray_photo, "stub"))
    assert caught.value is error
    assert engine.results(JobRequest(gray_photo, "stub"))[0].pixels().shape == (48, 64, 3)


def test_what_a_failed_job_held_is_let_go_at_once(gray_photo: Photo):
    held = []

    class Large:
        pass

    def run(photo: Photo, options: Sized, job: Job) -> list[Chroma]:
        large = Large()
        held.append(weakref.ref(large))
        raise ValueError("a bug")

    engine = stub_engine(run)
    gc.disable()
    try:
        with pytest.raises(ValueError, match="a bug"):
            engine.results(JobRequest(gray_photo, "stub"))
        assert held[0]() is None
    finally:
        gc.enable()


def short_of_memory(tries: int, sizes: list[int]):
    """A run that asks for more memory than any machine has, so many times."""

    def run(photo: Photo, options: Sized, job: Job) -> list[Chroma]:
        sizes.append(options.working_size)
        if len(sizes) <= tries:
            job.notes.append(Text("stable_diffusion.tiled"))
            torch.empty(10**17)
        return [Chroma(torch.zeros(2, 1, 1))]

    return run


def test_out_of_memory_is_tried_again_as_it_is_when_what_is_idle_was_freed(gray_photo: Photo):
    sizes = []
    result = stub_engine(short_of_memory(1, sizes)).results(JobRequest(gray_photo, "stub", {"working_size": 256}))[0]
    assert sizes == [256, 256]
    assert result.record.options["working_size"] == 256
    assert result.notes == gray_photo.notes


def test_out_of_memory_again_is_tried_at_half_the_size_and_a_note_says_so(gray_photo: Photo):
    sizes = []
    result = stub_engine(short_of_memory(2, sizes)).results(JobRequest(gray_photo, "stub", {"working_size": 256}))[0]
    assert sizes == [256, 256, 128]
    assert result.record.options["working_size"] == 128
    assert result.notes[:-1] == gray_photo.notes
    assert str(result.notes[-1]) == "Memory ran short: a smaller working size was used."


def test_out_of_memory_for_good_is_said_in_words(gray_photo: Photo):
    with pytest.raises(ColorizerError, match="choose a smaller working size or a smaller photo"):
        stub_engine(short_of_memory(3, [])).results(JobRequest(gray_photo, "stub"))


def test_at_the_smallest_size_nothing_smaller_is_tried(gray_photo: Photo):
    sizes = []
    with pytest.raises(ColorizerError, match="too little memory for this; choose a smaller photo"):
        stub_engine(short_of_memory(9, sizes)).results(JobRequest(gray_photo, "stub", {"working_size": 64}))
    assert sizes == [64, 64]


def test_out_of_memory_without_a_working_size_is_not_said_to_have_become_smaller(gray_photo: Photo):
    class Method(TrivialMethod):
        tries = 0

        def run(self, *asked) -> list[Chroma]:
            self.tries += 1
            if self.tries == 1:
                torch.empty(10**17)
            return super().run(*asked)

    method = Method()
    result = engine_with(method).results(JobRequest(gray_photo, "trivial"))[0]
    assert method.tries == 2
    assert result.notes == gray_photo.notes


def test_the_notes_of_the_photo_are_those_of_the_result(engine: Engine):
    photo = Photo.open(encoded(Image.new("RGB", (8, 8), "red")))
    assert engine.results(request(photo))[0].notes == photo.notes != ()


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
@pytest.mark.parametrize("kind", [Chroma, Painting])
def test_what_is_no_number_is_no_picture(kind: type, value: float, gray_photo: Photo):
    outcome = kind(torch.full((2 if kind is Chroma else 3, 4, 4), value))
    with pytest.raises(ColorizerError, match=r"^The network gave values that are not numbers; .*\.$"):
        stub_engine(lambda photo, options, job: [outcome]).results(JobRequest(gray_photo, "stub"))
