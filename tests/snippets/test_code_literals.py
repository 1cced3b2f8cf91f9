"""Each language reads the literal of any value back as the same value."""

from __future__ import annotations

import ast
import json
import subprocess
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.snippets.code_literals import JAVASCRIPT, JSON, PYTHON
from tests.snippets.snippet_runner import TIMEOUT, find_command

# Pieces that end a literal, begin an escape or a placeholder, or are invisible, in one of the languages.
PIECES = [
    '"',
    "'",
    "`",
    '"""',
    "'''",
    "\\",
    "\\\\",
    "\n",
    "\r\n",
    "\r",
    "\t",
    " ",
    "  \n",
    "$",
    "${x}",
    "$(x)",
    "$HOME",
    "`id`",
    "!!",
    "#",
    "//",
    "/*",
    "*/",
    "{",
    "}",
    "{{",
    "%s",
    "§body",
    "JSON",
    "\nJSON\n",
    "EOF",
    "\\n",
    "\\u0041",
    "\\N{DIGIT ONE}",
    "\u2028",
    "\u2029",
    "\u0085",
    "\u00a0",
    "\u200b",
    "\u200d",
    "\u202e",
    "\ufeff",
    "\x00",
    "\x1b[31m",
    "\x7f",
    "\x9b",
    "😀",
    "👩‍💻",
    "🇩🇪",
    "é",
    "日本",
    "שלום",
    "\U000e0001",
    "\uffff",
    "</script>",
    "<|eot_id|>",
    "0",
    "a",
]
TEXTS = st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=5)), max_size=8).map("".join)
TEXTS = TEXTS.filter(lambda text: not any("\ud800" <= char <= "\udfff" for char in text))
NAMES = st.one_of(st.sampled_from(["__proto__", "constructor", "a-b", "", "if", "0", "None"]), TEXTS)
NUMBERS = st.one_of(st.integers(-(2**53), 2**53), st.floats(allow_nan=False, allow_infinity=False))
VALUES = st.recursive(
    st.one_of(TEXTS, NUMBERS, st.booleans(), st.none()),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(NAMES, inner, max_size=4)),
    max_leaves=10,
)
MANY = st.lists(VALUES, min_size=40, max_size=40)


def run_with_input(program: str, source: str) -> bytes:
    return subprocess.run(
        [find_command(program)], input=source.encode(), capture_output=True, timeout=TIMEOUT, check=True
    ).stdout


def assert_same(read: Any, value: Any) -> None:
    """Compare values and types: Python treats True as equal to 1."""
    assert json.dumps(read) == json.dumps(value)


def _number(text: str) -> float:
    return float(text) + 0.0  # turns -0 into 0


def in_javascript(value: Any) -> str:
    """Return the value as JavaScript has it: all numbers are floats, -0 is written 0, keys like "0" come first."""
    floats = json.loads(json.dumps(value), parse_int=_number, parse_float=_number)
    return json.dumps(floats, sort_keys=True)


@given(VALUES)
@settings(max_examples=200)
def test_python(value: Any) -> None:
    assert_same(ast.literal_eval(PYTHON.write(value)), value)


@given(VALUES)
@settings(max_examples=200)
def test_json(value: Any) -> None:
    assert_same(json.loads(JSON.write(value)), value)


@given(MANY)
@settings(max_examples=5)
def test_javascript(values: list[Any]) -> None:
    lines = [f"console.log(JSON.stringify({JAVASCRIPT.write(value)}));" for value in values]
    for line, value in zip(run_with_input("node", "\n".join(lines)).splitlines(), values, strict=True):
        assert in_javascript(json.loads(line)) == in_javascript(value)


@given(MANY)
@settings(max_examples=5)
def test_shell(values: list[Any]) -> None:
    script = "\n".join(f"cat <<'JSON'\n{JSON.write(value)}\nJSON\nprintf '\\0'" for value in values)
    *bodies, rest = run_with_input("bash", script).split(b"\0")
    assert rest == b""
    for body, value in zip(bodies, values, strict=True):
        assert_same(json.loads(body), value)


@given(TEXTS)
def test_nothing_is_hidden(text: str) -> None:
    """No literal contains a character that is invisible, changes the reading direction or controls a terminal."""
    for syntax in (PYTHON, JAVASCRIPT, JSON):
        written = syntax.write({"text": text})
        assert all(char.isprintable() or char in "\n\u200c\u200d" for char in written)
        assert " \n" not in written


@pytest.mark.parametrize("syntax", [PYTHON, JAVASCRIPT, JSON])
def test_long_and_deep(syntax: Any) -> None:
    deep: Any = "x"
    for _ in range(250):
        deep = {"a": [deep]}
    written = syntax.write({"long": 'word `${x}` " \n' * 4_000, "deep": deep})
    assert written.count("word") == 4_000


def test_layout() -> None:
    value = {
        "messages": [
            {"role": "system", "content": 'Be kind.\nBe "brief".'},
            {"role": "user", "content": "It's me."},
        ],
        "stream": True,
        "x-y": None,
        "none": [],
    }
    assert (
        PYTHON.write(value)
        == '''\
{
    "messages": [
        {
            "role": "system",
            "content": """Be kind.
Be "brief".""",
        },
        {"role": "user", "content": "It's me."},
    ],
    "stream": True,
    "x-y": None,
    "none": [],
}'''
    )
    assert (
        JAVASCRIPT.write(value)
        == """\
{
  messages: [
    {
      role: "system",
      content: `Be kind.
Be "brief".`,
    },
    { role: "user", content: "It's me." },
  ],
  stream: true,
  "x-y": null,
  none: [],
}"""
    )
