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

from colorizers import colorize
from colorizers.methods.catalog import METHODS
from colorizers.picture.finish import LOOKS, Finish
from colorizers.picture.photo import Photo
from colorizers.picture.record import read_record

pytestmark = pytest.mark.browser


@pytest.fixture
def colored(page: Page, photo: Path) -> Page:
    """The page with a photo in all colours."""
    return colored_page(page, photo)


def colored_page(page: Page, photo: Path) -> Page:
    give(page, photo)
    wait_for_colour(page)
    expect(page.get_by_role("button", name="Keep for comparing")).to_be_visible()  # all methods are done
    return page


HAS_IN_RECORD = """async (words) => {
    const after = [...document.querySelectorAll('img[alt^="After: "]')].find((image) => image.checkVisibility());
    return after && RegExp(words).test(await (await fetch(after.src)).text());
}"""


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


# What comes back


def test_a_result_comes_back_after_a_reload_and_brings_its_settings(colored: Page) -> None:
    expect(button(colored, "Keep for comparing")).to_be_visible()  # all methods are done
    button(colored, "Cool").click()
    expect(slider(colored, "Warmth")).to_have_value(str(LOOKS["cool"]["warmth"]))
    expect(button(colored, "History")).to_be_visible()
    wait_for_kept(colored, "warmth", LOOKS["cool"]["warmth"])
    colored.reload()
    colored.locator("#start .kept").get_by_role("button", name="U-Net, grandmother.png").click()
    window = colored.get_by_role("dialog", name="Your results")
    expect(window.locator("figure img")).to_be_visible()
    with colored.expect_download() as coming:
        window.get_by_role("link", name="Download this preview").click()
    assert read_record(coming.value.path()).finish == Finish(**LOOKS["cool"]).model_dump()
    window.get_by_role("button", name="Use its settings").click()
    expect(colored.get_by_text("U-Net has the settings that you asked for.")).to_be_visible()
    colored.locator("#examples button").first.click()
    expect(slider(colored, "Warmth")).to_have_value(str(LOOKS["cool"]["warmth"]))
    button(colored, "History").click()
    window.get_by_role("button", name="Clear the history").click()
    expect(button(colored, "History")).to_be_visible()  # as the question was not answered with yes
    colored.once("dialog", lambda question: question.accept())
    window.get_by_role("button", name="Clear the history").click()
    expect(button(colored, "History")).to_have_count(0)


def wait_for_kept(page: Page, name: str, value: float) -> None:
    """Until the browser has kept a result with this value in its record's finish."""
    page.evaluate(
        """async ([name, value]) => {
            const answered = (request) => new Promise((resolve) => (request.onsuccess = () => resolve(request.result)));
            const database = await answered(indexedDB.open("colorizers", 1));
            const kept = () => answered(database.transaction("results").objectStore("results").getAll());
            const there = async () => (await kept()).some((one) => JSON.parse(one.record).finish[name] === value);
            while (!(await there())) await new Promise(requestAnimationFrame);
            database.close();
        }""",
        [name, value],
    )


def test_a_picture_made_here_brings_its_settings_or_is_coloured_anew(
    colored: Page, photo: Path, tmp_path: Path
) -> None:
    made = tmp_path / "made.png"
    colorize(photo, "gan", vividness=0.9, finish={"saturation": 0.6})[0].save(made)
    give(colored, made)
    expect(colored.get_by_text("made.png was coloured here before, by GAN.")).to_be_visible()
    button(colored, "Use its settings").click()
    expect(colored.get_by_role("tab", selected=True)).to_have_text(tab_name(METHODS["gan"].info))
    expect(slider(colored, "Vividness")).to_have_value("0.9")
    expect(slider(colored, "Saturation")).to_have_value("0.6")
    colored.wait_for_function(HAS_IN_RECORD, arg="vividness.{1,7}:0.9,")  # not the colours that the tab had before
    again = read_record(download(colored, tmp_path))
    assert (again.options["vividness"], again.finish["saturation"]) == (0.9, 0.6)
    assert again.input_sha256 == Photo.open(photo).sha256
    give(colored, made)
    button(colored, "Colour it anew").click()
    expect(colored.locator("#photo-card")).to_contain_text("made.png")
    button(colored, "Photo before").click()
    expect(colored.locator("#photo-card")).to_contain_text("grandmother.png")
    expect(after_picture(colored)).to_be_visible()
    button(colored, "Another photo").click()
    button(colored, "← Back to your photo").click()
    expect(after_picture(colored)).to_be_visible()


def test_a_file_has_what_the_sliders_say_although_the_picture_is_behind_them(colored: Page, tmp_path: Path) -> None:
    for strength in (0.2, 1.8, 0.5):
        slider(colored, "Colour strength").fill(str(strength))
    assert read_record(download(colored, tmp_path)).finish["color_strength"] == 0.5


def test_settings_stand_in_the_address_and_come_back_from_it(page: Page, photo: Path) -> None:
    page.goto(page.url + "#method=gan&vividness=0.6&saturation=nan&warmth=0.25&magic=1")
    page.reload()
    expect(page.get_by_text("but for what is not known here: saturation, magic.")).to_be_visible()
    colored_page(page, photo)
    expect(page.get_by_role("tab", selected=True)).to_have_text(tab_name(METHODS["gan"].info))
    expect(slider(page, "Vividness")).to_have_value("0.6")
    expect(slider(page, "Warmth")).to_have_value("0.25")
    slider(page, "Saturation").fill("2")
    button(page, "Copy link to these settings").click()
    expect(page.get_by_text("The link is in the address bar now")).to_be_visible()
    page.wait_for_url("**#method=gan&vividness=0.6&saturation=2*")
