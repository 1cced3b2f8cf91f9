"""What blocks a run: each at its part of the plan, with what to do; a sound plan has none."""

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
from lib.experiment.plan import Axis, Inputs, Limits, Plan, PromptVersion, Variant
from lib.experiment.plan_problems import Where, problems
from lib.experiment.plan_warnings import remarks
from lib.model.request_options import Form, ResponseFormat, Tool
from lib.model.settings import Settings
from tests.experiment.plan_fixtures import MODEL, PLANS, plan

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
    assert problems(plan(checks=ALL_CHECKS, axes=(Axis("temperature", (0, None)),)), MODEL) == ()
    assert problems(plan(inputs=Inputs(), prompts=(PromptVersion("A", "", "Hi"),)), MODEL) == ()
    expected = Inputs(("x", "y"), (("1", "2"),), "y")
    assert problems(plan(inputs=expected, checks=(Equals(),)), MODEL) == ()
    assert (
        problems(plan(base=BASE.with_features(response_format=SCHEMA), checks=(MatchesSchema(),)), MODEL)
        == ()
    )


def prompts(*texts: str) -> tuple[PromptVersion, ...]:
    """Versions called A, all of them."""
    return tuple(PromptVersion("A", "", text) for text in texts)


@pytest.mark.parametrize(
    ("changes", "where", "says"),
    [
        ({"prompts": ()}, Where.PROMPT, "no prompt"),
        ({"prompts": prompts(" ")}, Where.PROMPT, "“A” has no text"),
        ({"prompts": prompts("a", "b")}, Where.PROMPT, "Two prompt versions are called “A”"),
        (
            {"prompts": (*prompts("{{x}}"), PromptVersion("B", "{{city}}", "{{x}}"))},
            Where.INPUTS,
            "The variable “city” has no column. It is used in “B”.",
        ),
        ({"prompts": prompts("{{X}}")}, Where.INPUTS, "“X” has no column"),
        ({"inputs": Inputs(("x", "y"))}, Where.INPUTS, "no rows"),
        ({"inputs": Inputs(("x", "y", "x"), (("1", "2", "3"),))}, Where.INPUTS, "Two columns are called “x”"),
        (
            {"inputs": Inputs(("x", "y"), (("1", "2"), ("1",)))},
            Where.INPUTS,
            "Row 2 has 1 cells for 2 columns",
        ),
        ({"inputs": Inputs(("x", "y"), (("1", "2"),), "z")}, Where.INPUTS, "“z”, which is no column"),
        (
            {"inputs": Inputs(("x", "y", "expected"), (("1", "2", "3"),), "y")},
            Where.INPUTS,
            "said to be in “y”",
        ),
        ({"variants": (Variant("P", BASE, "{{z}}"),)}, Where.INPUTS, "“z” has no column. It is used in “P”."),
        ({"variants": (Variant("P", BASE),) * 2}, Where.SETTINGS, "Two settings are called “P”"),
        (
            {"variants": (Variant("P", BASE.with_value("top_k", 99)),)},
            Where.SETTINGS,
            "P: Top k must be between",
        ),
        ({"base": BASE.with_value("temperature", 5.5)}, Where.SETTINGS, "between 0 and 5; 5.5 is not"),
        (
            {"base": BASE.with_features(tools=(Tool("t", "", "{"),))},
            Where.SETTINGS,
            "parameters of the tool “t”",
        ),
        ({"axes": (Axis("temperature", ()),)}, Where.SETTINGS, "Temperature has no values"),
        ({"axes": (Axis("temperature", (1, 6)),)}, Where.SETTINGS, "between 0 and 5; 6 is not"),
        ({"axes": (Axis("temperature", (1, 1.0)),)}, Where.SETTINGS, "Temperature has 1 twice"),
        ({"axes": (Axis("heat", (None,)),)}, Where.SETTINGS, "has no parameter 'heat'"),
        ({"axes": (Axis("top_k", (1,)), Axis("top_k", (2,)))}, Where.SETTINGS, "Top k is swept twice"),
        ({"repetitions": 0}, Where.SETTINGS, "Repetitions must be between 1 and 1,000; 0 is not"),
        (
            {"axes": (Axis("seed", tuple(range(1, 5001))),), "repetitions": 1000},
            Where.SETTINGS,
            "That is 10,000,000 requests, more than the 100,000",
        ),
        ({"checks": (Equals(),)}, Where.CHECKS, "Check 1 compares with “expected”, which no column holds"),
        ({"checks": (ValidJson(), Contains("{{z}}"))}, Where.CHECKS, "Check 2 compares with “z”"),
        ({"checks": (Equals(" "),)}, Where.CHECKS, "nothing to compare with"),
        ({"checks": (Matches("("),)}, Where.CHECKS, "regular expression is not understood"),
        ({"checks": (NumberWithin(),)}, Where.CHECKS, "has no bounds"),
        ({"checks": (NumberWithin(Decimal(2), Decimal(1)),)}, Where.CHECKS, "least, 2, is above its most, 1"),
        ({"checks": (NumberWithin(Decimal("NaN"), Decimal(1)),)}, Where.CHECKS, "can be compared with"),
        ({"checks": (NumberWithin(around="ten"),)}, Where.CHECKS, "“ten” is no number"),
        ({"checks": (NumberWithin(around="1", tolerance=Decimal(-1)),)}, Where.CHECKS, "tolerance of -1"),
        ({"checks": (MatchesSchema("{"),)}, Where.CHECKS, "the schema is not complete"),
        ({"checks": (MatchesSchema(),)}, Where.CHECKS, "the request's own schema"),
        ({"checks": (Length(),)}, Where.CHECKS, "neither a least nor a most length"),
        ({"checks": (Length("pages", 1),)}, Where.CHECKS, "“pages” is no unit"),
        ({"checks": (Judge(""),)}, Where.CHECKS, "no question"),
        ({"limits": Limits(Decimal(0))}, Where.LIMITS, "budget of no dollars"),
        ({"limits": Limits(Decimal("-0.01"))}, Where.LIMITS, "budget of no dollars"),
        ({"limits": Limits(requests=0)}, Where.LIMITS, "budget of no requests"),
        ({"limits": Limits(per_minute=0)}, Where.LIMITS, "Requests a minute must be between 1"),
        ({"limits": Limits(concurrency=65)}, Where.LIMITS, "between 1 and 64; 65 is not"),
        ({"limits": Limits(attempts=0)}, Where.LIMITS, "Attempts must be"),
    ],
)
def test_what_blocks_a_run(changes: dict[str, object], where: Where, says: str) -> None:
    (found,) = problems(plan(**changes), MODEL)
    assert found.where is where
    assert says in found.message
    assert found.advice


