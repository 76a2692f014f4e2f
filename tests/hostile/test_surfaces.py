"""Hostile files through the command line and the server: one sentence each, and the good photos among them are coloured."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from hostile_files import FILES, NAMES, good
from run_command import start
from web_server import Server, running_server

CHOSEN = (
    "PNG, cut at 0.5", "PNG, wrong CRC of the header", "PNG, 60000x60000", "PNG, a profile that is none",
    "PNG with 80 MB of text in parts", "PNG of 40,000,000x1", "JPEG, without C4", "JPEG, EXIF: orientation twice",
    "JPEG, many pictures, none of them there", "TIFF, compression 4", "TIFF, samples 65535", "TIFF, infinity",
    "TIFF, a directory that follows itself", "TIFF, 65,535 entries", "TIFF of 2,000,000 strips", "WEBP, a canvas without end",
    "BMP of nothing but ends of lines", "AVIF, 60,000x60,000", "GIF, animated", "nothing", "SVG that reads a file", "PostScript",
    "a Git LFS pointer", "a pickle",
)  # fmt: skip


def test_a_folder_of_hostile_files_is_gone_through(tmp_path: Path):
    folder = tmp_path / "box"
    folder.mkdir()
    for k, name in enumerate(CHOSEN):
        (folder / f"{k:02}.png").write_bytes(FILES[name]())
    fitting = [
        name for name in NAMES if 0 < len(name.encode("utf-8", "surrogatepass")) < 256 and not {*"/\0"} & {*name}
    ]
    for name in fitting:
        if "\ud800" not in name and name not in ("...", " "):
            (folder / name).write_bytes(good())
    done = start("colorize", folder, "-o", tmp_path / "out", "--json")
    said, errors = done.communicate(timeout=120)
    assert done.returncode == 2
    assert "Traceback" not in errors
    told = {Path(line["photo"]).name: line for line in map(json.loads, said.splitlines())}
    print(errors)
