"""Verdict: whether an answer in JSON mode is JSON, and whether it fits its schema."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from lib.errors import BadInput
from lib.jsonkit import json_text
from lib.jsonkit.json_schema import parse_schema
from lib.jsonkit.json_text import Bounds, MalformedJson, format_path
from lib.jsonkit.json_validation import MAX_FAILURES, CannotValidate, ValidationFailure, find_failures

MAX_BYTES = 1_000_000  # a hundred times what the model can write
MAX_DEPTH = 100
SUBJECT = "The answer"

_FENCE = re.compile(r"^[ \t]*```[ \t]*\w*[ \t]*\n(.*?)(?:\n[ \t]*```|\Z)", re.DOTALL | re.MULTILINE)
# Where JSON may begin in a text: a bracket with what can follow it, not after what stands before a value inside of
# other JSON.
_START = re.compile(
    r"""(?<![,{\[])(?<![,{\[]\s)(?<!":)(?<!":\s)(?:\{(?=\s*(?:["'}]|\Z))|\[(?=\s*(?:["\[{\]\d-]|true|false|null|\Z)))"""
)
_MOST_STARTS = 20  # places in a text that are tried as the beginning of its JSON


@dataclass(frozen=True)
class Valid:
    """It fits. ``remark`` says what stands around the JSON, empty where there is nothing."""

    value: Any
    remark: str = ""


@dataclass(frozen=True)
class Invalid:
    """It is JSON that does not fit. ``more``: there are more failures than these."""

    value: Any
    failures: tuple[ValidationFailure, ...]
    more: bool = False
    remark: str = ""


@dataclass(frozen=True)
class NotJson:
    """``line`` and ``column`` count from 1; ``unfinished``: it ends before it is complete."""

    message: str
    line: int
    column: int
    unfinished: bool = False


@dataclass(frozen=True)
class Unchecked:
    """It could not be checked; ``value`` is None where it was not even read."""

    reason: str
    value: Any = None


AnswerCheck = Valid | Invalid | NotJson | Unchecked


@lru_cache(maxsize=64)
def check_answer(answer: str, schema: str | None) -> AnswerCheck:
    """Check an answer; without a schema it must be any JSON object.

    At most 1 MB and 100 levels; given up after two seconds, or after four where patterns need a process of their own.
    JSON in a code fence, or with other text around it, is found and checked; the remark says so.
    """
    try:
        json_text.check_bounds(answer, SUBJECT, Bounds(MAX_BYTES, MAX_DEPTH))
        value, remark = _found(answer)
    except MalformedJson as error:
        if not answer.strip():
            return NotJson("The answer is empty.", 1, 1, unfinished=True)
        return NotJson(error.message, error.line or 1, error.column or 1, error.is_unfinished)
    except BadInput as error:
        return Unchecked(error.message)
    doubled = []
    for path, below in json_text.walk(value):
        # A quotation mark in front can hide it from the check of the text.
        if len(path) >= MAX_DEPTH and isinstance(below, (dict, list)):
            return Unchecked(f"The answer is nested more than {MAX_DEPTH} deep.")
        if (key := json_text.duplicate_key(below)) is not None:
            doubled.append(ValidationFailure(format_path((*path, key)), "is there twice"))
    try:
        found = (
            *doubled,
            *(_any_object(value) if schema is None else find_failures(value, parse_schema(schema))),
        )
    except CannotValidate as error:
        return Unchecked(error.message, value)
    except BadInput as error:
        return Unchecked(f"The schema cannot be used: {error.message}", value)
    if found:
        return Invalid(value, found[:MAX_FAILURES], len(found) > MAX_FAILURES, remark)
    return Valid(value, remark)


def _any_object(value: Any) -> tuple[ValidationFailure, ...]:
    return (
        ()
        if isinstance(value, dict)
        else (ValidationFailure("$", "is no JSON object, which is what was asked for"),)
    )


def _found(answer: str) -> tuple[Any, str]:
    """The JSON in the answer, and what stands around it. Raises Broken."""
    try:
        return json_text.decode(answer, SUBJECT), ""
    except MalformedJson as error:
        problem = error
    if (fence := _FENCE.search(answer)) is not None:
        # Blank lines in front, so that an error's line is the line in the answer.
        inside = "\n" * answer.count("\n", 0, fence.start(1)) + fence[1]
        try:
            return json_text.decode(inside, SUBJECT), _around(
                answer, fence.start(), fence.end(), "in a code fence"
            )
        except MalformedJson as error:
            if inside.lstrip().startswith(("{", "[")):
                raise
            problem = error
    if (bare := answer.lstrip()).startswith(("{", "[")):
        starts = [len(answer) - len(bare)]  # what comes later is inside of it
    else:
        starts = [match.start() for match in _START.finditer(answer)][:_MOST_STARTS]
        if bare and not starts:
            raise MalformedJson("The answer is text without any JSON in it.", line=1, column=1)
    best: tuple[int, int, Any] | None = None
    end = 0
    for start in starts:
        if start < end:
            continue  # inside of what was read
        try:
            value, end = json_text.decode(answer, SUBJECT, start, follows=True)
        except MalformedJson as error:
            if start == starts[0]:
                problem = error
            if error.is_unfinished:
                break  # all that follows is inside of it
            continue
        if best is None or end - start > best[1] - best[0]:
            best = (start, end, value)
    if best is None:
        raise problem
    start, end, value = best
    return value, _around(answer, start, end, "")


def _around(answer: str, start: int, end: int, how: str) -> str:
    before, after = answer[:start].strip(), answer[end:].strip()
    sides = " and ".join(["before"] * bool(before) + ["after"] * bool(after))
    if how and sides:
        where = f"The JSON stands {how}, with other text {sides} it"
    elif how:
        where = f"The JSON stands {how}"
    elif sides:
        where = f"Other text stands {sides} the JSON"
    else:
        return ""
    return f"{where}: a program that reads the answer must cut it out."
