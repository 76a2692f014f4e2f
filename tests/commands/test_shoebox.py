"""A whole shoebox on the command line: what is done is passed over, each error stays with its photo, JSON tells all."""

import gc
import weakref
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from run_command import command, lines, pixels, refused, written
from trivial_method import TrivialMethod, TrivialOptions

from colorizers.methods.catalog import METHODS
from colorizers.methods.method import Job
from colorizers.picture.compose import Outcome
from colorizers.picture.photo import Photo
from colorizers.picture.record import read_record


@pytest.fixture
def shoebox(here: Path, gray: np.ndarray) -> Path:
    """A folder with two photos, one of them in a subfolder."""
    Path("box/1932").mkdir(parents=True)
    Image.fromarray(gray).save("box/oma.png")
    Image.fromarray(gray[::-1]).save("box/1932/opa.png")
    return Path("box")


class TestWhatIsThereAlready:
    @pytest.mark.parametrize(
        "flags",
        [(), ("--vividness", 0.9, "--warmth", 0.3), ("--format", "jpeg"), ("--bits", 16), ("-m", "resnet_unet")],
    )
    def test_is_passed_over_when_it_was_made_in_the_same_way(self, shoebox: Path, capsys, flags: tuple):
        assert command("colorize", shoebox, "-o", "out", *flags) == 0
        capsys.readouterr()
        assert command("colorize", shoebox, "-o", "out", "--json", *flags) == 0
        assert [line["state"] for line in lines(capsys)] == ["kept", "kept"]

    def test_and_was_made_otherwise_is_neither_kept_nor_replaced_unasked(self, shoebox: Path, capsys):
        assert command("colorize", shoebox, "-o", "out") == 0
        before = Path("out/oma.png").read_bytes()
        capsys.readouterr()
        for flags in (("--vividness", 0.9), ("--warmth", 0.3), ("-m", "cnn"), ("--weights", "lab")):
            assert command("colorize", shoebox, "-o", "out", "--json", *flags) == 2
            assert all("was made in another way" in line["error"] for line in lines(capsys))
        assert Path("out/oma.png").read_bytes() == before
        assert command("colorize", shoebox, "-o", "out", "--vividness", 0.9, "--overwrite") == 0
        assert read_record(Path("out/oma.png")).options["vividness"] == 0.9

    def test_and_was_made_from_another_photo_is_not_taken_for_its_result(self, shoebox: Path, gray: np.ndarray, capsys):
        assert command("colorize", shoebox, "-o", "out") == 0
        Image.fromarray(gray[:, ::-1]).save("box/oma.png")
        Path("out/1932/opa.png").write_text("something dear")
        capsys.readouterr()
        assert command("colorize", shoebox, "-o", "out", "--json") == 2
        assert ["was made in another way" in line["error"] for line in lines(capsys)] == [True, True]
        assert Path("out/1932/opa.png").read_text() == "something dear"

    def test_is_completed_variant_by_variant(self, shoebox: Path, trivial: None, capsys):
        asked = ("colorize", shoebox, "-o", "out", "-m", "trivial", "--variants", 2)
        assert command(*asked, "--seed", 7) == 0
        second, first = pixels(Path("out/oma_2.png")), written(Path("out/oma_1.png"))
        Path("out/oma_2.png").unlink()
        capsys.readouterr()
        assert command(*asked, "--seed", 7, "--json") == 0
        assert [line["state"] for line in lines(capsys)] == ["colored", "kept"]
        assert np.array_equal(pixels(Path("out/oma_2.png")), second)
        assert written(Path("out/oma_1.png")) == first
        assert command(*asked, "--seed", 8) == 2
        capsys.readouterr()
        assert command(*asked, "--json") == 0
        assert [line["state"] for line in lines(capsys)] == ["kept", "kept"], "any seed is random enough"

    def test_depends_on_the_second_picture(self, shoebox: Path, trivial: None, capsys):
        for name, color in (("red.png", "red"), ("blue.png", "blue")):
            Image.new("RGB", (8, 8), color).save(name)
        asked = ("colorize", shoebox, "-o", "out", "-m", "trivial")
        assert command(*asked, "--reference", "red.png") == 0
        assert command(*asked, "--reference", "red.png") == 0
        assert command(*asked, "--reference", "blue.png") == 2
        assert command(*asked) == 2


