"""The tab that compares, in headless Chromium."""

import re
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect
from web_page import begin_and_hold, give, overflowing, result, slider, wait_for_colour
from web_server import Server

from colorizers.assets import TEST_IMAGES

pytestmark = pytest.mark.browser


def cards(page: Page) -> Locator:
    return page.locator(".cards li")


def card(page: Page, title: str) -> Locator:
    return page.locator(".cards").get_by_role("button", name=re.compile(f"^(left |right )?{title}"))


@pytest.mark.parametrize("page", ["1440x900", "375x812"], indirect=True)
def test_results_stand_side_by_side_two_of_them_under_a_divider_with_figures_and_a_sheet(
    page: Page, tmp_path: Path
) -> None:
    give(page, TEST_IMAGES / "coffee.jpg")  # it has colour
    wait_for_colour(page)
    expect(result(page, "CNN")).to_be_attached()
    page.get_by_role("button", name="Keep for comparing").click()
    expect(page.get_by_role("button", name="Kept: 1")).to_be_attached()
    slider(page, "Saturation").fill("1.5")
    page.get_by_role("tab", name="Compare all results").click()
    expect(cards(page).filter(has_text="U-Net").filter(has_not_text="ResNet")).to_have_count(2)
    expect(cards(page).filter(has_text="Saturation 1.5")).to_have_count(1)
    for title in ("True colours", "Naive: one colour", "Naive: colour by brightness", "GAN"):
        expect(card(page, title)).to_contain_text(re.compile(r"CIEDE2000 [\d.]+, colourfulness \d+"))
    left, right = (page.get_by_alt_text(f"The picture on the {side} of the divider") for side in ("left", "right"))
    card(page, "GAN").click()
    card(page, "CNN").click()
    expect(card(page, "GAN")).to_contain_text("left")
    expect(card(page, "CNN")).to_contain_text("right")
    for title, side in (("GAN", left), ("CNN", right)):
        source = card(page, title).locator("img").evaluate("image => image.src")
        expect(side).to_have_attribute("src", re.compile(re.escape(source.rpartition("/page-")[2])))
    assert not overflowing(page)
    page.get_by_role("button", name="Remove U-Net").click()
    expect(cards(page).filter(has_text="U-Net").filter(has_not_text="ResNet")).to_have_count(1)
    with page.expect_download() as coming:
        page.get_by_role("button", name="Contact sheet").click()
    assert coming.value.suggested_filename == "coffee_compare.png"
    sheet = Image.open(coming.value.path())
    assert min(sheet.size) > 1000
    assert "compositeWithTrainedAlgorithmicMedia" in sheet.text["XML:com.adobe.xmp"]


def test_what_comes_while_the_visitor_compares_is_there_too(page: Page, server: Server, photo: Path) -> None:
    give(page, photo)
    wait_for_colour(page)
    begin_and_hold(page, server)
    page.get_by_role("tab", name="Compare all results").click()
    expect(card(page, "U-Net")).to_be_visible()
    expect(card(page, "Trivial")).to_have_count(0)
    server.gate.open()
    expect(card(page, "Trivial")).to_be_visible()
