"""A running page, a browser and a photo."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from gradio_client import Client
from PIL import Image
from playwright.sync_api import Browser, Page
from web_page import (
    chromium,
    opened,
)
from web_server import Server, running_server

from colorizers.web.session import Session
from colorizers.web.shown import Source


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    with running_server() as running:
        yield running


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[Client]:
    """A program that uses the server."""
    running = Client(server.url, verbose=False)
    yield running
    running.close()


@pytest.fixture
def session(tmp_path: Path, gray_pixels: np.ndarray) -> Session:
    """A visitor's page with a photo on it."""
    path = tmp_path / "grandmother.png"
    Image.fromarray(gray_pixels).save(path)
    visitor = Session()
    visitor.use(Source(path))
    return visitor


@pytest.fixture(scope="session")
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