class TestLinesOfJson:
    def test_tell_of_each_photo_what_became_of_it(self, family: Path, capsys):
        assert command("colorize", family, "--json", "-o", "out") == 2
        said = lines(capsys)
        assert {line["photo"]: line["state"] for line in said} == {
            "family/oma.jpg": "colored",
            "family/oma.png": "colored",
            "family/1932/Ann & Bob.tif": "colored",
            "family/1932/cut.png": "failed",
            "family/1932/summer/sea.BMP": "colored",
        }
        for line in said:
            assert all(Path(file).is_file() for file in line["files"])
            if line["state"] == "colored":
                (record,), (file,) = line["records"], line["files"]
                assert record == read_record(Path(file)).model_dump(mode="json")
                assert record["input_sha256"] == Photo.open(line["photo"]).sha256
                assert (line["seconds"] > 0, line["error"]) == (True, None)
            else:
                assert line["error"].startswith("cut.png is damaged")

    def test_also_of_a_single_photo(self, photo: Path, capsys):
        assert command("colorize", photo, "--json") == 0
        (line,) = lines(capsys)
        assert (line["state"], line["files"]) == ("colored", ["portrait_unet.png"])
        assert command("colorize", photo, "--json") == 2
        (line,) = lines(capsys)
        assert (line["state"], line["files"]) == ("failed", [])
        assert line["error"].startswith("portrait_unet.png exists already")

    def test_have_the_notes_on_a_photo(self, here: Path, gray: np.ndarray, capsys):
        Image.fromarray(gray).convert("RGBA").save("clear.png")
        assert command("colorize", "clear.png", "--json", "--format", "jpeg") == 0
        (line,) = lines(capsys)
        assert "JPEG has no transparency: the picture was placed on white." in line["notes"]


def test_an_error_of_the_program_stops_one_photo_and_not_the_others(shoebox: Path, monkeypatch, capsys):
    photos = iter(("first", "second"))

    def fail_on_the_first(done: int) -> None:
        if done == 1 and next(photos) == "first":
            raise ZeroDivisionError("a bug")

    monkeypatch.setitem(METHODS, "trivial", TrivialMethod(fail_on_the_first))
    assert command("colorize", shoebox, "-m", "trivial", "-o", "out") == 1
    said = capsys.readouterr()
    assert said.out == "out\n"
    assert "ZeroDivisionError: a bug" in said.err
    assert "1 of 2 photos coloured; failed: 1" in said.err.splitlines()[-1]
    assert len(list(Path("out").rglob("*.png"))) == 1


class WatchedMethod(TrivialMethod):
    """Knows, when it runs, which of the photos that it has had are still in memory."""

    def __init__(self, quick: bool) -> None:
        super().__init__()
        self.info = replace(TrivialMethod.info, quick=quick)
        self.photos: list[weakref.ref[Photo]] = []
        self.most = 0

    def run(self, photo: Photo, options: TrivialOptions, job: Job) -> list[Outcome]:
        self.photos.append(weakref.ref(photo))
        gc.collect()
        self.most = max(self.most, sum(each() is not None for each in self.photos))
        return super().run(photo, options, job)


@pytest.mark.parametrize(("quick", "most"), [(True, 3), (False, 1)])
def test_three_photos_are_in_memory_at_most_and_one_of_a_slow_method(
    here: Path, gray: np.ndarray, monkeypatch, quick: bool, most: int
):
    Path("box").mkdir()
    for k in range(12):
        Image.fromarray(np.roll(gray, k)).save(f"box/{k}.png")
    method = WatchedMethod(quick)
    monkeypatch.setitem(METHODS, "trivial", method)
    assert command("colorize", "box", "-m", "trivial") == 0
    assert len(method.photos) == 12
    assert method.most <= most


