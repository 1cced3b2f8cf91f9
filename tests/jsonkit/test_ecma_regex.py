"""Patterns of JSON Schema: JavaScript's dialect, on the page and on the twin."""

import json

import pytest

from lib.jsonkit.ecma_regex import MAX_PATTERN_CHARS, BadPattern, check_pattern
from lib.jsonkit.json_answer_check import Invalid, Valid, check_answer
from lib.twin.api_errors import TwinApiError
from lib.twin.user_schema import read_schema
from tests.waiting import ends

MATCHES = [
    (r"^\d$", "7", True),
    (r"^\d$", "٣", False),
    (r"^\w$", "é", False),
    (r"^\p{L}+$", "é", True),
    (r"^\p{L}+$", "1", False),
    (r"^\p{Script=Greek}$", "α", True),
    (r"^(?<year>\d{4})-\k<year>$", "2024-2024", True),
    ("(?<=€)5", "€5", True),
    ("(?<!€)5", "€5", False),
    ("(?<=a+)b", "aaab", True),
    (r"^a\/b\-c\@d$", "a/b-c@d", True),
    (r"^[\w\-.]+$", "a-b.c", True),
    (r"^{a]$", "{a]", True),
    ("^a$", "a\n", False),
    ("^a", "b\na", False),
    (r"^\cC\u{1F98A}$", "\x03🦊", True),
    ("^.$", "🦊", True),
    ("^[^]$", "\n", True),
    ("[]", "a", False),
    ("^.$", "\ud800", True),
    ("^\ud83e\udd8a$", "🦊", True),
]


@pytest.mark.parametrize(("pattern", "text", "matches"), MATCHES)
def test_page_and_twin_agree(pattern: str, text: str, matches: bool) -> None:
    schema = {"pattern": pattern}
    answer = check_answer(json.dumps(text), json.dumps(schema))
    assert isinstance(answer, Valid if matches else Invalid), answer
    assert read_schema(schema, "/schema").is_valid(text) == matches


@pytest.mark.parametrize(
    ("schema", "valid", "invalid"),
    [
        ({"patternProperties": {r"^\p{Lu}$": {"type": "null"}}}, {"É": None, "é": 1}, {"É": 1}),
        (
            {"patternProperties": {r"^(\d)\1$": {}, r"^(x)\1\-$": {}}, "additionalProperties": False},
            {"11": 1, "xx-": 2},
            {"٣٣": 1},
        ),
        ({"patternProperties": {r"^\d$": {}}, "unevaluatedProperties": False}, {"1": 1}, {"٣": 1}),
        (
            {
                "$schema": "https://json-schema.org/draft/2019-09/schema",
                "patternProperties": {r"^\p{L}$": {}},
                "unevaluatedProperties": False,
            },
            {"é": 1},
            {"1": 1},
        ),
    ],
    ids=["names", "additional names", "unevaluated names", "draft 2019-09"],
)
def test_names(schema: object, valid: object, invalid: object) -> None:
    assert isinstance(check_answer(json.dumps(valid), json.dumps(schema)), Valid)
    assert isinstance(check_answer(json.dumps(invalid), json.dumps(schema)), Invalid)
    assert read_schema(schema, "/schema").is_valid(valid)
    assert not read_schema(schema, "/schema").is_valid(invalid)


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("(", "unbalanced parenthesis"),
        ("*", "invalid atom character"),
        ("[z-a]", "range values reversed, start char code is greater than end char code"),
        ("a{3,1}", "invalid quantifier"),
        # Anchors and groups of other dialects.
        (r"a\Z", "invalid character escape"),
        (r"\Aa", "invalid character escape"),
        ("(?P<year>a)", "invalid group modifier"),
        # Without the "u" flag it would be the letter p.
        (r"^\p{Foo}\-$", "invalid property name"),
        ("(" * 900, "regular expression is too deeply nested"),
        ("a" * 1_001, "it has 1,001 characters, more than 1,000"),
    ],
)
def test_bad_patterns(pattern: str, message: str) -> None:
    with pytest.raises(BadPattern) as caught:
        check_pattern(pattern)
    assert str(caught.value) == message
    for schema, place in (
        ({"properties": {"a": {"pattern": pattern}}}, "/schema/properties/a/pattern"),
        ({"patternProperties": {pattern: {}}}, "/schema"),
        ({"$ref": "#/elsewhere", "elsewhere": {"pattern": pattern}}, "/schema"),
    ):
        with pytest.raises(TwinApiError) as refused:
            read_schema(schema, "/schema")
        assert place in str(refused.value)
        assert message in str(refused.value)


@pytest.mark.parametrize(
    "part", [r"(?i:\p{L})", r"[^\p{L}]", "a|", "(?:a?){99}", r"(?<=\w{9})", "(a{1000}){1000}"]
)
def test_compiling_is_quick(part: str) -> None:
    with ends():
        check_pattern(part * (MAX_PATTERN_CHARS // len(part)))
