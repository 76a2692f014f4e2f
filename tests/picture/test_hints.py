import numpy as np
import torch
from skimage.color import rgb2lab

from colorizers.picture.compose import Chroma, compose
from colorizers.picture.finish import Finish
from colorizers.picture.hints import Hints

DARK_AND_LIGHT = torch.tensor([30.0, 70.0])[None].repeat_interleave(40, dim=1).repeat(60, 1)  # left and right half
GRAY = Chroma(torch.zeros(2, 6, 8))
RED = torch.tensor([[40.0, 20.0]])


def lab_of(hints: Hints | None, finish: Finish | None = None) -> np.ndarray:
    return rgb2lab(compose(DARK_AND_LIGHT, GRAY, finish or Finish(), hints=hints))


def test_a_hint_colours_its_place_up_to_the_edge_and_nothing_beyond():
    lab = lab_of(Hints(torch.tensor([[0.5, 0.45]]), RED, reach=0.2))
    assert np.allclose(lab[30, 36, 1:], RED[0], atol=1.5), "the colour of the hint at its place"
    assert lab[30, 30, 1] > 20, "and around it"
    assert np.abs(lab[:, 42:, 1:]).max() < 1.5, "but not on the other side of the edge, which is near"
    assert np.abs(lab[..., 0] - DARK_AND_LIGHT.numpy()).max() <= 0.5, "the photo keeps its light"


def test_two_hints_each_have_their_place():
    places, colours = torch.tensor([[0.2, 0.1], [0.8, 0.9]]), torch.tensor([[40.0, 20.0], [-30.0, 10.0]])
    lab = lab_of(Hints(places, colours))
    assert lab[12, 8, 1] > 30
    assert lab[47, 71, 1] < -20


def test_the_finish_acts_on_hints_as_on_all_colours():
    hints = Hints(torch.tensor([[0.5, 0.25]]), RED)
    assert lab_of(hints, Finish(color_strength=0.5))[30, 20, 1] < 0.6 * lab_of(hints)[30, 20, 1]


def test_without_hints_nothing_changes():
    assert np.array_equal(lab_of(None), rgb2lab(compose(DARK_AND_LIGHT, GRAY, Finish())))
    far = Hints(torch.tensor([[0.0, 0.0]]), RED, reach=0.01)
    assert np.array_equal(lab_of(far)[30:], lab_of(None)[30:])
