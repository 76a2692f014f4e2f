"""`evaluate`: figures that can be trusted, what it leaves out, and the colours of the shipped weights."""

import dataclasses
import hashlib
import json
import shutil
from pathlib import Path

import pytest
import torch

from colorizers.__main__ import main
from colorizers.engine import local_engine
from colorizers.errors import ColorizerError
from colorizers.evaluation import baselines, protocol, report
from colorizers.picture.collection import Collection, read_collection
from colorizers.picture.color import rgb_to_lab
from colorizers.settings import PROJECT

PHOTOS = PROJECT / "test_images"
IN_COLOUR = sorted(path.name for path in PHOTOS.glob("*.jpg") if (PHOTOS / f"{path.stem}_gray.jpg").exists())
CARD = "# Card\n<!-- figures -->\nold\n<!-- end figures -->\n<!-- other -->\nkept\n<!-- end other -->\n"


def command(*words: object) -> int:
    """The exit code of a command in this process."""
    try:
        return main([str(word) for word in words])
    except SystemExit as stop:
        return int(stop.code or 0)


@pytest.fixture
def album(tmp_path: Path) -> Path:
    """Three colour photographs, a gray one and a broken one."""
    folder = tmp_path / "album"
    folder.mkdir()
    for name in ("astronaut.jpg", "coffee.jpg", "dog.jpg", "dog_gray.jpg"):
        shutil.copy(PHOTOS / name, folder)
    (folder / "torn.jpg").write_bytes((PHOTOS / "dog.jpg").read_bytes()[:200])
    return folder


class TestFigures:
    def test_stand_beside_the_truth_and_the_naive_rows(self, album: Path, tmp_path: Path, capsys):
        target = tmp_path / "figures.json"
        assert command("evaluate", "unet", "--data", album, "--size", 128, "--json", target) == 0
        table = capsys.readouterr().out
        made = json.loads(target.read_text())
        rows = {name: protocol.Figures(**row) for name, row in made["rows"].items()}

        assert list(rows) == ["truth", "gray", "mean_ab", "l_to_ab", "unet"]
        assert all(f"| {name} | {row.de00:.2f} |" in table for name, row in rows.items())
        truth, gray, mean_ab, l_to_ab, unet = rows.values()
        assert truth == protocol.Figures(0, 0, 99, truth.colorfulness, 0)
        assert gray.colorfulness < 1 < mean_ab.colorfulness < l_to_ab.colorfulness
        assert l_to_ab.colorfulness < unet.colorfulness < truth.colorfulness
        assert all(0 < row.l_error < 0.15 for row in (gray, mean_ab, l_to_ab, unet)), "the photo keeps its light"
        assert [row.seconds > 0 for row in rows.values()] == [False, False, False, False, True]

    def test_say_on_what_they_were_measured(self, album: Path, tmp_path: Path, capsys):
        target = tmp_path / "figures.json"
        assert command("evaluate", "--data", album, "--n", 2, "--size", 32, "--json", target) == 0
        said, made = capsys.readouterr(), json.loads(target.read_text())
        assert (made["photos"], made["left_out"], made["size"]) == (2, 2, 32)
        names = ("astronaut.jpg", "coffee.jpg")
        lines = (f"{hashlib.sha256((album / name).read_bytes()).hexdigest()}  album/{name}\n" for name in names)
        assert made["photos_sha256"] == hashlib.sha256("".join(lines).encode()).hexdigest()
        assert made["command"] == "python -m colorizers evaluate --data album --n 2 --size 32"
        assert made["command"] in said.out
        assert "2 gray or unusable left out" in said.out
        gray, torn = said.err.splitlines()
        assert gray == "left out: album/dog_gray.jpg has no colour."
        assert torn.startswith("left out: torn.jpg ")

    def test_say_nothing_of_files_left_out_when_there_are_none(self, album: Path, capsys):
        for name in ("dog_gray.jpg", "torn.jpg"):
            (album / name).unlink()
        assert command("evaluate", "--data", album, "--size", 32) == 0
        said = capsys.readouterr()
        assert said.err == ""
        assert "left out" not in said.out

    def test_come_into_the_block_of_a_card(self, album: Path, tmp_path: Path, capsys):
        card = tmp_path / "card.md"
        card.write_text(CARD)
        assert command("evaluate", "--data", album, "--n", 1, "--size", 32, "--card", f"{card}:figures") == 0
        assert card.read_text() == CARD.replace("old\n", capsys.readouterr().out)


