"""Problems name their part of the plan and what to do; a sound plan has none."""

from __future__ import annotations

from contextlib import nullcontext, suppress
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings

from lib.errors import BadInput
from lib.experiment import cell_request, plan_grid
from lib.experiment.checks.check_kinds import (
    Contains,
    Equals,
    Judge,
    Length,
    Matches,
    MatchesSchema,
    NumberWithin,
    ValidJson,
)
from lib.experiment.inputs.input_table import Inputs
from lib.experiment.plan import Axis, Limits, Plan, PromptVersion, Variant
from lib.experiment.plan_problems import PlanPart, find_problems
from lib.experiment.plan_warnings import find_warnings
from lib.model.request_options import InputForm, ResponseFormat, Tool
from lib.model.settings import Settings
from tests.experiment.plan_fixtures import MODEL, PLANS, resolve, small_plan

BASE = Settings.defaults(MODEL)
SCHEMA = ResponseFormat('{"type": "object"}')
ALL_CHECKS = (
    Equals("{{x}}"),
    Contains("a", absent=True),
    Matches("^a$"),
    NumberWithin(around="{{y}}"),
    ValidJson(),
    MatchesSchema('{"type": "object"}'),
    Length(most=3),
    Judge("Is {{x}} in it?"),
)


def test_a_sound_plan_has_none() -> None:
    assert find_problems(resolve(small_plan(checks=ALL_CHECKS, axes=(Axis("temperature", (0, None)),)))) == ()
    assert find_problems(resolve(small_plan(inputs=Inputs(), prompts=(PromptVersion("A", "", "Hi"),)))) == ()
    expected = Inputs(("x", "y"), (("1", "2"),), "y")
    assert find_problems(resolve(small_plan(inputs=expected, checks=(Equals(),)))) == ()
    assert (
        find_problems(
            resolve(small_plan(base=BASE.with_features(response_format=SCHEMA), checks=(MatchesSchema(),)))
        )
        == ()
    )


def prompts(*texts: str) -> tuple[PromptVersion, ...]:
    """Return prompt versions that are all called A."""
    return tuple(PromptVersion("A", "", text) for text in texts)


@pytest.mark.parametrize(
    ("changes", "where", "says"),
    [
        ({"prompts": ()}, PlanPart.PROMPT, "no prompt"),
        ({"prompts": prompts(" ")}, PlanPart.PROMPT, "“A” has no text"),
        ({"prompts": prompts("a", "b")}, PlanPart.PROMPT, "Two prompt versions are called “A”"),
        (
            {"prompts": (*prompts("{{x}}"), PromptVersion("B", "{{city}}", "{{x}}"))},
            PlanPart.INPUTS,
            "The variable “city” has no column. It is used in “B”.",
        ),
        (
            {"prompts": prompts("{{x}} costs {{Y (€)}}"), "inputs": Inputs(("x", "Y"), (("1", "2"),))},
            PlanPart.INPUTS,
            "“{{Y (€)}}” in “A” would be sent as it is: the column is called “Y”.",
        ),
        (
            {"checks": (Contains("{{x?}}"),)},
            PlanPart.CHECKS,
            "Check 1 has “{{x?}}”, but the column is called “x”.",
        ),
        ({"prompts": prompts("{{X}}")}, PlanPart.INPUTS, "“X” has no column"),
        ({"inputs": Inputs(("x", "y"))}, PlanPart.INPUTS, "no rows"),
        (
            {"inputs": Inputs(("x", "y", "x"), (("1", "2", "3"),))},
            PlanPart.INPUTS,
            "Two columns are called “x”",
        ),
        (
            {"inputs": Inputs(("x", "y"), (("1", "2"), ("1",)))},
            PlanPart.INPUTS,
            "Row 2 has 1 cells for 2 columns",
        ),
        (
            {"inputs": Inputs(("x", "y"), (("1", "2"),), "z")},
            PlanPart.INPUTS,
            "“z”, but there is no such column",
        ),
        (
            {"inputs": Inputs(("x", "y", "expected"), (("1", "2", "3"),), "y")},
            PlanPart.INPUTS,
            "taken from “y”",
        ),
        (
            {"variants": (Variant("P", BASE, "{{z}}"),)},
            PlanPart.INPUTS,
            "“z” has no column. It is used in “P”.",
        ),
        ({"variants": (Variant("P", BASE),) * 2}, PlanPart.SETTINGS, "Two settings are called “P”"),
        (
            {"variants": (Variant("P", BASE.with_value("top_k", 99)),)},
            PlanPart.SETTINGS,
            "P: Top k must be between",
        ),
        ({"base": BASE.with_value("temperature", 5.5)}, PlanPart.SETTINGS, "between 0 and 5; 5.5 is not"),
        (
            {"base": BASE.with_features(tools=(Tool("t", "", "{"),))},
            PlanPart.SETTINGS,
            "parameters of the tool “t”",
        ),
        ({"axes": (Axis("temperature", ()),)}, PlanPart.SETTINGS, "Temperature has no values"),
        ({"axes": (Axis("temperature", (1, 6)),)}, PlanPart.SETTINGS, "between 0 and 5; 6 is not"),
        ({"axes": (Axis("temperature", (1, 1.0)),)}, PlanPart.SETTINGS, "Temperature has 1 twice"),
        ({"axes": (Axis("heat", (None,)),)}, PlanPart.SETTINGS, "has no parameter 'heat'"),
        ({"axes": (Axis("top_k", (1,)), Axis("top_k", (2,)))}, PlanPart.SETTINGS, "Top k is listed twice"),
        ({"repetitions": 0}, PlanPart.SETTINGS, "Repetitions must be between 1 and 1,000; 0 is not"),
        (
            {"axes": (Axis("seed", tuple(range(1, 5001))),), "repetitions": 1000},
            PlanPart.SETTINGS,
            "That is 10,000,000 requests, more than the 100,000",
        ),
        (
            {"checks": (Equals(),)},
            PlanPart.CHECKS,
            "Check 1 compares with “expected”, but there is no such column",
        ),
        ({"checks": (ValidJson(), Contains("{{z}}"))}, PlanPart.CHECKS, "Check 2 compares with “z”"),
        ({"checks": (Equals(" "),)}, PlanPart.CHECKS, "nothing to compare with"),
        ({"checks": (Matches("("),)}, PlanPart.CHECKS, "pattern is not understood"),
        ({"checks": (NumberWithin(),)}, PlanPart.CHECKS, "has no limits"),
        (
            {"checks": (NumberWithin(Decimal(2), Decimal(1)),)},
            PlanPart.CHECKS,
            "least, 2, is above its most, 1",
        ),
        ({"checks": (NumberWithin(Decimal("NaN"), Decimal(1)),)}, PlanPart.CHECKS, "can be compared"),
        ({"checks": (NumberWithin(around="ten"),)}, PlanPart.CHECKS, "“ten” is not a number"),
        ({"checks": (NumberWithin(around="1", tolerance=Decimal(-1)),)}, PlanPart.CHECKS, "tolerance of -1"),
        ({"checks": (MatchesSchema("{"),)}, PlanPart.CHECKS, "the schema is not complete"),
        ({"checks": (MatchesSchema(),)}, PlanPart.CHECKS, "the fields that the request asks for"),
        ({"checks": (Length(),)}, PlanPart.CHECKS, "has no limits"),
        ({"checks": (Judge(""),)}, PlanPart.CHECKS, "no question"),
        ({"limits": Limits(Decimal(0))}, PlanPart.LIMITS, "budget of 0 dollars"),
        ({"limits": Limits(Decimal("-0.01"))}, PlanPart.LIMITS, "budget of 0 dollars"),
        ({"limits": Limits(requests=0)}, PlanPart.LIMITS, "budget of 0 requests"),
        ({"limits": Limits(per_minute=0)}, PlanPart.LIMITS, "Requests per minute must be between 1"),
        ({"limits": Limits(concurrency=65)}, PlanPart.LIMITS, "between 1 and 64; 65 is not"),
        ({"limits": Limits(attempts=0)}, PlanPart.LIMITS, "Attempts must be"),
    ],
)
def test_what_blocks_a_run(changes: dict[str, object], where: PlanPart, says: str) -> None:
    (problem,) = find_problems(resolve(small_plan(**changes)))
    assert problem.part is where
    assert says in problem.message
    assert problem.advice


