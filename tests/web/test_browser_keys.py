"""Keys, focus, what is read aloud, and what can be saved, in headless Chromium."""

import io
import re
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, expect
from web_page import after_picture, choose, download, give, open_advanced, open_tab, result, wait_for_colour

from colorizers.picture.record import read_record

pytestmark = pytest.mark.browser
SLOW = "one tint Trivial · seconds"
EXPORTS = {
    "Before and after side by side (JPEG)": ("grandmother_unet_side_by_side.jpg", "JPEG", False, (643, 240)),
    "Wipe from before to after (GIF)": ("grandmother_unet_wipe.gif", "GIF", True, (320, 240)),
    "Wipe from before to after (WebP, smaller)": ("grandmother_unet_wipe.webp", "WEBP", True, (320, 240)),
}


@pytest.fixture
def colored(page: Page, photo: Path) -> Page:
    """The page with a photo in all colours."""
    give(page, photo)
    wait_for_colour(page)
    expect(result(page, "CNN")).to_be_visible()
    return page


def test_keys_act_from_the_picture_and_not_while_one_writes(colored: Page) -> None:
    expect(colored.get_by_role("group", name="Before and after").locator("visible=true")).to_be_focused()
    expect(colored.get_by_role("status").filter(has_text=re.compile("^Coloured in"))).to_be_visible()
    with colored.expect_download() as coming:
        colored.keyboard.press("s")
    assert coming.value.suggested_filename == "grandmother_unet.png"
    expect(colored.locator("#told")).to_have_text("Saved: grandmother_unet.png")
    colored.keyboard.press("?")
    listed = colored.get_by_role("dialog", name="Keyboard shortcuts")
    expect(listed).to_contain_text("Colours the photo")
    colored.keyboard.press("Escape")
    expect(listed).to_be_hidden()
    open_tab(colored, SLOW)
    open_advanced(colored)
    colored.get_by_label("Seed").locator("visible=true").fill("")
    colored.get_by_label("Seed").locator("visible=true").press_sequentially("s?")
    expect(colored.get_by_label("Seed").locator("visible=true")).to_have_value("s?")
    expect(listed).to_be_hidden()
    colored.get_by_label("Seed").locator("visible=true").fill("7")
    colored.locator(".stage").locator("visible=true").focus()
    colored.keyboard.press("Enter")
    wait_for_colour(colored)
    expect(after_picture(colored)).to_be_visible()


def test_each_kind_of_picture_is_saved_and_the_picture_is_copied(colored: Page, tmp_path: Path) -> None:
    colored.get_by_role("button", name="Save as").locator("visible=true").click()
    for label, (name, kind, moves, size) in EXPORTS.items():
        choose(colored, "File format", label)
        path = download(colored, tmp_path)
        with Image.open(path) as image:
            assert (path.name, image.format, getattr(image, "is_animated", False), image.size) == (
                name,
                kind,
                moves,
                size,
            )
        assert read_record(path).method == "unet"
    copy = colored.get_by_role("button", name="Copy to the clipboard").locator("visible=true")
    colored.context.grant_permissions(["clipboard-read", "clipboard-write"])
    copy.click()
    expect(
        colored.get_by_text("Copied as large as it is shown here: 320 × 240.").locator("visible=true")
    ).to_be_visible()
    copied = colored.evaluate(
        """async () => {
            const [item] = await navigator.clipboard.read();
            return [...new Uint8Array(await (await item.getType("image/png")).arrayBuffer())];
        }"""
    )
    assert Image.open(io.BytesIO(bytes(copied))).size == (320, 240)
    colored.evaluate("() => { navigator.clipboard.write = () => Promise.reject(new Error('refused')); }")
    copy.click()
    expect(
        colored.get_by_text("This browser does not let the page copy pictures").locator("visible=true")
    ).to_be_visible()
