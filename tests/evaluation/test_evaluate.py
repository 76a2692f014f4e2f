"""`evaluate`: figures that can be trusted, what it leaves out, and the colours of the shipped weights."""

import csv
import hashlib
import itertools
import json
import shutil
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import pytest
import torch
from conftest import engine_with
from skimage.color import rgb2lab
from torch import Tensor
from trivial_method import TrivialMethod

from colorizers.__main__ import main
from colorizers.commands.evaluate import parsed
from colorizers.engine.local import JobRequest
from colorizers.errors import ColorizerError
from colorizers.evaluation import baselines, protocol, report
from colorizers.methods.catalog import METHODS
from colorizers.methods.method import Job
from colorizers.options import Options, control, controls, picture
from colorizers.picture.color import rgb_to_lab
from colorizers.picture.compose import Chroma, Outcome
from colorizers.picture.dataset import Collection, center_square, read_collection
from colorizers.picture.finish import Finish
from colorizers.picture.photo import Photo
from colorizers.settings import PROJECT
from colorizers.weights import store as weights

PHOTOS = PROJECT / "test_images"
IN_COLOUR = sorted(path.name for path in PHOTOS.glob("*.jpg") if (PHOTOS / f"{path.stem}_gray.jpg").exists())
FIXED = ["truth", "gray", "mean_ab", "l_to_ab", "wrong_image_ab", "gt_half_chroma", "oracle_ab_1/4"]
OF_THE_SET = {"x_gray", "delta_cf", "kid", "de00_at_85", "x_gray_at_85", "color_reached"}
CARD = "# Card\n<!-- figures -->\nold\n<!-- end figures -->\n<!-- other -->\nkept\n<!-- end other -->\n"


class TintedOptions(Options):
    """A method's options, the weights among them."""

    weights: Literal["cool", "warm"] = control("cool", help="Which tint.")
    strength: float = control(1.0, low=0, high=1, help="How much of it.")


class TintedMethod(TrivialMethod):
    """A method with two sets of weights."""

    name = "tinted"
    options = TintedOptions


class BorrowingOptions(Options):
    """A method's options, a picture that must be given among them."""

    reference: Photo = picture(help="Whose colours are borrowed.")
    share: float = control(1.0, low=0, high=1, help="How much of them.")


