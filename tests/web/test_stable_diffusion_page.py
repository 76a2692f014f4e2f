"""The tabs with Stable Diffusion as a visitor sees them, with tiny models; and what they say where there are none."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import gradio as gr
import numpy as np
import pytest
import tiny_models
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect
from web_page import (
    after_picture,
    choose,
    color,
    download,
    give,
    open_advanced,
    open_tab,
    opened,
    overflowing,
    slider,
    tab_name,
    wait_for_colour,
    wait_for_new_source,
)
from web_server import Server, running_server, settings

from colorizers.engine import make_engine
from colorizers.engine.jobs import JobRequest
from colorizers.errors import ColorizerError
from colorizers.methods.catalog import METHODS, REGISTRY
from colorizers.options import Control, controls
from colorizers.picture.photo import Photo
from colorizers.picture.record import Record, read_record
from colorizers.web.controls import offered
from colorizers.web.handlers import TabHandlers
from colorizers.web.strip import build_strip
from colorizers.web.tab import build_tab
from colorizers.weights import store as weights
from colorizers.weights.hub import HuggingFace
from colorizers.words import ENGLISH

pytestmark = pytest.mark.sd
WINDOWS = pytest.mark.parametrize("window", ["1440x900", "375x812"])
WITHOUT = "The weights sd15 (2134 MB) are not installed; get them with: colorizers weights download sd15."


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with tiny models for both tabs, but no MiDaS."""
    return tiny_models.save_all(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def server(models: Path) -> Iterator[Server]:
    with settings(weights_dir=models, cache_dir=models / "cache"), running_server() as running:
        yield running


@pytest.fixture
def photo(tmp_path: Path, gray_pixels: np.ndarray) -> Path:
    """A gray photo 150x110 on disk: no multiple of 8, and longer than wide."""
    path = tmp_path / "grandmother.png"
    Image.fromarray(gray_pixels).resize((150, 110)).save(path)
    return path


def enter(page: Page, photo: Path, method: str, steps: int = 3, model: str = "Stable Diffusion 1.5") -> None:
    """Bring a photo to a tab, choose the model that is tiny here, and make its runs short."""
    give(page, photo)
    wait_for_colour(page)
    open_tab(page, tab_name(METHODS[method].info))
    choose(page, "Model", model)
    open_advanced(page)
    expect(slider(page, "Working size")).to_have_value("512")  # what suits the model has come
    slider(page, "Steps").fill(str(steps))
    slider(page, "Working size").fill("256")


def run(page: Page) -> None:
    color(page)


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
        choose(page, "Start from", "The gray photo")
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
@pytest.mark.parametrize("window", ["1440x900"])
def test_the_maps_that_the_model_was_shown_stand_beneath_the_finish_and_move_nothing(
    browser: Browser, server: Server, photo: Path, tmp_path: Path, window: str
) -> None:
    with opened(browser, server, window) as page:
        enter(page, photo, "controlnet")
        choose(page, "Second control", "Line art")
        finish = page.get_by_role("heading", name="Adjust").locator("visible=true")
        before = place(finish)
        run(page)
        wait_for_colour(page)
        expect(page.get_by_text("Maps that guided the model").locator("visible=true")).to_be_visible()
        assert [image.get_attribute("alt") for image in maps(page).all()] == ["Depth", "Line art"]
        assert place(maps(page).first)["y"] > place(finish)["y"]
        if window.startswith("1440"):
            assert place(finish) == pytest.approx(before, abs=4)
        assert not overflowing(page)
        coloured = after_picture(page).get_attribute("src")
        slider(page, "Colour strength").fill("0.5")
        wait_for_new_source(after_picture(page), coloured)
        expect(maps(page)).to_have_count(2)
        assert saved(page, photo, tmp_path).options["estimator"] == "dpt", "the one that is here"
        page.get_by_role("button", name="↺ Turn left").click()
        expect(maps(page)).to_have_count(2)  # they turn with the photo


@pytest.mark.browser
def test_stop_at_a_step_leaves_the_tab_as_it_was_and_usable(
    browser: Browser, server: Server, photo: Path, tmp_path: Path
) -> None:
    with opened(browser, server) as page:
        enter(page, photo, "img2img", steps=100)
        slider(page, "Strength").fill("1")
        slider(page, "Variants").fill("10")
        run(page)
        expect(
            page.get_by_text(re.compile(r"^Step \d+ of 100, variant \d+ of 10")).locator("visible=true")
        ).to_be_visible()
        expect(after_picture(page)).to_be_visible()  # a preview of a step
        page.get_by_role("button", name="Stop", exact=True).click()
        expect(page.get_by_text("Stopped.")).to_be_visible()
        expect(after_picture(page)).to_have_count(0)
        slider(page, "Steps").fill("2")
        slider(page, "Variants").fill("1")
        run(page)
        wait_for_colour(page)
        saved(page, photo, tmp_path)


@pytest.mark.browser
def test_the_ends_of_what_can_be_asked_are_answered_in_plain_words(
    browser: Browser, server: Server, photo: Path, tmp_path: Path
) -> None:
    with opened(browser, server) as page:
        enter(page, photo, "img2img")
        prompt(page).fill("a red dog " * 200)
        expect(prompt(page)).to_have_value("a red dog " * 200)
        run(page)
        expect(refusal(page)).to_have_text("Prompt must be a text of at most 1000 characters.")
        prompt(page).fill("a red dog " * 99)
        run(page)
        expect(page.get_by_text("The prompt was cut after 75 tokens").locator("visible=true")).to_be_visible()
        slider(page, "Strength").fill("0")
        run(page)
        expect(page.get_by_text("At strength 0 nothing is changed").locator("visible=true")).to_be_visible()
        saved(page, photo, tmp_path)


@pytest.mark.browser
def test_two_visitors_on_both_tabs_at_once_get_their_own_pictures(
    browser: Browser, server: Server, photo: Path, tmp_path: Path
) -> None:
    other = tmp_path / "harbour.png"
    Image.linear_gradient("L").resize((90, 170)).save(other)
    with opened(browser, server) as one, opened(browser, server) as two:
        enter(one, photo, "img2img")
        enter(two, other, "controlnet")
        for page in (one, two):
            run(page)
        for page, path, method in ((one, photo, "img2img"), (two, other, "controlnet")):
            wait_for_colour(page)
            assert saved(page, path, tmp_path).method == method


@pytest.mark.browser
@pytest.mark.parametrize("window", ["375x812"])
def test_without_weights_the_tabs_say_how_to_get_them_and_work_after_a_reload_once_they_are_here(
    browser: Browser, models: Path, photo: Path, tmp_path: Path, window: str
) -> None:
    here = tmp_path / "here"
    here.mkdir()
    with (
        settings(weights_dir=here, cache_dir=here),
        running_server() as server,
        opened(browser, server, window) as page,
    ):
        give(page, photo)
        wait_for_colour(page)  # the first tab needs none of them
        lacks = "The weights sd15 (2134 MB), controlnet_depth (723 MB), midas (493 MB) are not installed; "
        for method, sentence in (("controlnet", lacks), ("img2img", WITHOUT)):
            open_tab(page, tab_name(METHODS[method].info))
            choose(page, "Model", "Stable Diffusion 1.5 (not installed)")
            if method == "controlnet":  # what suits the model has come
                expect(page.get_by_label("Control by").locator("visible=true")).to_have_value("Depth")
            assert not overflowing(page)
            run(page)
            expect(refusal(page)).to_contain_text(sentence)
        (here / "stable_diffusion_sd15").symlink_to(models / "stable_diffusion_sd15")
        page.reload()
        page.locator("#upload input[type=file]").wait_for(state="attached")
        enter(page, photo, "img2img")
        run(page)
        wait_for_colour(page)


@pytest.mark.browser
@pytest.mark.parametrize("method", ["img2img", "controlnet"])
def test_on_a_bare_machine_the_small_model_colours_the_photo_and_keeps_its_light(
    browser: Browser, photo: Path, tmp_path: Path, method: str
) -> None:
    with (
        settings(cache_dir=tmp_path, public=True),  # where there is no safety checker either
        running_server() as server,
        opened(browser, server) as page,
    ):
        give(page, photo)
        wait_for_colour(page)
        open_tab(page, tab_name(METHODS[method].info))
        prompt(page).fill("warm sunset, orange light")
        run(page)
        wait_for_colour(page)
        record = saved(page, photo, tmp_path)
        assert record.options["weights"] == "small"
        assert "stable_diffusion/small/unet" in record.weights


def notes(method: str) -> str:
    """What the tab of a method says beforehand."""
    engine = make_engine(METHODS)
    with gr.Blocks():
        info = METHODS[method].info
        view, strip = build_tab(info, engine.weights(), ENGLISH), build_strip([info], ENGLISH)
        return TabHandlers(engine, info, view, strip).beforehand()


def test_a_visitor_without_a_gpu_is_told_beforehand_what_is_slow(models: Path) -> None:
    with settings(weights_dir=models, device="cpu"):
        slow = [name for name in ("unet", "img2img", "controlnet") if "There is no GPU here" in notes(name)]
    assert slow == ["img2img", "controlnet"]


def test_in_public_large_models_paint_nothing_without_a_safety_checker(
    models: Path, tmp_path: Path, gray_photo: Photo
) -> None:
    with settings(weights_dir=models, cache_dir=tmp_path, public=True), pytest.raises(ColorizerError) as caught:
        make_engine().results(JobRequest(gray_photo, "img2img", {"weights": "sd15"}))
    said = str(caught.value.for_visitors)
    assert said == "The weights safety_checker (608 MB) are not installed; ask the owner of this server for them."


@pytest.fixture
def none_given(models: Path, tmp_path: Path) -> Iterator[None]:
    """The tiny models are here, and none of the user's own was given."""
    with settings(weights_dir=models, cache_dir=tmp_path):
        yield


def option(method: str, name: str) -> Control:
    """An option as the page offers it."""
    state = make_engine(METHODS).weights()
    entries = controls(METHODS[method].info.options)
    return next(offered(entry, method, state, ENGLISH) for entry in entries if entry.name == name)


@pytest.mark.usefixtures("none_given")
def test_choices_that_are_weights_are_marked_where_they_are_not_here_and_others_always_stand(models: Path) -> None:
    sampler = option("img2img", "sampler")
    assert sampler.labels[-1] == "LCM, 4 to 8 steps"
    assert option("img2img", "caption").choices == ("none", "blip")
    assert option("img2img", "caption").labels[1].endswith("(not installed)")
    assert option("controlnet", "estimator").default == "dpt"
    with settings(weights_dir=models, cache_dir=models, public=True):
        assert option("img2img", "caption").choices == ("none",)
        assert option("img2img", "sampler").choices == sampler.choices
        assert option("controlnet", "estimator").choices == ("dpt",)


@pytest.mark.usefixtures("none_given")
def test_a_model_of_ones_own_is_offered_and_the_default_where_one_was_given(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = option("img2img", "weights")
    assert (model.choices, model.default) == (("small", "sd15", "sd14"), "small")
    (tmp_path / "stable_diffusion_own").symlink_to(models / "stable_diffusion_sd14")
    with settings(weights_dir=tmp_path, cache_dir=models):
        model = option("img2img", "weights")
        assert (model.choices, model.default) == (("small", "sd15", "sd14", "own"), "own")
    hub = replace(REGISTRY[weights.OWN], hub=HuggingFace("somebody/something"), flag="--model")
    monkeypatch.setitem(REGISTRY, weights.OWN, hub)
    model = option("img2img", "weights")
    assert model.default == "small"
    assert model.labels[3].endswith("(not installed)")
    assert model.help.endswith("colorizers weights download --model somebody/something.")
