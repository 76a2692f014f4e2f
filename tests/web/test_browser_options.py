"""The options of the page as a visitor uses them: variants, references, networks, finish, in headless Chromium."""

import re
import shutil
from pathlib import Path

import pytest
from conftest import store
from PIL import Image
from playwright.sync_api import Browser, Page, Route, expect
from web_page import (
    after_picture,
    choose,
    choose_shipped,
    chosen,
    color,
    download,
    give,
    open_advanced,
    open_tab,
    opened,
    overflowing,
    picture_option,
    slider,
    tab_name,
    wait_for_colour,
    wait_for_new_source,
)
from web_server import running_server

from colorizers.methods.catalog import METHODS, REGISTRY
from colorizers.picture.photo import Photo
from colorizers.picture.record import read_record
from colorizers.settings import PROJECT, get_settings
from colorizers.web import shipped

pytestmark = pytest.mark.browser
CHOSEN = {"steps": 2, "vividness": 0.8}  # of the options, where a method has them
ALL_ANSWERED = "performance.getEntriesByType('resource').some((one) => one.name.includes('queue/data'))"
"""Whether a stream of answers has ended: Gradio's page ends it when nothing is awaited any more."""


def test_ten_variants_stand_beside_the_picture_and_a_seed_can_be_used_again(page: Page, photo: Path) -> None:
    give(page, photo)
    wait_for_colour(page)
    open_tab(page, "one tint Trivial · seconds")
    slider(page, "Variants").fill("10")
    color(page)
    wait_for_colour(page)
    choices = page.locator(".variants button.thumbnail-item")
    expect(choices).to_have_count(10)
    stage, use_seed = page.locator(".stage").locator("visible=true"), page.get_by_role("button", name="Use this seed")
    choices.last.scroll_into_view_if_needed()  # the panel beside the picture scrolls by itself
    for part in (stage, choices.last):
        expect(part).to_be_in_viewport(ratio=1)
    expect(use_seed).to_be_visible()
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
    open_tab(page, "one tint Trivial · seconds")
    open_advanced(page)
    used = page.get_by_text(re.compile(r"^Seed \d+$")).locator("visible=true")
    color(page)
    wait_for_colour(page)
    first = used.inner_text()
    color(page)
    expect(used).not_to_have_text(first)
    page.get_by_label("Seed").locator("visible=true").fill("seven")
    color(page)
    expect(page.get_by_role("alert").filter(has_text="Seed must be a whole number")).to_be_visible()


@pytest.mark.parametrize("page", ["1440x900", "375x812"], indirect=True)
def test_a_reference_is_a_shipped_photograph_or_an_upload_and_stays_for_the_next_photo(
    page: Page, photo: Path, tmp_path: Path
) -> None:
    red = tmp_path / "red <b>.png"
    Image.new("RGB", (40, 30), (200, 40, 40)).save(red)
    give(page, photo)
    wait_for_colour(page)
    open_tab(page, "from a picture Transfer · seconds")
    color(page)
    missing = page.get_by_role("alert").filter(has_text="Reference is missing; choose a picture.")
    expect(missing.locator("visible=true")).to_be_visible()
    expect(picture_option(page).locator("button.thumbnail-item")).to_have_count(len(shipped.references()))
    path = choose_shipped(page, len(shipped.references()) - 1)
    color(page)
    wait_for_colour(page)
    assert read_record(download(page, tmp_path)).pictures == {"reference": Photo.open(path).sha256}
    picture_option(page).locator("input[type=file]").set_input_files(red)
    expect(chosen(page)).to_contain_text("red")
    expect(picture_option(page).locator("b")).to_have_count(0)
    expect(picture_option(page).locator(".selected")).to_have_count(0)
    assert not overflowing(page)
    page.get_by_role("button", name="Another photo").click()
    give(page, photo.rename(tmp_path / "harbour.png"))
    expect(page.get_by_text("harbour.png")).to_be_visible()
    wait_for_colour(page)
    open_tab(page, "from a picture Transfer · seconds")
    expect(chosen(page)).to_contain_text("red")
    color(page)
    wait_for_colour(page)
    assert read_record(download(page, tmp_path)).pictures == {"reference": Photo.open(red).sha256}


def test_a_reference_that_is_no_picture_is_refused_and_the_one_before_stays(
    page: Page, photo: Path, tmp_path: Path
) -> None:
    letter = tmp_path / "letter.png"
    letter.write_text("Dear Sir or Madam")
    give(page, photo)
    wait_for_colour(page)
    open_tab(page, "from a picture Transfer · seconds")
    before = shipped.title(choose_shipped(page, 2))
    picture_option(page).locator("input[type=file]").set_input_files(letter)
    expect(page.get_by_test_id("toast-body")).to_contain_text("picture")
    expect(chosen(page)).to_contain_text(before)
    color(page)
    wait_for_colour(page)


def test_a_picture_that_is_not_required_can_be_removed(page: Page, photo: Path, tmp_path: Path) -> None:
    give(page, photo)
    wait_for_colour(page)
    open_tab(page, "one tint Trivial · seconds")
    choose_shipped(page, 0)
    page.get_by_role("button", name="Remove").click()
    expect(chosen(page)).to_contain_text("No picture chosen yet")
    color(page)
    wait_for_colour(page)
    assert read_record(download(page, tmp_path)).pictures == {}


