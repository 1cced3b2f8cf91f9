"""Parse JSON texts as Python does, and find the position of every value."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.jsonkit import json_text
from lib.jsonkit.json_text import Bounds, MalformedJson, UnusableJson
from tests.waiting import ends

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**9), 10**9)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=15,
)


def parse(text: str) -> Any:
    return json_text.parse(text, "It", Bounds(10_000, 50))


@given(values, st.sampled_from([None, 1, 3]), st.booleans())
def test_find_path_returns_the_position_of_every_value(value: Any, indent: int | None, ascii: bool) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii)
    lines = text.split("\n")
    for path, found in json_text.walk(parse(text)):
        line, column = json_text.find_path(text, path)
        rest = "\n".join([lines[line - 1][column - 1 :], *lines[line:]])
        if path and isinstance(path[-1], str):
            assert rest.startswith(json.dumps(path[-1], ensure_ascii=ascii))
        else:
            assert json.JSONDecoder().raw_decode(rest)[0] == found


@given(values, st.lists(st.tuples(st.integers(0, 200), st.sampled_from('{}[],:"\\ 1ae\n')), max_size=3))
def test_parse_accepts_what_python_accepts(value: Any, changes: list[tuple[int, str]]) -> None:
    text = json.dumps(value, ensure_ascii=False)  # half of an escaped pair would be a lone surrogate
    for at, sign in changes:
        text = text[: at % (len(text) + 1)] + sign + text[at % (len(text) + 1) :]
    try:
        expected = json.loads(text)
    except ValueError:
        with pytest.raises(UnusableJson) as caught:
            parse(text)
        assert isinstance(caught.value, MalformedJson)
        assert caught.value.line is not None
        return
    try:
        assert parse(text) == expected
    except UnusableJson as error:
        assert "twice" in error.message or "too large" in error.message  # noqa: PT017


def test_format_path() -> None:
    assert json_text.format_path(()) == "$"
    assert json_text.format_path(("items", 2, "price")) == "$.items[2].price"
    assert json_text.format_path(("$ref", "a b", "ü`", "")) == '$.$ref["a b"]["\\u00fc`"][""]'
    assert len(json_text.format_path(("x" * 1000,))) < 60


def test_quote_line() -> None:
    assert json_text.quote_line('{\n  "a": 7,\n}', 2, 8) == '   2   "a": 7,\n            ^'
    excerpt = json_text.quote_line("x" * 500 + "!" + "y" * 500, 1, 501)
    line, mark = excerpt.split("\n")
    assert line[mark.index("^")] == "!"
    assert len(line) < 80


def test_errors_in_large_files_are_quick() -> None:
    """The error names only the path, because to find the line in a text of this size took seconds."""
    data = json.dumps([[0, 1]] * 400_000 + [{"a": 1}]).replace('{"a": 1}', '{"a": 1, "a": 2}').encode()
    with ends(), pytest.raises(UnusableJson, match=r"^\$\[400000\]\.a is there twice\.$"):
        json_text.parse(data, "The file", Bounds(50_000_000))


@pytest.mark.parametrize(
    ("given", "bounds", "says"),
    [
        (b"\xef\xbb\xbf[1]", Bounds(10), ""),
        (b"[1, \xff]", Bounds(10), "^The file is not JSON: byte 5 is not UTF-8.$"),
        ("[1, 2]", Bounds(5), "^The file has 6 bytes, more than 5.$"),
        (b"[1, 2]", Bounds(5), "^The file has 6 bytes, more than 5.$"),
        ("[1, 2, 3]", Bounds(99, values=2), "^The file has more than 2 values.$"),
        ("[1,\n9]", Bounds(99, number=8), r"^\$\[1\] is too large a number, in line 2.$"),
        ("[1, 9e99]", Bounds(99, number=8), ""),
        (
            '{"\\ud800": 1}',
            Bounds(99),
            r"^\$ has a key with half a character \(a lone surrogate\), in line 1.$",
        ),
    ],
)
def test_bounds_and_bytes(given: str | bytes, bounds: Bounds, says: str) -> None:
    if not says:
        assert json_text.parse(given, "The file", bounds)
        return
    with pytest.raises(UnusableJson, match=says):
        json_text.parse(given, "The file", bounds)