def test_a_column_of_another_case_is_offered() -> None:
    (problem,) = find_problems(resolve(small_plan(inputs=Inputs(("X", "y"), (("1", "2"),)))))
    assert problem.advice == "Write it as the column is written: X."


@settings(max_examples=60)
@given(PLANS)
def test_any_plan_is_looked_through(plan: Plan) -> None:
    find_problems(resolve(plan))
    find_warnings(resolve(plan))


@settings(max_examples=60)
@given(PLANS)
def test_a_plan_without_problems_can_be_asked(plan: Plan) -> None:
    """The generated prompts and features replace those of a sound plan."""
    features = plan.base.features
    sound = small_plan(prompts=plan.prompts or small_plan().prompts, base=replace(BASE, features=features))
    if find_problems(resolve(sound)):
        return
    for number in range(plan_grid.count_cells(sound)):
        with suppress(BadInput) if features.form is InputForm.PROMPT else nullcontext():
            cell_request.request(
                resolve(sound),
                plan_grid.cell_at(sound, number),
                plan_grid.variants(resolve(sound)),
            )


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({}, ()),
        ({"checks": ALL_CHECKS, "axes": (Axis("temperature", (0, 1)),)}, ()),
        ({"prompts": prompts("Hi")}, ("No prompt uses a column",)),
        ({"inputs": Inputs(("x", "y", "z"), (("1", "2", "3"),), "z")}, ("expected answers are not used",)),
        ({"inputs": Inputs(("x", "y"), (("1", "2"),), "y")}, ()),
        ({"base": BASE.with_features(form=InputForm.PROMPT)}, ("A single prompt has no system prompt.",)),
        (
            {"variants": (Variant("P", BASE.with_features(form=InputForm.PROMPT), "x"), Variant("Q", BASE))},
            ("P: A single prompt has no system prompt.",),
        ),
        (
            {"base": BASE.with_value("temperature", 0), "repetitions": 2},
            ("At temperature 0 answers barely vary",),
        ),
        (
            {"axes": (Axis("temperature", (0, 1)), Axis("seed", (1, 2)))},
            ("At temperature 0 answers barely vary, and seed has no effect",),
        ),
        ({"checks": (Matches("^{{x}}$"),)}, ("a pattern has no variables, so {{x}} stands for",)),
    ],
)
def test_what_is_in_vain_is_remarked(changes: dict[str, object], says: tuple[str, ...]) -> None:
    plan = small_plan(**changes)
    assert find_problems(resolve(plan)) == ()
    problem = find_warnings(resolve(plan))
    assert len(problem) == len(says)
    for remark, words in zip(problem, says, strict=True):
        assert words in remark.message
        assert remark.advice
