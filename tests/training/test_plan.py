"""The learning rate and the size of crops over a run."""

import pytest

from colorizers.training.recipe import TrainingPlan


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
