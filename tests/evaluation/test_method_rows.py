"""Rows of methods: how they are typed, references of other photos, variants."""

import csv
import itertools
import json
from dataclasses import replace
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import pytest
import torch
from conftest import engine_with, store
from evaluation_cases import CARD, BorrowingMethod
from run_command import command
from skimage.color import rgb2lab
from torch import Tensor
from trivial_method import TrivialMethod

from colorizers.commands.evaluate import parse_row
from colorizers.engine.jobs import JobRequest
from colorizers.errors import ColorizerError
from colorizers.evaluation import protocol
from colorizers.methods.catalog import METHODS
from colorizers.options import Options, control, controls
from colorizers.picture.color import rgb_to_lab
from colorizers.picture.dataset import Collection, center_square, read_collection
from colorizers.picture.photo import Photo
from colorizers.words import ENGLISH, templates

templates(ENGLISH).update(
    {
        "options.tint.label": "Weights",
        "options.tint.help": "Which tint.",
        "options.tint.choices.cool": "Cool",
        "options.tint.choices.warm": "Warm",
    }
)


class TintedOptions(Options):
    """A method's options, the weights among them."""

    weights: Literal["cool", "warm"] = control("cool", key="tint")
    strength: float = control(1.0, low=0, high=1)


class TintedMethod(TrivialMethod):
    """A method with two sets of weights."""

    info = replace(TrivialMethod.info, name="tinted", options=TintedOptions)


class TestMethodsAsTyped:
    METHODS: ClassVar = {"trivial": TrivialMethod(), "tinted": TintedMethod(), "borrowing": BorrowingMethod()}

    def test_have_their_weights_behind_a_colon(self):
        asked = parse_row(self.METHODS, "tinted:warm,strength=0.5")
        assert (asked.method, asked.options) == ("tinted", {"weights": "warm", "strength": 0.5})
        assert parse_row(self.METHODS, "tinted,weights=warm").options == {"weights": "warm"}
        assert parse_row(self.METHODS, "tinted").options == {}

    @pytest.mark.parametrize(
        ("text", "sentence"),
        [
            ("tinted:hot", r"^Weights must be one of cool, warm\.$"),
            ("tinted:", r"^Weights must be one of cool, warm\.$"),
            ("tinted:warm,weights=cool", r"^tinted:warm names its weights twice; leave out 'weights=cool'\.$"),
            ("borrowing,share=2", r"^Share must be a number from 0 to 1\.$"),
            (
                "borrowing,reference=cat.jpg",
                r"^Reference must be own \(the photo's own colours\) or other \(another photo's\)\.$",
            ),
            ("borrowing,reference=", r"^Reference must be own \("),
            ("trivial,reference=none", r"^Reference must be own \("),
            ("trivial:tint", r"^trivial has only one set of weights; leave out ':tint'\.$"),
        ],
    )
    def test_are_refused_in_one_sentence(self, text: str, sentence: str):
        with pytest.raises(ColorizerError, match=sentence):
            parse_row(self.METHODS, text)

    def test_have_the_photo_s_own_colours_for_a_picture_or_another_one_s(self):
        assert parse_row(self.METHODS, "borrowing").pictures == {"reference": "own"}, "it must have one"
        assert parse_row(self.METHODS, "trivial").pictures == {}, "it need not"
        assert parse_row(self.METHODS, "trivial,reference=own").pictures == {"reference": "own"}
        asked = parse_row(self.METHODS, "borrowing,reference=other,share=0.5")
        assert (asked.pictures, asked.options) == ({"reference": "other"}, {"share": 0.5})

    def test_draw_the_same_lots_every_time(self):
        assert parse_row(self.METHODS, "trivial").options == {"seed": 0}
        assert parse_row(self.METHODS, "trivial,seed=7").options == {"seed": 7}

    @pytest.mark.slow
    def test_of_the_catalog_run_with_each_of_their_weights_that_is_here(self, album: Path, tmp_path: Path):
        choices = {
            f"{name}:{choice}": f"{name}/{choice}"
            for name, method in METHODS.items()
            for entry in controls(method.info.options)
            for choice in entry.choices
            if entry.name == "weights" and not method.info.slow_on_cpu and store().has(f"{name}/{choice}")
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
        asked = {text: parse_row(engine.methods, text) for text in texts}
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
        assert "share of the way" in (page / "index.html").read_text(encoding="utf-8")
        assert len(list(page.glob("*.jpg"))) == 3 * 4, "input, two methods, truth"
        with pictures.open(newline="") as file:
            assert sum(line["row"] in asked for line in csv.DictReader(file)) == 3 * 2


class TestVariants:
    def test_are_measured_by_the_first_and_by_how_far_they_lie_apart(self, album: Path):
        photos = read_collection([album])
        engine = engine_with(TrivialMethod())
        asked = {text: parse_row(engine.methods, text) for text in ("trivial", "trivial,variants=3")}
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
