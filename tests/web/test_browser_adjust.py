"""Adjusting a result without a model: looks, the visitor's own looks, undo and redo, in headless Chromium."""

from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect
from web_page import (
    after_picture,
    download,
    give,
    open_tab,
    slider,
    tab_name,
    wait_for_colour,
    wait_for_new_source,
)

from colorizers.methods.catalog import METHODS
from colorizers.picture.finish import LOOKS, Finish
from colorizers.picture.photo import Photo
from colorizers.picture.record import read_record

pytestmark = pytest.mark.browser


@pytest.fixture
def colored(page: Page, photo: Path) -> Page:
    """The page with a photo in colour."""
    return colored_page(page, photo)


def colored_page(page: Page, photo: Path) -> Page:
    give(page, photo)
    wait_for_colour(page)
    return page


def button(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=name, exact=True).locator("visible=true")


def test_a_look_is_one_click_and_undo_takes_it_back(colored: Page, tmp_path: Path) -> None:
    natural = after_picture(colored).get_attribute("src")
    expect(button(colored, "Undo")).to_be_disabled()
    button(colored, "Kodachrome").click()
    wait_for_new_source(after_picture(colored), natural)
    expect(slider(colored, "Warmth")).to_have_value(str(LOOKS["kodachrome"]["warmth"]))
    assert read_record(download(colored, tmp_path)).finish == Finish(**LOOKS["kodachrome"]).model_dump()
    slider(colored, "Warmth").focus()
    colored.keyboard.press("Home")
    expect(slider(colored, "Warmth")).to_have_value("-1")
    expect(button(colored, "Undo")).to_be_enabled()
    colored.keyboard.press("Control+z")
    expect(slider(colored, "Warmth")).to_have_value(str(LOOKS["kodachrome"]["warmth"]))
    colored.keyboard.press("Control+z")
    expect(slider(colored, "Warmth")).to_have_value("0")
    expect(button(colored, "Undo")).to_be_disabled()
    assert read_record(download(colored, tmp_path)).finish == Finish().model_dump()
    for value in (LOOKS["kodachrome"]["warmth"], -1):
        colored.keyboard.press("Control+Shift+Z")
        expect(slider(colored, "Warmth")).to_have_value(str(value))
    expect(button(colored, "Redo")).to_be_disabled()
    button(colored, "Reset").click()
    expect(slider(colored, "Warmth")).to_have_value("0")


def test_a_look_of_ones_own_stays_in_the_browser_for_every_method(colored: Page) -> None:
    colored.get_by_text("Keep as a look").locator("visible=true").click()
    slider(colored, "Saturation").focus()
    colored.keyboard.press("End")
    name = colored.get_by_label("Name of the look").locator("visible=true")
    name.fill("Grandma's <b>garden</b>")
    name.press("Enter")
    expect(button(colored, "Grandma's <b>garden</b>")).to_be_visible()
    colored.reload()
    colored.locator("#examples button").first.click()
    expect(after_picture(colored)).to_be_visible()
    open_tab(colored, tab_name(METHODS["gan"].info))
    expect(slider(colored, "Saturation")).to_have_value("1")
    button(colored, "Grandma's <b>garden</b>").click()
    expect(slider(colored, "Saturation")).to_have_value("3")
    button(colored, "Remove Grandma's <b>garden</b>").click()
    expect(button(colored, "Grandma's <b>garden</b>")).to_have_count(0)


def test_faded_contrast_is_fixed_only_where_it_is_asked_for(page: Page, photo: Path, tmp_path: Path) -> None:
    with Image.open(photo) as dark:
        dark.point(lambda level: 90 + 0.3 * level).save(photo)
    colored = colored_page(page, photo)
    plain = Photo.open(download(colored, tmp_path)).lightness
    original = Photo.open(photo).lightness
    assert (plain - original).abs().max() <= 0.5
    source = after_picture(colored).get_attribute("src")
    slider(colored, "Fix faded contrast").focus()
    colored.keyboard.press("End")
    wait_for_new_source(after_picture(colored), source)
    path = download(colored, tmp_path)
    assert read_record(path).finish["contrast"] == 1
    fixed = Photo.open(path).lightness
    assert fixed.std() > 2 * original.std()
    button(colored, "Vivid").click()
    expect(slider(colored, "Saturation")).to_have_value(str(LOOKS["vivid"]["saturation"]))
    expect(slider(colored, "Fix faded contrast")).to_have_value("1")
