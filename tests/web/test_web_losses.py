"""The plot of the losses: what it says, and what it leaves out."""

import re
from itertools import pairwise

import pytest

from colorizers.methods.method import Step
from colorizers.web.loss_plot import HEIGHT, Losses, plot
from colorizers.words import ENGLISH, templates

templates(ENGLISH)["losses.<marked>"] = "<marked>"


def reported(*values: tuple[float, float], total: int = 0) -> Losses:
    """The losses of a job that came to these values, step by step."""
    losses = Losses(("content", "<marked>"))
    for done, both in enumerate(values, 1):
        losses.add(Step(done, total or len(values), "", losses=dict(zip(losses.names, both, strict=True))))
    return losses


def heights(losses: Losses) -> list[list[float]]:
    """How far below the top each line runs."""
    lines = re.findall(r'points="([^"]*)"', plot(losses, ENGLISH))
    return [[float(point.split(",")[1]) for point in line.split()] for line in lines]


def test_before_a_job_the_axes_are_empty_and_say_what_they_are_for() -> None:
    drawn = plot(reported(), ENGLISH)
    assert 'role="img" aria-label="Losses are drawn here while it runs"' in drawn
    assert "<polyline" not in drawn
    assert "content" in drawn


def test_the_present_values_are_in_words_too() -> None:
    drawn = plot(reported((2000.4, 3), (1234.5, 0.0625), total=300), ENGLISH)
    assert 'aria-label="Losses after step 2 of 300: content 1234, &lt;marked&gt; 0.0625"' in drawn
    assert "<marked>" not in drawn


def test_a_tenth_is_one_step_down_wherever_it_is() -> None:
    ((first, second, third), _) = heights(reported((100, 1), (10, 1), (1, 1)))
    assert first == 0
    assert second - first == pytest.approx(third - second)
    assert third == HEIGHT


def test_what_is_nothing_or_less_than_the_largest_by_many_decades_is_not_drawn() -> None:
    (large, small) = heights(reported((1000, 1e-9), (500, 0), (400, 0.02)))
    assert max(large) < HEIGHT / 5
    assert min(small[:2]) > HEIGHT
    assert small[2] < HEIGHT


@pytest.mark.parametrize("broken", [float("nan"), float("inf")])
def test_a_loss_that_runs_away_is_left_out_and_the_others_are_drawn(broken: float) -> None:
    losses = reported((100, 100), (10, broken))
    assert [len(line) for line in heights(losses)] == [2, 1]
    assert heights(reported((broken, broken))) == []


def test_a_long_job_has_no_more_points_than_can_be_seen_evenly_over_its_steps_and_the_newest() -> None:
    points = reported(*((1, 1 + k) for k in range(10_000))).points
    assert len(points) <= 301
    assert points[-1].values == (1, 10_000)
    assert max(later.done - one.done for one, later in pairwise(points)) < 50


def test_a_job_that_begins_again_is_drawn_from_its_beginning() -> None:
    losses = reported((5, 5), (4, 4), (3, 3))
    losses.add(Step(1, 6, "", losses={"content": 9, "<marked>": 9}))
    losses.add(Step(2, 6, "without any"))
    assert [point.done for point in losses.points] == [1]
