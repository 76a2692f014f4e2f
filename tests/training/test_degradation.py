"""Degradation: half of the photos, in range, by the formulas of others."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from colorizers.training.degradation import CHANGES, Change, as_jpeg, blurred, compressed, degraded, gamma_shifted
from colorizers.training.photos import seeded
from colorizers.training.print_defects import bordered

CPU = torch.device("cpu")
MILD_AND_STRONG = {gamma_shifted: (0.55, 0.95), compressed: (0.95, 0.05)}
"""Amounts that change a photo a little and a lot, for changes that are not smallest at 0: gamma is 1 at a half."""


class TestDegradation:
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

    def test_blurs_as_scipy_does(self):
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
