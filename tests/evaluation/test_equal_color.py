"""The columns that dullness cannot win: CIEDE2000 where methods are as colourful as one another, kernel distance."""

from dataclasses import replace

import pytest
import torch
from conftest import engine_with
from evaluation_cases import PHOTOS, BorrowingMethod, BorrowingOptions

from colorizers.commands.evaluate import parse_row
from colorizers.commands.packaged import given_file
from colorizers.evaluation import perceptual, protocol
from colorizers.evaluation.equal_color import STOPS, at_equal_color
from colorizers.methods.method import Job
from colorizers.options import control
from colorizers.picture.color import rgb_to_lab
from colorizers.picture.compose import Chroma, Outcome
from colorizers.picture.dataset import Collection, read_collection
from colorizers.picture.photo import Photo


class VividOptions(BorrowingOptions):
    """A method's options, vividness among them."""

    vividness: float = control(0.2, low=0, high=1)


class TrueMethod(BorrowingMethod):
    """The reference's own ab: as they are at vividness 0.5, twice as strong at 1, and a share of that."""

    info = replace(BorrowingMethod.info, name="true", options=VividOptions)

    def run(self, photo: Photo, options: VividOptions, job: Job) -> list[Outcome]:
        ab = rgb_to_lab(torch.from_numpy(options.reference.rgb).movedim(-1, 0) / 255)[1:]
        return [Chroma(2 * options.share * options.vividness * ab)]


class CountingOptions(VividOptions):
    """A method's options, with a default vividness that is a stop."""

    vividness: float = control(0.5, low=0, high=1)


class CountingMethod(TrueMethod):
    """Pale colours; keeps the vividness of every run."""

    info = replace(TrueMethod.info, name="counting", options=CountingOptions)

    def __init__(self) -> None:
        super().__init__()
        self.vividness: list[float] = []

    def run(self, photo: Photo, options: VividOptions, job: Job) -> list[Outcome]:
        self.vividness.append(options.vividness)
        return super().run(photo, options.model_copy(update={"share": 0.7}), job)


class TestEqualColor:
    def rows(self, *texts: str) -> dict[str, protocol.Values]:
        engine = engine_with(TrueMethod())
        asked = {text: parse_row(engine.methods, text) for text in texts}
        return protocol.evaluate(engine, asked, read_collection([PHOTOS]).first(3), 64).means

    def test_is_found_along_vividness(self):
        rows = self.rows("true", "true,vividness=0.43")
        found, there = rows["true"], rows["true,vividness=0.43"]
        assert there["cf"] == pytest.approx(0.85 * rows["truth"]["cf"], rel=0.02)
        assert found["de00_at_85"] == pytest.approx(there["de00"], abs=0.5)
        assert found["x_gray_at_85"] == pytest.approx(found["de00_at_85"] / rows["gray"]["de00"])
        assert found["de00"] > 2 * found["de00_at_85"], "at its default it is dull"
        assert "de00_at_85" not in there, "whose vividness is fixed"
        assert "de00_at_85" not in rows["gt_half_chroma"]

    def test_runs_the_method_once_per_stop_and_not_again_for_its_default(self):
        method = CountingMethod()
        rows = {"counting": parse_row({"counting": method}, "counting")}
        means = protocol.evaluate(engine_with(method), rows, read_collection([PHOTOS]).first(2), 64).means
        assert method.vividness == [0.5, *2 * (0.5, 0.0, 0.25, 0.75, 1.0)], "the first run loads the model"
        assert means["counting"]["de00_at_85"] < means["counting"]["de00"]

    def test_says_how_far_a_dull_method_comes(self):
        rows = self.rows("true,share=0.3", "true")
        assert rows["true,share=0.3"]["color_reached"] == pytest.approx(0.6, abs=0.03)
        assert "de00_at_85" not in rows["true,share=0.3"]
        assert "color_reached" not in rows["true"]

    def test_is_straight_between_the_stops(self):
        colorfulness = [10.0, 20.0, 30.0, 40.0, 50.0]
        assert at_equal_color(colorfulness, [9.0, 8.0, 7.0, 9.0, 11.0], 100 / 0.85 * 0.35) == {
            "de00_at_85": pytest.approx(8.0)
        }
        assert at_equal_color(colorfulness, [9.0] * len(STOPS), 100) == {"color_reached": 0.5}
        assert at_equal_color(colorfulness, [9.0] * len(STOPS), 5) == {"color_reached": 2.0}
        assert at_equal_color([0.0] * len(STOPS), [0.0] * len(STOPS), 0) == {"de00_at_85": 0.0}


def pieces(photos: Collection, side: int) -> Collection:
    """Every fourth whole square of the photos: more pictures than there are photos."""
    squares = [square for photo in photos.photos for row in photo.split(side, 1) for square in row.split(side, 2)]
    whole = tuple(square for square in squares if square.shape[1:] == (side, side))[::4]
    return Collection(whole, tuple(map(str, range(len(whole)))), ("",) * len(whole))


class TestKernelDistance:
    FEATURES = torch.randn(40, 6, generator=torch.Generator().manual_seed(0))

    def test_is_nothing_for_the_truth_and_grows_with_what_is_wrong(self):
        same, near, far = perceptual.kid([self.FEATURES, self.FEATURES + 0.2, self.FEATURES + 1], self.FEATURES)
        assert same == pytest.approx(0, abs=1e-9)
        assert 0 < near < far

    def test_is_the_mean_over_pairs_of_photos(self):
        ours = self.FEATURES[:4] * 1.5 + 0.3
        truth = self.FEATURES[:4]

        def kernel(one: torch.Tensor, other: torch.Tensor) -> float:
            return (float(one @ other) / 6 + 1) ** 3

        pairs = [(i, j) for i in range(4) for j in range(4) if i != j]
        wanted = sum(
            kernel(ours[i], ours[j])
            + kernel(truth[i], truth[j])
            - kernel(ours[i], truth[j])
            - kernel(ours[j], truth[i])
            for i, j in pairs
        )
        (found,) = perceptual.kid([ours], truth)
        assert found == pytest.approx(1000 * wanted / len(pairs), rel=1e-4)

    @pytest.mark.slow
    def test_puts_the_naive_rows_in_the_order_that_is_known(self):
        network = perceptual.efficientnet(given_file("efficientnet-lite2"), torch.device("cpu"))
        assert network.flavour == "KID EfficientNet-Lite2, 224 px"
        networks = perceptual.Networks(kid=network)
        rows = protocol.evaluate(engine_with(), {}, pieces(read_collection([PHOTOS]), 192), 192, networks).means
        order = ["oracle_ab_1/4", "gt_half_chroma", "wrong_image_ab", "mean_ab", "gray"]
        assert order == sorted(order, key=lambda row: rows[row]["kid"])
        assert rows["oracle_ab_1/4"]["kid"] < rows["gray"]["kid"] / 10
