"""The tabs with Stable Diffusion as a visitor sees them, with tiny models; and what they say where there are none."""

import contextlib
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny_models
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect
from web_page import (
    after_picture, choose, chromium, download, give, open_advanced, open_tab, opened, overflowing, shown, slider,
    wait_for_colour, wait_for_new_source,
)  # fmt: skip
from web_server import Server, running_server

from colorizers import weights
from colorizers.hub import HuggingFace
from colorizers.methods.catalog import METHODS
from colorizers.options import Control, controls
from colorizers.picture.photo import Photo
from colorizers.picture.record import Record, read_record
from colorizers.settings import get_settings
from colorizers.web import texts
from colorizers.web.controls import offered

WINDOWS = pytest.mark.parametrize("window", ["1440x900", "375x812"])
WITHOUT = "The weights sd15 (2134 MB) are not here; get them with: python -m colorizers weights download sd15."


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with tiny models for both tabs, but no MiDaS."""
    return tiny_models.save_all(tmp_path_factory.mktemp("models"))


@contextlib.contextmanager
def settings(**wanted: object) -> Iterator[None]:
    """Run with these settings."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in wanted.items():
            patch.setenv(f"COLORIZERS_{name.upper()}", str(value))
        get_settings.cache_clear()
        yield
    get_settings.cache_clear()


@pytest.fixture(scope="module")
def server(models: Path) -> Iterator[Server]:
    with settings(weights_dir=models, cache_dir=models / "cache"), running_server() as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture
def photo(tmp_path: Path, gray_pixels: np.ndarray) -> Path:
    """A gray photo 150x110 on disk: no multiple of 8, and longer than wide."""
    path = tmp_path / "grandmother.png"
    Image.fromarray(gray_pixels).resize((150, 110)).save(path)
    return path


def enter(page: Page, photo: Path, method: str, steps: int = 3) -> None:
    """Bring a photo to a tab, and make its runs short."""
    give(page, photo)
    wait_for_colour(page)
    open_tab(page, METHODS[method].title)
    open_advanced(page)
    slider(page, "Steps").fill(str(steps))
    slider(page, "Working size").fill("256")


def run(page: Page) -> None:
    page.get_by_role("button", name=texts.COLOUR).click()


def prompt(page: Page) -> Locator:
    return page.get_by_label("Prompt").locator("visible=true").first


def refusal(page: Page) -> Locator:
    """The sentence that stands where the progress did."""
    return page.locator(".status-line").get_by_role("alert").locator("visible=true")


def maps(page: Page) -> Locator:
    return page.locator(".maps img").locator("visible=true")


def place(part: Locator) -> dict[str, float]:
    """Where it stands on the page, however far that is scrolled."""
    return part.evaluate("part => ({x: part.getBoundingClientRect().x, y: part.getBoundingClientRect().y + scrollY})")


def saved(page: Page, photo: Path, tmp_path: Path) -> Record:
    """Download the file; it has the photo's size and its light, whatever the model made. Gives its record."""
    path = download(page, tmp_path)
    result, original = Photo.open(path), Photo.open(photo)
    assert result.size == original.size
    assert result.rgb is not None
    difference = (result.lightness - original.lightness).abs()
    assert difference.max() <= 0.5
    assert difference.mean() <= 0.15
    return read_record(path)


@pytest.mark.browser
@WINDOWS
def test_a_description_colours_the_photo_in_variants_which_keep_its_light(
    browser: Browser, server: Server, photo: Path, tmp_path: Path, window: str
) -> None:
    with opened(browser, server, window) as page:
        enter(page, photo, "img2img")
        choose(page, "Start from", "The photo in gray")
        slider(page, "Variants").fill("2")
        run(page)  # the prompt may be empty
        wait_for_colour(page)
        assert not overflowing(page)
        choices, first = page.locator(".variants button.thumbnail-item"), after_picture(page).get_attribute("src")
        expect(choices).to_have_count(2)
        choices.nth(1).click()
        wait_for_new_source(after_picture(page), first)
        second = after_picture(page).get_attribute("src")
        slider(page, "Warmth").fill("0.5")
        wait_for_new_source(after_picture(page), second)
        record = saved(page, photo, tmp_path)
        assert record.options["start_from"] == "gray"
        expect(page.get_by_text(f"Seed {record.options['seed']}", exact=True)).to_be_visible()
        assert record.finish["warmth"] == 0.5


@pytest.mark.browser
@WINDOWS
def test_the_maps_that_the_model_was_shown_stand_beneath_the_result_and_move_nothing(
    browser: Browser, server: Server, photo: Path, tmp_path: Path, window: str
) -> None:
    with opened(browser, server, window) as page:
        enter(page, photo, "controlnet")
        choose(page, "Second control", "Line art")
        finish = page.get_by_role("heading", name=texts.FINISH).locator("visible=true")
        before = place(finish)
        run(page)
        wait_for_colour(page)
        expect(page.get_by_text(texts.MAPS).locator("visible=true")).to_be_visible()
        assert [image.get_attribute("alt") for image in maps(page).all()] == ["Depth", "Line art"]
        assert place(maps(page).first)["y"] > place(finish)["y"]
        assert not overflowing(page)
        coloured = after_picture(page).get_attribute("src")
        slider(page, "Colour strength").fill("0.5")
        wait_for_new_source(after_picture(page), coloured)
        expect(maps(page)).to_have_count(2)
        assert saved(page, photo, tmp_path).options["estimator"] == "dpt", "the one that is here"
        page.get_by_role("button", name=texts.TURN_LEFT).click()
        expect(page.locator(".maps")).to_have_count(0)
