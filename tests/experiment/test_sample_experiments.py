"""The shipped samples are sound and cheap, and survive a round trip through JSON."""

from __future__ import annotations

from decimal import Decimal

from lib.experiment import plan_codec
from lib.experiment.plan_estimate import estimate_plan
from lib.experiment.plan_grid import used_variables
from lib.experiment.plan_problems import find_problems
from lib.experiment.sample_experiments import load_samples
from tests.experiment.plan_fixtures import MODEL, resolve


def test_the_samples_are_sound_and_cost_less_than_a_cent() -> None:
    samples = load_samples(MODEL)
    assert len({row.name for row in samples}) == len(samples) >= 4
    for row in samples:
        assert row.description
        assert row.plan.checks
        assert find_problems(resolve(row.plan)) == (), row.name
        assert set(used_variables(row.plan)) <= set(row.plan.inputs.columns)
        taken = estimate_plan(resolve(row.plan))
        assert 8 <= taken.requests <= 100
        assert taken.dollars[1] < Decimal("0.01")
        assert plan_codec.read(plan_codec.write(row.plan)) == row.plan
