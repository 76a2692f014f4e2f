"""The picture, what can be done beside it, and the results of all methods below it, in headless Chromium."""

import io
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect
from web_page import (
    after_picture,
    color,
    download,
    give,
    open_tab,
    opened,
    overflowing,
    result,
    shown,
    slider,
    tab_name,
    wait_for_colour,
    wait_for_new_source,
)
from web_server import Server

from colorizers.methods.catalog import METHODS
from colorizers.picture.record import read_record

pytestmark = pytest.mark.browser
QUICK = [name for name, method in METHODS.items() if method.info.quick and name != "adain"]
SIZES = ["1440x900", "1366x768", "820x1180", "375x812"]
SLOW = "one tint Trivial · seconds"


def stage(page: Page) -> Locator:
    """The picture of the visible tab."""
    return page.locator(".stage").locator("visible=true")


def seen(part: Locator) -> np.ndarray:
    """The pixels of a part of the page as it is drawn."""
    return np.asarray(Image.open(io.BytesIO(part.screenshot())).convert("RGB")).astype(int)


def swipe(page: Page, x: float, y: float) -> None:
    """A finger goes up from here by 150 pixels."""
    send = page.context.new_cdp_session(page).send
    send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]})
    for moved in range(15, 151, 15):
        send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [{"x": x, "y": y - moved}]})
    send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def scrolled(page: Page) -> float:
    return page.evaluate("scrollY")


@pytest.fixture
def colored(page: Page, photo: Path) -> Page:
    """The page with a photo in colour."""
    give(page, photo)
    wait_for_colour(page)
    return page


# The results of all methods


def test_every_quick_method_shows_its_result_and_its_time_and_a_click_opens_it(
    page: Page, photo: Path, tmp_path: Path
) -> None:
    give(page, photo)
    for name in QUICK:
        expect(result(page, str(METHODS[name].info.title))).to_be_visible()
    small = page.locator("#results img")
    assert small.count() == len(QUICK)
    assert len({image.get_attribute("src") for image in small.all()}) == len(QUICK)
    result(page, "GAN").click()
    expect(page.get_by_role("tab", name=tab_name(METHODS["gan"].info))).to_have_attribute("aria-selected", "true")
    expect(result(page, "GAN")).to_have_attribute("aria-current", "true")
    expect(after_picture(page)).to_be_visible()
    expect(page.get_by_role("button", name="Colour again")).to_be_visible()
    path = download(page, tmp_path)
    assert path.name == "grandmother_gan.png"
    assert read_record(path).method == "gan"


def test_a_slower_method_that_was_run_joins_the_others(colored: Page) -> None:
    expect(result(colored, "Trivial")).to_have_count(0)
    open_tab(colored, SLOW)
    color(colored)
    expect(result(colored, "Trivial")).to_have_attribute("aria-current", "true")


@pytest.mark.parametrize(("tab", "stays"), [("bold GAN · < 1 s", True), (SLOW, False)])
def test_a_new_photo_on_any_tab_is_coloured(colored: Page, photo: Path, tab: str, stays: bool) -> None:
    open_tab(colored, tab)
    other = photo.with_name("harbour.png")
    Image.linear_gradient("L").resize((300, 200)).save(other)
    give(colored, other)
    expect(colored.get_by_text("300 × 200")).to_be_visible()
    expect(colored.get_by_role("tab", selected=True)).to_have_text(tab if stays else tab_name(METHODS["unet"].info))
    expect(after_picture(colored)).to_be_visible()
    wait_for_colour(colored)


def test_turning_the_photo_turns_its_colours(colored: Page) -> None:
    open_tab(colored, SLOW)
    color(colored)
    wait_for_colour(colored)
    before, source = shown(after_picture(colored)), after_picture(colored).get_attribute("src")
    colored.get_by_role("button", name="↺ Turn left").click()
    wait_for_new_source(after_picture(colored), source)
    expect(colored.get_by_role("tab", selected=True)).to_have_text(SLOW)
    assert np.abs(np.rot90(before).astype(int) - shown(after_picture(colored))).mean() < 3


