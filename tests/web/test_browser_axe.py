"""axe-core on the page: nothing serious in any state, light and dark, on a phone, and in high contrast."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, expect
from web_page import color, download, give, open_advanced, open_tab, opened, result, slider, tab_name, wait_for_colour
from web_server import Server

from colorizers.methods.catalog import METHODS

pytestmark = pytest.mark.browser
SERIOUS = ("serious", "critical")
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"], "resultTypes": ["violations"]}
DESKTOP, PHONE = {"width": 1440, "height": 900}, {"width": 375, "height": 812}
LOOKS = {
    "light": {"color_scheme": "light", "forced_colors": "none"},
    "dark": {"color_scheme": "dark", "forced_colors": "none"},
    "high contrast": {"color_scheme": "light", "forced_colors": "active"},
    "phone": {"color_scheme": "light", "forced_colors": "none"},
}
EVERY = tuple(LOOKS)
EXAMINED = {"light": 14, "dark": 11, "high contrast": 6, "phone": 11}  # states; 42 together
TABS = {"adain": "light", "style": "dark", "img2img": "light", "controlnet": "dark"}  # the others have less of the same
TRIVIAL = "one tint Trivial · seconds"
SETTLED = """async () => {
    await new Promise(requestAnimationFrame);
    document.querySelectorAll(".side").forEach((side) => (side.scrollTop = 0)); // nothing lies half under the buttons
    const ending = document.getAnimations().filter((one) => one.effect.getComputedTiming().endTime < Infinity);
    await Promise.allSettled(ending.map((one) => one.finished));
}"""


def button(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=name).locator("visible=true").first


def states(page: Page, photo: Path, folder: Path) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Walk through the states of the page; gives each with the looks in which it is to be examined."""
    expect(page.get_by_text("GAN has the settings that you asked for.")).to_be_visible()
    yield "start with settings from a link", EVERY
    button(page, "Close").click()
    give(page, photo)
    wait_for_colour(page)
    expect(result(page, "CNN")).to_be_visible()
    yield "photo", EVERY
    made = download(page, folder)
    about = page.locator(".about summary").locator("visible=true")
    about.click()
    yield "about a method", ("light", "phone")
    about.click()
    for method, look in TABS.items():
        page.locator(f'[role="tab"][data-tab-id="{method}"]').click()
        open_advanced(page)
        yield f"tab {method}", (look,)
    open_tab(page, TRIVIAL)
    slider(page, "Variants").fill("3")
    color(page)
    wait_for_colour(page)
    yield "variants", ("light", "phone")
    open_advanced(page)
    page.get_by_label("Seed").locator("visible=true").fill("nine")
    color(page)
    expect(page.get_by_role("alert").locator("visible=true")).to_be_visible()
    yield "mistake", ("light", "dark")
    open_tab(page, tab_name(METHODS["unet"].info))
    button(page, "Colour hints").click()
    page.locator(".hints-surface").click(position={"x": 60, "y": 60})
    expect(page.locator(".swatches button").nth(1)).to_be_visible()  # how many there are depends on the place
    yield "hints with a palette", EVERY
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    button(page, "Save as").click()
    yield "what can be saved", ("light", "phone")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    yield "shortcuts", ("light", "dark")
    page.keyboard.press("Escape")
    page.get_by_role("tab", name="Compare all results").click()
    expect(page.locator(".cards li").nth(3)).to_be_visible()
    yield "compare", EVERY
    button(page, "History").click()
    page.locator("#history .results button").first.click()
    yield "history", EVERY
    page.keyboard.press("Escape")
    give(page, made)
    expect(button(page, "Use its settings")).to_be_visible()
    yield "a picture made here", ("light", "phone")
    button(page, "Close").click()
    button(page, "Another photo").click()
    yield "start with history", ("dark", "phone")
    page.locator("#batch-upload input[type=file]").set_input_files([photo, made])
    button(page, "Colour all").click()
    expect(page.get_by_text("2 of 2 coloured, 0 failed.")).to_be_visible()
    yield "batch", EVERY


def show(page: Page, look: str) -> None:
    """Give the page a look, and wait until it has it."""
    page.set_viewport_size(PHONE if look == "phone" else DESKTOP)
    page.emulate_media(**LOOKS[look])
    page.wait_for_function("(dark) => document.body.matches('.dark') === dark", arg=look == "dark")
    page.evaluate(SETTLED)


@pytest.mark.parametrize("look", LOOKS)
def test_axe_finds_nothing_serious_in_any_state(
    request: pytest.FixtureRequest, browser: Browser, server: Server, photo: Path, tmp_path: Path, look: str
) -> None:
    if not request.config.getoption("--full"):
        pytest.skip("takes minutes: make test-full runs it")
    examined, found = 0, []
    with opened(browser, server, path="/#method=gan&vividness=0.9") as page:
        for state, looks in states(page, photo, tmp_path):
            if look in looks:
                show(page, look)
                examined += 1
                for violation in Axe().run(page, options=RULES).response["violations"]:
                    places = [" ".join(map(str, node["target"])) for node in violation["nodes"]]
                    if violation["impact"] in SERIOUS:
                        found.append(f"{state}: {violation['id']} at {', '.join(places)}")
                show(page, "light")
    assert found == []
    assert examined == EXAMINED[look]
