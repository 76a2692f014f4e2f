"""What many visitors of one server may expect."""

from concurrent.futures import wait
from pathlib import Path

import httpx
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from web_requests import answer_of
from web_server import Server, running_server

from colorizers.engine.line import Line, Visitor
from colorizers.picture.photo import Photo
from colorizers.web import closing, listening


def test_a_quick_job_does_not_wait_for_the_slow_one_of_another_visitor(
    server: Server, client: Client, photo: Path
) -> None:
    server.gate.hold()
    slow = client.submit(photo=handle_file(photo), api_name="/colorize_trivial")
    assert server.gate.reached.wait(60)
    files, _ = Client(server.url, verbose=False).predict(handle_file(photo), api_name="/colorize_unet")
    assert Photo.open(files[0]).rgb is not None
    assert not slow.done()
    server.gate.open()
    assert len(slow.result(timeout=120)[0]) == 1


def test_a_job_that_nobody_listens_to_leaves_the_line_and_those_who_listen_are_served(photo: Path) -> None:
    line = Line()
    with running_server(line) as server:
        client = Client(server.url, verbose=False)
        server.gate.hold()
        running = client.submit(photo=handle_file(photo), api_name="/colorize_trivial")
        assert server.gate.reached.wait(60)
        call = begun(server, photo)
        while ahead(server) < 2:
            wait([running.future], timeout=0.1)
        line._patience = 0
        while ahead(server) > 1:
            wait([running.future], timeout=0.1)
        line._patience = 60
        heard = client.submit(photo=handle_file(photo), api_name="/colorize_trivial")
        server.gate.open()
        assert all(len(job.result(timeout=120)[0]) == 1 for job in (running, heard))
        assert "Nobody waited for the answer" in httpx.get(call, timeout=120).text


def test_a_running_job_that_nobody_listens_to_ends(photo: Path) -> None:
    line = Line()
    with running_server(line) as server:
        server.gate.hold()
        call = begun(server, photo)
        assert server.gate.reached.wait(60)
        line._patience = 0
        while len(line):
            wait([], timeout=0.1)
        assert "Nobody waited for the answer" in httpx.get(call, timeout=120).text


def test_who_has_a_job_is_answered_however_many_others_come_meanwhile(
    photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    most = 8  # more than can have a job here: one just answered has its own for a moment more
    monkeypatch.setattr(listening, "_MOST_SESSIONS", most)
    with running_server() as server:
        server.gate.hold()
        running = Client(server.url, verbose=False).submit(photo=handle_file(photo), api_name="/colorize_trivial")
        assert server.gate.reached.wait(60)
        for _ in range(most + 2):
            assert "This request is none that the page or the API makes" in answer_of(server, "colorize", [])
        server.gate.open()
        assert len(running.result(timeout=120)[0]) == 1


def test_jobs_that_run_or_wait_when_the_server_ends_are_refused_in_a_sentence(
    photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(closing, "_jobs", closing._Jobs())  # the others' server goes on
    monkeypatch.setattr(closing, "_MOMENT", 0)
    with running_server() as server:
        first, second = (Client(server.url, verbose=False) for _ in range(2))
        server.gate.hold()
        running = first.submit(photo=handle_file(photo), api_name="/colorize_trivial")
        assert server.gate.reached.wait(60)
        waiting = second.submit(photo=handle_file(photo), api_name="/colorize_trivial")
        while ahead(server) < 2:
            wait([waiting.future], timeout=0.1)
        closing.end_jobs(server.engine)
        for job in (running, waiting):
            with pytest.raises(AppError, match=r"^The server is being shut down;"):
                job.result(timeout=60)
        server.gate.open()


def ahead(server: Server) -> int:
    """How many jobs would come before another one of this machine."""
    with server.engine.turn(Visitor("127.0.0.1", "another"), "trivial") as waits:
        return next(waits).ahead


def begun(server: Server, photo: Path) -> str:
    """Where the answer to a call can be read, that nobody listens to yet."""
    api = f"{server.url}/gradio_api"
    (path,) = httpx.post(f"{api}/upload", files={"files": photo.read_bytes()}).json()
    given = {"photo": {"path": path, "meta": {"_type": "gradio.FileData"}}}
    event = httpx.post(f"{api}/call/v2/colorize_trivial", json=given).json()["event_id"]
    return f"{api}/call/colorize_trivial/{event}"
