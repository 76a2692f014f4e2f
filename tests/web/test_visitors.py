"""Strangers on one server: what they send has bounds, and what is theirs stays theirs, as long as they use it."""

import json
import logging
import os
import secrets
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import gradio as gr
import httpx
import pytest
from filelock import FileLock
from PIL import Image
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient
from web_requests import answer_of, handlers_of, page_event
from web_server import Server, free_port, running_server

from colorizers.errors import ColorizerError
from colorizers.picture.photo import Photo
from colorizers.settings import PROJECT, get_settings
from colorizers.web import files
from colorizers.web.files import Folder, Tidying, make_room, open_upload
from colorizers.web.gate import gate
from colorizers.web.session import Session
from colorizers.web.shown import Source
from colorizers.web.visitors import Visitors

ADDRESS = "https://huggingface.co/photo.png"
FILE = {"_type": "gradio.FileData"}
ALIVE = "data: ALIVE"


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Environment variables that hold for this test."""
    yield monkeypatch
    monkeypatch.undo()
    get_settings.cache_clear()


def given(settings: pytest.MonkeyPatch, **values: float | str) -> None:
    """Set settings by their names."""
    for name, value in values.items():
        settings.setenv(f"COLORIZERS_{name.upper()}", str(value))
    get_settings.cache_clear()


@pytest.fixture
def cache(tmp_path: Path, settings: pytest.MonkeyPatch) -> Path:
    """A folder of visitors' files of its own."""
    settings.setenv("GRADIO_TEMP_DIR", str(tmp_path / "cache"))
    settings.setattr(files, "_MEASURE_EVERY", -1)
    (tmp_path / "cache").mkdir()
    return tmp_path / "cache"


# Requests


@pytest.mark.parametrize(
    ("endpoint", "data"),
    [
        ("colorize", [{"path": ADDRESS, "meta": FILE}, "unet", "{}", "{}", "[]"]),
        ("colorize", [{"path": ADDRESS.upper(), "meta": FILE}, "unet", "{}", "{}", "[]"]),
        ("batch", [[{"path": ADDRESS, "meta": FILE}], "unet", "{}", "{}"]),
        ("finish", [{"path": "photo.png", "meta": FILE}, {"path": ADDRESS, "meta": FILE}, "{}"]),
    ],
)
def test_no_endpoint_fetches_an_address(server: Server, endpoint: str, data: list) -> None:
    assert "nothing is fetched from an address" in answer_of(server, endpoint, data)


def test_no_event_and_no_route_of_the_page_fetches_an_address(server: Server) -> None:
    for handler in handlers_of(server, "upload", 1):
        told = page_event(server, handler, [{"path": ADDRESS, "meta": FILE}], None)
        assert "nothing is fetched from an address" in told["output"]["error"]
    for route in (f"file={ADDRESS}", f"file/{ADDRESS}", f"proxy={ADDRESS}"):
        assert httpx.get(f"{server.url}/gradio_api/{route}").status_code == 403


@pytest.mark.parametrize("route", ["queue/join", "call/colorize", "call/v2/colorize", "component_server", "cancel"])
@pytest.mark.parametrize("told", [True, False], ids=["long as told", "longer than told"])
def test_a_request_without_a_file_is_short(server: Server, route: str, told: bool) -> None:
    body = json.dumps({"data": ["x" * 2_000_000], "session_hash": "x"}).encode()
    sent = body if told else iter([body[:1_000_000], body[1_000_000:]])
    answer = httpx.post(
        f"{server.url}/gradio_api/{route}", content=sent, headers={"Content-Type": "application/json"}, timeout=30
    )
    assert answer.status_code in (413, 400)
    file = {"files": ("photo.png", b"x" * 2_000_000)}
    assert httpx.post(f"{server.url}/gradio_api/upload", files=file).status_code == 200


