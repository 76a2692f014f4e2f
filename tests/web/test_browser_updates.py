"""What a generator tells the page, in headless Chromium: nothing of it is lost when much comes at one moment."""

import threading
from collections.abc import Iterator
from functools import partial

import gradio as gr
import pytest
from playwright.sync_api import Browser, Route, expect
from web_server import free_port

from colorizers.web.gradio_io import Page

pytestmark = pytest.mark.browser


def work(shown: gr.Button, told: gr.HTML, sent: threading.Event, goes_on: threading.Event) -> Iterator[dict]:
    """Show a button, and go on at once with updates that leave it as it is."""
    yield {shown: gr.Button(visible=True), told: "begun"}
    yield {told: gr.skip()}
    yield {told: "working"}
    sent.set()
    assert goes_on.wait(60)


def test_a_button_shown_by_an_update_stays_when_the_next_comes_before_the_page_has_taken_it(browser: Browser) -> None:
    sent, goes_on = threading.Event(), threading.Event()
    with Page(analytics_enabled=False) as page:
        for name in ("First", "Second"):
            begin, stop, told = gr.Button(f"{name} job"), gr.Button(f"Stop {name}", visible="hidden"), gr.HTML()
            begin.click(partial(work, stop, told, sent, goes_on), None, [stop, told])

    def late(route: Route) -> None:
        """Let the server's answer, after which the page takes updates, come when they are there."""
        answer = route.fetch()
        assert sent.wait(60)
        route.fulfill(response=answer)

    page.launch(server_port=free_port(), prevent_thread_lock=True, quiet=True)
    visited = browser.new_page()
    visited.goto(page.local_url)
    visited.get_by_role("button", name="First job").click()  # which keeps the stream of updates open
    expect(visited.get_by_text("working")).to_be_visible()
    expect(visited.get_by_role("button", name="Stop First")).to_be_visible()
    sent.clear()
    visited.route("**/queue/join*", late)
    visited.get_by_role("button", name="Second job").click()
    expect(visited.get_by_text("working")).to_have_count(2)
    expect(visited.get_by_role("button", name="Stop Second")).to_be_visible()
    goes_on.set()
    visited.close()
    page.close()
