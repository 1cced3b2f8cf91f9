"""The samples that are shipped: sound, small, and kept whole by their document."""

from __future__ import annotations

from decimal import Decimal

from lib.experiment import plan_codec
from lib.experiment.plan_estimate import estimate_plan
from lib.experiment.plan_grid import used_variables
from lib.experiment.plan_problems import find_problems
from lib.experiment.sample_experiments import load_samples
from tests.experiment.plan_fixtures import MODEL


def test_the_samples_are_sound_and_cost_less_than_a_cent() -> None:
    found = load_samples(MODEL)
    assert len({one.name for one in found}) == len(found) >= 4
    for one in found:
        assert one.description
        assert one.plan.checks
        assert find_problems(one.plan, MODEL) == (), one.name
        assert set(used_variables(one.plan)) <= set(one.plan.inputs.columns)
        taken = estimate_plan(MODEL, one.plan)
        assert 8 <= taken.requests <= 100
        assert taken.dollars[1] < Decimal("0.01")
        assert plan_codec.read(plan_codec.write(one.plan)) == one.plan
