"""Checks of JSON answers: failures in reading order, JSON inside text, and a time limit for every check."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.jsonkit.json_answer_check import Invalid, NotJson, Unchecked, Valid, check_answer
from lib.jsonkit.json_validation import ValidationFailure
from lib.jsonkit.schema_form import to_schema
from tests.jsonkit.schema_strategies import answers, roots
from tests.waiting import ends

SCHEMA = json.dumps(
    {
        "type": "object",
        "properties": {
            "items": {
                "type": "array",
                "maxItems": 3,
                "items": {
                    "type": "object",
                    "additionalProperties": False,
                    "required": ["price", "kind"],
                    "properties": {
                        "price": {"type": "number", "minimum": 0},
                        "kind": {"enum": ["a", "b"]},
                        "day": {"type": "string", "format": "date"},
                    },
                },
            },
            "note": {
                "anyOf": [{"type": "null"}, {"type": "object", "properties": {"q": {"type": "integer"}}}]
            },
        },
        "required": ["items", "note"],
    }
)


def test_failures_in_reading_order() -> None:
    result = check_answer(
        '{"note": {"q": 1.5}, "items": [{"price": "1", "kind": "c", "x": 1}, {"day": "2020-13-01"},'
        ' {"price": -1, "kind": "a"}, 1]}',
        SCHEMA,
    )
    assert isinstance(result, Invalid)
    assert not result.more
    assert result.failures == (
        ValidationFailure(
            "$.note",
            "fits none of the 2 choices of the schema; the nearest: q must be a whole number, not the number 1.5",
        ),
        ValidationFailure("$.items", "must have at most 3 entries, and has 4"),
        ValidationFailure("$.items[0]", "has “x”, which is not one of the fields"),
        ValidationFailure("$.items[0].price", "must be a number, not the text “1”"),
        ValidationFailure("$.items[0].kind", "must be one of “a”, “b”, not “c”"),
        ValidationFailure("$.items[1]", "has no “price” and no “kind”"),
        ValidationFailure("$.items[1].day", "is “2020-13-01”, which is not a valid date"),
        ValidationFailure("$.items[2].price", "must be at least 0, and is -1"),
        ValidationFailure("$.items[3]", "must be an object, not the number 1"),
    )


@given(st.data())
def test_the_result_is_that_of_jsonschema(data: st.DataObject) -> None:
    root = data.draw(roots)
    value = data.draw(answers(root))
    schema = to_schema(root)
    fits = jsonschema.Draft202012Validator(json.loads(schema)).is_valid(value)
    result = check_answer(json.dumps(value), schema)
    assert isinstance(result, Valid if fits else Invalid)
    if isinstance(result, Invalid):
        assert result.failures


GOOD = '{"items": [], "note": null}'


@pytest.mark.parametrize(
    ("answer", "remark"),
    [
        (GOOD, ""),
        (f"\n  {GOOD}\n", ""),
        (f"```json\n{GOOD}\n```", "in a code fence: "),
        (f"```\n{GOOD}\n```\n", "in a code fence: "),
        (f"```json\n{GOOD}", "in a code fence: "),  # never closed
        (
            f"Sure! Here it is:\n```json\n{GOOD}\n```\nMore?",
            "in a code fence, with other text before and after",
        ),
        (f"Here it is: {GOOD}", "There is other text before the JSON"),
        (f"{GOOD}\nI hope that helps {{you}}.", "There is other text after the JSON"),
        (f"Use [brackets] or {{braces}}: {GOOD}", "There is other text before"),
    ],
)
def test_json_with_text_around_it(answer: str, remark: str) -> None:
    result = check_answer(answer, SCHEMA)
    assert isinstance(result, Valid)
    assert remark in result.remark
    assert bool(remark) == bool(result.remark)


@pytest.mark.parametrize(
    ("answer", "line", "says", "unfinished"),
    [
        ("", 1, "The answer is empty", True),
        ("I cannot do that.", 1, "text without any JSON", False),
        ("I cannot [as I said]. Use {braces}.", 1, "text without any JSON", False),
        ('```json\n{"a": {"b": 1}, c: 2}\n```', 2, "a name in double quotes is missing", False),
        ("{items: []}", 1, "a name in double quotes is missing", False),
        ('{"items": [{"pri', 1, "not complete: a text is not closed", True),
        ('{"items": [\n{"price": 1},\n', 3, "not complete", True),
        ('```json\n{"items": [],\n"note": nul}\n```', 3, "a value is missing or is not JSON", False),
        ('{"a": {"b": 1},\n c: 2}', 2, "a name in double quotes is missing", False),  # not the inner object
        ('Here: {"a": {"b": 1},\n"c": [1, 2,]}', 2, "a comma too many", False),
        ('{"a": NaN}', 1, "NaN", False),
        ("{'a': 1}", 1, "a name in double quotes is missing", False),
    ],
)
def test_answers_that_are_not_json(answer: str, line: int, says: str, unfinished: bool) -> None:
    result = check_answer(answer, SCHEMA)
    assert isinstance(result, NotJson)
    assert says in result.message
    assert (result.line, result.unfinished) == (line, unfinished)


@pytest.mark.parametrize(
    ("answer", "failures"),
    [
        ('{"a": "\\ud800"}', ()),
        ("[1]", (ValidationFailure("$", "is no JSON object, which is what was asked for"),)),
        ('{"a": 1, "b": {"c": 1, "c": 2}}', (ValidationFailure("$.b.c", "is there twice"),)),
    ],
)
def test_any_object(answer: str, failures: tuple[ValidationFailure, ...]) -> None:
    result = check_answer(answer, None)
    assert (result.failures if isinstance(result, Invalid) else ()) == failures
    assert isinstance(result, Invalid if failures else Valid)


@pytest.mark.parametrize(
    ("schema", "value", "message"),
    [
        ({"const": 1}, 2, "must be 1, not 2"),
        ({"exclusiveMaximum": 3}, 3, "must be less than 3, and is 3"),
        ({"multipleOf": 5}, 3, "must be a multiple of 5, and is 3"),
        ({"minLength": 3}, "ab", "must have at least 3 characters, and has 2"),
        ({"maxProperties": 0}, {"a": 1}, "must have at most 0 fields, and has 1"),
        ({"uniqueItems": True}, [1, 1], "has an entry twice"),
        ({"oneOf": [{}, True]}, 1, "fits more than one of the 2 choices"),
        ({"not": {}}, 1, "is not allowed"),
        ({"contains": {"type": "string"}}, [1], "has no entry of the kind"),
        ({"properties": {"a": False}}, {"a": 1}, "is not allowed here"),
        ({"dependentRequired": {"a": ["b"]}}, {"a": 1}, "'b' is a dependency of 'a'"),
        ({"pattern": r"^\d{4}$"}, "12", r"is “12”, which does not match the pattern “^\d{4}$”"),
        ({"pattern": "^(a|b)$"}, "c", "does not match the pattern"),  # checked in the child process
        (
            {"$schema": "http://json-schema.org/draft-03/schema#", "properties": {"a": {"required": True}}},
            {},
            "'a'",
        ),
        ({"enum": ["x" * 500]}, "y" * 500, ", not “yyyyy"),
    ],
)
def test_failure_messages(schema: Any, value: Any, message: str) -> None:
    result = check_answer(json.dumps(value), json.dumps(schema))
    assert isinstance(result, Invalid)
    (failure,) = result.failures
    assert message in failure.message
    assert len(failure.message) < 300


def test_the_number_of_failures_is_limited() -> None:
    result = check_answer(json.dumps(["x"] * 100_000), '{"items": {"type": "integer"}}')
    assert isinstance(result, Invalid)
    assert result.more
    assert [failure.path for failure in result.failures] == [f"$[{number}]" for number in range(50)]


LEVELS = {f"d{at}": {"items": {"allOf": [{"$ref": f"#/$defs/d{at + 1}"}] * 2}} for at in range(40)}
DEEP = json.loads("[" * 40 + "]" * 40)
EXPLOSION = {"$defs": LEVELS | {"d40": {}}, "$ref": "#/$defs/d0"}
ROWS = [{"number": number, "list": [1, "a"]} for number in range(20_000)]


def test_unique_items_of_a_long_list() -> None:
    assert isinstance(check_answer(json.dumps(ROWS), '{"uniqueItems": true}'), Valid)
    assert isinstance(check_answer(json.dumps([*ROWS, ROWS[0]]), '{"uniqueItems": true}'), Invalid)


@pytest.mark.parametrize(
    ("schema", "value", "says"),
    [
        ({"pattern": "^(a+)+$"}, "a" * 40 + "b", "given up"),
        ({"patternProperties": {"^(a|aa)+$": {}}}, {"a" * 60 + "b": 1}, "given up"),
        ({"unevaluatedProperties": False, "patternProperties": {"(x+x+)+y": {}}}, {"x" * 40: 1}, "given up"),
        (EXPLOSION, DEEP, "given up"),
        (
            {"$schema": "http://json-schema.org/draft-03/schema#", "extends": {"pattern": r"a\Z"}},
            "a",
            "not understood here: invalid character escape",
        ),
        ({"pattern": "a" * 2000}, "a", "The schema cannot be used"),
        ({}, "x" * 1_000_001, "more than 1,000,000"),
    ],
    ids=["pattern", "names", "names left over", "references", "draft 3", "bad schema", "huge"],
)
def test_nothing_hangs(schema: Any, value: Any, says: str) -> None:
    answer, text = json.dumps(value), json.dumps(schema)
    with ends():
        result = check_answer(answer, text)
    assert isinstance(result, Unchecked)
    assert says in result.reason
    # The page is drawn again and again.
    assert check_answer(answer, text) is result


@pytest.mark.parametrize("answer", ["[" * 200_000, '{"a":' * 101 + "1" + "}" * 101])
def test_deep_answers(answer: str) -> None:
    result = check_answer(answer, None)
    assert isinstance(result, Unchecked)
    assert "nested more than 100 deep" in result.reason


@pytest.mark.parametrize("depth", [101, 500, 900, 5_000, 200_000])
def test_deep_answers_behind_a_quotation_mark(depth: int) -> None:
    result = check_answer('He said: " ' + "[" * depth + "]" * depth, "{}")
    assert isinstance(result, Unchecked)
    assert "nested" in result.reason


@given(st.text(max_size=60) | st.text('{}[]",:1a `\n\\', max_size=40))
def test_any_text_gets_a_result(answer: str) -> None:
    assert isinstance(check_answer(answer, SCHEMA), Invalid | NotJson | Unchecked)
