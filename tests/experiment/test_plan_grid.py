"""The grid covers every combination once and all settings equally, and each cell builds its request."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.api.request import Messages, Prompt, Turn
from lib.errors import BadInput
from lib.experiment import plan_grid, sweep
from lib.experiment.cell_request import request
from lib.experiment.inputs.input_table import Inputs
from lib.experiment.plan import Axis, Plan, PromptVersion, Variant
from lib.model.request_options import Function, InputForm, ResponseFormat, Tool
from lib.model.settings import Settings
from tests.experiment.plan_fixtures import MODEL, resolve, small_plan

BASE = Settings.defaults(MODEL)
SWEPT = small_plan(
    prompts=(PromptVersion("A", "", "{{x}}"), PromptVersion("B", "", "{{y}}!")),
    axes=(Axis("temperature", (0.0, 0.2, None)), Axis("top_p", (0.9, 1.0))),
    repetitions=4,
)


def test_every_combination_once_and_settings_in_turn() -> None:
    assert plan_grid.count_cells(SWEPT) == 4 * 2 * 2 * 6
    cells = [plan_grid.cell_at(SWEPT, number) for number in range(plan_grid.count_cells(SWEPT))]
    assert len({replace(family, number=0) for family in cells}) == len(cells)
    assert [family.number for family in cells] == list(range(len(cells)))
    order = [(family.repetition, family.row, family.prompt, family.variant) for family in cells]
    assert order == sorted(order)
    for end in range(len(cells)):
        asked = Counter(family.variant for family in cells[:end])
        assert max(asked.values(), default=0) - min(asked[number] for number in range(6)) <= 1
    for number in (-1, len(cells)):
        with pytest.raises(IndexError):
            plan_grid.cell_at(SWEPT, number)


def test_variants_are_named_by_what_differs() -> None:
    variants = plan_grid.variants(resolve(SWEPT))
    assert [row.name for row in variants] == [
        "Temperature 0 · Top p 0.9",
        "Temperature 0 · Top p 1",
        "Temperature 0.2 · Top p 0.9",
        "Temperature 0.2 · Top p 1",
        "Temperature not sent · Top p 0.9",
        "Temperature not sent · Top p 1",
    ]
    assert dict(variants[2].settings.sent_values()) == dict(BASE.sent_values()) | {
        "temperature": 0.2,
        "top_p": 0.9,
    }
    assert "temperature" not in variants[-1].settings.sent_values()
    assert [variant.name for variant in plan_grid.variants(resolve(small_plan()))] == ["As set"]
    chosen = (Variant("Mine", BASE),)
    assert plan_grid.variants(resolve(replace(SWEPT, variants=chosen))) is chosen
    assert plan_grid.count_variants(replace(SWEPT, variants=chosen)) == 1


def test_ten_million_cells_are_counted_without_being_made() -> None:
    huge = small_plan(
        axes=(
            Axis("seed", tuple(range(1, 1001))),
            Axis("temperature", tuple(n / 200 for n in range(1000))),
        ),
        repetitions=5,
    )
    assert plan_grid.count_cells(huge) == 10_000_000
    assert plan_grid.cell_at(huge, 9_999_999).variant == 999_999
    assert plan_grid.variants(resolve(huge))[999_999].name == "Seed 1000 · Temperature 4.995"


def test_a_plan_without_inputs_is_one_row() -> None:
    assert plan_grid.count_cells(small_plan(inputs=Inputs(), prompts=(PromptVersion("A", "", "Hi"),))) == 1
    assert plan_grid.count_cells(small_plan(inputs=Inputs())) == 0, "its variables have nothing to stand for"


def test_the_expected_answer_is_a_variable_too() -> None:
    marked = small_plan(inputs=Inputs(("q", "a"), (("1 + 1", "2"),), "a"))
    assert plan_grid.row_values(marked, 0) == {"q": "1 + 1", "a": "2", "expected": "2"}


def sent_input(plan: Plan, number: int = 0) -> object:
    """Return the input that a cell of that plan sends."""
    return request(
        resolve(plan),
        plan_grid.cell_at(plan, number),
        plan_grid.variants(resolve(plan)),
    ).input


def test_the_request_of_a_cell() -> None:
    plan = small_plan()
    assert sent_input(plan, 1) == Messages((Turn("system", "You know 3."), Turn("user", "What is 4?")))
    own = replace(plan, variants=(Variant("P", BASE, "Be {{y}}."), Variant("Q", BASE, "")))
    assert sent_input(own) == Messages((Turn("system", "Be 2."), Turn("user", "What is 2?")))
    assert sent_input(own, 1) == Messages((Turn("user", "What is 2?"),))


def test_every_feature_is_sent_but_streaming() -> None:
    tool, function = Tool("t", "T", '{"type": "object"}'), Function("f", "code")
    full = BASE.with_features(
        stream=True,
        raw=True,
        lora=" pirate ",
        tools=(tool,),
        functions=(function,),
        response_format=ResponseFormat(),
    )
    sent = request(
        resolve(p := small_plan(base=full)),
        plan_grid.cell_at(p, 0),
        plan_grid.variants(resolve(p)),
    )
    assert sent.input == Messages(
        (Turn("system", "You know 1."), Turn("user", "What is 2?")), True, (tool,), (function,)
    )
    assert not sent.stream
    assert sent.response_format == ResponseFormat()
    assert sent_input(small_plan(base=full.with_features(form=InputForm.PROMPT))) == Prompt(
        "What is 2?", True, "pirate"
    )


def test_a_fixed_seed_moves_with_the_repetitions() -> None:
    def seeds(seed: int) -> list[object]:
        p = small_plan(
            base=BASE.with_value("seed", seed), repetitions=3, inputs=Inputs(("x", "y"), (("1", "2"),))
        )
        variants = plan_grid.variants(resolve(p))
        return [
            request(resolve(p), plan_grid.cell_at(p, number), variants).parameters["seed"]
            for number in range(3)
        ]

    assert seeds(42) == [42, 43, 44]
    assert seeds(9_999_999_998) == [9_999_999_998, 9_999_999_999, 1]
    assert (
        "seed"
        not in request(
            resolve(small_plan()),
            plan_grid.cell_at(small_plan(), 0),
            plan_grid.variants(resolve(small_plan())),
        ).parameters
    )


def parse(name: str, text: str) -> Axis:
    """Parse an axis of that parameter."""
    return sweep.parse_axis(MODEL.parameter(name), text)


@pytest.mark.parametrize(
    ("name", "text", "values", "written"),
    [
        ("temperature", "0, 0.5, 1", (0.0, 0.5, 1.0), "0, 0.5, 1"),
        ("temperature", " .2 ;0.70\n5. ", (0.2, 0.7, 5.0), "0.2, 0.7, 5"),
        ("temperature", "0,5; 1;1,25", (0.5, 1.0, 1.25), "0.5, 1, 1.25"),
        ("temperature", "0,5, 1", (0.0, 5.0, 1.0), "0, 5, 1"),
        ("temperature", "0, 0.5; 1", (0.0, 0.5, 1.0), "0, 0.5, 1"),
        ("temperature", "0 to 1 step 0.25", (0.0, 0.25, 0.5, 0.75, 1.0), "0 to 1 step 0.25"),
        ("temperature", "0 to 1 step 0.1", tuple(n / 10 for n in range(11)), "0 to 1 step 0.1"),
        ("temperature", "1 to 0 step 0.5, not sent", (1.0, 0.5, 0.0, None), "1, 0.5, 0, not sent"),
        ("temperature", "0…0.25 STEP 0.1", (0.0, 0.1, 0.2), "0, 0.1, 0.2"),
        ("max_tokens", "1..4", (1, 2, 3, 4), "1 to 4 step 1"),
        ("top_k", "10 to 50 by 10", (10, 20, 30, 40, 50), "10 to 50 step 10"),
        ("seed", "9999999999", (9999999999,), "9999999999"),
        ("temperature", "Not  Sent", (None,), "not sent"),
    ],
)
def test_an_axis_as_it_is_typed(name: str, text: str, values: tuple[float | None, ...], written: str) -> None:
    axis = parse(name, text)
    assert axis.values == values
    assert [type(value) for value in axis.values] == [type(value) for value in values]
    assert sweep.format_axis(axis) == written
    assert parse(name, written) == axis


VALUES = st.lists(
    st.none() | st.floats(1e-6, 5) | st.integers(0, 500).map(lambda n: n / 100), min_size=1, unique=True
)


@settings(max_examples=50)
@given(VALUES, st.integers(0, 100), st.integers(1, 50), st.integers(1, 8))
def test_an_axis_written_is_the_axis(values: list[float | None], start: int, step: int, steps: int) -> None:
    ranged = [float(Decimal(start + step * n) / 100) for n in range(steps)]
    for chosen in (values, ranged):
        axis = Axis("temperature", tuple(chosen))
        assert parse("temperature", sweep.format_axis(axis)) == axis


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("temperature", "", "no values to try"),
        ("temperature", ", ;", "no values to try"),
        ("temperature", "0, warm", "“warm” is not a value for Temperature"),
        ("temperature", "1e3", "“1e3” is not a value"),
        ("temperature", "٣", "is not a value"),
        ("temperature", "0 to 1", "has no step"),
        ("temperature", "0 to 1 step 0", "step of zero"),
        ("temperature", "0 to 5 step 0.001", "5,001 values, more than 1,000"),
        ("seed", "1 to 9999999999", "9,999,999,999 values"),
        ("temperature", "0 to 9 step 3", "between 0 and 5; 6 is not"),
        ("temperature", "0.5, .50", "0.5 twice"),
        ("top_k", "1.5", "whole number"),
        ("top_k", "0", "between 1 and 50; 0 is not"),
        ("top_k", "1" * 30, "is not a value"),
    ],
)
def test_what_is_wrong_with_an_axis_is_named(name: str, text: str, says: str) -> None:
    with pytest.raises(BadInput, match=says) as refused:
        parse(name, text)
    assert refused.value.advice
