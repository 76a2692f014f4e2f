"""The naive baselines: their fit, and the committed ones."""

import torch

from colorizers.evaluation import baselines
from colorizers.picture.color import rgb_to_lab
from colorizers.picture.dataset import Collection


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
