"""Colour spaces other than Lab, against the formulas of others."""

import colorsys

import numpy as np
import pytest
import torch
from skimage.color import rgb2yuv

from colorizers.training.color_spaces import hue_vector, uv
from colorizers.training.photos import seeded

CPU = torch.device("cpu")


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
