"""Check an answer in JSON mode: is it JSON, and does it fit the schema?"""

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

_CODE_FENCE = re.compile(r"^[ \t]*```[ \t]*\w*[ \t]*\n(.*?)(?:\n[ \t]*```|\Z)", re.DOTALL | re.MULTILINE)
# A bracket where JSON may begin in a text: followed by what JSON allows there, and not preceded by a comma, a colon
# or another bracket, because then it is inside other JSON.
_JSON_START = re.compile(
    r"""(?<![,{\[])(?<![,{\[]\s)(?<!":)(?<!":\s)(?:\{(?=\s*(?:["'}]|\Z))|\[(?=\s*(?:["\[{\]\d-]|true|false|null|\Z)))"""
)
_MAX_STARTS = 20  # places in a text that are tried


@dataclass(frozen=True)
class Valid:
    """The answer fits. ``remark`` describes the text around the JSON; it is empty if there is none."""

    value: Any
    remark: str = ""


@dataclass(frozen=True)
class Invalid:
    """The answer is JSON that does not fit. ``more``: there are more failures than listed here."""

    value: Any
    failures: tuple[ValidationFailure, ...]
    more: bool = False
    remark: str = ""


@dataclass(frozen=True)
class NotJson:
    """The answer is not JSON. ``line`` and ``column`` count from 1; ``unfinished``: it ends too early."""

    message: str
    line: int
    column: int
    unfinished: bool = False


@dataclass(frozen=True)
class Unchecked:
    """The answer could not be checked. ``value`` is None if it was not parsed either."""

    reason: str
    value: Any = None


AnswerCheck = Valid | Invalid | NotJson | Unchecked


@lru_cache(maxsize=64)
def check_answer(answer: str, schema: str | None) -> AnswerCheck:
    """Check an answer; without a schema any JSON object is valid.

    Answers of more than 1 MB or 100 levels are not checked, and a check ends after two seconds.
    JSON in a code fence, or with other text around it, is found and checked; the remark says so.
    """
    try:
        json_text.check_bounds(answer, SUBJECT, Bounds(MAX_BYTES, MAX_DEPTH))
        value, remark = _extract_json(answer)
    except MalformedJson as error:
        if not answer.strip():
            return NotJson("The answer is empty.", 1, 1, unfinished=True)
        return NotJson(error.message, error.line or 1, error.column or 1, error.is_unfinished)
    except BadInput as error:
        return Unchecked(error.message)
    duplicates = []
    for path, part in json_text.walk(value):
        # check_bounds counts brackets in the whole text; a quotation mark before the JSON can hide them from it.
        if len(path) >= MAX_DEPTH and isinstance(part, (dict, list)):
            return Unchecked(f"The answer is nested more than {MAX_DEPTH} deep.")
        if (key := json_text.duplicate_key(part)) is not None:
            duplicates.append(ValidationFailure(format_path((*path, key)), "is there twice"))
    try:
        if schema is not None:
            misfits = find_failures(value, parse_schema(schema))
        elif isinstance(value, dict):
            misfits = ()
        else:
            misfits = (ValidationFailure("$", "is no JSON object, which is what was asked for"),)
    except CannotValidate as error:
        return Unchecked(error.message, value)
    except BadInput as error:
        return Unchecked(f"The schema cannot be used: {error.message}", value)
    if failures := (*duplicates, *misfits):
        return Invalid(value, failures[:MAX_FAILURES], len(failures) > MAX_FAILURES, remark)
    return Valid(value, remark)


def _extract_json(answer: str) -> tuple[Any, str]:
    """Return the JSON value in the answer and a remark about the text around it. Raises MalformedJson.

    Tried in this order: the whole answer, the first code fence, then the longest JSON anywhere in the text.
    """
    try:
        return json_text.decode(answer, SUBJECT), ""
    except MalformedJson as error:
        problem = error
    if (fence := _CODE_FENCE.search(answer)) is not None:
        # Blank lines in front, so that the line in an error is the line in the answer.
        blank_lines = "\n" * answer.count("\n", 0, fence.start(1))
        try:
            value = json_text.decode(blank_lines + fence[1], SUBJECT)
        except MalformedJson as error:
            if fence[1].lstrip().startswith(("{", "[")):
                raise
            problem = error
        else:
            return value, _describe_surroundings(answer, fence.start(), fence.end(), "in a code fence")
    longest, first_problem = _find_longest(answer)
    if longest is None:
        raise first_problem or problem
    return longest.value, _describe_surroundings(answer, longest.start, longest.end, "")


@dataclass(frozen=True)
class _Embedded:
    """A JSON value that stands in a text from ``start`` to ``end``."""

    start: int
    end: int
    value: Any


def _find_longest(answer: str) -> tuple[_Embedded | None, MalformedJson | None]:
    """Return the longest JSON value in the text, and the error of the first place that was tried."""
    text = answer.lstrip()
    if text.startswith(("{", "[")):
        starts = [len(answer) - len(text)]  # all later brackets are inside this value
    else:
        starts = [match.start() for match in _JSON_START.finditer(answer)][:_MAX_STARTS]
        if text and not starts:
            return None, MalformedJson("The answer is text without any JSON in it.", line=1, column=1)
    longest: _Embedded | None = None
    first_problem: MalformedJson | None = None
    end = 0
    for start in starts:
        if start < end:
            continue  # inside the value before it
        try:
            value, end = json_text.decode(answer, SUBJECT, start, follows=True)
        except MalformedJson as error:
            first_problem = first_problem or error
            if error.is_unfinished:
                break  # all later brackets are inside this value
            continue
        if longest is None or end - start > longest.end - longest.start:
            longest = _Embedded(start, end, value)
    return longest, first_problem


def _describe_surroundings(answer: str, start: int, end: int, how: str) -> str:
    before, after = answer[:start].strip(), answer[end:].strip()
    sides = " and ".join(["before"] * bool(before) + ["after"] * bool(after))
    if how and sides:
        where = f"The JSON is {how}, with other text {sides} it"
    elif how:
        where = f"The JSON is {how}"
    elif sides:
        where = f"There is other text {sides} the JSON"
    else:
        return ""
    return f"{where}: a program that reads the answer must remove the rest."