def test_a_column_of_another_case_is_offered() -> None:
    (found,) = problems(plan(inputs=Inputs(("X", "y"), (("1", "2"),))), MODEL)
    assert found.advice == "Write it as the column is written: X."


@settings(max_examples=60)
@given(PLANS)
def test_any_plan_is_looked_through(one: Plan) -> None:
    problems(one, MODEL)
    remarks(one, MODEL)


@settings(max_examples=60)
@given(PLANS)
def test_a_plan_without_problems_can_be_asked(one: Plan) -> None:
    """What is drawn replaces a sound plan's prompts and features."""
    features = one.base.features
    sound = plan(prompts=one.prompts or plan().prompts, base=replace(BASE, features=features))
    if problems(sound, MODEL):
        return
    for number in range(plan_grid.count(sound)):
        with suppress(BadInput) if features.form is Form.PROMPT else nullcontext():
            cell_request.request(
                MODEL, sound, plan_grid.cell(sound, number), plan_grid.variants(sound, MODEL)
            )


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({}, ()),
        ({"checks": ALL_CHECKS, "axes": (Axis("temperature", (0, 1)),)}, ()),
        ({"prompts": prompts("Hi")}, ("No prompt uses a column",)),
        ({"inputs": Inputs(("x", "y", "z"), (("1", "2", "3"),), "z")}, ("expected answers are not used",)),
        ({"inputs": Inputs(("x", "y"), (("1", "2"),), "y")}, ()),
        ({"base": BASE.with_features(form=Form.PROMPT)}, ("The prompt form sends no system prompt.",)),
        (
            {"variants": (Variant("P", BASE.with_features(form=Form.PROMPT), "x"), Variant("Q", BASE))},
            ("P: The prompt form sends no system prompt.",),
        ),
        (
            {"base": BASE.with_value("temperature", 0), "repetitions": 2},
            ("At temperature 0 an answer is the same",),
        ),
        (
            {"axes": (Axis("temperature", (0, 1)), Axis("seed", (1, 2)))},
            ("At temperature 0 the likeliest token is always taken, and seed does nothing there",),
        ),
    ],
)
def test_what_is_in_vain_is_remarked(changes: dict[str, object], says: tuple[str, ...]) -> None:
    one = plan(**changes)
    assert problems(one, MODEL) == ()
    found = remarks(one, MODEL)
    assert len(found) == len(says)
    for remark, words in zip(found, says, strict=True):
        assert words in remark.message
        assert remark.advice
