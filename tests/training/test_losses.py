"""Losses: their units, their optimum, and float32 under mixed precision."""

import pytest
import torch

from colorizers.networks.ab_bins import AbBins
from colorizers.networks.heads import AB_SCALE
from colorizers.training import losses
from colorizers.training.photos import seeded

CPU = torch.device("cpu")


class TestLosses:
    def test_of_colours_are_in_units_of_their_spread(self):
        ab, truth = torch.full((1, 2, 4, 4), AB_SCALE), torch.zeros(1, 2, 4, 4)
        assert losses.l1(ab, truth) == 1
        assert losses.l2(2 * ab, truth) == 4

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

    @pytest.mark.parametrize("kind", ["hinge", "vanilla"])
    def test_of_a_gan_pull_apart(self, kind: losses.GanLoss):
        high, low = torch.full((1, 1, 2, 2), 2.0), torch.full((1, 1, 2, 2), -2.0)
        assert losses.discriminator_loss(high, low, kind) < losses.discriminator_loss(low, high, kind)
        assert losses.generator_loss(high, kind) < losses.generator_loss(low, kind)
        assert losses.discriminator_loss(high, low, "hinge") == 0

    def test_of_perception_is_zero_for_the_same_and_ignores_scale(self):
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

    def test_are_exact_under_mixed_precision(self):
        ab, truth = torch.full((1, 2, 4, 4), 60.0), torch.full((1, 2, 4, 4), 60.1)
        exact = losses.l1(ab, truth)
        with torch.autocast("cpu", torch.bfloat16):
            assert losses.l1(ab, truth) == exact
            logits = torch.full((1, 1), 3.001)
            assert losses.generator_loss(logits, "vanilla").dtype == torch.float32
