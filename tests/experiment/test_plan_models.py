"""A plan over several models: every setting is asked with each, with what the model has, at its own price."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from decimal import Decimal

import pytest

from lib.api.request import Request
from lib.errors import BadInput
from lib.experiment import plan_codec, plan_grid
from lib.experiment.cell_request import request
from lib.experiment.checks.check_kinds import Judge
from lib.experiment.plan import Axis, Cell, Plan, Variant
from lib.experiment.plan_estimate import estimate_plan, max_cost
from lib.experiment.plan_models import (
    asked_models,
    group_by_model,
    model_names,
)
from lib.experiment.plan_problems import find_problems
from lib.experiment.plan_warnings import find_warnings
from lib.experiment.results.paired_comparison import compare_runs
from lib.model.model_record import DEFAULT_MODEL_ID
from lib.model.request_options import ResponseFormat
from lib.model.settings import Settings
from tests.experiment.plan_fixtures import MODEL, resolve, small_plan
from tests.experiment.results.made_up_models import made_up_plan, made_up_results
from tests.model.listed_models import FOUR_MODELS, LLAMA_70B, MISTRAL, QWEN, listed

ONLY_QWENS = "top_logprobs"
AXES = (Axis("temperature", (0.0, 3.0)), Axis("top_k", (10, None)))
SWEPT = small_plan(models=FOUR_MODELS, axes=AXES)
NAMES = (
    "llama-3.2-1b-instruct",
    "mistral-small-3.1-24b-instruct",
    "llama-3.3-70b-instruct-fp8-fast",
    "qwen3.8-27b",
)


def all_requests(plan: Plan) -> list[tuple[Cell, Request]]:
    variants = plan_grid.variants(resolve(plan))
    cells = [plan_grid.cell_at(plan, number) for number in range(plan_grid.count_cells(plan))]
    return [(cell, request(resolve(plan), cell, variants)) for cell in cells]


def test_every_setting_is_asked_with_every_model_in_turn() -> None:
    asked = all_requests(SWEPT)
    assert len(asked) == 4 * 4 * 2
    assert Counter(sent.model for _, sent in asked) == dict.fromkeys(FOUR_MODELS, 8)
    # Wherever a run stops, the models have been asked equally often, give or take one.
    assert [sent.model for _, sent in asked[:8]] == [*FOUR_MODELS, *FOUR_MODELS]
    assert [plan_grid.axis_values(SWEPT, cell.variant) for cell, _ in asked[:16:4]] == [
        (0.0, 10),
        (0.0, None),
        (3.0, 10),
        (3.0, None),
    ]
    groups = group_by_model(SWEPT)
    assert groups is not None
    assert groups.names == NAMES
    for cell, sent in asked:
        assert FOUR_MODELS[groups.model_of(cell.variant)] == sent.model
        assert groups.setting_of(cell.variant) == cell.variant // 4


def test_a_model_gets_what_it_has_within_its_bounds() -> None:
    sent = {(r.model, r.parameters["temperature"], r.parameters.get("top_k")) for _, r in all_requests(SWEPT)}
    for id in (DEFAULT_MODEL_ID, LLAMA_70B, MISTRAL):
        assert {row[1:] for row in sent if row[0] == id} == {(0, 10), (0, None), (3, 10), (3, None)}
    # Qwen has no top k, and a temperature up to 2.
    assert {row[1:] for row in sent if row[0] == QWEN} == {(0, None), (2, None)}
    variants = plan_grid.variants(resolve(SWEPT))
    assert [variants[number].name for number in (0, 3, 4)] == [
        f"{NAMES[0]} · Temperature 0 · Top k 10",
        f"{NAMES[3]} · Temperature 0 · Top k 10",
        f"{NAMES[0]} · Temperature 0 · Top k not sent",
    ]
    # The common settings are the same for all, also where a model documents another default.
    assert {r.parameters["max_tokens"] for _, r in all_requests(SWEPT)} == {256}


def test_without_an_axis_the_settings_name_the_model() -> None:
    plan = small_plan()
    assert asked_models(plan) == (DEFAULT_MODEL_ID,)
    assert group_by_model(plan) is None
    assert group_by_model(replace(plan, models=(QWEN,))) is None
    alone = plan_grid.variants(resolve(replace(plan, models=(QWEN,))))
    assert [(variant.name, variant.settings.model) for variant in alone] == [("As set", QWEN)]
    presets = replace(
        plan,
        variants=(
            Variant("Small", Settings.defaults(MODEL)),
            Variant("Large", Settings.defaults(listed(LLAMA_70B)), "Be exact."),
        ),
    )
    groups = group_by_model(presets)
    assert groups is not None
    assert (groups.names, groups.model_of(1), groups.setting_of(1)) == (("Small", "Large"), 1, 0)
    assert Counter(sent.model for _, sent in all_requests(presets)) == {DEFAULT_MODEL_ID: 2, LLAMA_70B: 2}
    both = replace(presets, models=(MISTRAL, QWEN))
    assert [variant.name for variant in plan_grid.variants(resolve(both))] == [
        "mistral-small-3.1-24b-instruct · Small",
        "qwen3.8-27b · Small",
        "mistral-small-3.1-24b-instruct · Large",
        "qwen3.8-27b · Large",
    ]
    assert plan_grid.variants(resolve(both))[3].system == "Be exact."


def test_names_are_short_unless_two_are_alike() -> None:
    assert model_names(("@cf/a/x", "@hf/b/x", "@cf/a/y")) == ("@cf/a/x", "@hf/b/x", "y")


def test_saved_and_read_without_loss() -> None:
    assert plan_codec.read(json.loads(json.dumps(plan_codec.write(SWEPT)))) == SWEPT
    # A plan without models is written as earlier versions did.
    assert plan_codec.MODELS_FIELD not in plan_codec.write(small_plan())
    body = plan_codec.write(SWEPT) | {"models": ["../x"]}
    with pytest.raises(BadInput, match="is no ID of a model"):
        plan_codec.read(body)


def test_the_estimate_prices_each_cell_with_its_own_model() -> None:
    plan = small_plan(models=FOUR_MODELS)
    whole = estimate_plan(resolve(plan))
    parts = [estimate_plan(resolve(replace(plan, models=(id,)))) for id in FOUR_MODELS]
    assert whole.requests == 8
    assert whole.dollars == tuple(sum(part.dollars[end] for part in parts) for end in (0, 1))
    assert whole.tokens_out == (0, 8 * 256)
    # The bound holds: no request can cost more than the runner reserves for it.
    reserved = [max_cost(listed(sent.model), sent) for _, sent in all_requests(plan)]
    least_70b = listed(LLAMA_70B).price.output_per_million * 256 * 2 / 1_000_000
    assert least_70b < parts[2].dollars[1] <= whole.dollars[1] <= sum(reserved, Decimal(0))
    judged = estimate_plan(resolve(replace(plan, checks=(Judge("Good?"),))))
    assert judged.judge_requests == 8
    # One judge for all: the model of the common settings.
    dearer = judged.dollars[1] - whole.dollars[1]
    assert 0 < dearer < 8 * Decimal("0.0005")


def test_a_model_that_is_not_listed_is_a_problem() -> None:
    plan = replace(SWEPT, models=(DEFAULT_MODEL_ID, "@cf/gone/away", QWEN, QWEN))
    messages = [problem.message for problem in find_problems(resolve(plan))]
    assert messages == [
        f"The model {QWEN} is listed twice.",
        "The model @cf/gone/away is not among the models that Paddock can reach.",
    ]
    assert find_problems(resolve(SWEPT)) == ()
    variant = replace(
        SWEPT, models=(), axes=(), variants=(Variant("Far", Settings((), model="@cf/gone/away")),)
    )
    (problem,) = find_problems(resolve(variant))
    assert problem.message.startswith("Far: The model @cf/gone/away is not among")


def test_what_a_model_lacks_is_named_before_the_run() -> None:
    schema = ResponseFormat('{"type": "object"}')
    base = SWEPT.base.with_value("repetition_penalty", 1.5).with_value("frequency_penalty", -1)
    plan = replace(SWEPT, base=base.with_features(response_format=schema), axes=AXES)
    said = [(warning.message, warning.number) for warning in find_warnings(resolve(plan))]
    assert ("qwen3.8-27b takes temperature 0 to 2: it gets 2 instead of 3.", 0) in said
    assert ("qwen3.8-27b has no top k, so all its values ask the same.", 1) in said
    assert (
        "qwen3.8-27b has no repetition penalty, so 1.5 is not sent to it.",
        None,
    ) in said
    assert (
        "mistral-small-3.1-24b-instruct gets frequency penalty 0 instead of -1, which is out of its bounds.",
        None,
    ) in said
    assert (
        "mistral-small-3.1-24b-instruct does not document the JSON answer, so it is asked without.",
        None,
    ) in said
    assert not [message for message, _ in said if message.startswith((NAMES[0], NAMES[2]))]


def test_runs_are_compared_model_by_model() -> None:
    old = replace(made_up_plan(5), models=(DEFAULT_MODEL_ID, QWEN))
    new = replace(old, models=(QWEN, DEFAULT_MODEL_ID))
    before = made_up_results(old, 2, lambda cell: cell.variant == 1)
    after = made_up_results(new, 2, lambda cell: cell.variant == 0)
    comparison = compare_runs((resolve(old), before), (resolve(new), after))
    assert comparison.unmatched == 0
    # Qwen passes in both runs, at another place.
    assert comparison.passed == (5, 5)
    assert {pair.change.value for pair in comparison.pairs} == {"same"}


def effort_plan(effort: str = "high") -> Plan:
    """Return a plan of the default model and Qwen, with a setting that only Qwen has."""
    plan = small_plan(models=(DEFAULT_MODEL_ID, QWEN))
    base = resolve(plan).fit_base()
    return replace(plan, base=base.with_value("reasoning_effort", effort))


def test_settings_that_only_other_models_have_reach_those() -> None:
    plan = effort_plan()
    assert "reasoning_effort" not in {parameter.name for parameter in MODEL.parameters}
    assert find_problems(resolve(plan)) == ()
    sent = {(r.model, r.parameters.get("reasoning_effort")) for _, r in all_requests(plan)}
    assert sent == {(DEFAULT_MODEL_ID, None), (QWEN, "high")}
    warnings = [warning.message for warning in find_warnings(resolve(plan))]
    assert f"{NAMES[0]} has no reasoning effort, so high is not sent to it." in warnings
    assert resolve(plan).models_with("reasoning_effort") == (NAMES[3],)
    # It is saved, and read again.
    read = plan_codec.read(json.loads(json.dumps(plan_codec.write(plan))))
    assert resolve(read).fit_base() == plan.base
    # Without the model it goes.
    alone = replace(plan, models=(DEFAULT_MODEL_ID,))
    assert resolve(alone).fit_base() == Settings.defaults(MODEL)
    assert find_problems(resolve(replace(plan, models=()))) != ()


def test_a_number_that_only_other_models_have_can_be_swept() -> None:
    plan = replace(small_plan(models=(DEFAULT_MODEL_ID, QWEN)), axes=(Axis(ONLY_QWENS, (1, None)),))
    assert find_problems(resolve(plan)) == ()
    sent = Counter((r.model, r.parameters.get(ONLY_QWENS)) for _, r in all_requests(plan))
    assert set(sent) == {(DEFAULT_MODEL_ID, None), (QWEN, 1), (QWEN, None)}
    label = listed(QWEN).parameter(ONLY_QWENS).label
    assert plan_grid.variants(resolve(plan))[1].name == f"{NAMES[3]} · {label} 1"
    bad = replace(plan, axes=(Axis(ONLY_QWENS, (-(10**9),)),))
    assert [problem.number for problem in find_problems(resolve(bad))] == [0]
    unknown = replace(plan, axes=(Axis("no_such_setting", (1,)),))
    assert [problem.number for problem in find_problems(resolve(unknown))] == [0]


def test_a_preset_of_another_model_is_asked_with_its_own_settings_or_fitted() -> None:
    thinker = Settings.defaults(listed(QWEN)).with_value("reasoning_effort", "low")
    variants = (Variant("Small", Settings.defaults(MODEL)), Variant("Thinker", thinker))
    plan = replace(small_plan(), variants=variants)
    assert find_problems(resolve(plan)) == ()
    assert {(r.model, r.parameters.get("reasoning_effort")) for _, r in all_requests(plan)} == {
        (DEFAULT_MODEL_ID, None),
        (QWEN, "low"),
    }
    # With models of the plan's own, each is asked with both presets.
    both = replace(plan, models=(DEFAULT_MODEL_ID, MISTRAL))
    assert find_problems(resolve(both)) == ()
    assert {r.model for _, r in all_requests(both)} == {DEFAULT_MODEL_ID, MISTRAL}
    gone = replace(plan, variants=(Variant("Gone", replace(thinker, model="@cf/acme/gone")),))
    assert any("@cf/acme/gone" in problem.message for problem in find_problems(resolve(gone)))