class BorrowingMethod(TrivialMethod):
    """Two halves with the mean and the spread of the reference's colours: mean - spread, mean + spread."""

    name = "borrowing"
    options = BorrowingOptions
    finish = Finish()

    def run(self, photo: Photo, options: BorrowingOptions, job: Job) -> list[Outcome]:
        ab = rgb_to_lab(torch.from_numpy(options.reference.rgb).movedim(-1, 0) / 255)[1:]
        mean, spread = (each[:, None, None] for each in (ab.mean((1, 2)), ab.std((1, 2), correction=0)))
        width, height = photo.size
        side = torch.where(torch.arange(width) < width // 2, -1.0, 1.0).expand(2, height, width)
        return [Chroma(options.share * (mean + spread * side))]


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

    def test_put_the_rows_in_the_order_that_is_known(self, tmp_path: Path):
        target, pictures = tmp_path / "figures.json", tmp_path / "pictures.csv"
        assert command("evaluate", "unet", "--data", PHOTOS, "--json", target, "--csv", pictures) == 0
        rows = json.loads(target.read_text())["rows"]
        with pictures.open(newline="") as file:
            measured = [line["photo"] for line in csv.DictReader(file) if line["row"] == "truth"]
        assert measured == [f"test_images/{name}" for name in IN_COLOUR]
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
            (["--lpips", "gone.pth"], "There is no file gone.pth; give a state dict of torchvision's alexnet"),
            (["--lpips", "card.md"], "card.md is damaged"),
            (["--fid", "gone.pth"], "There is no file gone.pth; give a state dict of torchvision's inception_v3."),
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
        told = [line for line in said.err.splitlines() if not line.startswith("left out: ")]
        assert len(told) == 1
        assert told[0].startswith(sentence)
        assert told[0].endswith(".")
        assert Path("card.md").read_text() == CARD

    def test_of_data_that_is_none(self, tmp_path: Path, capsys):
        assert command("evaluate", "--data", tmp_path / "gone") == 2
        assert capsys.readouterr().err.endswith("gone is neither a folder of pictures nor a tar shard.\n")


class TestMethodsAsTyped:
    METHODS: ClassVar = {"trivial": TrivialMethod(), "tinted": TintedMethod(), "borrowing": BorrowingMethod()}

    def test_have_their_weights_behind_a_colon(self):
        asked = parsed(self.METHODS, "tinted:warm,strength=0.5")
        assert (asked.method, asked.options) == ("tinted", {"weights": "warm", "strength": 0.5})
        assert parsed(self.METHODS, "tinted,weights=warm").options == {"weights": "warm"}
        assert parsed(self.METHODS, "tinted").options == {}

    @pytest.mark.parametrize(
        ("text", "sentence"),
        [
            ("tinted:hot", r"^Weights must be one of cool, warm\.$"),
            ("tinted:", r"^Weights must be one of cool, warm\.$"),
            ("tinted:warm,weights=cool", r"^tinted:warm names its weights twice; leave out 'weights=cool'\.$"),
            ("borrowing,share=2", r"^Share must be a number from 0 to 1\.$"),
            (
                "borrowing,reference=cat.jpg",
                r"^Reference must be own or other: the photo's own colours or another photo's\.$",
            ),
            ("borrowing,reference=", r"^Reference must be own or other: "),
            ("trivial,reference=none", r"^Reference must be own or other: "),
            ("trivial:tint", r"^trivial has only one set of weights; leave out ':tint'\.$"),
        ],
    )
    def test_are_refused_in_one_sentence(self, text: str, sentence: str):
        with pytest.raises(ColorizerError, match=sentence):
            parsed(self.METHODS, text)

    def test_have_the_photo_s_own_colours_for_a_picture_or_another_one_s(self):
        assert parsed(self.METHODS, "borrowing").pictures == {"reference": "own"}, "it must have one"
        assert parsed(self.METHODS, "trivial").pictures == {}, "it need not"
        assert parsed(self.METHODS, "trivial,reference=own").pictures == {"reference": "own"}
        asked = parsed(self.METHODS, "borrowing,reference=other,share=0.5")
        assert (asked.pictures, asked.options) == ({"reference": "other"}, {"share": 0.5})

    def test_draw_the_same_lots_every_time(self):
        assert parsed(self.METHODS, "trivial").options == {"seed": 0}
        assert parsed(self.METHODS, "trivial,seed=7").options == {"seed": 7}

    def test_of_the_catalog_run_with_each_of_their_weights_that_is_here(self, album: Path, tmp_path: Path):
        choices = {
            f"{name}:{choice}": f"{name}/{choice}"
            for name, method in METHODS.items()
            for entry in controls(method.options)
            for choice in entry.choices
            if entry.name == "weights" and not method.heavy and weights.find(f"{name}/{choice}") is not None
        }
        target = tmp_path / "figures.json"
        assert command("evaluate", *choices, "--data", album, "--n", 1, "--size", 32, "--json", target) == 0
        made = json.loads(target.read_text())
        assert set(made["options"]) == set(choices)
        assert set(made["weights"]) == set(choices.values()), "those that were used, and no others"


def halves(*pairs: tuple[tuple[int, int, int], tuple[int, int, int]]) -> Collection:
    """Squares of 32 pixels whose halves are of one colour each."""
    photos = tuple(torch.tensor(pair, dtype=torch.uint8).T[:, None].repeat_interleave(16, 2).expand(3, 32, 32)
                   for pair in pairs)  # fmt: skip
    return Collection(photos, tuple(f"{k}.png" for k in range(len(photos))), ("",) * len(photos))


def numbers(photo: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Means and standard deviations of a* and b* by other hands."""
    ab = rgb2lab(photo.movedim(0, -1).numpy())[..., 1:]
    return ab.mean((0, 1)), ab.std((0, 1))


class TestReferences:
    """The right half of every photo has the larger a* and b*: the borrowed colours can be those of the photo."""

    PHOTOS = halves(
        ((116, 122, 128), (136, 120, 118)), ((90, 145, 110), (190, 115, 50)), ((120, 120, 170), (170, 110, 140))
    )

    def rows(self, *texts: str, photos: Collection = PHOTOS) -> tuple[protocol.Evaluation, list[protocol.Pictures]]:
        engine, seen = engine_with(BorrowingMethod(), TrivialMethod()), []
        asked = {text: parsed(engine.methods, text) for text in texts}
        return protocol.evaluate(engine, asked, photos, 256, watch=seen.append), seen

    def test_are_the_very_colours_of_the_photo_or_of_another_one(self):
        _, seen = self.rows("borrowing", "borrowing,reference=other")
        for pictures in seen:
            for row, same in (("borrowing", "truth"), ("borrowing,reference=other", "wrong_image_ab")):
                assert (pictures[row] - pictures[same]).abs().max() < 1.5 / 255

    @pytest.mark.parametrize("share", [0, 0.5, 1])
    @pytest.mark.parametrize("paired", [True, False])
    def test_move_the_colours_by_a_share_of_the_way(self, share: float, paired: bool):
        """From where the same method is with the photo's own colours, else from the truth."""
        row = f"borrowing,share={share},reference=other"
        others = [f"borrowing,share={share},reference=own", "borrowing,share=0.9,reference=own"]
        means = self.rows(row, *others[not paired :])[0].means
        truth = np.array([numbers(photo) for photo in self.PHOTOS.photos])  # (photos, mean and spread, a and b)
        goal = truth[[1, 2, 0]]
        start, end = truth * (share if paired else 1), goal * share
        by_hand = ((end - start) * (goal - start)).sum((0, 2)) / ((goal - start) ** 2).sum((0, 2))
        assert [means[row]["moved_mean"], means[row]["moved_std"]] == pytest.approx(by_hand, abs=0.02)
        assert share < 1 or by_hand == pytest.approx([1, 1])
        assert all("moved_mean" not in values for name, values in means.items() if name != row)

    def test_go_nowhere_between_photos_of_the_same_colours(self):
        same = self.PHOTOS.first(1)
        twice = Collection(same.photos * 2, ("a", "b"), ("", ""))
        means = self.rows("borrowing,share=0,reference=other", photos=twice)[0].means
        assert not {"moved_mean", "moved_std"} & means["borrowing,share=0,reference=other"].keys()

    def test_of_another_photo_need_one(self):
        with pytest.raises(ColorizerError, match=r"reference=other takes the colours of another photograph; give at"):
            self.rows("borrowing,reference=other", photos=self.PHOTOS.first(1))

    def test_are_named_in_the_table_and_the_files(
        self, album: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
    ):
        monkeypatch.setitem(METHODS, "borrowing", BorrowingMethod())
        figures, pictures, page, card = (tmp_path / name for name in ("a.json", "a.csv", "page", "card.md"))
        card.write_text(CARD)
        asked = ("borrowing", "borrowing,reference=other")
        files = ("--json", figures, "--csv", pictures, "--html", page, "--card", f"{card}:figures")
        assert command("evaluate", *asked, "--data", album, "--size", 64, *files) == 0
        table, made = capsys.readouterr().out, json.loads(figures.read_text())
        assert {row: options["reference"] for row, options in made["options"].items()} == {
            "borrowing": "own", "borrowing,reference=other": "other"
        }  # fmt: skip
        moves = [made["rows"]["borrowing,reference=other"][key] for key in ("moved_mean", "moved_std")]
        headings, *lines = ([cell.strip() for cell in line.split("|")] for line in table.splitlines() if "|" in line)
        place = headings.index("moved mean")
        assert headings[place + 1] == "moved std"
        assert {line[1]: line[place : place + 2] for line in lines if line[1] in asked} == {
            "borrowing": ["–", "–"], "borrowing,reference=other": [f"{share:.0%}" for share in moves]
        }  # fmt: skip
        assert card.read_text() == CARD.replace("old\n", table)
        assert (page / "pictures.csv").read_text() == pictures.read_text()
        assert "a share of the way" in (page / "index.html").read_text(encoding="utf-8")
        assert len(list(page.glob("*.jpg"))) == 3 * 4, "input, two methods, truth"
        with pictures.open(newline="") as file:
            assert sum(line["row"] in asked for line in csv.DictReader(file)) == 3 * 2


class TestVariants:
    def test_are_measured_by_the_first_and_by_how_far_they_lie_apart(self, album: Path):
        photos = read_collection([album])
        engine = engine_with(TrivialMethod())
        asked = {text: parsed(engine.methods, text) for text in ("trivial", "trivial,variants=3")}
        made = protocol.evaluate(engine, asked, photos, 64)
        single, several = (made.means[row] for row in asked)
        assert several.keys() - single.keys() == {"diversity"}
        assert all(several[key] == single[key] for key in single.keys() - {"seconds_per_megapixel"})
        assert made.records["trivial,variants=3"].options["variants"] == 3

        apart = []
        for photo in photos.photos:
            lightness = rgb_to_lab(center_square(photo, 64))[0]
            requests = [JobRequest(Photo(lightness), "trivial", {"seed": seed}) for seed in range(3)]
            labs = [rgb2lab(engine.results(request)[0].pixels()) for request in requests]
            pairs = itertools.combinations(labs, 2)
            apart.append(np.mean([np.sqrt(np.mean((one - other)[..., 1:] ** 2)) for one, other in pairs]))
        assert [photo["trivial,variants=3"]["diversity"] for photo in made.pictures] == pytest.approx(apart, rel=1e-3)
        assert several["diversity"] == pytest.approx(np.mean(apart), rel=1e-3)


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
