"""JSON checked against a schema: where it does not fit, in plain words and in reading order, within a few seconds."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

from jsonschema import ValidationError, validators

from lib.errors import BadInput
from lib.jsonkit import json_text
from lib.jsonkit.json_schema import CheckedSchema, parse_schema
from lib.jsonkit.json_text import format_path
from lib.jsonkit.json_wording import describe_failure

MAX_FAILURES = 50  # failures that are told; nobody reads more
_MOST_LOOKED_AT = 1_000
TIMEOUT_SECONDS = 2.0
PROCESS_START_SECONDS = 2.0  # a process's start, on a busy machine
MOST_PLAIN = 10_000  # characters: up to here a pattern that tries no more than length² places is quick
ROOT = Path(__file__).resolve().parents[2]

# No group and no more than one repetition of open length.
_QUICK = re.compile(
    r"(?:\\.|\[(?:\\.|[^\]\\])*\]|\{\d+\}|[^\\\[(*+?{])*(?:[*+?]|\{\d*,\d*\})?(?:\\.|\[(?:\\.|[^\]\\])*\]|\{\d+\}|[^\\\[(*+?{])*"
)
_until: ContextVar[float] = ContextVar("until")


class CannotValidate(BadInput):
    """The check came to no end; the message says why."""

    title = "This cannot be checked"


class _TooLongError(Exception):
    """The time is over."""


@dataclass(frozen=True)
class ValidationFailure:
    """``path`` is the place in the value, as in ``$.items[2].price``; ``message`` goes on from there: “is …”."""

    path: str
    message: str

    def to_sentence(self, whole: str) -> str:
        """As a sentence of its own; ``whole`` is what the value itself is called there."""
        return f"{self.path[1:].removeprefix('.') or whole} {self.message}."


def find_failures(value: Any, schema: CheckedSchema) -> tuple[ValidationFailure, ...]:
    """Where the value does not fit; one more than MOST where there are more.

    Raises GivenUp after two seconds, or after four where patterns need a process of their own.
    """
    return _check_here(value, schema) if _quick(value, schema.value) else _check_apart(value, schema)


def _failures(value: Any, schema: CheckedSchema, seconds: float) -> tuple[ValidationFailure, ...]:
    """Raises _TooLongError after so many seconds. A regular expression is not interrupted: see ``_check_apart``."""
    token = _until.set(time.monotonic() + seconds)
    try:
        errors = list(islice(schema.validator(_timed(schema.draft)).iter_errors(value), _MOST_LOOKED_AT))
    finally:
        _until.reset(token)
    errors.sort(key=lambda error: _position(value, error))
    told: dict[tuple[str, str], ValidationFailure] = {}
    for error in errors:
        failure = ValidationFailure(format_path(tuple(error.absolute_path)), describe_failure(error))
        told.setdefault((failure.path, failure.message), failure)  # one for all names that are missing
    return tuple(islice(told.values(), MAX_FAILURES + 1))


@cache
def _timed(draft: Any) -> Any:
    """The draft's validator, every keyword of which looks at the clock: references can multiply without bound."""
    return validators.extend(
        draft, {name: _with_clock(one) for name, one in (draft.VALIDATORS | _OWN).items()}
    )


def _with_clock(keyword: Any) -> Any:
    def checked(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
        if time.monotonic() > _until.get():
            raise _TooLongError
        yield from keyword(validator, value, instance, schema) or ()

    return checked


def _position(value: Any, error: ValidationError) -> tuple[int, ...]:
    """Where the failure stands in the value, so that sorting gives the reading order."""
    position: list[int] = []
    for key in error.absolute_path:
        if isinstance(value, dict):
            if key not in value:  # draft 3 says so of the name that is missing
                return (*position, len(value))
            position.append(list(value).index(key))
        else:
            position.append(int(key))
        value = value[key]
    return tuple(position)


def _unique(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
    """In one pass: jsonschema's own compares each entry with each."""
    if value and isinstance(instance, list):
        entries = {json.dumps(_canonical(entry), sort_keys=True) for entry in instance}
        if len(entries) < len(instance):
            yield ValidationError("holds something twice")


def _canonical(value: Any) -> Any:
    """With each number that is whole written so: to JSON Schema 1.0 is 1."""
    match value:
        case float() if value.is_integer():
            return int(value)
        case list():
            return [_canonical(below) for below in value]
        case dict():
            return {key: _canonical(below) for key, below in value.items()}
    return value


_OWN = {"uniqueItems": _unique}


_SLOW = f"The check took more than {TIMEOUT_SECONDS:g} seconds and was given up."


def _check_here(value: Any, schema: CheckedSchema) -> tuple[ValidationFailure, ...]:
    try:
        return _failures(value, schema, TIMEOUT_SECONDS)
    except _TooLongError:
        raise CannotValidate(_SLOW) from None
    except RecursionError:
        raise CannotValidate("It and its schema together are nested too deeply to be checked.") from None
    except re.error as error:
        raise CannotValidate(f"A pattern of the schema is not understood here: {error}.") from None


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
    return True


def _check_apart(value: Any, schema: CheckedSchema) -> tuple[ValidationFailure, ...]:
    """The check in a process of its own, which can be ended whatever it does."""
    given = json.dumps({"value": value, "schema": schema.text})
    try:
        done = subprocess.run(
            [sys.executable, "-m", "lib.jsonkit.json_validation"],
            cwd=ROOT,
            input=given,
            capture_output=True,
            encoding="utf-8",
            timeout=TIMEOUT_SECONDS + PROCESS_START_SECONDS,
            check=True,
        )
        told = json.loads(done.stdout)
    except subprocess.TimeoutExpired:
        raise CannotValidate(_SLOW) from None
    except (subprocess.SubprocessError, OSError, ValueError):
        raise CannotValidate("The process that checks it failed.") from None
    if isinstance(told, str):
        raise CannotValidate(told)
    return tuple(ValidationFailure(path, message) for path, message in told)


def _judge() -> None:
    """In that process: read what is to be checked, print what was found, or why nothing was."""
    asked = json.loads(sys.stdin.read())
    try:
        found = _check_here(asked["value"], parse_schema(asked["schema"]))
        print(json.dumps([(one.path, one.message) for one in found]))
    except CannotValidate as error:
        print(json.dumps(error.message))


if __name__ == "__main__":
    _judge()
