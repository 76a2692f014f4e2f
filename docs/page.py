"""Makes docs/page.jpg: the page in a browser, after every quick method has coloured one of its examples.

python docs/page.py    (needs Chromium or Google Chrome, a font with Chinese characters, and `pip install '.[test]'`)
"""

import shutil
import sys
from pathlib import Path

from playwright.sync_api import expect, sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from colorizers.web import serve

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
EXAMPLE = "Mountains"
WIDTH, HEIGHT = 1280, 860
PATIENCE = 120_000  # milliseconds


def main() -> None:
    """Serve the page, colour, take the picture."""
    page = serve()
    browser_path = next(path for name in BROWSERS if (path := shutil.which(name)))
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox"])
            tab = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
            tab.goto(page.local_url)
            tab.locator("#examples button").filter(has_text=EXAMPLE).click()
            expect(tab.get_by_text("Coloured in").first).to_be_visible(timeout=PATIENCE)
            expect(tab.get_by_role("button", name="Stop the rest")).to_be_hidden(timeout=PATIENCE)
            tab.wait_for_function("[...document.images].every(image => image.complete)")
            tab.screenshot(path=Path(__file__).with_suffix(".jpg"), type="jpeg", quality=85)
            browser.close()
    finally:
        page.close()


if __name__ == "__main__":
    main()