@pytest.mark.parametrize("page", ["375x812"], indirect=True)
def test_every_tab_colours_the_photo_its_own_way_and_saves_it(page: Page, photo: Path, tmp_path: Path) -> None:
    give(page, photo)
    wait_for_colour(page)
    for name, method in METHODS.items():
        if method.info.slow_on_cpu:
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
        color(page)
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
        keys = store().keys_of(name)[:1] or ["unet/efficientnet", "transformer/small"]  # a blend has those of two
        assert record.weights == store().hashes(keys)


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


def test_what_follows_a_choice_takes_nothing_back_that_came_after_it(page: Page, photo: Path) -> None:
    """Gradio's list tells of one choice up to three times, and the last may be late."""
    give(page, photo)
    wait_for_colour(page)
    open_tab(page, tab_name(METHODS["style"].info))
    page.get_by_role("button", name="Advanced").locator("visible=true").last.click()
    lock, warmth, told = slider(page, "Luminance lock"), slider(page, "Warmth"), list[Route]()

    def only_the_first_at_once(route: Route) -> None:
        is_choice = '"artistic"' in (route.request.post_data or "")
        told.extend([route] * is_choice)
        if not is_choice or len(told) == 1:
            route.continue_()

    page.route("**/queue/join?*", only_the_first_at_once)
    choose(page, "Mode", "A new painting")
    expect(lock).to_have_value("0")
    lock.fill("0.5")
    warmth.fill("0.5")
    page.evaluate("performance.clearResourceTimings()")
    for late in told[1:]:
        late.continue_()
    slider(page, "Saturation").fill("0.5")
    page.wait_for_function(ALL_ANSWERED)
    expect(warmth).to_have_value("0.5")
    expect(lock).to_have_value("0.5")


def test_reset_goes_back_to_the_methods_own_finish(page: Page, photo: Path, tmp_path: Path) -> None:
    give(page, photo)
    wait_for_colour(page)
    method = METHODS["img2img"]
    open_tab(page, tab_name(method.info))
    slider(page, "Colour strength").fill("0")
    color(page)
    wait_for_colour(page)
    assert read_record(download(page, tmp_path)).finish["color_strength"] == 0
    source = after_picture(page).get_attribute("src")
    page.get_by_role("button", name="Reset", exact=True).click()
    expect(slider(page, "Colour strength")).to_have_value(str(method.info.finish.color_strength))
    wait_for_new_source(after_picture(page), source)
    assert read_record(download(page, tmp_path)).finish == method.info.finish.model_dump()


def test_a_network_is_chosen_by_a_plain_word(page: Page, photo: Path, tmp_path: Path) -> None:
    give(page, photo)
    wait_for_colour(page)
    open_advanced(page)
    source = after_picture(page).get_attribute("src")
    choose(page, "Network", "From scratch")
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
        expect(
            page.get_by_text(
                "Not installed: efficientnet, hints, rgb; put them into weights/ or COLORIZERS_WEIGHTS_DIR."
            )
        ).to_be_visible()
        page.get_by_label("Network").locator("visible=true").click()
        expect(page.get_by_role("option")).to_contain_text(
            ["Pretrained encoder (not installed)", "From scratch", "RGB output (not installed)"]
        )
        page.get_by_role("option").first.click()
        put = "put them into weights/ or COLORIZERS_WEIGHTS_DIR"
        sentence = f"The weights unet_efficientnet.safetensors are not installed; {put}."
        expect(page.locator(".status-line").get_by_role("alert").locator("visible=true")).to_have_text(sentence)
        expect(after_picture(page)).to_be_visible()
        choose(page, "Network", "From scratch")
        wait_for_colour(page)
        assert list(read_record(download(page, tmp_path)).weights) == ["unet/lab"]
        assert page.get_by_role("tab", selected=True).inner_text().endswith("< 1 s")
        open_tab(page, f"{tab_name(METHODS['gan'].info)} (not installed)")
        put = "put them into weights/ or COLORIZERS_WEIGHTS_DIR"
        sentence = f"The weights gan_efficientnet.safetensors are not installed; {put}."
        expect(page.get_by_text(sentence).locator("visible=true")).to_be_visible()


@pytest.mark.parametrize("page", ["1440x900", "375x812"], indirect=True)
def test_every_tab_is_in_sight_or_on_a_phone_in_one_row_that_scrolls(page: Page, photo: Path) -> None:
    give(page, photo)
    tabs = page.get_by_role("tab")
    expect(tabs).to_have_count(len(METHODS) + 3)  # two of the tests, and the one that compares
    if page.viewport_size["width"] == 1440:
        for k in range(tabs.count()):
            expect(tabs.nth(k)).to_be_in_viewport(ratio=0.95)
    else:
        assert len({round(tabs.nth(k).bounding_box()["y"]) for k in range(tabs.count())}) == 1
    tabs.last.click()
    expect(tabs.last).to_be_in_viewport(ratio=0.95)
    assert not overflowing(page)


@pytest.mark.parametrize("page", ["375x812"], indirect=True)
def test_a_narrow_window_cuts_nothing_off(page: Page, photo: Path) -> None:
    assert not overflowing(page)
    give(page, photo)
    wait_for_colour(page)
    assert not overflowing(page)
    expect(after_picture(page)).to_be_in_viewport()
