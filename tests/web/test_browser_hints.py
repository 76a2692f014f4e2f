"""Colour hints on the picture, in headless Chromium; the same by command and by the API."""

import contextlib
import json
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from gradio_client import Client, handle_file
from PIL import Image
from playwright.sync_api import Locator, Page, expect
from run_command import command
from web_page import (
    after_picture,
    choose,
    download,
    give,
    open_advanced,
    open_tab,
    result,
    shown,
    tab_name,
    wait_for_colour,
    wait_for_new_source,
)
from web_server import Server

from colorizers.evaluation.metrics import ciede2000
from colorizers.methods.catalog import METHODS
from colorizers.picture.color import rgb_to_lab
from colorizers.picture.record import read_record
from colorizers.settings import PROJECT

pytestmark = pytest.mark.browser
COFFEE = PROJECT / "test_images" / "coffee_gray.jpg"


def surface(page: Page) -> Locator:
    """Where hints are placed."""
    return page.get_by_role("group", name="Colour hints")


def marks(page: Page) -> Locator:
    return page.get_by_role("button", name=re.compile(r"^Hint \d"))


def tool(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=name, exact=True).locator("visible=true")


def place_of(mark: Locator) -> tuple[float, float]:
    """Where the middle of a mark is in the window."""
    box = mark.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def on_photo(mark: Locator) -> tuple[float, float]:
    """Where the middle of a mark is on the photo, in shares of it, at one moment: the photo grows when it is zoomed."""
    return tuple(
        mark.evaluate(
            """mark => {
                const at = mark.getBoundingClientRect(), on = mark.closest(".hints-surface").getBoundingClientRect();
                return [(at.x + at.width / 2 - on.x) / on.width, (at.y + at.height / 2 - on.y) / on.height];
            }"""
        )
    )


def at(page: Page, along: float, down: float) -> tuple[float, float]:
    """A place of the photo in the window."""
    box = surface(page).bounding_box()
    return box["x"] + along * box["width"], box["y"] + down * box["height"]


@contextlib.contextmanager
def changing(page: Page) -> Iterator[None]:
    """Something after which the picture is another."""
    source = after_picture(page).get_attribute("src")
    yield
    wait_for_new_source(after_picture(page), source)


def choose_color(page: Page, color: str) -> None:
    """Give the hint whose palette is open a colour of the browser's own picker; wait until the picture has it."""
    with changing(page):
        page.get_by_label("Other colour").fill(color)


@pytest.fixture
def hinting(page: Page, photo: Path) -> Page:
    """The page with a photo in colour, ready for hints."""
    give(page, photo)
    wait_for_colour(page)
    tool(page, "Colour hints").click()
    expect(surface(page)).to_be_visible()
    return page


