"""The page in English and in Chinese: a switch in its header, and the server's own language where nobody chose."""

from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect
from web_page import WAIT, opened, overflowing
from web_server import Server, running_server, settings

pytestmark = pytest.mark.browser
_SETTLED = """() => ["run/predict", "queue/data"].every(
    (part) => performance.getEntriesByType("resource").some((entry) => entry.name.includes(part)))"""
"""Whether the answers have come to all that a page asks when it is loaded."""


def change_language(page: Page, name: str) -> None:
    """Follow a link of the switch, once the page has asked all that it asks at first: Gradio logs what is cut off."""
    page.wait_for_function(_SETTLED)
    page.get_by_role("link", name=name, exact=True).click()


def expect_language(page: Page, tag: str, heading: str) -> None:
    expect(page.get_by_role("heading", name=heading)).to_be_visible(timeout=WAIT)
    assert page.evaluate("document.documentElement.lang") == tag


def test_a_visitor_changes_to_chinese_and_back(page: Page) -> None:
    expect_language(page, "en", "Drop a black-and-white photo here")
    change_language(page, "中文")
    expect_language(page, "zh-CN", "将黑白照片拖放到这里")
    change_language(page, "English")
    expect_language(page, "en", "Drop a black-and-white photo here")


def test_a_visitor_colours_a_photo_in_chinese(page: Page) -> None:
    change_language(page, "中文")
    page.locator("#examples button.thumbnail-item").first.click()
    expect(page.get_by_text("上色完成，用时").locator("visible=true")).to_be_visible(timeout=WAIT)
    expect(page.get_by_alt_text("上色后：彩色照片").locator("visible=true")).to_be_visible()
    expect(page.get_by_role("button", name="下载")).to_be_enabled()


@pytest.mark.parametrize("page", ["375x812"], indirect=True)
def test_chinese_fits_on_a_phone(page: Page) -> None:
    change_language(page, "中文")
    expect_language(page, "zh-CN", "将黑白照片拖放到这里")
    assert overflowing(page) == []


@pytest.fixture
def chinese_server() -> Iterator[Server]:
    with settings(language="zh"), running_server() as running:
        yield running


def test_a_chinese_server_speaks_chinese_unless_a_visitor_wants_english(
    chinese_server: Server, browser: Browser
) -> None:
    with opened(browser, chinese_server, path="/en") as page:
        change_language(page, "中文")
        expect_language(page, "zh-CN", "将黑白照片拖放到这里")
        assert page.url.rstrip("/") == chinese_server.url
    endpoints = httpx.get(f"{chinese_server.url}/gradio_api/info").json()["named_endpoints"]
    assert endpoints["/colorize"]["description"].startswith("Colour a photo by any method.")
