"""Folders at addresses that fsspec knows, in this process: the same results as those of folders, and where they go."""

import zipfile
from collections.abc import Iterator
from pathlib import Path

import fsspec
import numpy as np
import pytest
from PIL import Image
from run_command import command, lines, pixels, refused, written
from trivial_method import TrivialMethod

from colorizers.methods.catalog import METHODS
from colorizers.picture.record import read_record
from colorizers.settings import get_settings

BUCKET = "memory://bucket/color"


@pytest.fixture
def box(family: Path) -> str:
    """The address of the family's folder."""
    return f"file://{family.resolve()}"


@pytest.fixture
def bucket() -> Iterator[fsspec.AbstractFileSystem]:
    """A store of files in memory, empty."""
    system = fsspec.filesystem("memory")
    yield system
    system.rm("/", recursive=True)


def test_results_are_those_of_the_folder(family: Path, box: str, capsys):
    assert command("colorize", family, "-o", "here") == 2
    said = capsys.readouterr().err
    assert command("colorize", box, "-o", f"file://{Path.cwd()}/there") == 2
    other = capsys.readouterr()
    assert other.out == f"file://{Path.cwd()}/there\n"
    assert other.err.replace(f"{box}/", "family/") == said
    names = sorted(str(path.relative_to("here")) for path in Path("here").rglob("*.png"))
    assert sorted(str(path.relative_to("there")) for path in Path("there").rglob("*.*")) == names
    for name in names:
        assert np.array_equal(pixels(Path("here", name)), pixels(Path("there", name)))
        assert read_record(Path("here", name)) == read_record(Path("there", name))


def test_lines_of_json_name_addresses(box: str, bucket, capsys):
    assert command("colorize", box, "-o", BUCKET, "--json", "--export", "side_by_side") == 2
    said = {line["photo"]: line for line in lines(capsys)}
    assert said[f"{box}/1932/cut.png"]["state"] == "failed"
    assert said[f"{box}/oma.jpg"]["files"] == [
        "memory:///bucket/color/oma_jpg.png",
        "memory:///bucket/color/oma_jpg_side_by_side.jpg",
    ]
    made = {file for line in said.values() for file in line["files"]}
    assert made == {f"memory://{path}" for path in bucket.find("/bucket/color")}


def test_a_run_goes_on_where_it_stopped(box: str, bucket, capsys):
    assert command("colorize", box, "-o", BUCKET) == 2
    lost = "/bucket/color/1932/summer/sea.png"
    bucket.rm(lost)
    before = {path: bucket.modified(path) for path in bucket.find("/bucket")}
    capsys.readouterr()
    assert command("colorize", box, "-o", BUCKET) == 2
    assert "1 of 5 photos coloured; failed: 1; skipped because results exist: 3" in capsys.readouterr().err
    assert {path: bucket.modified(path) for path in bucket.find("/bucket") if path != lost} == before


def test_what_was_made_otherwise_is_neither_kept_nor_replaced_unasked(box: str, bucket, capsys):
    asked = ("colorize", box, "-o", BUCKET, "--vividness", 0.9)
    bucket.pipe("/bucket/color/1932/summer/sea.png", b"something dear")
    assert command(*asked) == 2
    assert (
        "memory:///bucket/color/1932/summer/sea.png exists already and was made in another" in capsys.readouterr().err
    )
    assert bucket.cat("/bucket/color/1932/summer/sea.png") == b"something dear"
    assert command(*asked, "--overwrite") == 2
    assert bucket.cat("/bucket/color/1932/summer/sea.png")[:4] == b"\x89PNG"


def test_photos_may_come_from_a_zip_and_go_into_a_folder(family: Path, trivial: None):
    with zipfile.ZipFile("box.zip", "w") as packed:
        packed.write(family / "oma.png", "1940/oma.png")
        packed.write(family / "oma.png", "../evil.png")
    assert command("colorize", f"zip://::file://{Path.cwd()}/box.zip", "-m", "trivial", "-o", "out/color") == 0
    assert [str(path) for path in Path().rglob("*.png") if "family" not in path.parts] == ["out/color/1940/oma.png"]


def test_results_among_the_photos_are_passed_over(box: str, family: Path, trivial: None, capsys):
    assert command("colorize", box, "-m", "trivial", "-o", f"{box}/color") == 2
    capsys.readouterr()
    assert command("colorize", box, "-m", "trivial", "-o", f"{box}/again") == 2
    assert "results of this program passed over: 4" in capsys.readouterr().err
    assert not (family / "again" / "color").exists()


def test_photos_are_never_replaced(box: str, family: Path, capsys):
    before = {path: written(path) for path in family.rglob("*.*")}
    Path("link").symlink_to(family)
    for out in (box, f"file://{Path.cwd()}", f"file://{Path.cwd()}/link"):
        assert "would replace the input" in refused(capsys, box, "-o", out, "--overwrite")
    assert {path: written(path) for path in family.rglob("*.*")} == before


def test_a_file_over_the_cap_stays_where_it_is(bucket, monkeypatch, trivial: None, capsys):
    bucket.pipe("/bucket/box/large.png", bytes(20_000))
    monkeypatch.setenv("COLORIZERS_MAX_MEGABYTES", "0.01")
    get_settings.cache_clear()
    try:
        assert command("colorize", "memory://bucket/box", "-m", "trivial", "-o", BUCKET) == 2
    finally:
        get_settings.cache_clear()
    assert "large.png has 0 MB, more than the 0.01 MB allowed" in capsys.readouterr().err


def test_a_folder_that_cannot_be_listed_is_told(here: Path, capsys):
    assert command("colorize", f"file://{here}/nowhere", "-o", BUCKET) == 2
    assert f"file://{here}/nowhere cannot be opened (no such file or directory)" in capsys.readouterr().err


def test_a_photo_that_goes_meanwhile_is_told_by_its_address(gray: np.ndarray, here: Path, bucket, monkeypatch, capsys):
    Image.fromarray(gray).save("oma.png")
    for name in ("a.png", "b.png"):
        bucket.put_file("oma.png", f"/bucket/box/{name}")

    def move_away(step: int) -> None:
        if step == 1:
            bucket.rm("/bucket/box/b.png")

    monkeypatch.setitem(METHODS, "trivial", TrivialMethod(after_step=move_away))
    assert command("colorize", "memory://bucket/box", "-m", "trivial", "-o", BUCKET) == 2
    said = capsys.readouterr().err
    assert "memory:///bucket/box/b.png cannot be opened (no such file or directory); check the path." in said
    assert bucket.exists("/bucket/color/a.png")


def test_mistakes_are_told_in_one_sentence(box: str, here: Path, gray: np.ndarray, capsys):
    Image.fromarray(gray).save("oma.png")
    Path("empty").mkdir()
    assert "say with -o where its results go" in refused(capsys, box)
    assert "give one folder" in refused(capsys, box, "oma.png", "-o", BUCKET)
    assert "no picture" in refused(capsys, f"file://{here}/empty", "-o", BUCKET)
    assert "protocol not known: nothing" in refused(capsys, "nothing://box", "-o", BUCKET)
    assert "16 bits need a TIFF" in refused(capsys, box, "-o", BUCKET, "--bits", 16, "--format", "png")
