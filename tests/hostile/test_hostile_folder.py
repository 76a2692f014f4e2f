"""A folder of hostile files and names on the command line."""

import json
import re
from pathlib import Path

import pytest
from hostile_files import CHOSEN, FILES, NAMES, OPENED, good
from run_command import command

FITS = re.compile(r"(?!\.|.*[/\0\ud800]).{1,255}", re.DOTALL)  # of a file that is not hidden


def test_a_folder_of_hostile_files_is_gone_through(tmp_path: Path, trivial: None, capfd: pytest.CaptureFixture[str]):
    box, out = tmp_path / "box", tmp_path / "out"
    box.mkdir()
    files = {box / f"{k:02}.png": FILES[name]() for k, name in enumerate(CHOSEN)}
    named = {box / name: good() for name in NAMES if FITS.fullmatch(name)}
    for path, data in {**files, **named}.items():
        path.write_bytes(data)
    assert command("colorize", box, "-m", "trivial", "--format", "webp", "-o", out, "--json") == 2
    said, errors = capfd.readouterr()
    told = {Path(line["photo"]): line for line in map(json.loads, said.splitlines())}
    for path, name in zip(files, CHOSEN, strict=True):
        line = told[path]
        assert (line["state"] == "colored") == (name in OPENED)
        assert name in OPENED or (line["error"].endswith(".") and line["error"].isprintable())
    opened = len({*CHOSEN} & {*OPENED})
    coloured = len(told) - len(CHOSEN) + opened
    assert errors == f"{coloured} of {len(told)} photos coloured; failed: {len(CHOSEN) - opened}\n", "no library speaks"
    assert len([*out.iterdir()]) == opened + len({path.stem for path in told if path in named})
