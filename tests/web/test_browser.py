"""The page as a visitor sees it, in headless Chromium."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from conftest import encoded, store
from PIL import Image
from playwright.sync_api import Browser, Page, expect
from web_page import (
    after_picture,
    choose,
    choose_shipped,
    chosen,
    chromium,
    colourfulness,
    download,
    give,
    open_advanced,
    open_tab,
    opened,
    overflowing,
    picture_option,
    shown,
    slider,
    tab_name,
    wait_for_colour,
    wait_for_new_source,
)
from web_server import Server, running_server

from colorizers.methods.catalog import METHODS, REGISTRY
from colorizers.picture.photo import Photo
from colorizers.picture.record import read_record
from colorizers.settings import PROJECT, get_settings
from colorizers.web import shipped

pytestmark = pytest.mark.browser
CHOSEN = {"steps": 2, "vividness": 0.8}  # of the options, where a method has them


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running_server() as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture(params=["1440x900"])
def page(request: pytest.FixtureRequest, browser: Browser, server: Server) -> Iterator[Page]:
    """The page, open."""
    with opened(browser, server, request.param) as visited:
        yield visited


@pytest.fixture
def photo(tmp_path: Path, gray_pixels: np.ndarray) -> Path:
    """A gray photo 320x240 on disk."""
    path = tmp_path / "grandmother.png"
    Image.fromarray(gray_pixels).resize((320, 240)).save(path)
    return path


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
    page.get_by_role("button", name="Colour the photo").click()
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
    page.get_by_label("File format").click()
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
    open_tab(page, "Trivial: one tint")
    server.gate.hold()
    page.get_by_role("button", name="Colour the photo").click()
    expect(after_picture(page)).to_be_visible()  # a preview of the first step
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_text("Stopping after this step")).to_be_visible()
    server.gate.let_through(1)
    wait_for_colour(page)
    server.gate.open()
    expect(page.get_by_role("button", name="Colour the photo")).to_be_visible()


def test_stop_cancels_a_method_without_partial_results_and_shows_what_was_there_before(
    page: Page, server: Server, photo: Path
) -> None:
    give(page, photo)
    wait_for_colour(page)
    open_tab(page, "Transfer: from a picture")
    choose_shipped(page, 4)
    server.gate.hold()
    page.get_by_role("button", name="Colour the photo").click()
    expect(after_picture(page)).to_be_visible()  # a preview of the first step
    server.gate.let_through(1)
    expect(page.get_by_text("Step 2 of 4")).to_be_visible()
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_text("Stopped.")).to_be_visible()
    server.gate.open()
    expect(after_picture(page)).to_have_count(0)
    page.get_by_role("button", name="Colour the photo").click()
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
    open_tab(page, "Trivial: one tint")
    expect(plot).to_have_attribute("aria-label", "Losses are drawn here while it runs")
    page.locator(".stage img").locator("visible=true").first.evaluate("image => image.decode()")  # it has its height
    plot.element_handle().wait_for_element_state("stable")
    reserved = plot.bounding_box()
    server.gate.hold()
    page.get_by_role("button", name="Colour the photo").click()
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
    expect(lines).to_have_count(0)


def test_a_new_run_begins_with_an_empty_plot(page: Page, server: Server, photo: Path) -> None:
    lines = page.locator(".losses polyline")
    give(page, photo)
    wait_for_colour(page)
    open_tab(page, "Trivial: one tint")
    page.get_by_role("button", name="Colour the photo").click()
    wait_for_colour(page)
    expect(lines).to_have_count(2)
    open_tab(page, "Transfer: from a picture")
    choose_shipped(page, 4)
    server.gate.hold()
    page.get_by_role("button", name="Colour the photo").click()
    expect(after_picture(page)).to_be_visible()  # it has the device
    open_tab(page, "Trivial: one tint")
    page.get_by_role("button", name="Colour the photo").click()
    expect(lines).to_have_count(0)
    server.gate.open()
    expect(lines).to_have_count(2)


def test_ten_variants_stand_below_the_picture_and_a_seed_can_be_used_again(page: Page, photo: Path) -> None:
    give(page, photo)
    wait_for_colour(page)
    open_tab(page, "Trivial: one tint")
    slider(page, "Variants").fill("10")
    page.get_by_role("button", name="Colour the photo").click()
    wait_for_colour(page)
    choices = page.locator(".variants button.thumbnail-item")
    expect(choices).to_have_count(10)
    stage, use_seed = page.locator(".stage").locator("visible=true"), page.get_by_role("button", name="Use this seed")
    for part in (stage, choices.last, use_seed):
        expect(part).to_be_in_viewport(ratio=1)
    first, seed = (
        after_picture(page).get_attribute("src"),
        page.get_by_text(re.compile(r"^Seed \d+$")).locator("visible=true"),
    )
    number = int(seed.inner_text().split()[-1])
    choices.nth(2).click()
    wait_for_new_source(after_picture(page), first)
    expect(seed).to_have_text(f"Seed {number + 2}")
    use_seed.click()
    open_advanced(page)
    expect(page.get_by_label("Seed").locator("visible=true")).to_have_value(str(number + 2))


def test_without_a_seed_every_run_draws_a_new_one(page: Page, photo: Path) -> None:
    give(page, photo)
    wait_for_colour(page)
    open_tab(page, "Trivial: one tint")
    open_advanced(page)
    used = page.get_by_text(re.compile(r"^Seed \d+$")).locator("visible=true")
    page.get_by_role("button", name="Colour the photo").click()
    wait_for_colour(page)
    first = used.inner_text()
    page.get_by_role("button", name="Colour the photo").click()
    expect(used).not_to_have_text(first)
    page.get_by_label("Seed").locator("visible=true").fill("seven")
    page.get_by_role("button", name="Colour the photo").click()
    expect(page.get_by_role("alert").filter(has_text="Seed must be a whole number")).to_be_visible()


@pytest.mark.parametrize("page", ["1440x900", "375x812"], indirect=True)
def test_a_reference_is_a_shipped_photograph_or_an_upload_and_stays_for_the_next_photo(
    page: Page, photo: Path, tmp_path: Path
) -> None:
    red = tmp_path / "red <b>.png"
    Image.new("RGB", (40, 30), (200, 40, 40)).save(red)
    give(page, photo)
    wait_for_colour(page)
    open_tab(page, "Transfer: from a picture")
    page.get_by_role("button", name="Colour the photo").click()
    missing = page.get_by_role("alert").filter(has_text="Reference is missing; choose a picture.")
    expect(missing.locator("visible=true")).to_be_visible()
    expect(picture_option(page).locator("button.thumbnail-item")).to_have_count(len(shipped.references()))
    path = choose_shipped(page, len(shipped.references()) - 1)
    page.get_by_role("button", name="Colour the photo").click()
    wait_for_colour(page)
    assert read_record(download(page, tmp_path)).pictures == {"reference": Photo.open(path).sha256}
    picture_option(page).locator("input[type=file]").set_input_files(red)
    expect(chosen(page)).to_contain_text("red")
    expect(picture_option(page).locator("b")).to_have_count(0)
    expect(picture_option(page).locator(".selected")).to_have_count(0)
    assert not overflowing(page)
    page.get_by_role("button", name="Another photo").click()
    give(page, photo)
    open_tab(page, tab_name(METHODS["unet"].info))
    wait_for_colour(page)
    open_tab(page, "Transfer: from a picture")
    expect(chosen(page)).to_contain_text("red")
    page.get_by_role("button", name="Colour the photo").click()
    wait_for_colour(page)
    assert read_record(download(page, tmp_path)).pictures == {"reference": Photo.open(red).sha256}


def test_a_reference_that_is_no_picture_is_refused_and_the_one_before_stays(
    page: Page, photo: Path, tmp_path: Path
) -> None:
    letter = tmp_path / "letter.png"
    letter.write_text("Dear Sir or Madam")
    give(page, photo)
    wait_for_colour(page)
    open_tab(page, "Transfer: from a picture")
    before = shipped.title(choose_shipped(page, 2))
    picture_option(page).locator("input[type=file]").set_input_files(letter)
    expect(page.get_by_test_id("toast-body")).to_contain_text("picture")
    expect(chosen(page)).to_contain_text(before)
    page.get_by_role("button", name="Colour the photo").click()
    wait_for_colour(page)


def test_a_picture_that_is_not_required_can_be_removed(page: Page, photo: Path, tmp_path: Path) -> None:
    give(page, photo)
    wait_for_colour(page)
    open_tab(page, "Trivial: one tint")
    choose_shipped(page, 0)
    page.get_by_role("button", name="Remove").click()
    expect(chosen(page)).to_contain_text("No picture chosen yet")
    page.get_by_role("button", name="Colour the photo").click()
    wait_for_colour(page)
    assert read_record(download(page, tmp_path)).pictures == {}


@pytest.mark.parametrize("page", ["375x812"], indirect=True)
def test_every_tab_colours_the_photo_its_own_way_and_saves_it(page: Page, photo: Path, tmp_path: Path) -> None:
    give(page, photo)
    wait_for_colour(page)
    for name, method in METHODS.items():
        if method.heavy:
            continue  # its models are not shipped
        open_tab(page, tab_name(method.info))
        expect(slider(page, "Saturation")).to_have_value(f"{method.info.finish.saturation:g}")
        if "reference" in method.info.options.model_fields:
            choose_shipped(page, 0)
        wanted = {option: value for option, value in CHOSEN.items() if option in method.info.options.model_fields}
        for option, value in wanted.items():
            slider(page, option.capitalize()).fill(str(value))
        picture = page.locator(".stage img").locator("visible=true").last
        source = picture.get_attribute("src")
        page.get_by_role("button", name="Colour the photo").click()
        wait_for_new_source(picture, source)
        wait_for_colour(page)
        assert not overflowing(page)
        path = download(page, tmp_path)
        assert path.name == f"grandmother_{name}.png"
        assert Photo.open(path).size == (320, 240)
        record = read_record(path)
        assert record.method == name
        assert record.options.items() >= wanted.items()
        assert record.finish == method.info.finish.model_dump()
        assert record.weights == store().hashes([store().keys_of(name)[0]])


def test_a_choice_that_asks_for_another_finish_brings_it_along(page: Page, photo: Path) -> None:
    give(page, photo)
    wait_for_colour(page)
    open_tab(page, tab_name(METHODS["style"].info))
    page.get_by_role("button", name="Advanced").locator("visible=true").last.click()
    lock = slider(page, "Luminance lock")
    expect(lock).to_have_value("1")
    slider(page, "Warmth").fill("0.5")
    choose(page, "Mode", "A new painting")
    expect(lock).to_have_value("0")
    expect(slider(page, "Warmth")).to_have_value("0.5")
    lock.fill("0.5")
    page.get_by_role("button", name="Reset", exact=True).locator("visible=true").click()
    expect(lock).to_have_value("0")
    expect(slider(page, "Warmth")).to_have_value("0")
    choose(page, "Mode", "Colours of the photo")
    expect(lock).to_have_value("1")


def test_reset_goes_back_to_the_methods_own_finish(page: Page, photo: Path, tmp_path: Path) -> None:
    give(page, photo)
    wait_for_colour(page)
    method = METHODS["resnet_unet"]
    open_tab(page, tab_name(method.info))
    slider(page, "Saturation").fill("0")
    page.get_by_role("button", name="Colour the photo").click()
    wait_for_colour(page)
    assert read_record(download(page, tmp_path)).finish["saturation"] == 0
    source = after_picture(page).get_attribute("src")
    page.get_by_role("button", name="Reset", exact=True).click()
    expect(slider(page, "Saturation")).to_have_value("1.5")
    wait_for_new_source(after_picture(page), source)
    assert read_record(download(page, tmp_path)).finish == method.info.finish.model_dump()


def test_a_network_is_chosen_by_a_plain_word(page: Page, photo: Path, tmp_path: Path) -> None:
    give(page, photo)
    wait_for_colour(page)
    open_advanced(page)
    choose(page, "Network", "From scratch")
    source = after_picture(page).get_attribute("src")
    page.get_by_role("button", name="Colour the photo").click()
    wait_for_new_source(after_picture(page), source)
    wait_for_colour(page)
    assert list(read_record(download(page, tmp_path)).weights) == ["unet/lab"]


def test_networks_that_are_not_here_are_marked_and_to_choose_one_says_how_to_get_it(
    browser: Browser, photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_weights: None
) -> None:
    lab = REGISTRY["unet/lab"].file
    shutil.copy(PROJECT / "weights" / lab, tmp_path / lab)
    monkeypatch.setenv("COLORIZERS_WEIGHTS_DIR", str(tmp_path))
    get_settings.cache_clear()
    with running_server() as server, opened(browser, server) as page:
        give(page, photo)
        wait_for_colour(page)
        open_advanced(page)
        expect(page.get_by_text("Not installed: efficientnet, rgb; put them into weights/, and so on.")).to_be_visible()
        page.get_by_label("Network").locator("visible=true").click()
        expect(page.get_by_role("option")).to_contain_text(
            ["Pretrained encoder (not installed)", "From scratch", "RGB output (not installed)"]
        )
        page.get_by_role("option").first.click()
        page.get_by_role("button", name="Colour the photo").click()
        sentence = "The weights unet_efficientnet.safetensors are not installed; put them into weights/."
        expect(page.get_by_test_id("toast-body")).to_contain_text(sentence)
        expect(page.locator(".status-line").get_by_role("alert").locator("visible=true")).to_have_text(sentence)
        expect(after_picture(page)).to_be_visible()
        choose(page, "Network", "From scratch")
        page.get_by_role("button", name="Colour the photo").click()
        wait_for_colour(page)
        assert list(read_record(download(page, tmp_path)).weights) == ["unet/lab"]
        open_tab(page, tab_name(METHODS["gan"].info))
        sentence = "The weights gan_resnet.safetensors are not installed; put them into weights/."
        expect(page.get_by_text(sentence).locator("visible=true")).to_be_visible()


@pytest.mark.parametrize("page", ["1440x900", "375x812"], indirect=True)
def test_the_tabs_stand_in_one_row_and_each_can_be_reached(page: Page, photo: Path) -> None:
    give(page, photo)
    tabs = page.get_by_role("tab")
    expect(tabs).to_have_count(len(METHODS) + 2)
    assert len({round(tabs.nth(k).bounding_box()["y"]) for k in range(tabs.count())}) == 1
    if page.viewport_size["width"] == 1440:
        expect(tabs.last).to_be_in_viewport(ratio=0.95)
    open_tab(page, "Transfer: from a picture")
    expect(tabs.last).to_be_in_viewport(ratio=0.95)
    assert not overflowing(page)


@pytest.mark.parametrize("page", ["375x812"], indirect=True)
def test_a_narrow_window_cuts_nothing_off(page: Page, photo: Path) -> None:
    assert not overflowing(page)
    give(page, photo)
    wait_for_colour(page)
    assert not overflowing(page)
    expect(after_picture(page)).to_be_in_viewport()
