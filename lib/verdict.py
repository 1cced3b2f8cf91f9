"""Verdict: whether an answer in JSON mode is JSON, and whether it fits its schema."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from lib import json_text
from lib.errors import BadInput
from lib.failure import MOST, Failure, TooLong, failures
from lib.json_schema import Schema, check_schema
from lib.json_text import Bounds, Broken, show

ROOT = Path(__file__).resolve().parent.parent
MOST_BYTES = 1_000_000  # a hundred times what the model can write
MOST_DEPTH = 100
WHAT = "The answer"
SECONDS = 2.0
START = 2.0  # a process's start, on a busy machine
MOST_PAIRED = 3_000  # characters: up to here it is quick to compare each entry with each other
MOST_PLAIN = 10_000  # characters: up to here a pattern that tries no more than length² places is quick

_FENCE = re.compile(r"^[ \t]*```[ \t]*\w*[ \t]*\n(.*?)(?:\n[ \t]*```|\Z)", re.DOTALL | re.MULTILINE)
# Where JSON may begin in a text: a bracket with what can follow it, not after what stands before a value inside of
# other JSON.
_START = re.compile(
    r"""(?<![,{\[])(?<![,{\[]\s)(?<!":)(?<!":\s)(?:\{(?=\s*(?:["'}]|\Z))|\[(?=\s*(?:["\[{\]\d-]|true|false|null|\Z)))"""
)
_MOST_STARTS = 20  # places in a text that are tried as the beginning of its JSON
# No group and no more than one repetition of open length.
_QUICK = re.compile(
    r"(?:\\.|\[(?:\\.|[^\]\\])*\]|\{\d+\}|[^\\\[(*+?{])*(?:[*+?]|\{\d*,\d*\})?(?:\\.|\[(?:\\.|[^\]\\])*\]|\{\d+\}|[^\\\[(*+?{])*"
)


@dataclass(frozen=True)
class Valid:
    """It fits. ``remark`` says what stands around the JSON, empty where there is nothing."""

    value: Any
    remark: str = ""


@dataclass(frozen=True)
class Invalid:
    """It is JSON that does not fit. ``more``: there are more failures than these."""

    value: Any
    failures: tuple[Failure, ...]
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


Verdict = Valid | Invalid | NotJson | Unchecked


@lru_cache(maxsize=64)
def validate(answer: str, schema: str | None) -> Verdict:
    """Check an answer; without a schema it must be any JSON object.

    At most 1 MB and 100 levels; given up after two seconds, or after four where patterns need a process of their own.
    JSON in a code fence, or with other text around it, is found and checked; the remark says so.
    """
    try:
        json_text.check_bounds(answer, WHAT, Bounds(MOST_BYTES, MOST_DEPTH))
        value, remark = _found(answer)
    except Broken as error:
        if not answer.strip():
            return NotJson("The answer is empty.", 1, 1, unfinished=True)
        return NotJson(error.message, error.line or 1, error.column or 1, error.unfinished)
    except BadInput as error:
        return Unchecked(error.message)
    doubled = []
    for path, below in json_text.walk(value):
        # A quotation mark in front can hide it from the check of the text.
        if len(path) >= MOST_DEPTH and isinstance(below, (dict, list)):
            return Unchecked(f"The answer is nested more than {MOST_DEPTH} deep.")
        if (key := json_text.twice(below)) is not None:
            doubled.append(Failure(show((*path, key)), "is there twice"))
    try:
        found = (*doubled, *(_any_object(value) if schema is None else _check(value, check_schema(schema))))
    except BadInput as error:
        return Unchecked(f"The schema cannot be used: {error.message}", value)
    except _GivenUp as error:
        return Unchecked(str(error), value)
    if found:
        return Invalid(value, found[:MOST], len(found) > MOST, remark)
    return Valid(value, remark)


def _any_object(value: Any) -> tuple[Failure, ...]:
    return (
        () if isinstance(value, dict) else (Failure("$", "is no JSON object, which is what was asked for"),)
    )


def _found(answer: str) -> tuple[Any, str]:
    """The JSON in the answer, and what stands around it. Raises Broken."""
    try:
        return json_text.decode(answer, WHAT), ""
    except Broken as error:
        problem = error
    if (fence := _FENCE.search(answer)) is not None:
        # Blank lines in front, so that an error's line is the line in the answer.
        inside = "\n" * answer.count("\n", 0, fence.start(1)) + fence[1]
        try:
            return json_text.decode(inside, WHAT), _around(
                answer, fence.start(), fence.end(), "in a code fence"
            )
        except Broken as error:
            if inside.lstrip().startswith(("{", "[")):
                raise
            problem = error
    if (bare := answer.lstrip()).startswith(("{", "[")):
        starts = [len(answer) - len(bare)]  # what comes later is inside of it
    else:
        starts = [match.start() for match in _START.finditer(answer)][:_MOST_STARTS]
        if bare and not starts:
            raise Broken("The answer is text without any JSON in it.", line=1, column=1)
    best: tuple[int, int, Any] | None = None
    end = 0
    for start in starts:
        if start < end:
            continue  # inside of what was read
        try:
            value, end = json_text.decode(answer, WHAT, start, follows=True)
        except Broken as error:
            if start == starts[0]:
                problem = error
            if error.unfinished:
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


class _GivenUp(Exception):
    """Why the check came to no end."""


_SLOW = f"The check took more than {SECONDS:g} seconds and was given up."


def _check(value: Any, schema: Schema) -> tuple[Failure, ...]:
    return _check_here(value, schema) if _quick(value, schema.value) else _check_apart(value, schema)


def _check_here(value: Any, schema: Schema) -> tuple[Failure, ...]:
    try:
        return failures(value, schema, SECONDS)
    except TooLong:
        raise _GivenUp(_SLOW) from None
    except RecursionError:
        raise _GivenUp("Answer and schema together are nested too deeply to be checked.") from None
    except re.error as error:
        raise _GivenUp(f"A pattern of the schema is not understood here: {error}.") from None


def _quick(value: Any, schema: Any) -> bool:
    """Whether no single step of the check can take long: a regular expression can, and cannot be interrupted."""
    size = len(json.dumps(value))
    for _, found in json_text.walk(schema):
        if not isinstance(found, dict):
            continue
        patterns = [found["pattern"]] if isinstance(found.get("pattern"), str) else []
        if isinstance(named := found.get("patternProperties"), dict):
            patterns += named
        if patterns and (size > MOST_PLAIN or not all(_QUICK.fullmatch(pattern) for pattern in patterns)):
            return False
        if "uniqueItems" in found and size > MOST_PAIRED:
            return False
    return True


def _check_apart(value: Any, schema: Schema) -> tuple[Failure, ...]:
    """The check in a process of its own, which can be ended whatever it does."""
    given = json.dumps({"value": value, "schema": schema.text})
    try:
        done = subprocess.run(
            [sys.executable, "-m", "lib.verdict"],
            cwd=ROOT, input=given, capture_output=True, encoding="utf-8", timeout=SECONDS + START, check=True,
        )  # fmt: skip
        told = json.loads(done.stdout)
    except subprocess.TimeoutExpired:
        raise _GivenUp(_SLOW) from None
    except (subprocess.SubprocessError, OSError, ValueError):
        raise _GivenUp("The process that checks the answer failed.") from None
    if isinstance(told, str):
        raise _GivenUp(told)
    return tuple(Failure(path, message) for path, message in told)


def _judge() -> None:
    """In that process: read what is to be checked, print what was found, or why nothing was."""
    asked = json.loads(sys.stdin.read())
    try:
        found = _check_here(asked["value"], check_schema(asked["schema"]))
        print(json.dumps([(one.path, one.message) for one in found]))
    except _GivenUp as error:
        print(json.dumps(str(error)))


if __name__ == "__main__":
    _judge()