class TestExports:
    @pytest.mark.parametrize(
        ("export", "name", "kind"),
        [
            ("side_by_side", "portrait_unet_side_by_side.jpg", "JPEG"),
            ("wipe_gif", "portrait_unet_wipe.gif", "GIF"),
            ("wipe_webp", "portrait_unet_wipe.webp", "WEBP"),
        ],
    )
    def test_stand_beside_the_result_and_know_how_it_was_made(self, photo: Path, capsys, export, name, kind):
        assert command("colorize", photo, "--export", export) == 0
        assert capsys.readouterr().out == f"portrait_unet.png\n{name}\n"
        with Image.open(name) as image:
            assert image.format == kind
        assert read_record(Path(name)) == read_record(Path("portrait_unet.png"))

    def test_are_added_to_results_that_are_there_already(self, shoebox: Path, capsys):
        assert command("colorize", shoebox, "-o", "out") == 0
        before = written(Path("out/oma.png"))
        for state in ("colored", "kept"):
            capsys.readouterr()
            assert command("colorize", shoebox, "-o", "out", "--export", "side_by_side", "--json") == 0
            assert [line["state"] for line in lines(capsys)] == [state, state]
        assert written(Path("out/oma.png")) == before
        assert Path("out/1932/opa_side_by_side.jpg").is_file()

    def test_are_enough_to_make_the_full_picture_again(self, photo: Path):
        assert command("colorize", photo, "--vividness", 0.9, "-o", "first.png", "--export", "wipe_gif") == 0
        assert command("colorize", photo, "--from", "first_wipe.gif", "-o", "again.png") == 0
        assert np.array_equal(pixels(Path("again.png")), pixels(Path("first.png")))

    def test_are_of_the_kinds_that_there_are(self, photo: Path, capsys):
        assert refused(capsys, photo, "--export", "film").startswith("Also save must be one of none, side_by_side")


class TestResultsAmongThePhotos:
    def test_are_passed_over_and_counted(self, shoebox: Path, trivial: None, capsys):
        colored = ("colorize", shoebox, "-o", shoebox)
        for method in ("trivial", "unet"):
            assert command("colorize", shoebox, "-m", method, "-o", shoebox / method) == 0
        assert len(list(shoebox.rglob("*.png"))) == 2 + 2 + 2
        assert "results of this program passed over: 2" in capsys.readouterr().err
        assert command(*colored) == 2, "they would be written over"
        assert len(list(shoebox.rglob("*.png"))) == 6

    def test_may_be_coloured_when_they_are_named(self, photo: Path, trivial: None):
        assert command("colorize", photo, "-m", "trivial", "-o", "first.png") == 0
        assert command("colorize", "first.png", "-m", "trivial", "-o", "second.png") == 0


class TestFilesOfAnyName:
    def test_are_pictures_by_what_is_in_them(self, here: Path, gray: np.ndarray, trivial: None, capsys):
        Path("box").mkdir()
        for name in ("a.jfif", "b.jpg_large", "c"):
            Image.fromarray(gray).save(f"box/{name}", "JPEG")
        Path("box/BM.txt").write_text("BM is no picture")
        Path("box/empty").touch()
        assert command("colorize", "box", "-m", "trivial", "-o", "out") == 0
        assert sorted(path.name for path in Path("out").iterdir()) == ["a.png", "b.png", "c.png"]
        assert "not pictures: 2" in capsys.readouterr().err

    @pytest.mark.parametrize("flags", [("--format", "webp"), ("--variants", 2), ("--export", "side_by_side")])
    def test_become_files_whose_names_are_not_too_long(self, here: Path, gray: np.ndarray, trivial: None, flags: tuple):
        Path("box").mkdir()
        for name in ("a.png", f"{'b' * 251}.png", f"{'ж' * 125}.png", "z.png"):
            Image.fromarray(gray).save(f"box/{name}")
        assert command("colorize", "box", "-m", "trivial", "-o", "out", *flags) == 0
        made = [path.name for path in Path("out").iterdir()]
        assert len(made) == (4 if "webp" in flags else 8)
        assert max(len(name.encode()) for name in made) in range(250, 256)
        assert "\ufffd" not in "".join(made)
