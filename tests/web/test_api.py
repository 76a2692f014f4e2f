"""Endpoints for many pictures, the examples of docs/api.md, and the tools of an MCP server."""

import asyncio
import base64
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from conftest import encoded
from gradio_client import Client, handle_file
from mcp import ClientSession
from mcp.client.streamable_http import streamablehttp_client
from mcp.types import CallToolResult
from PIL import Image
from playwright.sync_api import Browser
from web_server import Server, running_server, settings

from colorizers.methods.catalog import METHODS
from colorizers.picture.photo import Photo
from colorizers.settings import PROJECT, get_settings

EXAMPLES = dict(re.findall(r"```(python|sh|js)\n(.*?)```", (PROJECT / "docs" / "api.md").read_text(), re.DOTALL))
WRITTEN = "http://127.0.0.1:7860"  # where the server of the examples is


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """The app, which is an MCP server too."""
    with settings(mcp=1), running_server() as running:
        yield running


@pytest.fixture
def album(tmp_path: Path, gray_pixels: np.ndarray) -> Path:
    """A folder with a gray photo 64x48 and a letter."""
    Image.fromarray(gray_pixels).save(tmp_path / "portrait.jpg")
    (tmp_path / "letter.txt").write_text("Dear Sir or Madam")
    return tmp_path


def test_compare_gives_a_photo_in_the_colours_of_every_row(client: Client, album: Path):
    rows = [{"method": "unet", "finish": {"color_strength": 0}}, {"method": "gan", "options": {"vividness": 0.9}}]
    files, records = client.predict(handle_file(album / "portrait.jpg"), json.dumps(rows), api_name="/compare")
    assert [record["method"] for record in records] == ["unet", "gan"]
    assert records[1]["options"]["vividness"] == 0.9
    gray, colored = (np.asarray(Image.open(file)).astype(int) for file in files)
    assert np.ptp(gray, axis=-1).max() == 0
    assert np.ptp(colored, axis=-1).max() > 5


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ("[]", "rows_json must be a JSON list of at most 12 objects"),
        ("{}", "rows_json must be a JSON list"),
        (json.dumps([{"method": "unet"}] * 13), "rows_json must be a JSON list"),
        ('[{"method": "unet", "weights": "x"}]', "Each row names a method"),
        ('[{"method": "unet"}, {"method": "dall-e"}]', "There is no method"),
        ('[{"method": "unet", "options": {"vividness": 3}}]', "Vividness must be a number from 0 to 1"),
    ],
)
def test_compare_says_what_is_wrong_with_a_row(client: Client, album: Path, rows: str, sentence: str):
    with pytest.raises(Exception, match=sentence):
        client.predict(handle_file(album / "portrait.jpg"), rows, api_name="/compare")


def test_batch_colours_what_can_be_and_says_of_the_rest_why_not(client: Client, album: Path):
    photos = [handle_file(album / name) for name in ("letter.txt", "portrait.jpg")]
    files, told = client.predict(photos, "unet", '{"vividness": 0.6}', '{"warmth": 0.2}', api_name="/batch")
    assert [Path(file).name for file in files] == ["portrait_unet.png"]
    assert [entry["name"] for entry in told] == ["letter.txt", "portrait.jpg"]
    assert told[0]["error"].startswith("letter.txt ")
    assert (told[1]["record"]["options"]["vividness"], told[1]["record"]["finish"]["warmth"]) == (0.6, 0.2)


def test_batch_ends_at_a_mistake_that_would_meet_every_photo(client: Client, album: Path):
    with pytest.raises(Exception, match=r"Unknown option .*colour"):
        client.predict([handle_file(album / "portrait.jpg")], "unet", '{"colour": 1}', api_name="/batch")
    with pytest.raises(Exception, match="Give 1 to 100 photos"):
        client.predict([], "unet", api_name="/batch")


def test_a_program_chooses_the_format_of_the_files(client: Client, album: Path):
    photo = handle_file(album / "portrait.jpg")
    files, _ = client.predict(photo, format="jpeg", api_name="/colorize_unet")
    assert (Path(files[0]).name, Image.open(files[0]).format) == ("portrait_unet.jpg", "JPEG")
    with pytest.raises(Exception, match="format must be one of png, jpeg, webp, tiff"):
        client.predict(photo, "unet", format="gif", api_name="/colorize")


