"""The calculator computes as Python does, and accepts nothing but arithmetic."""

from __future__ import annotations

import contextlib
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.tools.arithmetic import MAX_DIGITS, CannotCompute, evaluate
from tests.waiting import ends

numbers = st.one_of(
    st.integers(0, 10**6).map(str),
    st.floats(0, 1e6, allow_subnormal=False).map(repr),
    st.sampled_from(["1e5", "2.5E-3", "1_000", "0.1", ".5", "3."]),
)
expressions = st.recursive(
    numbers,
    lambda below: st.one_of(
        st.tuples(below, st.sampled_from(["+", "-", "*", "/", "//", "%", " + ", " -"]), below).map("".join),
        st.tuples(below, st.sampled_from(["**2", " ** 3", "**0.5", "**-1", "**0"])).map("".join),
        below.map("({})".format),
        below.map("-({})".format),
        below.map("+{}".format),
        below.map("abs({})".format),
        below.map("floor({})".format),
        below.map("round({}, 2)".format),
        below.map("sqrt({})".format),
        st.tuples(below, below).map(lambda both: f"max({both[0]}, {both[1]})"),
    ),
    max_leaves=12,
)
KNOWN = {"floor": math.floor, "sqrt": math.sqrt, "__builtins__": {"abs": abs, "round": round, "max": max}}


@given(expressions)
def test_it_computes_as_python_does(expression: str) -> None:
    try:
        expected = eval(expression, dict(KNOWN))  # built only from the pieces above
    except (ArithmeticError, ValueError):
        with pytest.raises(CannotCompute):
            evaluate(expression)
        return
    try:
        result = evaluate(expression)
    except CannotCompute as error:
        too_large = isinstance(expected, complex) or abs(expected) > 10**60
        assert too_large or "characters" in str(error) or "too large" in str(error) or "real" in str(error)  # noqa: PT017
        return
    assert type(result) is type(expected)
    assert result == expected


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("(2 + 3) * 4 ** 2", 80),
        ("-2 ** 2", -4),
        ("2 ** 3 ** 2", 512),
        ("5 × 3 − 12 ÷ 4", 12.0),
        ("7 // -2", -4),
        ("-7 % 3", 2),
        ("0.1 + 0.2", 0.30000000000000004),
        ("  1\n+ 2 ", 3),
        ("(-1) ** 99999999999999999999", -1),
        ("2 ** -1000000000", 0.0),
        ("round(2.5)", 2),
        ("round(1234.5, -2)", 1200.0),
        ("ceil(1.2) + min(3, 2, 1)", 3),
        (f"10 ** {MAX_DIGITS - 1}", 10 ** (MAX_DIGITS - 1)),
    ],
)
def test_known_values(expression: str, value: float) -> None:
    assert evaluate(expression) == value
    assert type(evaluate(expression)) is type(value)


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("", "no arithmetic expression"),
        ("2 +", "no arithmetic expression"),
        ("two", "“two” is not known"),
        ("1/0", "divides by zero"),
        ("5 % 0", "divides by zero"),
        ("0 ** -1", "divides by zero"),
        ("sqrt(-1)", "among the real numbers"),
        ("(-8) ** (1/3)", "among the real numbers"),
        ("2^3", "a power is written with"),
        ("1,000 * 2", "write 1000, not 1,000"),
        ("max(1)", "max takes 2 to 20 numbers, not 1"),
        ("abs(x=1)", "“x” is not known"),
        ("abs(*(1, 2))", "Only numbers"),
        ("round(1.5, 0.5)", "round takes a whole number of digits"),
        ("1 < 2", "Only numbers"),
        ("[1][0]", "Only numbers"),
        ("{1: 2}", "Only numbers"),
        ("'a' * 9", "“a” is not known"),
        ("'' * 9", "Only numbers"),
        ("...", "Only numbers"),
        ("1j", "“j” is not known"),
        ("True", "“True” is not known"),
        ("1if 2 else 3", "“if” is not known"),
        ("0x10", "“x10” is not known"),
        ("abs", "Only numbers"),
        ("abs.real", "“real” is not known"),
        ("(1).__class__", "“__class__” is not known"),
        ("__import__('os').system('true')", "“__import__” is not known"),
        ("(lambda: 1)()", "“lambda” is not known"),
        ("\0", "no arithmetic expression"),
        ("１ + １", "no arithmetic expression"),  # digits of another script
        ("9**9**9", "too large"),
        ("9**9**9**9", "too large"),
        ("10**99 * 10", "too large"),
        (f"10 ** {MAX_DIGITS}", "too large"),
        ("1e308 * 10", "too large"),
        ("1e400", "too large"),
        ("1e400 - 1e400", "too large"),
        ("floor(1e300)", "too large"),
        ("1.1 ** 99999999", "too large"),
        ("round(7, -1000000000)", "at most 20"),
        ("round(7, 1e300)", "at most 20"),
        ("9" * 600, "600 characters, more than 500"),
        ("-" * 400 + "1", "nested more than 50 levels"),
        ("(" * 240 + "1" + ")" * 240, "no arithmetic expression"),
        ("abs(" * 90 + "1" + ")" * 90, "nested more than 50 levels"),
    ],
)
def test_expressions_without_a_value(expression: str, words: str) -> None:
    with ends(), pytest.raises(CannotCompute) as caught:
        evaluate(expression)
    assert words in str(caught.value)


@given(st.text(max_size=60))
def test_any_text_has_a_value_or_a_reason(text: str) -> None:
    try:
        assert isinstance(evaluate(text), int | float)
    except CannotCompute as error:
        assert str(error)  # noqa: PT017


@given(st.text("0123456789+-*/%(). eEabs,_", max_size=40))
def test_no_expression_takes_long(text: str) -> None:
    with ends(), contextlib.suppress(CannotCompute):
        evaluate(text)
