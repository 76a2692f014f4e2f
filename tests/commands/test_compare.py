"""`compare`: one photo by several methods, side by side, and measured where its true colours are known."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from PIL import Image
from run_command import command, refused

from colorizers.commands.compare import split_rows
from colorizers.methods.catalog import METHODS
from colorizers.methods.photo_methods import PHOTO_METHODS
from colorizers.picture.record import Record
from colorizers.settings import PROJECT


@pytest.fixture
def original(here: Path) -> Path:
    """bee.jpg in the current folder: a photograph in colour."""
    Image.open(PROJECT / "test_images" / "bee.jpg").resize((600, 450)).save("bee.jpg", quality=95)
    return Path("bee.jpg")


def compared(capsys: pytest.CaptureFixture[str], *words: object) -> dict[str, dict]:
    """The rows of a comparison by name."""
    capsys.readouterr()
    assert command("compare", *words, "--json", "--overwrite") == 0
    said = capsys.readouterr().out
    assert said.count("\n") == 1
    rows = json.loads(said)["rows"]
    return {row["name"]: row for row in rows}


class TestTheSheet:
    def test_shows_the_photo_and_each_method(self, photo: Path, capsys):
        assert command("compare", photo, "--methods", "unet,cnn,gan") == 0
        *table, last = capsys.readouterr().out.splitlines()
        assert last == "portrait_compare.png"
        assert [line.split()[0] for line in table] == ["row", "gray", "unet", "cnn", "gan"]
        for name, line in zip(("unet", "cnn", "gan"), table[2:], strict=True):
            assert str(METHODS[name].info.title) in line
        with Image.open(last) as sheet:
            pixels = np.asarray(sheet).astype(int)
        assert (np.ptp(pixels, axis=2) > 15).sum() > 96 * 120, "in colour"

    def test_goes_where_it_is_wanted_in_the_size_that_is_wanted(self, original: Path):
        for side in (300, 500):
            where = ("-o", f"new/{side}.jpg", "--picture-size", side)
            assert command("compare", original, "--methods", "cnn", *where) == 0
        with Image.open("new/300.jpg") as small, Image.open("new/500.jpg") as large:
            assert (small.format, large.format) == ("JPEG", "JPEG")
            assert large.width - small.width in (200, 400), "one column or two"

    def test_is_of_all_methods_that_need_only_the_photo_unless_some_are_named(self, photo: Path, capsys):
        assert list(compared(capsys, photo)) == ["gray", *PHOTO_METHODS]


class TestRows:
    def test_are_separated_by_commas_and_so_are_their_settings(self):
        assert split_rows("unet,gan") == ["unet", "gan"]
        assert split_rows("unet,vividness=0.9,saturation=2,transformer:small,gan,gan") == [
            "unet,vividness=0.9,saturation=2",
            "transformer:small",
            "gan",
        ]

    def test_may_differ_in_settings_alone(self, photo: Path, capsys):
        asked = "unet,unet,vividness=0.9,unet:lab,warmth=0.3"
        rows = compared(capsys, photo, "--methods", asked)
        assert list(rows) == ["gray", "unet", "unet,vividness=0.9", "unet:lab,warmth=0.3"]
        records = [Record.model_validate(row["record"]) for row in rows.values() if row["record"]]
        assert [record.options["vividness"] for record in records] == [0.5, 0.9, 0.5]
        assert [record.options["weights"] for record in records] == ["efficientnet", "efficientnet", "lab"]
        assert [record.finish["warmth"] for record in records] == [0, 0, 0.3]

    def test_may_have_a_picture_and_take_one_variant_of_several(self, photo: Path, trivial: None, capsys):
        Image.fromarray(skimage.data.astronaut()[:64, :64]).save("colors.png")
        rows = compared(capsys, photo, "--methods", "trivial,trivial,reference=colors.png,trivial,seed=5")
        records = [row["record"] for row in rows.values() if row["record"]]
        assert [record["options"]["seed"] for record in records] == [0, 0, 5]
        assert ["reference" in record["pictures"] for record in records] == [False, True, False]

    def test_have_the_seconds_of_the_method(self, photo: Path, capsys):
        rows = compared(capsys, photo, "--methods", "cnn")
        assert rows["gray"]["seconds"] is None
        assert rows["cnn"]["seconds"] > 0


class TestAColourOriginal:
    def test_is_shown_and_measured_beside_naive_colourings(self, original: Path, capsys):
        rows = compared(capsys, original, "--truth", "--methods", "unet,cnn")
        assert list(rows) == ["gray", "truth", "unet", "cnn", "mean_ab", "l_to_ab"]
        assert rows["truth"]["de00"] == 0
        assert rows["gray"]["cf"] < 1 < rows["mean_ab"]["cf"] < rows["truth"]["cf"]
        assert all(row["de00"] > 1 for name, row in rows.items() if name != "truth")

    def test_gives_the_figures_that_its_colours_have(self, here: Path, capsys):
        Image.new("RGB", (64, 64), (200, 120, 60)).save("flat.png")
        rows = compared(capsys, "flat.png", "--truth", "--methods", "unet,color_strength=0")
        assert rows["unet,color_strength=0"]["de00"] == pytest.approx(rows["gray"]["de00"], abs=0.01)
        assert rows["gray"]["de00"] > 15

    def test_is_in_the_table_too(self, original: Path, capsys):
        assert command("compare", original, "--truth", "--methods", "cnn") == 0
        said = capsys.readouterr()
        heading, *lines, _ = said.out.splitlines()
        assert said.err == ""
        assert heading.split()[-2:] == ["CIEDE2000", "CF"]
        assert len(lines) == 5


class TestRefusals:
    @pytest.mark.parametrize(
        ("words", "sentence"),
        [
            (("--methods", "magic"), "There is no method 'magic'"),
            (("--methods", "unet,vividness=2"), "Vividness must be a number from 0 to 1."),
            (("--methods", "unet,saturation=9"), "Saturation must be a number from 0 to 3."),
            (("--methods", "adain"), "adain takes colours from a picture; name one, as adain,reference=PATH."),
            (("--methods", "adain,reference=gone.png"), "gone.png cannot be opened"),
            (("--methods", "unet,img2img"), "The weights "),
            (("--truth",), "portrait has no colours to compare with"),
            (("--picture-size", "9"), "Picture size must be a whole number from 120 to 1024."),
            (("-o", "sheet.gif"), "sheet.gif must end in one of these: .png, .jpg, .jpeg."),
            (("-o", "portrait.png", "--overwrite"), "The result would replace the input portrait.png"),
        ],
    )
    def test_are_one_sentence_and_leave_nothing(self, photo: Path, capsys, no_weights, words: tuple, sentence: str):
        assert refused(capsys, photo, *words, name="compare").startswith(sentence)
        assert [path.name for path in Path().iterdir()] == ["portrait.png"]

    def test_a_sheet_is_replaced_only_when_it_is_asked_for(self, photo: Path, capsys):
        Path("portrait_compare.png").write_text("something dear")
        assert "exists already" in refused(capsys, photo, "--methods", "cnn", name="compare")
        assert Path("portrait_compare.png").read_text() == "something dear"
        assert command("compare", photo, "--methods", "cnn", "--overwrite") == 0

    def test_a_machine_without_weights(self, photo: Path, capsys, no_weights: None):
        assert "are not installed" in refused(capsys, photo, name="compare")

    def test_a_file_that_is_no_photo(self, here: Path, capsys):
        Path("text.png").write_text("not a picture")
        assert refused(capsys, "text.png", name="compare").startswith("text.png is not a picture")
        os.mkfifo("pipe.png")
        assert "neither a file nor a folder" in refused(capsys, "pipe.png", name="compare")
