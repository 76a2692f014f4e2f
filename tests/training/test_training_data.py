"""What training photographs go through: crops, ageing, the order of steps; colour spaces and the losses that judge."""

import colorsys
import io
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from skimage.color import rgb2yuv

from colorizers.networks.ab_bins import AbBins
from colorizers.networks.heads import AB_SCALE
from colorizers.training import losses
from colorizers.training.color_spaces import hue_vector, uv
from colorizers.training.degradation import CHANGES, Change, as_jpeg, blurred, compressed, degraded, graded
from colorizers.training.photos import BatchOrder, Photographs, crops, decoded, seeded
from colorizers.training.print_defects import bordered
from colorizers.training.recipe import TrainingPlan

CPU = torch.device("cpu")


@pytest.fixture
def photos(tmp_path: Path) -> Photographs:
    """Three photographs of other sizes and labels; in the last one colour says where a pixel is."""
    for label, size, colour in (("sea", (90, 50), (20, 60, 200)), ("dog", (40, 64), (150, 90, 40))):
        (tmp_path / "photos" / label).mkdir(parents=True)
        Image.new("RGB", size, colour).save(tmp_path / "photos" / label / "1.png")
    across, down = np.meshgrid(np.linspace(0, 255, 600), np.linspace(0, 255, 300))
    ramp = np.stack((across, down, np.full_like(down, 128)), axis=-1).astype(np.uint8)
    Image.fromarray(ramp).save(tmp_path / "photos" / "ramp.png")
    return decoded([tmp_path / "photos"], tmp_path / "cache")


class TestPhotographs:
    def test_know_their_labels(self, photos: Photographs):
        assert photos.names == ("photos/dog/1.png", "photos/ramp.png", "photos/sea/1.png")
        assert photos.labels == ("dog", "sea")
        assert photos.label_ids.tolist() == [0, -1, 1]

    def test_that_are_large_are_brought_down(self, photos: Photographs):
        assert [tuple(photos.photo(k).shape) for k in range(3)] == [(3, 64, 40), (3, 256, 512), (3, 50, 90)]

    def test_changed_on_disk_are_decoded_again(self, photos: Photographs, tmp_path: Path):
        Image.new("RGB", (30, 30), (200, 0, 0)).save(tmp_path / "photos" / "sea" / "2.png")
        assert len(decoded([tmp_path / "photos"], tmp_path / "cache")) == 4

    def test_half_written_are_not_taken_for_whole(self, photos: Photographs, tmp_path: Path):
        index = next((tmp_path / "cache").glob("*.json"))
        index.unlink()
        again = decoded([tmp_path / "photos"], tmp_path / "cache")
        assert again.sha256 == photos.sha256
        assert json.loads(index.read_text())["left_out"] == []


class TestCrops:
    def test_show_each_photo_in_its_own_colours(self, photos: Photographs):
        made = crops(photos, torch.tensor([0, 2, 0]), 32, seeded(CPU, 1))
        assert made.shape == (3, 3, 32, 32)
        for crop, colour in zip(made, ((150, 90, 40), (20, 60, 200), (150, 90, 40)), strict=True):
            assert torch.allclose(crop * 255, torch.tensor(colour)[:, None, None].float(), atol=0.01)

    def test_are_60_to_100_percent_of_the_short_side_half_of_them_mirrored(self, photos: Photographs):
        made = crops(photos, torch.full((400,), 1), 32, seeded(CPU, 2))
        red, green = made[:, 0], made[:, 1]
        across = (red[:, 0, -1] - red[:, 0, 0]) * 512 * 32 / 31
        down = (green[:, -1, 0] - green[:, 0, 0]) * 256 * 32 / 31
        for side in (across.abs(), down):
            assert side.min() > 0.58 * 256, "and never upside down"
            assert side.max() < 1.02 * 256
        assert 150 < int((across < 0).sum()) < 250
        assert red.max() - red.min() > 0.96, "every part of a photo is seen"


class TestOrder:
    def test_shows_every_photo_once_in_an_epoch_and_in_a_new_order(self):
        order = BatchOrder(count=10, batch=5, seed=0)
        first, second = ([order.chosen(2 * epoch + k) for k in range(2)] for epoch in range(2))
        assert sorted(torch.cat(first).tolist()) == sorted(torch.cat(second).tolist()) == list(range(10))
        assert torch.cat(first).tolist() != torch.cat(second).tolist()

    def test_is_a_function_of_the_step(self):
        late = BatchOrder(count=100, batch=7, seed=3).chosen(123)
        assert torch.equal(late, BatchOrder(count=100, batch=7, seed=3).chosen(123))
        assert not torch.equal(late, BatchOrder(count=100, batch=7, seed=4).chosen(123))

    def test_takes_a_fresh_subset_every_few_epochs(self):
        order = BatchOrder(count=50, batch=5, seed=0, subset=0.4, refresh_every=2)
        assert order.steps_per_epoch == 4
        epochs = [{i for k in range(4) for i in order.chosen(4 * epoch + k).tolist()} for epoch in range(4)]
        assert all(len(epoch) == 20 for epoch in epochs)
        assert epochs[0] == epochs[1] != epochs[2] == epochs[3]


