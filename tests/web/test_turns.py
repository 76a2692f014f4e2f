"""What many visitors of one server may expect."""

from pathlib import Path

import httpx
from gradio_client import Client, handle_file
from web_server import Server, running_server

from colorizers.engine.line import Line, Visitor
from colorizers.picture.photo import Photo


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
        client, call = Client(server.url, verbose=False), f"{server.url}/gradio_api/call/colorize_trivial"
        server.gate.hold()
        running = client.submit(photo=handle_file(photo), api_name="/colorize_trivial")
        assert server.gate.reached.wait(60)
        (path,) = httpx.post(f"{server.url}/gradio_api/upload", files={"files": photo.read_bytes()}).json()
        given = {"photo": {"path": path, "meta": {"_type": "gradio.FileData"}}}
        event = httpx.post(call.replace("/call/", "/call/v2/"), json=given).json()["event_id"]
        while ahead(server) < 2:
            pass
        line._patience = 0
        while ahead(server) > 1:
            pass
        heard = client.submit(photo=handle_file(photo), api_name="/colorize_trivial")
        server.gate.open()
        assert all(len(job.result(timeout=120)[0]) == 1 for job in (running, heard))
        assert "Nobody waited for the answer" in httpx.get(f"{call}/{event}", timeout=120).text


def ahead(server: Server) -> int:
    """How many jobs would come before another one of this machine."""
    with server.engine.turn(Visitor("127.0.0.1", "another"), "trivial") as waits:
        return next(waits).ahead
