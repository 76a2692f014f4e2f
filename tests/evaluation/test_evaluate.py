"""`evaluate`: figures that can be trusted, on named photographs; refusals in one sentence."""

import csv
import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from evaluation_cases import CARD, FIXED, PHOTOS
from run_command import command

from colorizers.settings import PROJECT

IN_COLOR = sorted(path.name for path in PHOTOS.glob("*.jpg") if (PHOTOS / f"{path.stem}_gray.jpg").exists())
OF_THE_SET = {"x_gray", "delta_cf", "kid", "de00_at_85", "x_gray_at_85", "color_reached"}


class TestFigures:
    def test_stand_beside_the_truth_the_naive_rows_and_the_controls(self, album: Path, tmp_path: Path, capsys):
        target = tmp_path / "figures.json"
        assert command("evaluate", "unet", "--data", album, "--size", 128, "--json", target) == 0
        table = capsys.readouterr().out
        rows = json.loads(target.read_text())["rows"]

        assert list(rows) == [*FIXED, "unet"]
        assert all(f"| {name} | {row['de00']:.2f} | {row['x_gray']:.2f} |" in table for name, row in rows.items())
        truth, gray = rows["truth"], rows["gray"]
        assert {key: value for key, value in truth.items() if value} == {
            "psnr": 99, "ssim": pytest.approx(1), "cf": truth["cf"], "cf_ddcolor": truth["cf_ddcolor"],
            "gray_fraction": truth["gray_fraction"],
        }  # fmt: skip
        assert (gray["x_gray"], gray["gray_fraction"]) == (1, 1)
        assert all(0 < row["l_error"] < 0.15 for name, row in rows.items() if name != "truth"), (
            "photos keep their light"
        )
        assert [name for name, row in rows.items() if "seconds_per_megapixel" in row] == ["unet"], (
            "only methods are timed"
        )
        assert rows["unet"]["seconds_per_megapixel"] > 0

    @pytest.mark.slow
    def test_put_the_rows_in_the_order_that_is_known(self, tmp_path: Path):
        target, pictures = tmp_path / "figures.json", tmp_path / "pictures.csv"
        assert command("evaluate", "unet", "--data", PHOTOS, "--json", target, "--csv", pictures) == 0
        rows = json.loads(target.read_text())["rows"]
        with pictures.open(newline="") as file:
            measured = [line["photo"] for line in csv.DictReader(file) if line["row"] == "truth"]
        assert measured == [f"test_images/{name}" for name in IN_COLOR]
        by_distance = ("truth", "oracle_ab_1/4", "gt_half_chroma", "mean_ab", "wrong_image_ab")
        assert list(by_distance) == sorted(by_distance, key=lambda name: rows[name]["de00"])
        by_colour = ("gray", "mean_ab", "l_to_ab", "gt_half_chroma", "oracle_ab_1/4", "truth")
        assert list(by_colour) == sorted(by_colour, key=lambda name: rows[name]["cf"])
        by_delta = ("truth", "wrong_image_ab", "gt_half_chroma", "gray")
        assert list(by_delta) == sorted(by_delta, key=lambda name: rows[name]["delta_cf"])
        assert rows["wrong_image_ab"]["cf_error"] > 2 * rows["wrong_image_ab"]["delta_cf"], "one by one it shows"
        assert max(14, rows["l_to_ab"]["cf"]) < rows["unet"]["cf"] < rows["truth"]["cf"]
        assert rows["unet"]["de00"] < rows["gray"]["de00"]

    def test_are_means_over_the_photos(self, album: Path, tmp_path: Path):
        target, pictures = tmp_path / "figures.json", tmp_path / "pictures.csv"
        words = ("unet", "--data", album, "--size", 64)
        assert command("evaluate", *words, "--json", target, "--csv", pictures) == 0
        rows = json.loads(target.read_text())["rows"]
        with pictures.open(newline="") as file:
            lines = list(csv.DictReader(file))
        names = ["astronaut.jpg", "coffee.jpg", "dog.jpg"]
        assert [(line["photo"], line["row"]) for line in lines] == [(f"album/{n}", row) for n in names for row in rows]
        assert lines[0]["sha256"] == hashlib.sha256((album / "astronaut.jpg").read_bytes()).hexdigest()
        for row, means in rows.items():
            own = [line for line in lines if line["row"] == row]
            for key in means.keys() - OF_THE_SET:
                assert means[key] == pytest.approx(np.mean([float(line[key]) for line in own]), rel=1e-4, abs=1e-6)
            assert means["delta_cf"] == pytest.approx(abs(means["cf"] - rows["truth"]["cf"]))
        assert lines[0]["seconds_per_megapixel"] == ""

    def test_with_hints_come_closer_to_the_truth_the_more_there_are(self, album: Path, tmp_path: Path):
        target, without = tmp_path / "figures.json", tmp_path / "without.json"
        words = ("unet", "--data", album, "--size", 128)
        assert command("evaluate", *words, "--json", without) == 0
        distances = [json.loads(without.read_text())["rows"]["unet"]["de00"]]
        for count in (5, 50):
            assert command("evaluate", *words, "--hints", count, "--json", target) == 0
            made = json.loads(target.read_text())
            assert made["command"].endswith(f"--hints {count}")
            assert made["rows"]["unet"]["de00"] < made["rows"]["nearest_hint"]["de00"]
            distances.append(made["rows"]["unet"]["de00"])
        assert distances == sorted(distances, reverse=True)

    def test_of_one_photo_have_no_row_of_another_ones_colours(self, album: Path, capsys):
        assert command("evaluate", "--data", album, "--n", 1, "--size", 32) == 0
        assert "wrong_image_ab" not in capsys.readouterr().out

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

    def test_name_the_weights_and_options_of_the_methods_that_were_asked(self, album: Path, tmp_path: Path, capsys):
        target = tmp_path / "figures.json"
        words = ("unet,vividness=0.2", "--data", album, "--n", 1, "--size", 32)
        assert command("evaluate", *words, "--json", target) == 0
        made = json.loads(target.read_text())
        (digest,) = made["weights"].values()
        assert f"weights {next(iter(made['weights']))} {digest[:12]};" in capsys.readouterr().out
        assert digest in {line.split()[0] for line in (PROJECT / "weights" / "SHA256SUMS").read_text().splitlines()}
        assert made["options"]["unet,vividness=0.2"]["vividness"] == 0.2
        assert command("evaluate", "--data", album, "--n", 1, "--size", 32) == 0
        assert "weights" not in capsys.readouterr().out, "the naive rows have none"

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
        blocks = ("--card", f"{card}:figures", "--card", f"{card}:other")
        assert command("evaluate", "--data", album, "--n", 1, "--size", 32, *blocks) == 0
        table = capsys.readouterr().out
        assert card.read_text() == CARD.replace("old\n", table).replace("kept\n", table)


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
            (["--size", "10"], "The square of album/astronaut.jpg has a side of 10 pixels and the metrics need 11;"),
            (["--json", "gone/x.json"], "gone/x.json cannot be written"),
            (["--json", "album"], "album cannot be written"),
            (["--csv", "gone/x.csv"], "gone/x.csv cannot be written; give a file in an existing folder with --csv."),
            (["--list", "gone/x"], "gone/x cannot be written; give a file in an existing folder with --list."),
            (["--html", "gone/x"], "gone/x cannot be written; give a folder in an existing one with --html."),
            (["--html", "card.md"], "card.md cannot be written; give a folder"),
            (
                ["--lpips", "gone.pth"],
                "There is no file gone.pth; give a state dict of one of these torchvision networks: alexnet",
            ),
            (["--lpips", "card.md"], "card.md is damaged"),
            (
                ["--fid", "gone.pth"],
                "There is no file gone.pth; give a state dict of one of these torchvision networks: inception_v3.",
            ),
            (["--fid", "card.md"], "card.md is damaged"),
            (["--kid", "gone.pth"], "There is no file gone.pth; give a state dict of EfficientNet-Lite2."),
            (["--kid", "card.md"], "card.md is damaged"),
            (["--card", "xyz"], "--card must be FILE:BLOCK"),
            (["--card", "gone.md:figures"], "The card gone.md cannot be read"),
            (["--card", "album:figures"], "The card album cannot be read"),
            (["--card", "card.md:nothing"], "card.md has no block 'nothing'"),
            (["magic"], "There is no method 'magic'"),
            (["magic:lab"], "There is no method 'magic'"),
            (["unet,vividness=7"], "Vividness must be"),
            (["unet,vividness"], "Vividness must be"),
            (["unet,volume=3"], "Unknown option 'volume'"),
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
        told = [line for line in said.err.splitlines() if not line.startswith("left out: ")]
        assert len(told) == 1
        assert told[0].startswith(sentence)
        assert told[0].endswith(".")
        assert Path("card.md").read_text() == CARD

    def test_of_data_that_is_none(self, tmp_path: Path, capsys):
        assert command("evaluate", "--data", tmp_path / "gone") == 2
        assert capsys.readouterr().err.endswith(
            "gone is neither a folder of pictures nor a tar shard; name one of these.\n"
        )
