"""The samples that are shipped: sound, small, and kept whole by their document."""

from __future__ import annotations

from decimal import Decimal

from lib.experiment import document
from lib.experiment.estimate import estimate
from lib.experiment.grid import used
from lib.experiment.problem import problems
from lib.experiment.sample import samples
from tests.experiment.plans import MODEL


def test_the_samples_are_sound_and_cost_less_than_a_cent() -> None:
    found = samples(MODEL)
    assert len({one.name for one in found}) == len(found) >= 4
    for one in found:
        assert one.about
        assert one.plan.checks
        assert problems(one.plan, MODEL) == (), one.name
        assert set(used(one.plan)) <= set(one.plan.inputs.columns)
        taken = estimate(MODEL, one.plan)
        assert 8 <= taken.requests <= 100
        assert taken.dollars[1] < Decimal("0.01")
        assert document.load(document.dump(one.plan).encode()) == one.plan
