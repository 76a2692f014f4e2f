"""Jobs on a real Ray cluster with two replicas: with `--full` only, since it takes a minute to come up and go."""

import contextlib
import itertools
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path

import httpx
import numpy as np
import psutil
import pytest
from gradio_client import Client, handle_file
from PIL import Image
from torch_threads import threads
from web_server import free_port

from colorizers.engine import Engine, make_engine
from colorizers.engine.jobs import CheckedJob, Done, JobRequest
from colorizers.errors import ColorizerError
from colorizers.methods.method import Step
from colorizers.picture.photo import Photo
from colorizers.settings import PROJECT, Settings

pytestmark = pytest.mark.skipif(find_spec("ray") is None, reason="needs the extra ray")


@pytest.fixture(scope="module", autouse=True)
def asked_for(request: pytest.FixtureRequest) -> None:
    if not request.config.getoption("--full"):
        pytest.skip("starts a cluster, which --full does")


@pytest.fixture(scope="module")
def cluster(asked_for: None) -> Iterator[Engine]:
    """An engine with two replicas."""
    yield make_engine(settings=Settings(engine="ray", min_replicas=2))
    from ray import serve

    serve.shutdown()


@pytest.fixture(scope="module")
def local() -> Iterator[Engine]:
    """An engine in this process, with as many threads as a replica has."""
    with threads(int(os.environ.get("OMP_NUM_THREADS") or max(1, len(os.sched_getaffinity(0)) // 2))):
        yield make_engine()


def patterned(k: int) -> Photo:
    """A gray photo (48, 64) with a pattern of its own."""
    return Photo.of_pixels(np.random.default_rng(k).integers(0, 256, (48, 64), dtype=np.uint8))


REFERENCE = Photo.of_pixels(np.random.default_rng(99).integers(0, 256, (48, 64, 3), dtype=np.uint8))


def long_job(engine: Engine) -> CheckedJob:
    """A job whose steps take minutes."""
    large = Photo.of_pixels(np.zeros((600, 800), np.uint8))
    return engine.checked(JobRequest(large, "style", {"reference": REFERENCE, "steps": 300}))


def started(engine: Engine, job: CheckedJob):
    """The events of a job that has made a step."""
    events = engine.run(job)
    next(event for event in events if isinstance(event, Step) and event.done)
    return events


def pixels(engine: Engine, photo: Photo, method: str = "unet", **options) -> np.ndarray:
    return engine.results(JobRequest(photo, method, options))[0].pixels()


def test_a_replica_gives_the_bytes_of_this_process(cluster: Engine, local: Engine, gray_photo: Photo):
    for method in ("unet", "diffusion"):
        options = {"seed": 1} if method == "diffusion" else {}
        assert (pixels(cluster, gray_photo, method, **options) == pixels(local, gray_photo, method, **options)).all()


def test_steps_come_while_the_job_runs(cluster: Engine, gray_photo: Photo):
    job = cluster.checked(JobRequest(gray_photo, "style", {"reference": REFERENCE, "steps": 10}))
    *before, last = cluster.run(job)
    assert isinstance(last, Done)
    done = [event.done for event in before if isinstance(event, Step)]
    assert done == sorted(done)
    assert any(event.preview is not None for event in before if isinstance(event, Step))


def test_a_closed_iterator_cancels_the_job_in_its_replica(cluster: Engine):
    with contextlib.closing(started(cluster, long_job(cluster))):
        assert cluster.health().jobs == 1
    while cluster.health().jobs:
        pass


def test_a_job_stopped_early_gives_what_there_is(cluster: Engine):
    job = long_job(cluster)
    events = started(cluster, job)
    cluster.stop_early(job.id)
    done = list(events)[-1]
    assert isinstance(done, Done)
    assert done.colorings[0].record.stopped_early


def test_a_mistake_is_told_in_the_same_words(cluster: Engine, local: Engine, gray_photo: Photo):
    def said(engine: Engine, **options) -> tuple[str, str]:
        with pytest.raises(ColorizerError) as caught:
            engine.results(JobRequest(gray_photo, "transformer", options))
        return str(caught.value), caught.value.for_visitors.worded("zh")

    assert said(cluster, weights="ddcolor_large") == said(local, weights="ddcolor_large")
    assert said(cluster, vividness=7) == said(local, vividness=7)
    assert cluster.weights() == local.weights()


def test_no_photo_is_lost_when_a_replica_is_killed(cluster: Engine, local: Engine):
    photos, options = [patterned(k) for k in range(12)], {"reference": REFERENCE, "steps": 10}
    finished = itertools.count(1)

    def colored(photo: Photo) -> np.ndarray:
        made = pixels(cluster, photo, "style", **options)
        if next(finished) == 3:
            kill(replicas()[:1])
        return made

    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(colored, photos))
    for photo, found in zip(photos, made, strict=True):
        assert (found == pixels(local, photo, "style", **options)).all()


def test_a_job_that_ends_every_replica_does_not_go_round_for_ever(cluster: Engine):
    def run_and_kill() -> None:
        for event in cluster.run(long_job(cluster)):
            if isinstance(event, Step):
                kill(replicas())

    with pytest.raises(ColorizerError, match=r"lost the replica that ran this 3 times; try again later"):
        run_and_kill()


def replicas(name: str = "ray::ServeReplica", of: psutil.Process | None = None) -> list[psutil.Process]:
    """The processes of a cluster that was started by this process, or by another one."""
    found = []
    for process in (of or psutil.Process()).children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):  # some end meanwhile
            found += [process] if name in "".join(process.cmdline()[:1]) else []
    return found


def kill(processes: list[psutil.Process]) -> None:
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGKILL)


