"""The page as a visitor sees it, in headless Chromium."""

import re
from pathlib import Path

import numpy as np
import pytest
from conftest import encoded
from PIL import Image
from playwright.sync_api import Page, expect
from web_page import (
    WAIT,
    after_picture,
    begin_and_hold,
    choose_shipped,
    color,
    colourfulness,
    download,
    give,
    open_tab,
    overflowing,
    shown,
    slider,
    wait_for_colour,
    wait_for_new_source,
)
from web_server import Server

from colorizers.picture.photo import Photo

pytestmark = pytest.mark.browser
CHOSEN = {"steps": 2, "vividness": 0.8}  # of the options, where a method has them


def test_a_dropped_photo_is_coloured_by_itself_and_downloaded_at_full_size(
    page: Page, tmp_path: Path, gray_pixels: np.ndarray
) -> None:
    large = tmp_path / "harbour.jpg"
    Image.fromarray(gray_pixels).resize((1600, 1200)).save(large)
    give(page, large)
    wait_for_colour(page)
    expect(page.get_by_text("1600 × 1200")).to_be_visible()
    assert max(shown(after_picture(page)).shape) < 1600
    path = download(page, tmp_path)
    assert path.name == "harbour_unet.png"
    result, original = Photo.open(path), Photo.open(large)
    assert result.size == (1600, 1200)
    assert result.rgb is not None
    assert (result.lightness - original.lightness).abs().max() <= 0.5


def test_finish_shows_at_once_and_goes_into_the_file(page: Page, photo: Path, tmp_path: Path) -> None:
    give(page, photo)
    wait_for_colour(page)
    picture = after_picture(page)
    assert colourfulness(shown(picture)) > 1
    source = picture.get_attribute("src")
    slider(page, "Colour strength").fill("0")
    wait_for_new_source(picture, source)
    assert colourfulness(shown(picture)) < 1
    assert Photo.open(download(page, tmp_path)).rgb is None
    source = picture.get_attribute("src")
    page.get_by_role("button", name="Reset", exact=True).click()
    wait_for_new_source(picture, source)
    assert colourfulness(shown(picture)) > 1


def test_the_divider_moves_by_keyboard_and_both_sides_have_words(page: Page, photo: Path) -> None:
    give(page, photo)
    expect(page.get_by_alt_text("The photo, not coloured yet").or_(after_picture(page))).to_be_visible()
    wait_for_colour(page)
    expect(page.get_by_alt_text("Before: the photo in black and white")).to_be_visible()
    clip = "element => parseFloat(element.style.clipPath.split(' ').at(-1))"
    start = after_picture(page).evaluate(clip)
    page.get_by_label("range slider for Divider position").focus()
    for _ in range(10):
        page.keyboard.press("ArrowRight")
    page.wait_for_function(
        "([alt, start]) => parseFloat(document.querySelector(`img[alt='${alt}']`).style.clipPath.split(' ').at(-1))"
        " > start + 2",
        arg=["After: the photo in colour", start],
    )


def test_a_photo_turned_is_saved_as_it_stands(page: Page, photo: Path, tmp_path: Path) -> None:
    give(page, photo)
    wait_for_colour(page)
    page.get_by_role("button", name="↺ Turn left").click()
    expect(page.get_by_text("240 × 320")).to_be_visible()
    wait_for_colour(page)
    turned = Photo.open(download(page, tmp_path))
    assert turned.size == (240, 320)
    original = Photo.open(photo).rotated(1)
    assert (turned.lightness - original.lightness).abs().max() <= 0.5


def test_sixteen_bits_are_offered_for_a_sixteen_bit_photo(page: Page, gray_pixels: np.ndarray, tmp_path: Path) -> None:
    deep = tmp_path / "scan.tif"
    Image.fromarray(gray_pixels.astype(np.uint16) * 257).save(deep)
    give(page, deep)
    wait_for_colour(page)
    page.get_by_role("button", name="Save as").locator("visible=true").click()
    page.get_by_label("File format").locator("visible=true").click()
    page.get_by_role("option", name="TIFF, 16 bit").click()
    path = download(page, tmp_path)
    assert path.name == "scan_unet.tif"
    assert Photo.open(path).size == Photo.open(deep).size
    with Image.open(path) as image:
        assert image.tag_v2[258] == (16, 16, 16)


def test_a_pasted_photo_is_taken(page: Page, gray_pixels: np.ndarray) -> None:
    data = list(encoded(Image.fromarray(gray_pixels)))
    page.evaluate(
        """(data) => {
            const clipboardData = new DataTransfer();
            clipboardData.items.add(new File([new Uint8Array(data)], 'pasted.png', {type: 'image/png'}));
            document.body.dispatchEvent(new ClipboardEvent('paste', {clipboardData, bubbles: true}));
        }""",
        data,
    )
    wait_for_colour(page)
    expect(page.get_by_text("pasted.png")).to_be_visible()


def test_an_example_is_one_click(page: Page) -> None:
    page.locator("#examples button").first.click()
    wait_for_colour(page)


def test_a_file_that_is_no_photo_is_refused_in_one_sentence_and_the_page_goes_on(
    page: Page, photo: Path, tmp_path: Path
) -> None:
    letter = tmp_path / "letter <b>.png"
    letter.write_text("Dear Sir or Madam")
    give(page, letter)
    toast = page.get_by_test_id("toast-body")
    expect(toast).to_contain_text("picture")
    expect(toast.locator("b")).to_have_count(0)
    give(page, photo)
    wait_for_colour(page)