# Options that act


def test_an_option_of_a_quick_method_acts_when_the_slider_is_let_go(colored: Page, tmp_path: Path) -> None:
    source = after_picture(colored).get_attribute("src")
    slider(colored, "Vividness").focus()
    colored.keyboard.press("End")
    wait_for_new_source(after_picture(colored), source)
    wait_for_colour(colored)
    assert read_record(download(colored, tmp_path)).options["vividness"] == 1


def test_an_option_of_a_slower_method_marks_the_result_as_old_and_says_what_again_costs(colored: Page) -> None:
    open_tab(colored, SLOW)
    color(colored)
    wait_for_colour(colored)
    source = after_picture(colored).get_attribute("src")
    slider(colored, "Steps").focus()
    colored.keyboard.press("ArrowRight")
    expect(colored.get_by_text("The options have changed since this picture was coloured.")).to_be_visible()
    again = colored.get_by_role("button", name=re.compile(r"^Colour again \(about .+\)$"))
    expect(after_picture(colored)).to_have_attribute("src", source)
    again.click()
    wait_for_new_source(after_picture(colored), source)
    expect(colored.get_by_role("button", name="Colour again", exact=True)).to_be_visible()


# The picture


def test_nearly_all_of_the_picture_is_in_colour_and_the_original_shows_while_it_is_asked_for(colored: Page) -> None:
    def colours() -> float:
        return float(np.ptp(seen(stage(colored)), axis=-1).mean())

    after_picture(colored).evaluate("image => image.decode()")
    in_colour = colours()
    colored.locator("body").click(position={"x": 2, "y": 2})
    colored.keyboard.down("Space")
    expect(after_picture(colored)).to_have_count(0)
    assert colours() < in_colour / 4
    colored.keyboard.up("Space")
    expect(after_picture(colored)).to_be_visible()
    colored.get_by_role("button", name="Hold to see the original").hover()
    colored.mouse.down()
    expect(after_picture(colored)).to_have_count(0)
    colored.mouse.up()
    expect(after_picture(colored)).to_be_visible()
    divider = float(colored.get_by_label("range slider for Divider position").input_value())
    assert divider <= 15


@pytest.mark.parametrize("page", ["375x812"], indirect=True)
def test_wheel_and_finger_over_the_picture_scroll_the_page(colored: Page) -> None:
    box = stage(colored).bounding_box()
    x, y = box["x"] + box["width"] * 0.6, box["y"] + box["height"] * 0.7
    colored.mouse.move(x, y)
    colored.mouse.wheel(0, 120)
    colored.wait_for_function("scrollY > 50")
    colored.evaluate("scrollTo(0, 0)")
    swipe(colored, x, y)
    colored.wait_for_function("scrollY > 50")


def test_the_picture_zooms_by_buttons_and_by_the_wheel_with_ctrl(colored: Page) -> None:
    picture = after_picture(colored)
    picture.evaluate("image => image.decode()")
    width = picture.bounding_box()["width"]
    colored.get_by_role("button", name="Zoom in").click()
    colored.wait_for_function("document.querySelector('.stage').matches('.zoomed')")
    expect(colored.get_by_role("button", name="Reset zoom")).to_be_visible()
    colored.get_by_role("button", name="Zoom out").click()
    colored.wait_for_function("!document.querySelector('.stage').matches('.zoomed')")
    picture.hover()
    colored.keyboard.down("Control")
    colored.mouse.wheel(0, -120)
    colored.keyboard.up("Control")
    colored.wait_for_function("document.querySelector('.stage').matches('.zoomed')")
    assert picture.bounding_box()["width"] > width
    assert scrolled(colored) == 0


# The window


