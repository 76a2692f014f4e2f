"""The page in headless Chromium, and what a visitor does there and sees."""

import contextlib
import io
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright
from web_server import Server

from colorizers.methods.method import MethodInfo
from colorizers.web import shipped

WAIT = 60_000  # milliseconds, for a busy machine
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--disable-quic",
]  # fmt: skip
expect.set_options(timeout=WAIT)
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """The browser."""
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    assert found, "The browser tests need Chromium or Google Chrome on PATH: install one of them."
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=found, args=FLAGS)
        yield opened
        opened.close()


@contextlib.contextmanager
def opened(
    browser: Browser, server: Server, window: str = "1440x900", path: str = "/", locale: str = "en-US"
) -> Iterator[Page]:
    """The page of a server; fails when it asked another host for anything or logged an error."""
    width, height = map(int, window.split("x"))
    context = browser.new_context(viewport={"width": width, "height": height}, locale=locale, has_touch=width < 900)
    context.set_default_timeout(WAIT)
    visited = context.new_page()
    foreign: list[str] = []
    errors: list[str] = []
    local = (server.url, "data:", "blob:")
    visited.on("request", lambda sent: foreign.append(sent.url) if not sent.url.startswith(local) else None)
    # Gradio's page also cancels what it has not sent yet, which its server answers with 422; left, it ends its streams.
    ended = ("AbortError: signal is aborted", "Unexpected error Connection errored out")
    # Its description of the API asks for its monitoring, which is off.
    own = ("/gradio_api/", "/monitoring/")
    said = lambda sent: sent.type == "error" and not any(part in sent.location["url"] for part in own)  # noqa: E731
    visited.on("console", lambda message: errors.append(message.text) if said(message) else None)
    visited.on("pageerror", lambda error: errors.append(str(error)))
    visited.goto(server.url + path)
    expect(visited.get_by_role("heading", name="Drop a black-and-white photo here")).to_be_visible(timeout=WAIT)
    visited.locator("#upload input[type=file]").wait_for(state="attached")
    yield visited
    server.gate.open()
    context.close()
    assert not foreign, foreign
    assert not (wrong := [error for error in errors if not error.startswith(ended)]), wrong


def give(page: Page, path: Path) -> None:
    """Choose a file as with the mouse."""
    page.locator("#upload input[type=file]").set_input_files(path)


def after_picture(page: Page) -> Locator:
    """The coloured side of the visible tab."""
    return page.get_by_alt_text("After: the photo in colour").locator("visible=true")


def color(page: Page) -> None:
    """Press the button of the visible tab, which may have coloured the photo already."""
    page.get_by_role("button", name=re.compile("^Colour (the photo|again)")).locator("visible=true").click()


def begin_and_hold(page: Page, server: Server) -> None:
    """Begin with the trivial method, and hold it at its first step until the gate opens."""
    open_tab(page, "one tint Trivial · seconds")
    server.gate.hold()
    color(page)
    assert server.gate.reached.wait(60)


def result(page: Page, title: str) -> Locator:
    """The result of a method among the small ones, once it is there."""
    return page.locator("#results").get_by_role("button", name=re.compile(rf"^{title}, \d"))


def open_tab(page: Page, title: str) -> None:
    """Choose a tab."""
    page.get_by_role("tab", name=title, exact=True).click()


def tab_name(info: MethodInfo) -> str:
    """What people read on the tab of a method that is installed, where there is no GPU."""
    time = "< 1 s" if info.quick else "seconds to minutes" if info.slow_on_cpu else "seconds"
    return f"{info.purpose} {info.title} · {time}"


def open_advanced(page: Page) -> None:
    """Unfold the other options of the visible tab."""
    page.get_by_role("button", name="Advanced").locator("visible=true").first.click()


def choose(page: Page, label: str, word: str) -> None:
    """Choose an option's word from its list on the visible tab."""
    page.get_by_label(label).locator("visible=true").click()
    page.get_by_role("option", name=word, exact=True).click()


def picture_option(page: Page) -> Locator:
    """The picture among the options of the visible tab."""
    return page.locator(".picture-option").locator("visible=true")


def choose_shipped(page: Page, place: int) -> Path:
    """Choose one of the shipped photographs for the picture option; gives the file."""
    path = shipped.references()[place]
    picture_option(page).locator("button.thumbnail-item").nth(place).click()
    expect(chosen(page)).to_contain_text(shipped.title(path))
    return path


def chosen(page: Page) -> Locator:
    """Where the picture option says what was chosen."""
    return picture_option(page).locator(".chosen")


def slider(page: Page, label: str) -> Locator:
    """The slider of an option on the visible tab."""
    return page.get_by_label(f"range slider for {label}").locator("visible=true")


def wait_for_colour(page: Page) -> None:
    expect(page.get_by_text("Coloured in").locator("visible=true")).to_be_visible(timeout=WAIT)


def wait_for_new_source(picture: Locator, old: str | None) -> None:
    expect(picture).not_to_have_attribute("src", old or "", timeout=WAIT)


def shown(picture: Locator) -> np.ndarray:
    """The pixels of a picture on the page."""
    return np.asarray(Image.open(io.BytesIO(httpx.get(picture.get_attribute("src") or "").content)).convert("RGB"))


def colourfulness(pixels: np.ndarray) -> float:
    """How far, on average, the channels are apart."""
    return float(np.ptp(pixels.astype(int), axis=-1).mean())


def download(page: Page, tmp_path: Path) -> Path:
    with page.expect_download() as coming:
        page.get_by_role("button", name="Download").click()
    path = tmp_path / coming.value.suggested_filename
    coming.value.save_as(path)
    return path


def overflowing(page: Page) -> list[str]:
    """What of the page reaches beyond the window to the right; the tabs and the results stand in rows that scroll."""
    return page.evaluate(
        """() => [...document.querySelectorAll('main *:not(.tab-container *, .results *)')]
            .filter((part) => part.checkVisibility() && part.getBoundingClientRect().right > innerWidth + 1)
            .map((part) => part.outerHTML.slice(0, 80))
            .concat(document.documentElement.scrollWidth > innerWidth ? ['the page'] : [])"""
    )