class TestRefusals:
    @pytest.mark.parametrize(
        ("words", "sentence"),
        [
            (["--n", "0"], "--n must be a whole number above zero."),
            (["--n", "-1"], "--n must be a whole number above zero."),
            (["--n", "1.5"], "--n must be a whole number above zero."),
            (["--size", "0"], "--size must be a whole number above zero."),
            (["--size", "-5"], "--size must be a whole number above zero."),
            (["--size", "large"], "--size must be a whole number above zero."),
            (["--json", "gone/x.json"], "gone/x.json cannot be written"),
            (["--json", "album"], "album cannot be written"),
            (["--card", "xyz"], "--card must be FILE:BLOCK"),
            (["--card", "gone.md:figures"], "The card gone.md cannot be read"),
            (["--card", "album:figures"], "The card album cannot be read"),
            (["--card", "card.md:nothing"], "card.md has no block 'nothing'"),
            (["magic"], "There is no method 'magic'"),
            (["unet,vividness=7"], "Vividness must be"),
            (["unet,vividness"], "Vividness must be"),
            (["unet,volume=3"], "There is no option 'volume'"),
        ],
    )
    def test_are_one_sentence_before_anything_is_measured(
        self, album: Path, monkeypatch: pytest.MonkeyPatch, capsys, words: list[str], sentence: str
    ):
        monkeypatch.chdir(album.parent)
        Path("card.md").write_text(CARD)
        assert command("evaluate", *words, "--data", "album") == 2
        said = capsys.readouterr()
        assert said.out == ""
        assert said.err.startswith(sentence)
        assert said.err.endswith(".\n")
        assert said.err.count("\n") == 1
        assert Path("card.md").read_text() == CARD

    def test_of_data_that_is_none(self, tmp_path: Path, capsys):
        assert command("evaluate", "--data", tmp_path / "gone") == 2
        assert capsys.readouterr().err.endswith("gone is neither a folder of pictures nor a tar shard.\n")


class TestCards:
    def test_only_the_named_block_is_written(self, tmp_path: Path):
        card = tmp_path / "card.md"
        card.write_text(CARD)
        for text in ("| a |\n", r"\1 \g<0> ünï" + "\n", ""):
            report.write_block(card, "figures", text)
            assert card.read_text(encoding="utf-8") == CARD.replace("old\n", text)

    def test_a_block_that_is_not_there_is_refused(self, tmp_path: Path):
        card = tmp_path / "card.md"
        card.write_text(CARD)
        with pytest.raises(ColorizerError, match=r"has no block 'fig\.res'"):
            report.write_block(card, "fig.res", "new")
        assert card.read_text() == CARD

    def test_a_value_stays_in_its_cell(self):
        assert report.table({"command": "a | b\nc"}) == "| | |\n|---|---|\n| command | a \\| b c |\n"


def flat(*colours: tuple[int, int, int], sides: tuple[int, ...]) -> Collection:
    """Squares of one colour each."""
    photos = tuple(
        torch.tensor(colour, dtype=torch.uint8)[:, None, None].expand(3, side, side)
        for colour, side in zip(colours, sides, strict=True)
    )
    return Collection(photos, tuple(f"{k}.png" for k in range(len(photos))), ("",) * len(photos))


class TestBaselines:
    RED, BLUE = (200, 40, 30), (60, 110, 200)

    def lab(self, colour: tuple[int, int, int]) -> torch.Tensor:
        return rgb_to_lab(torch.tensor(colour)[:, None, None] / 255).flatten()

    def test_know_the_mean_of_the_photos_and_of_each_lightness(self):
        red, blue = self.lab(self.RED), self.lab(self.BLUE)
        fitted = baselines.fit(flat(self.RED, self.BLUE, sides=(4, 40)), "how")
        mean = (red + blue)[1:] / 2  # every photo weighs the same
        assert torch.allclose(torch.tensor(fitted.mean_ab), mean, atol=2e-3)
        assert (fitted.photos, fitted.command) == (2, "how")

        lightness = torch.stack((red[:1], blue[:1]))
        assert torch.allclose(fitted.mean(lightness), mean[:, None, None].expand(2, 2, 1), atol=2e-3)
        wanted = torch.stack((red[1:], blue[1:]), dim=1)[..., None]
        assert torch.allclose(fitted.by_lightness(lightness), wanted, atol=2e-3)
        assert fitted.by_lightness(torch.tensor([[0.0, 100.0]])).abs().max() == 0, "tones that no photo had stay gray"

    def test_the_committed_ones_say_what_they_were_fitted_on(self):
        fitted = baselines.load()
        assert fitted.photos > 1000
        assert len(fitted.photos_sha256) == 64
        assert "--fit-baselines" in fitted.command
        assert len(fitted.table) == 101


def test_the_shipped_weights_colour_vividly_and_closer_to_the_truth_than_gray():
    everything = read_collection([PHOTOS])
    assert [name.partition("/")[2] for name in everything.names] == IN_COLOUR
    rows = protocol.evaluate(local_engine(), {"unet": ("unet", {})}, everything, 256)
    assert rows["unet"].colorfulness >= 14
    assert rows["unet"].de00 < rows["gray"].de00
    assert dataclasses.replace(rows["truth"], colorfulness=0) == protocol.Figures(0, 0, 99, 0, 0)