@pytest.mark.parametrize("page", SIZES, indirect=True)
def test_the_picture_is_the_largest_thing_and_download_is_in_sight(page: Page, photo: Path) -> None:
    give(page, photo)
    wait_for_colour(page)
    expect(result(page, "CNN")).to_be_attached()
    for part in (stage(page), page.get_by_role("button", name="Download"), result(page, "U-Net")):
        expect(part).to_be_in_viewport(ratio=1)
    area = {
        part: box["width"] * box["height"]
        for part in (".stage", ".side", "#top", "#results", ".tab-wrapper")
        if (box := page.locator(part).locator("visible=true").first.bounding_box())
    }
    window = page.viewport_size["width"]
    beside = [part for part in area if window > 960 or part != ".side"]  # on a narrow one the options stand below
    assert max(beside, key=area.__getitem__) == ".stage"
    if window > 960:
        expect(slider(page, "Vividness")).to_be_in_viewport(ratio=1)
        assert page.evaluate("document.documentElement.scrollHeight <= innerHeight")
    assert not overflowing(page)


def test_nothing_moves_when_a_photo_is_coloured(page: Page, server: Server, photo: Path) -> None:
    give(page, photo)
    wait_for_colour(page)
    open_tab(page, SLOW)
    still = (stage(page), slider(page, "Steps"), page.locator("#results"))
    before = [part.bounding_box() for part in still]
    server.gate.hold()
    color(page)
    expect(after_picture(page)).to_be_visible()  # a preview of the first step
    during = [part.bounding_box() for part in still]
    server.gate.open()
    wait_for_colour(page)
    after = [part.bounding_box() for part in still]
    for places in zip(before, during, after, strict=True):
        assert [list(place.values()) for place in places] == [pytest.approx(list(places[0].values()), abs=1)] * 3


# For everybody


@pytest.fixture
def abroad(browser: Browser, server: Server) -> Iterator[Page]:
    """The page in a browser that speaks Chinese."""
    with opened(browser, server, locale="zh-CN") as visited:
        yield visited


def test_the_page_says_in_which_language_it_is(abroad: Page) -> None:
    expect(abroad.locator("html")).to_have_attribute("lang", "en")


def test_arrows_walk_along_the_tabs_which_are_one_stop_of_the_keyboard(colored: Page) -> None:
    colored.get_by_role("tab", selected=True).focus()
    colored.keyboard.press("ArrowRight")
    expect(colored.get_by_role("tab", selected=True)).to_be_focused()
    expect(colored.get_by_role("tab", selected=True)).to_have_text(tab_name(METHODS["transformer"].info))
    colored.keyboard.press("Tab")
    assert not colored.evaluate("document.activeElement.matches('[role=tab]')")


def test_the_button_that_takes_the_place_of_another_takes_its_focus(colored: Page, server: Server) -> None:
    open_tab(colored, SLOW)
    server.gate.hold()
    colored.get_by_role("button", name="Colour the photo").focus()
    colored.keyboard.press("Enter")
    expect(colored.get_by_role("button", name="Stop", exact=True)).to_be_focused()
    server.gate.open()
    expect(colored.get_by_role("button", name="Colour again")).to_be_focused()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_has_the_focus_shows_it(colored: Page, scheme: str) -> None:
    colored.emulate_media(color_scheme=scheme)
    parts = {
        "a slider": slider(colored, "Vividness"),
        "a box": colored.get_by_label("Faded print").locator("visible=true"),
        "the button": colored.get_by_role("button", name="Download"),
        "a result": result(colored, "U-Net"),
        "the tab": colored.get_by_role("tab", selected=True),
    }
    for name, part in parts.items():
        colored.keyboard.press("Tab")  # the keyboard is in use
        part.focus()
        expect(part, name).to_be_focused()
        expect(part, name).to_have_css("outline-style", "solid")
        expect(part, name).to_have_css("outline-width", "3px")


def test_sliders_can_be_seen_in_high_contrast(colored: Page) -> None:
    colored.emulate_media(forced_colors="active")
    drawn = seen(slider(colored, "Vividness"))
    assert len(np.unique(drawn.reshape(-1, 3), axis=0)) > 2
    selected = colored.get_by_role("tab", selected=True)
    assert selected.evaluate("tab => getComputedStyle(tab).borderTopWidth") == "3px"