def test_stop_gives_the_device_back_and_keeps_what_a_method_has_so_far(page: Page, server: Server, photo: Path) -> None:
    give(page, photo)
    wait_for_colour(page)
    open_tab(page, "one tint Trivial · seconds")
    server.gate.hold()
    color(page)
    expect(after_picture(page)).to_be_visible()  # a preview of the first step
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.get_by_text("Stopping after this step")).to_be_visible()
    server.gate.let_through(1)
    wait_for_colour(page)
    server.gate.open()
    expect(page.get_by_role("button", name="Colour again")).to_be_visible()


def test_stop_cancels_a_method_without_partial_results_and_shows_what_was_there_before(
    page: Page, server: Server, photo: Path
) -> None:
    give(page, photo)
    wait_for_colour(page)
    open_tab(page, "from a picture Transfer · seconds")
    choose_shipped(page, 4)
    server.gate.hold()
    color(page)
    expect(after_picture(page)).to_be_visible()  # a preview of the first step
    server.gate.let_through(1)
    expect(page.get_by_text("Step 2 of 4")).to_be_visible()
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.get_by_text("Stopped.")).to_be_visible()
    server.gate.open()
    expect(after_picture(page)).to_have_count(0)
    color(page)
    wait_for_colour(page)
    expect(after_picture(page)).to_be_visible()


@pytest.mark.parametrize("page", ["1440x900", "375x812"], indirect=True)
def test_a_method_that_optimises_draws_its_losses_while_it_runs_where_nothing_was_drawn_before(
    page: Page, server: Server, photo: Path
) -> None:
    plot, lines = page.locator(".losses").locator("visible=true"), page.locator(".losses polyline")
    give(page, photo)
    wait_for_colour(page)
    expect(plot).to_have_count(0)
    open_tab(page, "one tint Trivial · seconds")
    expect(plot).to_have_attribute("aria-label", "Losses are drawn here while it runs")
    page.locator(".stage img").locator("visible=true").first.evaluate("image => image.decode()")  # it has its height
    plot.element_handle().wait_for_element_state("stable")
    reserved = plot.bounding_box()
    server.gate.hold()
    color(page)
    expect(plot).to_have_attribute("aria-label", "Losses after step 1 of 4: likeness 100, evenness 0")
    assert plot.bounding_box() == pytest.approx(reserved, abs=4)
    server.gate.open()
    wait_for_colour(page)
    expect(plot).to_have_attribute("aria-label", "Losses after step 4 of 4: likeness 0.1, evenness 0")
    expect(plot).to_have_text(re.compile("likeness0.1evenness0$"))
    expect(lines).to_have_count(2)
    assert len(lines.first.get_attribute("points").split()) == 4
    assert plot.bounding_box() == pytest.approx(reserved, abs=4)
    assert not overflowing(page)
    page.get_by_role("button", name="↺ Turn left").click()
    expect(lines).to_have_count(0, timeout=20_000)  # the photo is decoded anew


def test_a_new_run_begins_with_an_empty_plot(page: Page, server: Server, photo: Path) -> None:
    lines = page.locator(".losses polyline")
    give(page, photo)
    wait_for_colour(page)
    open_tab(page, "one tint Trivial · seconds")
    color(page)
    wait_for_colour(page)
    expect(lines).to_have_count(2)
    open_tab(page, "from a picture Transfer · seconds")
    choose_shipped(page, 4)
    server.gate.hold()
    color(page)
    expect(after_picture(page)).to_be_visible()  # it has the device
    open_tab(page, "one tint Trivial · seconds")
    color(page)
    expect(lines).to_have_count(0)
    server.gate.open()
    expect(lines).to_have_count(2)


def test_a_file_that_is_refused_ends_no_job(page: Page, server: Server, photo: Path, tmp_path: Path) -> None:
    give(page, photo)
    wait_for_colour(page)
    begin_and_hold(page, server)
    (tmp_path / "letter.png").write_text("Dear Sir or Madam")
    give(page, tmp_path / "letter.png")
    expect(page.get_by_text("letter.png is not a picture")).to_be_visible()
    server.gate.open()
    wait_for_colour(page)
    expect(page.get_by_text("grandmother.png").locator("visible=true").first).to_be_visible()


DROP = """(target, data) => {
    const dataTransfer = new DataTransfer();
    Object.entries(data).forEach(([kind, text]) => dataTransfer.setData(kind, text));
    const send = (kind) => target.dispatchEvent(new DragEvent(kind, { dataTransfer, bubbles: true, cancelable: true }));
    return [send("dragover"), send("drop")];
}"""


def test_text_can_be_dropped_on_a_field_and_an_address_on_the_page_is_answered(page: Page) -> None:
    address = {"text/uri-list": "https://example.org/harbour.jpg", "text/plain": "https://example.org/harbour.jpg"}
    page.evaluate("document.body.append(document.createElement('textarea'))")
    assert page.locator("textarea").evaluate(DROP, address) == [True, True], "left to the browser"
    told = page.get_by_text("Only an address came, not the picture")
    expect(told).to_have_count(0)
    assert page.locator("#upload .upload-container, #upload").first.evaluate(DROP, address) == [False, False]
    expect(told).to_be_in_viewport()


def test_a_programmer_finds_the_endpoints_at_the_foot_of_the_page(page: Page) -> None:
    page.locator("footer").get_by_role("button", name="API").click()
    expect(page.get_by_text("/colorize_unet", exact=True).first).to_be_visible(timeout=WAIT)
    expect(page.get_by_text("How much of the colour is applied.").first).to_be_attached()
