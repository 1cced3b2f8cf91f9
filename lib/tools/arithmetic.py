"""Evaluate an arithmetic expression from a model: numbers, operators and a few functions only."""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable

Number = int | float

MAX_CHARS = 500
MAX_DEPTH = 50
MAX_DIGITS = 100  # of a whole number; Python limits a float to about 308


class CannotCompute(Exception):
    """The expression has no result; the message is a sentence for the model."""


_BINARY: dict[type[ast.operator], Callable[[Number, Number], Number]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
_UNARY: dict[type[ast.unaryop], Callable[[Number], Number]] = {ast.UAdd: operator.pos, ast.USub: operator.neg}
_FUNCTIONS: dict[str, tuple[Callable[..., Number], range]] = {
    "abs": (abs, range(1, 2)),
    "ceil": (math.ceil, range(1, 2)),
    "floor": (math.floor, range(1, 2)),
    "max": (max, range(2, 21)),
    "min": (min, range(2, 21)),
    "round": (lambda number, digits=0: _round_number(number, digits), range(1, 3)),
    "sqrt": (math.sqrt, range(1, 2)),
}
FUNCTION_NAMES = tuple(_FUNCTIONS)
_KNOWN = f"Only numbers, + - * / // % **, brackets and {', '.join(FUNCTION_NAMES)} are known"
_WORD = re.compile(r"[^\W\d]\w*")
_IN_NUMBER = re.compile(r"[eE]\d*|_\d+")  # as in 1e5 and 1_000
# Typographic operators that people write.
_SIGNS = str.maketrans({"×": "*", "·": "*", "÷": "/", "−": "-", "–": "-"})


def evaluate(expression: str) -> Number:
    """Return the value of an expression, within milliseconds. Raises CannotCompute."""
    if len(expression) > MAX_CHARS:
        raise CannotCompute(f"The expression has {len(expression):,} characters, more than {MAX_CHARS}.")
    text = " ".join(expression.translate(_SIGNS).split())
    # Before the parser, which warns of “1if” and the like.
    for word in _WORD.findall(text):
        if word not in _FUNCTIONS and not _IN_NUMBER.fullmatch(word):
            raise CannotCompute(f"“{word[:40]}” is not known here. {_KNOWN}.")
    try:
        tree = ast.parse(text, mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # MemoryError: a hundred nested brackets
        raise CannotCompute("This is no arithmetic expression.") from None
    try:
        return _value(tree.body, 0)
    except ZeroDivisionError:
        raise CannotCompute("This divides by zero.") from None
    except OverflowError:
        raise CannotCompute("The result is too large.") from None
    except ValueError:  # the square root of a negative number
        raise CannotCompute("This has no value among the real numbers.") from None


def _value(node: ast.expr, depth: int) -> Number:
    if depth > MAX_DEPTH:
        raise CannotCompute(f"The expression is nested more than {MAX_DEPTH} levels deep.")
    match node:
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            return _check_size(number)
        case ast.UnaryOp(op=sign, operand=below) if type(sign) in _UNARY:
            return _UNARY[type(sign)](_value(below, depth + 1))
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            return _compute_power(_value(left, depth + 1), _value(right, depth + 1))
        case ast.BinOp(left=left, op=sign, right=right) if type(sign) in _BINARY:
            return _check_size(_BINARY[type(sign)](_value(left, depth + 1), _value(right, depth + 1)))
        case ast.BinOp(op=ast.BitXor()):
            raise CannotCompute("“^” is not known: a power is written with “**”.")
        case ast.Call(func=ast.Name(id=name), args=given, keywords=[]) if name in _FUNCTIONS:
            call, counts = _FUNCTIONS[name]
            if len(given) not in counts:
                raise CannotCompute(f"{name} takes {counts[0]} to {counts[-1]} numbers, not {len(given)}.")
            return _check_size(call(*(_value(argument, depth + 1) for argument in given)))
        case ast.Tuple():
            commas = "A comma belongs only between the arguments of a function"
            raise CannotCompute(f"{commas}: write 1000, not 1,000.")
    raise CannotCompute(f"{_KNOWN} here.")


def _compute_power(base: Number, exponent: Number) -> Number:
    if isinstance(base, int) and isinstance(exponent, int) and exponent > 0 and abs(base) > 1:
        # Before it is computed, because that could take hours.
        if exponent * math.log10(abs(base)) > MAX_DIGITS:
            raise CannotCompute("The result is too large.")
        return _check_size(base**exponent)
    if base < 0 and not float(exponent).is_integer():
        raise CannotCompute("This has no value among the real numbers.")
    result: Number = base**exponent
    return _check_size(result)


def _round_number(number: Number, digits: Number) -> Number:
    # More digits would make Python compute a huge power of ten.
    if digits != int(digits) or abs(digits) > 20:
        raise CannotCompute("round takes a whole number of digits, at most 20.")
    return round(number, int(digits)) if digits else round(number)


def _check_size(number: Number) -> Number:
    if isinstance(number, float) and not math.isfinite(number):
        raise CannotCompute("The result is too large.")
    if isinstance(number, int) and abs(number) >= 10**MAX_DIGITS:
        raise CannotCompute("The result is too large.")
    return number
