"""The estimate agrees with the plan's requests if all are counted, and is never exceeded otherwise."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.api.request import Messages, Prompt, Request, Turn, build_request
from lib.chat.answer import Answer, Ending, Timings
from lib.experiment import cell_request, plan_grid
from lib.experiment.checks.check_kinds import Judge, ValidJson
from lib.experiment.checks.llm_judge import judge_request
from lib.experiment.inputs.input_table import Inputs
from lib.experiment.plan import Axis, Limits, Plan, PromptVersion, Variant
from lib.experiment.plan_estimate import (
    MAX_COUNTED_INPUTS,
    TOKEN_MARGIN,
    estimate_plan,
    max_cost,
    max_input_tokens,
)
from lib.model.pricing import cost_in_dollars
from lib.model.request_options import InputForm, ResponseFormat, Tool
from lib.model.settings import Settings
from lib.model.usage import Usage
from lib.preflight import token_count
from tests.experiment.plan_fixtures import MODEL, resolve, small_plan

BASE = Settings.defaults(MODEL)


def every_request(plan: Plan) -> list[Request]:
    """Return everything the plan sends, except to judges."""
    variants = plan_grid.variants(resolve(plan))
    return [
        cell_request.request(resolve(plan), plan_grid.cell_at(plan, number), variants)
        for number in range(plan_grid.count_cells(plan))
    ]


def count_input(request: Request) -> int:
    return token_count.count_prompt_tokens(request).tokens


def max_answer(request: Request) -> int:
    return int(request.parameters.get("max_tokens", 256))


def inputs(rows: tuple[tuple[str, str], ...]) -> Inputs:
    """Return a table of x and y, with x as the expected column."""
    return Inputs(("x", "y"), rows, "x")


TEXTS = st.text(st.sampled_from("ab é猫\n{}🙂"), max_size=30)
WITH_TOOLS = BASE.with_features(tools=(Tool("t", "tells", '{"type": "object"}'),))
PLANS = st.builds(
    Plan,
    prompts=st.lists(
        st.builds(
            PromptVersion,
            st.just("A"),
            st.sampled_from(("", "Be {{x}}.")),
            st.sampled_from(("{{y}}?", "Hi {{x}}{{x}}")),
        ),
        min_size=1,
        max_size=3,
    ).map(tuple),
    inputs=st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=4).map(lambda rows: inputs(tuple(rows))),
    base=st.sampled_from((BASE, WITH_TOOLS, BASE.with_features(form=InputForm.PROMPT))),
    axes=st.sampled_from(((), (Axis("temperature", (0, 1)), Axis("max_tokens", (5, None, 100))))),
    variants=st.sampled_from(
        (
            (),
            (
                Variant("P", BASE, "You are {{y}}"),
                Variant("Q", WITH_TOOLS),
                Variant("R", BASE.with_only_sent({"max_tokens": 9})),
            ),
        )
    ),
    repetitions=st.integers(1, 3),
)


@settings(max_examples=30)
@given(PLANS)
def test_all_requests_counted(plan: Plan) -> None:
    estimate = estimate_plan(resolve(plan))
    requests = every_request(plan)
    assert estimate.requests == len(requests)
    assert estimate.counted_inputs is None
    assert estimate.tokens_in[0] == sum(map(count_input, requests))
    assert estimate.tokens_in[1] == estimate.tokens_in[0] + TOKEN_MARGIN * len(requests)
    assert estimate.tokens_out == (0, sum(map(max_answer, requests)))
    worst = sum(
        (
            cost_in_dollars(Usage(count_input(request), max_answer(request)), MODEL.price)
            for request in requests
        ),
        Decimal(0),
    )
    assert estimate.dollars[0] == sum(
        (cost_in_dollars(Usage(count_input(request), 0), MODEL.price) for request in requests), Decimal(0)
    )
    margin = cost_in_dollars(Usage(TOKEN_MARGIN * len(requests), 0), MODEL.price)
    assert (
        worst
        <= estimate.dollars[1]
        == worst + margin
        <= sum((max_cost(MODEL, request) for request in requests), Decimal(0))
    )


@pytest.mark.parametrize(
    ("long_row", "form"), [(0, InputForm.MESSAGES), (777, InputForm.PROMPT), (None, InputForm.MESSAGES)]
)
def test_too_many_to_count_all(long_row: int | None, form: InputForm) -> None:
    """A very long row does not break the upper bound or distort the lower one, whether it is counted or not."""
    rows = tuple(
        (f"row {number} é", "🙂" * 9_000 if number == long_row else "a few words") for number in range(1000)
    )
    plan = small_plan(
        inputs=inputs(rows),
        base=BASE.with_features(form=form),
        repetitions=2,
        prompts=(PromptVersion("A", "Ünder {{expected}}", "{{x}} is {{y}}, {{ y }}"),),
    )
    estimate = estimate_plan(resolve(plan))
    assert estimate.counted_inputs == MAX_COUNTED_INPUTS
    requests = every_request(plan)
    real = sum(map(count_input, requests))
    assert real < sum(max_input_tokens(MODEL, request) for request in requests) <= estimate.tokens_in[1]
    if long_row is None:
        assert estimate.tokens_in[0] == pytest.approx(real, rel=0.01)
    else:
        assert 0.2 * real < estimate.tokens_in[0] < 5 * real


def test_judges_are_counted() -> None:
    plan = small_plan(
        checks=(ValidJson(), Judge("Is {{x}} in it?"), Judge("Is it kind?")), axes=(Axis("top_k", (1, 2)),)
    )
    estimate, bare = (
        estimate_plan(resolve(plan)),
        estimate_plan(resolve(replace(plan, checks=()))),
    )
    assert (estimate.requests, estimate.judge_requests, bare.judge_requests) == (4, 8, 0)
    assert estimate.tokens_in[0] > bare.tokens_in[0] + 8 * 50
    asked = every_request(plan)[0]
    # An answer of all its tokens, each a word of its own, and what reading it takes.
    answer = Answer(" word" * 256, asked, "", True, None, Timings(None, 1), Ending.LENGTH)
    judges = [
        judge_request(MODEL, check, answer, plan_grid.row_values(plan, row))
        for check in plan.checks
        if isinstance(check, Judge)
        for row in (0, 1)
        for _ in range(2)
    ]
    worst = sum(
        (
            cost_in_dollars(Usage(count_input(request), max_answer(request)), MODEL.price)
            for request in judges
        ),
        Decimal(0),
    )
    assert bare.dollars[1] + worst <= estimate.dollars[1]


def test_the_time_is_the_pace_or_the_answers_own() -> None:
    plan = small_plan(repetitions=50, limits=Limits(per_minute=10, concurrency=8))
    assert estimate_plan(resolve(plan)).seconds == (600.0, 600.0)
    slow = estimate_plan(resolve(replace(plan, limits=Limits(per_minute=100_000, concurrency=1)))).seconds
    fast = estimate_plan(resolve(replace(plan, limits=Limits(per_minute=100_000, concurrency=10)))).seconds
    assert 0 < fast[0] < fast[1] == pytest.approx(slow[1] / 10)


def test_the_number_of_settings_costs_no_time() -> None:
    """A grid of ten million settings is estimated from one setting per input."""
    counted: list[Request] = []

    def counting(request: Request) -> int:
        counted.append(request)
        return 10

    axes = (Axis("seed", tuple(range(1, 10_001))), Axis("temperature", tuple(n / 200 for n in range(1000))))
    estimate = estimate_plan(resolve(small_plan(axes=axes)), counting)
    assert estimate.requests == 20_000_000
    assert estimate.tokens_in[0] == 200_000_000
    assert len(counted) == 2


@settings(max_examples=50)
@given(TEXTS, st.booleans())
def test_no_request_has_more_tokens_than_its_bound(text: str, raw: bool) -> None:
    tool = Tool("t", text.encode().decode(), '{"type": "object", "properties": {"é": {}}}')
    for input in (
        Messages((Turn("system", text), Turn("user", text)), raw, (tool,)),
        Prompt(f"a{text}", raw),
    ):
        request = build_request(
            MODEL, input, {"max_tokens": 7}, response_format=ResponseFormat('{"type": "object"}')
        )
        assert count_input(request) <= max_input_tokens(MODEL, request)
        assert max_cost(MODEL, request, 100) == cost_in_dollars(Usage(100, 7), MODEL.price)


def test_nothing_to_ask_takes_nothing() -> None:
    estimate = estimate_plan(resolve(small_plan(inputs=Inputs())))
    assert (estimate.requests, estimate.tokens_in, estimate.dollars) == (0, (0, 0), (Decimal(0), Decimal(0)))