MILD_AND_STRONG = {graded: (0.55, 0.95), compressed: (0.95, 0.05)}
"""Amounts of a change that leave a photo nearly as it was, and not at all: an amount of a half keeps gamma as it is."""


class TestAge:
    LIGHT = 50 + 40 * torch.sin(torch.linspace(0, 20, 48))[None, None, None] * torch.linspace(0, 1, 40)[:, None]

    def test_changes_half_of_the_photos_and_keeps_them_in_range(self):
        light = self.LIGHT.expand(200, 1, 40, 48)
        old = degraded(light, seeded(CPU, 0))
        changed = (old - light).flatten(1).abs().amax(1) > 0.5
        assert 70 < int(changed.sum()) < 130
        assert torch.equal(old[~changed], light[~changed])
        assert old.min() >= 0
        assert old.max() <= 100

    @pytest.mark.parametrize("change", [each for each, _ in CHANGES])
    def test_of_each_kind_changes_more_by_a_larger_amount(self, change: Change):
        light = self.LIGHT.expand(60, 1, 40, 48)
        little, much = (
            (change(light, torch.full((60, 1, 1, 1), amount), seeded(CPU, 1)) - light).abs().mean()
            for amount in MILD_AND_STRONG.get(change, (0.4, 1.0))
        )
        assert 0 < little < much

    def test_frames_some_photos_in_gray(self):
        lab = torch.cat((self.LIGHT, torch.full((1, 2, 40, 48), 30.0)), dim=1).expand(400, -1, -1, -1)
        framed = bordered(lab, seeded(CPU, 0))
        with_border = (framed != lab).any(1).flatten(1).any(1)
        assert 25 < int(with_border.sum()) < 70
        changed = (framed != lab).any(1)
        assert (framed[:, 1:].abs().amax(1)[changed] == 0).all(), "paper has no colour"
        shade = framed[:, 0][changed]
        assert ((shade >= 85) | (shade <= 25)).all(), "it is white, or a dark frame"
        assert torch.equal(framed[..., 4:-4, 5:-5], lab[..., 4:-4, 5:-5]), "at most a tenth of a side"

    def test_blurs_as_pillow_does(self):
        from scipy.ndimage import gaussian_filter

        sigma = torch.tensor([0.3, 0.9]).view(2, 1, 1, 1)
        ours = blurred(self.LIGHT.expand(2, 1, 40, 48), sigma)
        for k in range(2):
            wanted = gaussian_filter(self.LIGHT[0, 0].numpy(), float(sigma[k]), mode="nearest", radius=2)
            assert np.abs(ours[k, 0].numpy() - wanted).max() < 0.05

    @pytest.mark.parametrize("quality", [40, 75, 95])
    def test_loses_what_jpeg_loses(self, quality: int):
        pixels = (self.LIGHT[0, 0] * 2.55).round()
        file = io.BytesIO()
        Image.fromarray(pixels.byte().numpy()).save(file, "JPEG", quality=quality)
        theirs = torch.from_numpy(np.asarray(Image.open(file)).copy()).float()
        ours = as_jpeg(pixels[None, None] / 2.55, torch.full((1, 1, 1, 1), float(quality)))[0, 0] * 2.55
        assert (ours - theirs).abs().mean() < 1
        assert (ours - pixels).abs().mean() == pytest.approx(float((theirs - pixels).abs().mean()), abs=0.3)


