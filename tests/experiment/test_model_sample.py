"""The sample over several models: which it asks, and that it is sound, cheap and saved as any plan."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

from lib.experiment import plan_codec
from lib.experiment.model_sample import choose_sample_models, load_model_sample
from lib.experiment.plan_estimate import estimate_plan
from lib.experiment.plan_models import ResolvedPlan
from lib.experiment.plan_problems import find_problems
from lib.model.catalogue_entry import Ability, CatalogueEntry, parse_entries
from lib.model.model_record import DEFAULT_MODEL_ID
from tests.experiment.plan_fixtures import MODEL, resolve
from tests.model.catalogue_records import LISTED
from tests.model.listed_models import find_listed, listed


def entry(id: str, price: str | None = "0.5") -> CatalogueEntry:
    amount = None if price is None else Decimal(price)
    return CatalogueEntry(id, context_window=8_000, input_price=amount, output_price=amount)


DEFAULT = entry(DEFAULT_MODEL_ID, "0.027")
SMALL, LARGE, HUGE = (
    entry("@cf/meta/llama-3.1-8b", "0.15"),
    entry("@cf/meta/llama-3.3-70b", "0.29"),
    entry("@cf/meta/llama-3.1-405b", "3"),
)
OTHER = entry("@cf/acme/other-9b", "0.1")


def test_the_default_model_and_the_next_of_its_family() -> None:
    assert choose_sample_models([HUGE, OTHER, LARGE, DEFAULT, SMALL]) == (DEFAULT.id, SMALL.id, LARGE.id)
    assert choose_sample_models([OTHER, LARGE, DEFAULT]) == (DEFAULT.id, LARGE.id, OTHER.id)
    assert choose_sample_models([OTHER, DEFAULT]) == (DEFAULT.id, OTHER.id)
    # The shipped record has its price.
    assert choose_sample_models([entry(DEFAULT_MODEL_ID, None), OTHER]) == (DEFAULT.id, OTHER.id)


def test_any_backend_s_models_will_do() -> None:
    assert choose_sample_models([HUGE, OTHER]) == (OTHER.id, HUGE.id)
    assert choose_sample_models([OTHER]) == (OTHER.id,)
    assert choose_sample_models([]) == ()


def test_models_that_do_not_suit_are_left_out() -> None:
    unsuitable = [
        replace(SMALL, abilities=frozenset({Ability.REASONING})),
        replace(LARGE, retires_on=date(2027, 1, 1)),
        replace(HUGE, needs_paid_plan=True),
        entry("@cf/meta/llama-unpriced", None),
    ]
    assert choose_sample_models([DEFAULT, *unsuitable]) == (DEFAULT.id,)


def test_the_sample_is_sound_and_costs_less_than_a_cent() -> None:
    ids = choose_sample_models([DEFAULT, *parse_entries(LISTED)])
    assert len(ids) == 3
    assert all(find_listed(id) is not None for id in ids)
    sample = load_model_sample(ids, MODEL)
    assert sample.plan.models == ids
    assert find_problems(resolve(sample.plan)) == ()
    taken = estimate_plan(resolve(sample.plan))
    assert taken.requests == 60
    assert taken.dollars[1] < Decimal("0.01")
    assert plan_codec.read(plan_codec.write(sample.plan)) == sample.plan
    moods = [row[1] for row in sample.plan.inputs.rows]
    assert len(moods) == 20
    assert {mood: moods.count(mood) for mood in set(moods)} == {"positive": 7, "negative": 7, "neutral": 6}


def test_without_the_default_model_the_settings_are_the_first_ones() -> None:
    ids = choose_sample_models([one for one in parse_entries(LISTED) if one.id != DEFAULT_MODEL_ID])
    sample = load_model_sample(ids, listed(ids[0]))
    assert sample.plan.base.model == ids[0]
    assert find_problems(ResolvedPlan(sample.plan, listed(ids[0]), find_listed)) == ()
