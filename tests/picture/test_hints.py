"""Hints: what has which colour, and what else belongs to it."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import encoded
from PIL import Image
from skimage.color import rgb2lab

from colorizers import colorize
from colorizers.engine import Engine
from colorizers.engine.jobs import JobRequest
from colorizers.errors import ColorizerError
from colorizers.picture.compose import Chroma, compose
from colorizers.picture.finish import Finish
from colorizers.picture.hints import (
    MOST_BYTES,
    MOST_POINTS,
    Hint,
    Hints,
    checked_hints,
    hints_of_strokes,
    spread,
)
from colorizers.picture.photo import Photo
from colorizers.picture.record import read_record
from colorizers.settings import PROJECT

DARK_AND_LIGHT = torch.tensor([30.0, 70.0])[None].repeat_interleave(40, dim=1).repeat(60, 1)  # left and right half
GRAY = Chroma(torch.zeros(2, 6, 8))
RED = "#b03040"


def at(x: float, y: float, color: str | None = RED, **more: float) -> Hint:
    return Hint(path=((x, y),), color=color, **more)


def lab_of(hints: Hints, finish: Finish | None = None, lightness: torch.Tensor = DARK_AND_LIGHT) -> np.ndarray:
    return rgb2lab(compose(lightness, GRAY, finish or Finish(), hints=hints))


def test_a_hint_colours_what_belongs_to_its_place_and_nothing_beyond_an_edge():
    lab = lab_of((at(0.45, 0.5),))
    assert lab[30, 4:34, 1].min() > 25, "all of the even half, however near to the edge the hint is"
    assert np.abs(lab[:, 46:, 1:]).max() < 1.5, "but nothing on the other side of the edge"
    assert np.abs(lab[..., 0] - DARK_AND_LIGHT.numpy()).max() <= 0.5, "the photo keeps its light"


def test_a_gradual_change_of_light_is_no_edge():
    slope = torch.linspace(30, 70, 80).repeat(60, 1)
    assert lab_of((at(0.5, 0.5),), lightness=slope)[30, 15:65, 1].min() > 15


def test_two_hints_each_have_their_place_and_the_nearer_one_counts_for_more():
    lab = lab_of((at(0.05, 0.5, "#b03040"), at(0.45, 0.5, "#207040"), at(0.9, 0.5, "#3050b0")))
    assert lab[30, 5, 1] > 15
    assert lab[30, 34, 1] < -5
    assert lab[30, 70, 2] < -20


def test_no_colour_takes_colour_away_and_a_shorter_reach_keeps_it_near():
    colored = Chroma(torch.tensor([20.0, 30.0])[:, None, None].expand(2, 6, 8))
    lab = rgb2lab(compose(DARK_AND_LIGHT, colored, Finish(), hints=(at(0.25, 0.5, None, reach=0.2),)))
    assert np.abs(lab[30, 20, 1:]).max() < 2
    assert lab[2, 2, 2] > 20
    assert lab[30, 70, 2] > 20


def test_the_finish_acts_on_hints_as_on_all_colours():
    hints = (at(0.25, 0.5),)
    assert lab_of(hints, Finish(color_strength=0.5))[30, 20, 1] < 0.6 * lab_of(hints)[30, 20, 1]


def test_the_full_size_agrees_with_the_preview():
    photo = torch.nn.functional.interpolate(DARK_AND_LIGHT[None, None], scale_factor=8, mode="nearest")[0, 0]
    small, large = spread((at(0.3, 0.4),), DARK_AND_LIGHT), spread((at(0.3, 0.4),), photo)
    large = torch.nn.functional.interpolate(large[None], small.shape[1:], mode="area")[0]
    assert (small - large)[0].abs().mean() < 0.03


def test_strokes_of_a_picture_are_hints_of_their_colours():
    strokes = np.zeros((120, 160, 4), np.uint8)
    strokes[50:70, 20:60] = (176, 48, 64, 255)
    hints = hints_of_strokes(Photo.open(encoded(Image.fromarray(strokes))))
    assert len({hint.color for hint in hints}) == 1
    lab = lab_of(hints)
    assert lab[30, 20, 1] > 25
    assert np.abs(lab[:, 46:, 1:]).max() < 1.5


@pytest.mark.parametrize(
    "given",
    ["{}", "[", '[{"path": [], "color": "#b03040"}]', '[{"path": [[0.5, 2]], "color": "#b03040"}]',
     '[{"path": [[0.5, 0.5]], "color": "red"}]', '[{"path": [[0.5, 0.5]]}]', "[" * 50_000,
     json.dumps([{"path": [[0.5, 0.5]], "color": None}] * 501), '[{"path": [[0.5, NaN]], "color": null}]', 7],
)  # fmt: skip
def test_anything_but_a_list_of_hints_is_refused_in_one_sentence(given: object):
    with pytest.raises(ColorizerError) as caught:
        checked_hints(given)
    assert str(caught.value).startswith("Hints must be a list such as ")


def test_a_turned_hint_stands_on_the_same_thing():
    lightness = torch.rand(30, 50) * 100
    hints = (at(0.2, 0.3), Hint(path=((0.5, 0.6), (0.9, 0.7)), color="#207040"))
    for turns in (1, 2, 3):
        turned = compose(torch.rot90(lightness, turns), GRAY, Finish(), hints=tuple(h.turned(turns) for h in hints))
        plain = np.rot90(compose(lightness, GRAY, Finish(), hints=hints), turns)
        assert np.abs(turned.astype(int) - plain).mean() < 1
    assert checked_hints([hint.turned(1).turned(3).model_dump() for hint in hints]) == hints


def many_strokes() -> Photo:
    """A picture of small strokes in colours that differ from place to place, more than can be kept."""
    strokes = np.zeros((96, 96, 4), np.uint8)
    strokes[::6, :, :3] = np.random.default_rng(0).integers(0, 255, (16, 96, 3))
    strokes[::6, :60:2, 3] = 255
    return Photo.open(encoded(Image.fromarray(strokes)))


def longest(more: int = 0) -> list[dict]:
    """As many hints of as many points as are allowed in all, and more."""
    longest = {"path": [(0.12345678, 0.87654321)] * MOST_POINTS, "color": "#123456", "radius": 0.0123, "reach": 1.2345}
    (rounded,) = checked_hints([longest])
    return [longest] * (MOST_BYTES // (len(rounded.model_dump_json()) + 1) + more)


@pytest.mark.parametrize("kind", ["png", "jpg", "webp", "tif"])
@pytest.mark.parametrize("given", [lambda: hints_of_strokes(many_strokes()), longest], ids=["strokes", "longest"])
def test_a_record_that_is_written_can_be_read_back(
    engine: Engine, gray_photo: Photo, tmp_path: Path, given: Callable[[], Any], kind: str
):
    hints = checked_hints(given())
    (result,) = engine.results(JobRequest(gray_photo, "trivial", {"seed": 1}, hints=hints))
    wordy = {**result.record.options, "prompt": "&" * 1000, "negative_prompt": "'" * 1000}
    coloring = replace(result.coloring, record=result.coloring.record.model_copy(update={"options": wordy}))
    path = tmp_path / f"result.{kind}"
    replace(result, coloring=coloring).save(path)
    assert read_record(path).hints == hints


def test_more_than_a_record_can_hold_is_refused_in_one_sentence():
    with pytest.raises(ColorizerError, match="There are too many hints"):
        checked_hints(longest(1))


def test_strokes_on_an_opaque_picture_are_refused():
    with pytest.raises(ColorizerError, match="is not transparent anywhere"):
        hints_of_strokes(Photo.open(encoded(Image.new("RGB", (40, 30), "red"))))


def test_every_method_honours_hints_and_the_record_holds_them(engine: Engine, gray_photo: Photo):
    given = [{"path": [[0.5, 0.5]], "color": "#2e7d32", "reach": 3}]
    plain, hinted = (
        engine.results(JobRequest(gray_photo, "trivial", {"seed": 1}, hints=hints))[0]
        for hints in ((), json.dumps(given))
    )
    assert not np.array_equal(plain.pixels(), hinted.pixels())
    assert plain.hinted(checked_hints(given)).pixels().tolist() == hinted.pixels().tolist()
    assert hinted.record.model_dump(mode="json")["hints"][0]["color"] == "#2e7d32"


def test_the_network_that_listens_takes_a_hint_further_than_the_edges_do():
    hint = (at(0.5, 0.5, "#2e9d32", reach=0.2),)
    share = {}
    for weights in ("efficientnet", "hints"):
        plain, hinted = (
            rgb2lab(colorize(PROJECT / "test_images" / "citrus_gray.jpg", weights=weights, hints=hints)[0].pixels())
            for hints in ((), hint)
        )
        share[weights] = (np.linalg.norm((hinted - plain)[..., 1:], axis=-1) > 5).mean()
    assert share["efficientnet"] < 0.05, "the slice that was clicked on"
    assert share["hints"] > 0.2, "other slices too"