class TestLosses:
    def test_of_colours_are_in_units_of_their_spread(self):
        ab, truth = torch.full((1, 2, 4, 4), AB_SCALE), torch.zeros(1, 2, 4, 4)
        assert losses.l1(ab, truth) == 1
        assert losses.l2(2 * ab, truth) == 4
        assert losses.smooth_l1(2 * ab, truth) == pytest.approx(1.5)
        assert losses.smooth_l1(ab / 2, truth) == pytest.approx(0.125)

    def test_of_bins_is_least_for_the_truth(self):
        grid = AbBins()
        truth = torch.tensor([20.0, -30.0])[None, :, None, None].expand(1, 2, 2, 2)
        index, share = grid.encode(truth)
        sure = torch.zeros(1, 2, 2, len(grid)).scatter(-1, index, share).movedim(-1, 1).clamp(min=1e-9).log()
        unsure = torch.zeros_like(sure)
        assert losses.bins(sure, truth, grid) < losses.bins(unsure, truth, grid) / 2

    def test_of_rare_colours_weighs_more(self):
        grid = AbBins()
        grid.prior.fill_(0.001)
        common = int(torch.cdist(torch.zeros(1, 2), grid.centers).argmin())
        grid.prior[common] = 1 - 0.001 * (len(grid) - 1)
        gray, red = (torch.tensor(ab)[None, :, None, None] for ab in ([0.0, 0.0], [50.0, 30.0]))
        logits = torch.zeros(1, len(grid), 1, 1)
        assert losses.bins(logits, red, grid) > 5 * losses.bins(logits, gray, grid)

    @pytest.mark.parametrize("game", ["hinge", "vanilla"])
    def test_of_the_game_pull_apart(self, game: losses.GanLoss):
        high, low = torch.full((1, 1, 2, 2), 2.0), torch.full((1, 1, 2, 2), -2.0)
        assert losses.discriminator_loss(high, low, game) < losses.discriminator_loss(low, high, game)
        assert losses.generator_loss(high, game) < losses.generator_loss(low, game)
        assert losses.discriminator_loss(high, low, "hinge") == 0

    def test_of_dullness_is_one_for_gray_and_less_for_colours(self):
        gray, vivid = torch.full((1, 3, 8, 8), 0.5), torch.rand(1, 3, 8, 8, generator=seeded(CPU, 0))
        assert losses.dullness(gray) == pytest.approx(1)
        assert losses.dullness(vivid) < 0.5

    def test_of_perception_is_zero_for_the_same_and_ignores_strength(self):
        features = [torch.rand(1, 6, 4, 4, generator=seeded(CPU, 1)), torch.rand(1, 8, 2, 2, generator=seeded(CPU, 2))]
        assert losses.perceptual(features, features) == pytest.approx(0, abs=1e-6)
        assert losses.perceptual([3 * each for each in features], features) == pytest.approx(0, abs=1e-6)
        assert losses.perceptual([-each for each in features], features) == pytest.approx(4)

    def test_of_classes_passes_over_photos_without_a_label(self):
        logits = torch.tensor([[5.0, 0.0], [0.0, 5.0]], requires_grad=True)
        both = losses.classes(logits, torch.tensor([0, 0]))
        one = losses.classes(logits, torch.tensor([0, -1]))
        none = losses.classes(logits, torch.tensor([-1, -1]))
        assert one < both
        assert none == 0
        none.backward()


class TestColorSpaces:
    RGB = torch.rand(1, 3, 20, 20, generator=seeded(CPU, 3))

    def test_hue_is_a_direction_and_saturation_a_length(self):
        grays_and_corners = torch.tensor([[0.0, 1, 0.5, 1, 1, 0], [0, 1, 0.5, 0, 1, 0], [0, 1, 0.5, 0, 0, 1]])
        for rgb in (self.RGB, grays_and_corners[None, :, None]):
            hsv = np.array([colorsys.rgb_to_hsv(*pixel) for pixel in rgb.flatten(2)[0].T.tolist()])
            angle, saturation = 2 * np.pi * hsv[:, 0], hsv[:, 1]
            wanted = np.stack((saturation * np.cos(angle), saturation * np.sin(angle)))
            assert hue_vector(rgb).flatten(2)[0].numpy() == pytest.approx(wanted, abs=1e-4)

    def test_reds_on_both_sides_of_the_circle_are_neighbours(self):
        orange, pink = (torch.tensor(rgb)[None, :, None, None] for rgb in ([0.9, 0.102, 0.1], [0.9, 0.1, 0.102]))
        assert (hue_vector(orange) - hue_vector(pink)).norm() < 0.01

    def test_u_and_v_are_those_of_video(self):
        wanted = rgb2yuv(self.RGB[0].movedim(0, -1).numpy())[..., 1:]
        assert uv(self.RGB)[0].movedim(0, -1).numpy() == pytest.approx(wanted, abs=1e-4)


class TestRate:
    def test_of_a_trapezoid_stays_up_until_the_cool_down(self):
        plan = TrainingPlan(steps=1000, warm_up=100, schedule="trapezoid", cool_down=200, size=64, cool_size=96)
        assert [plan.rate(step) for step in (99, 100, 500, 800)] == [1, 1, 1, 1]
        assert plan.rate(1000) == pytest.approx(0.01)
        assert all(plan.rate(step) > plan.rate(step + 1) for step in range(800, 1000))
        assert [plan.crop_size(step) for step in (0, 799, 800, 999)] == [64, 64, 96, 96]

    def test_of_a_trapezoid_is_the_same_whenever_it_will_end(self):
        plans = [TrainingPlan(steps=steps, warm_up=50, schedule="trapezoid", cool_down=100) for steps in (400, 9000)]
        early, late = ([plan.rate(step) for step in range(300)] for plan in plans)
        assert early == late
        assert all(plan.may_end_anywhere(300) for plan in plans)
        assert not plans[0].may_end_anywhere(301)
        assert not TrainingPlan(steps=400).may_end_anywhere(0), "a cosine knows its end from the first step"

    def test_rises_and_then_falls_to_a_hundredth(self):
        plan = TrainingPlan(steps=1000, warm_up=100)
        assert plan.rate(0) == pytest.approx(0.01)
        assert plan.rate(99) == 1
        assert plan.rate(550) == pytest.approx(0.505, abs=0.01)
        assert plan.rate(1000) == pytest.approx(0.01)
        assert all(plan.rate(step) >= plan.rate(step + 1) for step in range(100, 999))
