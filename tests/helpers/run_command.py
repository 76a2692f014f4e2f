"""The command line, called in this process or in one of its own."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from colorizers.__main__ import main
from colorizers.picture.photo import Photo
from colorizers.picture.record import PNG_KEY
from colorizers.settings import PROJECT


def command(*words: object) -> int:
    """The exit code of a command."""
    try:
        return main([str(word) for word in words])
    except SystemExit as stop:
        return int(stop.code or 0)


def start(*words: object) -> subprocess.Popen[str]:
    """The command in a process of its own."""
    line = [sys.executable, "-m", "colorizers", *map(str, words)]
    return subprocess.Popen(line, cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict]:
    """The JSON lines that were written; nothing else is in the standard output."""
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image)


def written(path: Path) -> tuple[int, int]:
    """Which file it is and when it was written: the same as long as nobody writes it anew."""
    stat = path.stat()
    return stat.st_ino, stat.st_mtime_ns


def refused(capsys: pytest.CaptureFixture[str], *words: object, name: str = "colorize") -> str:
    """The one sentence with which a command refuses, exit code 2."""
    capsys.readouterr()
    assert command(name, *words) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert said.err.endswith(".\n")
    return said.err


def with_record(photo: Path, **values: object) -> None:
    """first.png in the current folder, with a record of the U-Net's defaults but for these values."""
    usual = {"method": "unet", "options": {}, "finish": {}, "input_sha256": Photo.open(photo).sha256}
    text = PngInfo()
    text.add_text(PNG_KEY, json.dumps(usual | values))
    Image.new("RGB", (2, 2)).save("first.png", pnginfo=text)