def test_the_page_serves_with_two_replicas(asked_for: None, gray_pixels: np.ndarray, tmp_path: Path):
    Image.fromarray(gray_pixels).save(tmp_path / "aunt.png")
    environment = {"COLORIZERS_ENGINE": "ray", "COLORIZERS_MIN_REPLICAS": "2", "COLORIZERS_METRICS": "1"}
    port = str(free_port())
    command = [sys.executable, "app.py", "--port", port]
    with subprocess.Popen(command, cwd=PROJECT, env=os.environ | environment, stdout=subprocess.PIPE, text=True) as app:
        try:
            next(line for line in app.stdout if port in line)
            client = Client(f"http://127.0.0.1:{port}", verbose=False)
            files = client.predict(handle_file(tmp_path / "aunt.png"), api_name="/colorize_unet")[0]
            told = httpx.get(f"http://127.0.0.1:{port}/metrics").text
            assert 'colorizers_job_seconds_count{method="unet",outcome="done"} 1.0' in told
            assert "colorizers_pool_misses_total 1.0" in told
            assert np.ptp(np.asarray(Image.open(files[0])).astype(int), axis=-1).max() > 5
        finally:
            app.terminate()
    assert app.returncode == 0


class TestAShoeboxAtAnAddress:
    def test_loses_no_photo_when_a_worker_is_killed(self, local: Engine, tmp_path: Path):
        box, photos = shoebox(tmp_path, 60)
        with colorizing(box, f"file://{tmp_path}/color") as command:
            first = command.stdout.readline()
            assert first, command.stderr.read()
            kill(replicas("_OfRows", psutil.Process(command.pid))[:1])
            lines = [json.loads(line) for line in (first, *command.stdout)]
        assert command.returncode == 0
        assert sorted(line["photo"] for line in lines) == sorted(f"file://{photo}" for photo in photos)
        assert {line["state"] for line in lines} <= {"colored", "kept"}
        for photo in photos:
            with Image.open(tmp_path / "color" / photo.relative_to(box)) as made:
                assert (np.asarray(made) == pixels(local, Photo.open(photo))).all()

    def test_ends_when_its_workers_are_lost_again_and_again(self, tmp_path: Path):
        box, _ = shoebox(tmp_path, 100)
        with colorizing(box, f"file://{tmp_path}/color") as command:
            while command.poll() is None:
                kill(replicas("_OfRows)).submit", psutil.Process(command.pid)))
                with contextlib.suppress(subprocess.TimeoutExpired):
                    command.wait(0.2)
            said = command.stderr.read()
        assert "lost the replica that ran this 3 times; try again later" in said.splitlines()[-1], said
        assert command.returncode == 2


def shoebox(folder: Path, count: int) -> tuple[Path, list[Path]]:
    """A folder of so many gray photos, each with a pattern of its own, half of them in a subfolder."""
    photos = [folder / "box" / ("1932" if k % 2 else "") / f"{k}.png" for k in range(count)]
    photos[1].parent.mkdir(parents=True)
    for k, photo in enumerate(photos):
        Image.fromarray(patterned(k).gray).save(photo)
    return folder / "box", photos


def colorizing(box: Path, out: str) -> subprocess.Popen[str]:
    """The command that colours a folder by two workers of a cluster of its own."""
    environment = {"COLORIZERS_ENGINE": "ray", "COLORIZERS_MIN_REPLICAS": "2"}
    line = [sys.executable, "-m", "colorizers", "colorize", str(box), "-o", out, "--json"]
    return subprocess.Popen(
        line, cwd=PROJECT, env=os.environ | environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
