"""Weights that a visitor of his own machine downloads on the page, in headless Chromium, from a hub of the tests."""

import threading
from pathlib import Path

import pytest
from hub_server import running_hub
from playwright.sync_api import Browser, Page, expect
from web_page import after_picture, choose, color, give, open_tab, opened, tab_name, wait_for_colour
from web_server import running_server

from colorizers.methods.catalog import METHODS
from colorizers.settings import get_settings
from colorizers.weights.downloads import LOCK

pytestmark = [pytest.mark.browser, pytest.mark.sd]
GET = "Download sd15 (2134 MB)"


def files_in(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def choose_sd15(page: Page, photo: Path) -> None:
    give(page, photo)
    wait_for_colour(page)
    open_tab(page, tab_name(METHODS["img2img"].info))
    choose(page, "Model", "Stable Diffusion 1.5 (not installed)")


def test_weights_are_downloaded_on_the_page_and_the_tab_works_without_a_restart(
    browser: Browser, tiny_models: Path, photo: Path, tmp_path: Path
) -> None:
    with (
        running_hub(files_in(tiny_models / "stable_diffusion_sd15"), tmp_path) as hub,
        running_server() as server,
        opened(browser, server) as page,
    ):
        choose_sd15(page, photo)
        get = page.get_by_role("button", name=GET)
        expect(page.get_by_text("Not installed: sd15 (2134 MB), licence: CreativeML OpenRAIL-M")).to_be_visible()
        hub.meeting = threading.Barrier(2)  # the hub does not answer yet
        get.click()
        page.get_by_role("button", name="Stop the download").click()
        expect(page.get_by_text("Stopped; the next download goes on from here.")).to_be_visible()
        hub.meeting.wait(60)
        hub.meeting, hub.patience = None, 2000  # and now breaks off
        get.click()
        expect(page.get_by_text("The hub answered with error 503")).to_be_visible()
        hub.patience = None
        get.click()
        expect(page.get_by_text("Installed. Colour the photo now.")).to_be_visible()
        expect(get).to_be_hidden()
        assert (tmp_path / "weights" / LOCK).exists()
        expect(page.get_by_label("Model").locator("visible=true")).to_have_value("Stable Diffusion 1.5")
        open_tab(page, tab_name(METHODS["controlnet"].info))
        choose(page, "Model", "Stable Diffusion 1.5")
        open_tab(page, tab_name(METHODS["img2img"].info))
        color(page)
        wait_for_colour(page)
        expect(after_picture(page)).to_be_visible()


def test_in_public_hosting_nobody_is_offered_a_download(
    browser: Browser, photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLORIZERS_PUBLIC", "true")
    with running_hub({}, tmp_path) as hub, running_server() as server, opened(browser, server) as page:
        assert get_settings().public
        give(page, photo)
        wait_for_colour(page)
        expect(page.locator(".download-row")).to_have_count(0)
        open_tab(page, tab_name(METHODS["img2img"].info))
        page.get_by_label("Model").locator("visible=true").click()
        expect(page.get_by_role("option")).to_have_count(1)
        assert hub.asked == []