def test_what_nobody_sends_by_mistake_is_refused_and_is_one_short_line_in_the_log(
    server: Server, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    forged = {"path": "/etc/" + "y" * 5000, "meta": FILE}
    with caplog.at_level(logging.WARNING, "colorizers"):  # whatever other tests' libraries have set
        for data in ([], ["x" * 100_000], [forged, "unet", "{}", "{}", "[]"]):
            assert "This request is none that the page or the API makes" in answer_of(server, "colorize", data)
        for number in (10**6, -1):
            sent = {"data": [], "fn_index": number, "session_hash": "x"}
            assert httpx.post(f"{server.url}/gradio_api/queue/join", json=sent).status_code == 400
    log = caplog.messages
    assert len(log) == 5
    assert max(map(len, log)) < 400
    assert "\n" not in "".join(log)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("stream", ["call/colorize/unknown", "queue/data?session_hash=unknown"])
def test_who_listens_to_what_there_is_not_is_told_so_and_nothing_is_in_the_log(
    server: Server, stream: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert "Not Found" in httpx.get(f"{server.url}/gradio_api/{stream}", timeout=30).text
    assert capfd.readouterr().err == ""


def test_every_answer_tells_the_browser_to_be_careful(server: Server) -> None:
    for path in ("/", "/zh", "/healthz", "/config", "/gradio_api/file=/etc/passwd"):
        headers = httpx.get(server.url + path).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "frame-ancestors 'self'" in headers["Content-Security-Policy"]


def test_another_site_can_neither_lead_its_name_here_nor_send_forms(server: Server) -> None:
    assert httpx.get(server.url, headers={"Host": "evil.example"}).status_code == 400
    for origin in ("https://evil.example", "null", "http://127.0.0.1.evil.example"):
        headers = {"Origin": origin, "Sec-Fetch-Site": "cross-site"}
        answer = httpx.post(f"{server.url}/gradio_api/upload", files={"files": ("a.png", b"x")}, headers=headers)
        assert answer.status_code == 403, origin
    own = {"Origin": server.url, "Sec-Fetch-Site": "same-origin"}
    answer = httpx.post(f"{server.url}/gradio_api/upload", files={"files": ("a.png", b"x")}, headers=own)
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("listens", "names", "asked", "answered"),
    [
        ("127.0.0.1", "", "localhost", 200),
        ("127.0.0.1", "", "photos.example.org", 400),
        ("127.0.0.1", "other.example.org, Photos.example.org", "photos.example.org", 200),
        ("0.0.0.0", "", "photos.example.org", 200),
        ("0.0.0.0", "photos.example.org", "evil.example", 400),
        ("0.0.0.0", "photos.example.org", "127.0.0.1", 200),
    ],
)
def test_a_server_answers_to_its_own_names(
    settings: pytest.MonkeyPatch, listens: str, names: str, asked: str, answered: int
) -> None:
    given(settings, hosts=names)
    app = Starlette(routes=[Route("/", lambda request: PlainTextResponse("Hello"))], middleware=gate(listens, False))
    answer = TestClient(app, base_url=f"http://{asked}:7860").get("/")
    assert answer.status_code == answered
    if answered != 200:
        assert answer.text.endswith("name it in COLORIZERS_HOSTS if it shall.")


# Time


def upload_event(server: Server, photo: Path, session: str) -> dict:
    """What the page is told when a visitor gives a photo."""
    with photo.open("rb") as file:
        (path,) = httpx.post(f"{server.url}/gradio_api/upload", files={"files": (photo.name, file)}).json()
    config = httpx.get(f"{server.url}/config").json()
    place = next(part["id"] for part in config["components"] if part["props"].get("elem_id") == "upload")
    (handler,) = (each["id"] for each in config["dependencies"] if [place, "upload"] in each["targets"])
    return page_event(server, handler, [None, {"path": path, "meta": FILE}], None, session)


def pages_in(folder: Path) -> set[str]:
    """The folders of pages that are there."""
    return {path.name for path in folder.glob("page-*")}


@contextmanager
def page_open(url: str, session: str) -> Iterator[None]:
    """A browser that has the page open."""
    with httpx.stream("GET", f"{url}/gradio_api/heartbeat/{session}", timeout=60) as heartbeat:
        lines = heartbeat.iter_lines()  # closes the connection when it goes
        assert next(lines) == ALIVE
        yield


def test_a_photo_stays_as_long_as_its_page_is_open_and_goes_some_time_after_it_is_closed(
    settings: pytest.MonkeyPatch, photo: Path
) -> None:
    given(settings, keep_hours=1e-6)
    folder = files.folder_of_process()
    with running_server() as server:
        before = pages_in(folder)
        with page_open(server.url, "open"):
            assert upload_event(server, photo, "open")["success"]
            (kept,) = {name for name in pages_in(folder) - before if any((folder / name).rglob("preview.jpg"))}
            assert upload_event(server, photo, "closed")["success"]
            waited = threading.Event()
            for _ in range(100):
                if len(pages_in(folder) - before) <= 2:
                    break
                waited.wait(0.1)
            assert kept in pages_in(folder)
        for _ in range(100):
            if not pages_in(folder) - before:
                break
            waited.wait(0.1)
        assert not pages_in(folder) - before


@pytest.fixture
def visitors() -> Visitors:
    """The sessions of a page for three visitors."""
    with gr.Blocks() as page:
        gr.State(Session())
    page.state_session_capacity = 3
    return Visitors(page)


def work(visitors: Visitors, name: str, session: Session) -> None:
    """A visitor with a photo."""
    visitors[name].state_data[1] = session


def test_empty_requests_take_no_photo_away(visitors: Visitors, session: Session) -> None:
    work(visitors, "grandmother", session)
    for _ in range(220):
        visitors[secrets.token_hex(4)]
    assert visitors["grandmother"].state_data[1] is session
    assert len(visitors.session_data) == 3


def test_of_pages_with_photos_one_that_is_closed_makes_room(visitors: Visitors, session: Session) -> None:
    with visitors.visited("first"):
        for name in ("first", "second", "third", "fourth"):
            work(visitors, name, session)
        assert [*visitors.session_data] == ["first", "third", "fourth"]


# Files


def test_a_photo_can_be_opened_after_its_upload_has_gone(photo: Path, cache: Path) -> None:
    source = Source.uploaded(photo)
    photo.unlink()
    assert source.open().size == (320, 240)
    assert pages_in(cache)
    del source
    assert not pages_in(cache)
    with pytest.raises(ColorizerError, match="no longer here"):
        Source.uploaded(photo)


def aged(path: Path, seconds: float) -> Path:
    """A file that was written so long ago, in a folder as Gradio makes them."""
    path.parent.mkdir()
    path.write_bytes(bytes(1000))
    for each in (path, path.parent):
        then = each.stat().st_mtime - seconds
        os.utime(each, (then, then))
    return path


def test_uploads_go_after_the_stated_time_but_not_what_is_the_apps_or_a_pages(cache: Path) -> None:
    own = aged(cache / "thumbnail" / "a.webp", 10_000)
    tidying = Tidying(cache)
    folder = Folder()
    kept = aged(folder.place("a.png").parent / "more" / "a.png", 10_000)
    old, new = aged(cache / "old" / "a.png", 10_000), aged(cache / "new" / "a.png", 1000)
    (cache / "cut-off").write_bytes(b"x")
    os.utime(cache / "cut-off", (0, 0))
    tidying.tidy()
    assert own.exists()
    assert kept.exists()
    assert new.exists()
    assert not old.exists()
    assert not (cache / "cut-off").exists()


def test_visitors_files_have_a_ceiling_older_ones_go_first_and_then_one_is_told(
    cache: Path, settings: pytest.MonkeyPatch
) -> None:
    tidying = Tidying(cache)
    settings.setattr(files._DISK, "tidying", {tidying})
    folder = Folder()
    older, newer = aged(cache / "older" / "a.png", 2000), aged(cache / "newer" / "a.png", 1000)
    given(settings, max_disk_gb=files._bytes(cache) / 1e9)
    assert make_room(500)
    assert not older.exists()
    assert newer.exists()
    given(settings, max_disk_gb=1e-9)
    with pytest.raises(ColorizerError, match="no room for more files"):
        folder.place("a.png")


@pytest.mark.parametrize("content", [b"", b"a letter", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"])
def test_a_visitor_reads_of_a_file_what_the_command_line_says_of_it(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(content)
    with pytest.raises(ColorizerError) as here:
        Photo.open(path)
    with pytest.raises(ColorizerError) as on_the_page:
        open_upload(path)
    assert str(on_the_page.value) == str(here.value)


def test_large_photos_wait_until_others_are_done(settings: pytest.MonkeyPatch, tmp_path: Path) -> None:
    given(settings, max_open_megapixels=0.4, preview_pixels=256)
    Image.new("L", (600, 500)).save(tmp_path / "large.png")
    Image.new("L", (200, 200)).save(tmp_path / "small.png")
    first = open_upload(tmp_path / "large.png")
    with ThreadPoolExecutor(1) as apart:
        second = apart.submit(open_upload, tmp_path / "large.png")
        assert open_upload(tmp_path / "small.png").size == (200, 200)
        assert not second.done()
        del first
        assert second.result(timeout=30).size == (600, 500)
        settings.setattr(files, "_LONGEST_WAIT", 0)
        with pytest.raises(ColorizerError, match="Too many large photos"):
            open_upload(tmp_path / "large.png")


@pytest.mark.slow
def test_a_server_that_is_told_to_end_leaves_no_photo_and_clears_up_after_one_that_crashed(tmp_path: Path) -> None:
    crashed, alive = (tmp_path / f"colorizers-{name}" for name in ("crashed", "alive"))
    for folder in (crashed, alive):
        (folder / "upload").mkdir(parents=True)
        (folder / "upload" / "grandmother.png").touch()
        folder.with_suffix(".lock").touch()
    port = free_port()
    environment = {**os.environ, "GRADIO_TEMP_DIR": "", "TMPDIR": str(tmp_path)}
    with FileLock(alive.with_suffix(".lock")):
        command = [sys.executable, "app.py", "--port", str(port)]
        running = subprocess.Popen(command, cwd=PROJECT, env=environment, stdout=subprocess.PIPE, text=True)
        try:
            line = next(line for line in running.stdout if "The page is at" in line)
            assert str(port) in line
            assert not crashed.exists()
            (own,) = {path for path in tmp_path.iterdir() if path.is_dir()} - {alive}
            assert own.stat().st_mode & 0o077 == 0
            upload = f"http://127.0.0.1:{port}/gradio_api/upload"
            (path,) = httpx.post(upload, files={"files": ("grandmother.png", b"x")}).json()
            assert Path(path).is_relative_to(own)
            with page_open(f"http://127.0.0.1:{port}", "x"):
                running.send_signal(signal.SIGTERM)
                assert running.wait(30) in (0, 130)
        finally:
            running.kill()
        left = {path.name for path in tmp_path.iterdir()}
    assert left == {"colorizers-alive", "colorizers-alive.lock"}