def difference(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """CIEDE2000 between two pictures (H, W, 3) uint8."""
    labs = (rgb_to_lab(torch.from_numpy(each.copy()).movedim(-1, 0)[None] / 255) for each in (first, second))
    return ciede2000(*labs)[0].numpy()


def pixels(path: Path | str) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB"))


def test_a_painted_hint_colours_its_region_alone_and_can_be_undone_and_is_the_same_by_command_and_api(
    page: Page, server: Server, tmp_path: Path
) -> None:
    give(page, COFFEE)
    wait_for_colour(page)
    plain = pixels(download(page, tmp_path))
    tool(page, "Colour hints").click()
    page.mouse.move(*at(page, 0.47, 0.33))
    page.mouse.down()
    for step in range(1, 6):
        page.mouse.move(*at(page, 0.47 + 0.02 * step, 0.33 + 0.01 * step))
    page.mouse.up()
    choose_color(page, "#2e7d32")
    path = download(page, tmp_path)
    hinted, record = pixels(path), read_record(path)
    assert len(record.hints[0].path) > 1
    assert record.hints[0].color == "#2e7d32"
    assert hinted.shape == plain.shape == (400, 600, 3)
    changed, inside = difference(plain, hinted), np.zeros((400, 600), bool)
    inside[130:160, 270:350] = True
    outside = np.ones((400, 600), bool)
    outside[20:220, 170:420] = False  # the cup
    assert changed[inside].mean() > 8
    assert changed[outside].mean() < 1

    with changing(page):
        tool(page, "Undo the hint").click()
    assert np.array_equal(pixels(download(page, tmp_path)), plain)

    hints = json.dumps([hint.model_dump() for hint in record.hints])
    (tmp_path / "hints.json").write_text(hints)
    out = tmp_path / "command.png"
    assert command("colorize", COFFEE, "--hints", tmp_path / "hints.json", "-o", out) == 0
    client = Client(server.url, verbose=False)
    files, _ = client.predict(photo=handle_file(COFFEE), hints_json=hints, api_name="/colorize_unet")
    client.close()
    assert np.array_equal(pixels(out), hinted)
    assert np.array_equal(pixels(files[0]), hinted)


def test_a_network_that_listens_colours_the_photo_again_with_the_hint(
    hinting: Page, photo: Path, tmp_path: Path
) -> None:
    open_advanced(hinting)
    with changing(hinting):
        choose(hinting, "Network", "Pretrained encoder, listens to colour hints")
    wait_for_colour(hinting)
    surface(hinting).focus()
    hinting.keyboard.press("Enter")
    choose_color(hinting, "#c02040")
    wait_for_colour(hinting)
    hints = [hint.model_dump() for hint in read_record(download(hinting, tmp_path)).hints]
    (tmp_path / "hints.json").write_text(json.dumps(hints))
    out = tmp_path / "command.png"
    assert command("colorize", photo, "--weights", "hints", "--hints", tmp_path / "hints.json", "-o", out) == 0
    heard = pixels(out)
    while not np.array_equal(pixels(download(hinting, tmp_path)), heard):
        wait_for_new_source(after_picture(hinting), after_picture(hinting).get_attribute("src"))


def test_a_hint_is_placed_moved_and_removed_by_keyboard(hinting: Page, tmp_path: Path) -> None:
    surface(hinting).focus()
    hinting.keyboard.press("Enter")
    choose_color(hinting, "#c02040")
    hinting.keyboard.press("Escape")
    expect(marks(hinting)).to_be_focused()
    for key in ("ArrowRight", "ArrowRight", "Shift+ArrowUp"):
        with changing(hinting):
            hinting.keyboard.press(key)
    assert place_of(marks(hinting)) == pytest.approx(at(hinting, 0.52, 0.45), abs=1)
    assert read_record(download(hinting, tmp_path)).hints[0].path == ((0.52, 0.45),)
    marks(hinting).focus()
    with changing(hinting):
        hinting.keyboard.press("Delete")
    expect(marks(hinting)).to_have_count(0)
    assert read_record(download(hinting, tmp_path)).hints == ()
    surface(hinting).focus()
    hinting.keyboard.press("Control+z")
    hinting.keyboard.press("Control+z")
    assert place_of(marks(hinting)) == pytest.approx(at(hinting, 0.5, 0.5), abs=1)
    hinting.keyboard.press("Control+Shift+z")
    assert place_of(marks(hinting)) == pytest.approx(at(hinting, 0.52, 0.45), abs=1)
    hinting.keyboard.press("Escape")
    expect(surface(hinting)).to_have_count(0)


def test_a_place_is_offered_five_likely_colours_and_none_and_one_from_a_picture(hinting: Page, tmp_path: Path) -> None:
    hinting.mouse.click(*at(hinting, 0.3, 0.4))
    colors = hinting.get_by_role("button", name=re.compile("^Colour #"))
    expect(colors).to_have_count(5)
    assert len({color.get_attribute("aria-label") for color in colors.all()}) == 5
    expect(hinting.get_by_role("button", name="No colour", exact=True)).to_be_visible()
    with changing(hinting):
        colors.nth(4).click()
    reference = tmp_path / "red.png"
    Image.new("RGB", (40, 30), (200, 30, 40)).save(reference)
    hinting.get_by_label("From a picture").set_input_files(reference)
    hinting.get_by_label("A picture: click the colour in it").click()
    expect(hinting.get_by_role("button", name="Hint 1, #c81e28")).to_be_visible()


def test_a_mark_is_dragged_and_follows_the_picture_when_it_is_zoomed_and_the_window_changes(hinting: Page) -> None:
    hinting.mouse.click(*at(hinting, 0.6, 0.5))
    choose_color(hinting, "#c02040")
    hinting.keyboard.press("Escape")
    with changing(hinting):
        hinting.mouse.move(*place_of(marks(hinting)))
        hinting.mouse.down()
        hinting.mouse.move(*at(hinting, 0.5, 0.4), steps=3)
        hinting.mouse.up()
    assert on_photo(marks(hinting)) == pytest.approx((0.5, 0.4), abs=0.003)
    width = surface(hinting).bounding_box()["width"]
    tool(hinting, "Zoom in").click()
    hinting.wait_for_function(f"document.querySelector('.hints-surface').offsetWidth > {width * 1.2}")
    assert on_photo(marks(hinting)) == pytest.approx((0.5, 0.4), abs=0.003)
    hinting.get_by_role("button", name="Reset zoom").locator("visible=true").click()
    hinting.set_viewport_size({"width": 1000, "height": 700})
    hinting.wait_for_function(f"document.querySelector('.hints-surface').offsetWidth < {width * 0.9}")
    after_picture(hinting).evaluate_handle("image => (window.photo = image)")
    hinting.wait_for_function(
        """() => {
            const over = document.querySelector(".hints-surface").getBoundingClientRect();
            const { width, height } = window.photo.getBoundingClientRect();
            return Math.abs(over.height - Math.min(height, 0.75 * width)) < 2;
        }"""
    )
    assert on_photo(marks(hinting)) == pytest.approx((0.5, 0.4), abs=0.003)


def test_hints_act_in_every_tab_turn_with_the_photo_and_go_with_it(hinting: Page, photo: Path) -> None:
    expect(result(hinting, "CNN")).to_be_attached()
    open_tab(hinting, tab_name(METHODS["gan"].info))
    unhinted = after_picture(hinting).get_attribute("src")
    open_tab(hinting, tab_name(METHODS["unet"].info))
    small = hinting.locator("#results button[data-method=gan] img")
    before = small.get_attribute("src")
    hinting.mouse.click(*at(hinting, 0.25, 0.5))
    choose_color(hinting, "#e00030")
    wait_for_new_source(small, before)
    open_tab(hinting, tab_name(METHODS["gan"].info))
    wait_for_new_source(after_picture(hinting), unhinted)
    expect(marks(hinting)).to_have_count(1)
    red, green, _ = shown(after_picture(hinting))[110:130, 70:90].reshape(-1, 3).mean(0)
    assert red > green + 40
    hinting.get_by_role("button", name="↺ Turn left").click()
    expect(hinting.get_by_text("240 × 320")).to_be_visible()
    hinting.wait_for_function(
        "document.querySelector('.hints-surface').offsetHeight > document.querySelector('.hints-surface').offsetWidth"
    )
    assert place_of(marks(hinting)) == pytest.approx(at(hinting, 0.5, 0.75), abs=2)
    give(hinting, COFFEE)
    expect(hinting.get_by_text("600 × 400")).to_be_visible()
    expect(marks(hinting)).to_have_count(0)