def test_finish_takes_the_colours_of_a_picture_and_the_light_of_the_photo(client: Client, album: Path):
    photo = Photo.open(album / "portrait.jpg")
    Image.new("RGB", (20, 15), (200, 60, 40)).save(album / "red.png")
    file = client.predict(
        handle_file(album / "portrait.jpg"), handle_file(album / "red.png"), '{"color_strength": 0.5}',
        api_name="/finish",
    )  # fmt: skip
    red = Photo.open(file)
    assert red.size == photo.size
    assert (red.lightness - photo.lightness).abs().mean() < 0.2
    assert (red.rgb[..., 0].astype(int) - red.rgb[..., 2]).mean() > 10
    assert b"compositeWithTrainedAlgorithmicMedia" in Path(file).read_bytes()


def test_methods_tells_every_method_and_its_options(client: Client):
    told = {entry["name"]: entry for entry in client.predict(api_name="/methods")}
    assert told.keys() >= METHODS.keys()
    (vividness,) = (option for option in told["unet"]["options"] if option["name"] == "vividness")
    assert (vividness["kind"], vividness["default"], vividness["high"]) == ("float", 0.5, 1)
    assert told["unet"]["missing_weights"] == []
    assert told["style"]["options"][0]["required"]


# The examples


def test_the_example_in_python_runs(server: Server, album: Path):
    done = subprocess.run(
        [sys.executable, "-c", EXAMPLES["python"].replace(WRITTEN, server.url)],
        cwd=album, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "letter.txt" in done.stdout


def test_the_example_with_curl_runs(server: Server, album: Path):
    subprocess.run(["sh", "-ec", EXAMPLES["sh"].replace(WRITTEN, server.url)], cwd=album, timeout=120, check=True)
    coloured = Photo.open(album / "portrait_unet.png")
    assert coloured.rgb is not None
    assert coloured.size == (64, 48)


@pytest.mark.browser
def test_the_example_in_javascript_runs(server: Server, album: Path, browser: Browser):
    page = browser.new_page()
    page.goto(f"{server.url}/healthz")
    page.add_script_tag(content=EXAMPLES["js"].replace(WRITTEN, server.url))
    picture = base64.b64encode((album / "portrait.jpg").read_bytes()).decode()
    answer = page.evaluate(
        """async (picture) => {
            const bytes = Uint8Array.from(atob(picture), (letter) => letter.charCodeAt(0));
            return await colorize(new File([bytes], "portrait.jpg"), { vividness: 0.7 });
        }""",
        picture,
    )
    page.close()
    assert answer["url"].endswith("portrait_unet.png")
    assert answer["record"]["options"]["vividness"] == 0.7


# MCP


def use(server: Server, tool: str, **arguments: object) -> CallToolResult:
    """What a tool of the server answers."""

    async def session() -> CallToolResult:
        place = f"{server.url}/gradio_api/mcp/"
        async with streamablehttp_client(place) as (read, write, _), ClientSession(read, write) as running:
            await running.initialize()
            names = {each.name for each in (await running.list_tools()).tools}
            (name,) = (name for name in names if name.endswith(tool))
            return await running.call_tool(name, arguments)

    with ThreadPoolExecutor(1) as apart:  # the browser has a running loop in this thread
        return apart.submit(asyncio.run, session()).result()


def test_an_assistant_can_colour_a_photo(server: Server, gray_pixels: np.ndarray):
    picture = base64.b64encode(encoded(Image.fromarray(gray_pixels))).decode()
    answer = use(server, "colorize_unet", photo=f"data:image/png;base64,{picture}", vividness=0.7)
    assert not answer.isError
    assert '"vividness": 0.7' in answer.model_dump_json().replace("'", '"').replace('\\"', '"')
    assert "_unet.png" in answer.model_dump_json()


@pytest.mark.parametrize("photo", ["/etc/passwd", "file:///etc/passwd", "http://127.0.0.1:9/photo.png"])
def test_an_assistant_can_have_no_file_of_the_server_or_its_network(server: Server, photo: str):
    assert use(server, "colorize_unet", photo=photo).isError


def test_without_the_setting_there_is_no_mcp_server():
    assert not get_settings().model_fields["mcp"].default
