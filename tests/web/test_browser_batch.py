"""Many photos at once, in headless Chromium."""

import re
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect
from web_page import give, overflowing, slider, wait_for_colour
from web_server import Server

from colorizers.picture.record import read_record

pytestmark = pytest.mark.browser


@pytest.fixture
def six(tmp_path: Path, gray_pixels: np.ndarray) -> list[Path]:
    """Five photos, and one file that is none."""
    paths = [tmp_path / f"photo {k}.png" for k in range(6)]
    for k, path in enumerate(paths):
        Image.fromarray(np.roll(gray_pixels, 8 * k, 1)).save(path)
    paths[2].write_bytes(b"a letter, not a picture")
    return paths


def send(page: Page, paths: list[Path]) -> None:
    page.locator("#batch-upload input[type=file]").set_input_files(paths)
    expect(page.locator(".batch li").first).to_be_visible()


def download_zip(page: Page) -> zipfile.ZipFile:
    with page.expect_download() as coming:
        page.get_by_role("button", name="Download all (zip)").click()
    return zipfile.ZipFile(coming.value.path())


@pytest.mark.parametrize("page", ["1440x900", "375x812"], indirect=True)
def test_six_files_of_which_one_is_broken_give_five_results_and_one_error_beside_its_file(
    page: Page, six: list[Path], tmp_path: Path
) -> None:
    send(page, six)
    expect(page.locator(".batch li")).to_have_count(6)
    slider(page, "Saturation").fill("1.5")
    controls = page.locator(".batch-side .form").first
    top = controls.bounding_box()["y"]
    page.get_by_role("button", name="Colour all").click()
    expect(page.get_by_text("5 of 6 coloured, 1 failed.")).to_be_visible()
    assert controls.bounding_box()["y"] == pytest.approx(top, abs=1), "nothing jumps"
    expect(page.get_by_role("button", name="Colour all again")).to_have_class(re.compile("secondary"))
    expect(page.get_by_role("button", name="Download all (zip)")).to_have_class(re.compile("primary"))
    expect(page.locator(".batch img")).to_have_count(5)
    expect(page.locator(".batch .problem")).to_have_count(1)
    expect(page.locator(".batch li").filter(has_text="photo 2.png")).to_contain_text(
        "is not a picture that can be read"
    )
    assert not overflowing(page)
    with download_zip(page) as archive:
        assert sorted(archive.namelist()) == [f"photo {k}.png" for k in (0, 1, 3, 4, 5)]
        record = read_record(Path(archive.extract("photo 5.png", tmp_path / "out")))
    assert record.method == "unet"
    assert record.finish["saturation"] == 1.5
    page.get_by_role("button", name="Another photo").locator("visible=true").click()
    give(page, six[0])
    wait_for_colour(page)
    expect(page.locator("#batch")).to_be_hidden()


def test_a_zip_is_stopped_goes_on_and_keeps_its_folders(page: Page, server: Server, six: list[Path]) -> None:
    album = six[0].with_name("album.zip")
    with zipfile.ZipFile(album, "w") as archive:
        for k, path in enumerate(six[:2]):
            archive.write(path, f"shoebox/192{k}/{path.name}")
    send(page, [album])
    page.get_by_label("Method").locator("visible=true").click()
    page.get_by_role("option", name="Trivial").click()
    server.gate.hold()
    page.get_by_role("button", name="Colour all").click()
    expect(page.get_by_text(re.compile("Photo 1 of 2: shoebox/1920/photo 0.png"))).to_be_visible()
    page.locator("#batch").get_by_role("button", name="Stop").click()
    expect(page.get_by_text("0 of 2 coloured, 0 failed.")).to_be_visible()
    server.gate.open()
    page.get_by_role("button", name="Colour all").click()
    expect(page.get_by_text("2 of 2 coloured, 0 failed.")).to_be_visible()
    with download_zip(page) as archive:
        assert archive.namelist() == ["shoebox/1920/photo 0.png", "shoebox/1921/photo 1.png"]


def test_several_files_dropped_anywhere_are_a_batch(page: Page, six: list[Path]) -> None:
    page.evaluate(
        """(names) => {
            const dataTransfer = new DataTransfer();
            names.forEach((name) => dataTransfer.items.add(new File(["x"], name, { type: "image/png" })));
            document.querySelector("#upload").dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true }));
        }""",
        [path.name for path in six[:2]],
    )
    expect(page.locator(".batch li")).to_have_count(2)
