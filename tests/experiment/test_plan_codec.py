"""Every plan survives a round trip through JSON, and errors in a document name their place."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings

from lib.errors import BadInput
from lib.experiment import plan_codec
from lib.experiment.checks.check_kinds import Length
from lib.experiment.plan import Plan
from lib.jsonkit.json_reader import Node
from tests.experiment.plan_fixtures import PLANS, small_plan


@settings(max_examples=30)
@given(PLANS)
def test_round_trip(plan: Plan) -> None:
    assert plan_codec.read(json.loads(json.dumps(plan_codec.write(plan)))) == plan


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"format": "paddock.presets"}, "no experiment"),
        ({"version": 2}, "another version"),
        ({"more": 1}, r"\$\.more is not known here"),
        ({"prompts": {}}, r"\$\.prompts must be a list"),
        ({"prompts": [{"name": "A", "system": "", "user": None}]}, r"\$\.prompts\[0\]\.user must be a text"),
        (
            {"inputs": {"columns": [], "rows": [["a", 1]], "expected": None}},
            r"\$\.inputs\.rows\[0\]\[1\] must be",
        ),
        ({"axes": [{"name": "a", "values": ["x"]}]}, r"\$\.axes\[0\]\.values\[0\] must be a number"),
        ({"axes": [{"name": "a", "values": [float("inf")]}]}, "finite"),
        (
            {"base": {"parameters": [{"name": "a", "value": 1, "sent": True}] * 2, "features": {}}},
            "there twice",
        ),
        ({"checks": [{"kind": "run_code"}]}, r"\$\.checks\[0\]\.kind must be one of equals, contains"),
        (
            {"checks": [{"kind": "length", "unit": "words", "least": 0.5, "most": 1}]},
            "least must be a whole number",
        ),
        (
            {"checks": [{"kind": "length", "unit": "pages", "least": 1, "most": None}]},
            r"\$\.checks\[0\]\.unit must be one of characters, words, lines, tokens",
        ),
        (
            {"limits": {"dollars": "1e999", "requests": 1, "per_minute": 1, "concurrency": 1, "attempts": 1}},
            "digits",
        ),
        (
            {"limits": {"dollars": "NaN", "requests": 1, "per_minute": 1, "concurrency": 1, "attempts": 1}},
            "digits",
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_place(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(BadInput, match=says):
        plan_codec.read(plan_codec.write(small_plan(checks=(Length(most=1),))) | changes)


@pytest.mark.parametrize("value", [[], {}, {"format": 1}, "paddock.experiment", None])
def test_values_that_are_not_a_plan(value: object) -> None:
    with pytest.raises(BadInput, match="no experiment"):
        plan_codec.read(Node(value))
