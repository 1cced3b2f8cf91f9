"""Validate a JSON value against a schema: failures in plain words and in reading order, within two seconds."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import Any

import jsonschema
from jsonschema import ValidationError, validators

from lib.errors import BadInput
from lib.jsonkit import ecma_regex, json_text
from lib.jsonkit.child_process import ChildFailed, ChildProcess, DeadlinePassed
from lib.jsonkit.json_schema import CheckedSchema, parse_schema
from lib.jsonkit.json_text import format_path
from lib.jsonkit.json_wording import describe_failure

MAX_FAILURES = 50  # nobody reads more
_MAX_ERRORS = 1_000  # errors that are collected before they are sorted
TIMEOUT_SECONDS = 2.0
_TIMED_OUT = f"The check took more than {TIMEOUT_SECONDS:g} seconds and was given up."

# When the check in this thread must end, by time.monotonic().
_deadline: ContextVar[float] = ContextVar("deadline")


class CannotValidate(BadInput):
    """The check was not finished; the message says why."""

    title = "This cannot be checked"


class _TimedOut(Exception):
    pass


@dataclass(frozen=True)
class ValidationFailure:
    """``path`` is a place in the value, as in ``$.items[2].price``; ``message`` completes the sentence: “is …”."""

    path: str
    message: str

    def to_sentence(self, name: str) -> str:
        """Return a whole sentence; ``name`` is the subject if the failure is about the value as a whole."""
        return f"{self.path[1:].removeprefix('.') or name} {self.message}."


def find_failures(value: Any, schema: CheckedSchema) -> tuple[ValidationFailure, ...]:
    """Return the places where the value does not fit, at most MAX_FAILURES + 1.

    Raises CannotValidate after two seconds. Patterns are matched in a child process: Python cannot interrupt them.
    """
    for _, part in json_text.walk(schema.value):
        if isinstance(part, dict) and ("pattern" in part or "patternProperties" in part):
            return _validate_in_child(value, schema)
    return _validate(value, schema)


def _validate(value: Any, schema: CheckedSchema) -> tuple[ValidationFailure, ...]:
    token = _deadline.set(time.monotonic() + TIMEOUT_SECONDS)
    try:
        validator = schema.validator(_with_deadline(schema.draft))
        errors = list(islice(validator.iter_errors(value), _MAX_ERRORS))
    except _TimedOut:
        raise CannotValidate(_TIMED_OUT) from None
    except RecursionError:
        raise CannotValidate("It and its schema together are nested too deeply to be checked.") from None
    except ecma_regex.BadPattern as error:
        raise CannotValidate(f"A pattern of the schema is not understood here: {error}.") from None
    finally:
        _deadline.reset(token)
    errors.sort(key=lambda error: _reading_position(value, error))
    # One failure for all missing names: each of them is an error of its own with the same text.
    failures: dict[tuple[str, str], ValidationFailure] = {}
    for misfit in errors:
        failure = ValidationFailure(format_path(tuple(misfit.absolute_path)), describe_failure(misfit))
        failures.setdefault((failure.path, failure.message), failure)
    return tuple(islice(failures.values(), MAX_FAILURES + 1))


@cache
def _with_deadline(draft: Any) -> Any:
    """Extend the validator class so that each keyword looks at the clock: references can multiply without bound."""
    keywords = draft.VALIDATORS | {"uniqueItems": _unique_items}
    return validators.extend(draft, {name: _check_deadline(keyword) for name, keyword in keywords.items()})


def _check_deadline(keyword: Any) -> Any:
    def checked(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
        if time.monotonic() > _deadline.get():
            raise _TimedOut
        yield from keyword(validator, value, instance, schema) or ()

    return checked


def _reading_position(value: Any, error: ValidationError) -> tuple[int, ...]:
    """Return a key that sorts errors in reading order."""
    position: list[int] = []
    for key in error.absolute_path:
        if isinstance(value, dict):
            if key not in value:  # an error of draft 3 about a missing name
                return (*position, len(value))
            position.append(list(value).index(key))
        else:
            position.append(int(key))
        value = value[key]
    return tuple(position)


def _unique_items(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
    """Compare in one pass; jsonschema's own compares each entry with each other one."""
    if value and isinstance(instance, list):
        entries = {json.dumps(_whole_floats_to_ints(entry), sort_keys=True) for entry in instance}
        if len(entries) < len(instance):
            yield ValidationError("holds something twice")


def _whole_floats_to_ints(value: Any) -> Any:
    """Replace each whole number by an int: 1.0 equals 1 in JSON Schema."""
    match value:
        case float() if value.is_integer():
            return int(value)
        case list():
            return [_whole_floats_to_ints(part) for part in value]
        case dict():
            return {key: _whole_floats_to_ints(part) for key, part in value.items()}
    return value


def _validate_in_child(value: Any, schema: CheckedSchema) -> tuple[ValidationFailure, ...]:
    try:
        function = f"{__name__}:answer_in_child"
        failures, problem = _process.call(function, value, schema.text, seconds=TIMEOUT_SECONDS)
    except DeadlinePassed:
        raise CannotValidate(_TIMED_OUT) from None
    except ChildFailed:
        raise CannotValidate("The process that checks it failed.") from None
    if problem is not None:
        raise CannotValidate(problem)
    return tuple(ValidationFailure(path, message) for path, message in failures)


def answer_in_child(value: Any, schema: str) -> tuple[list[tuple[str, str]], str | None]:
    """Return the failures and the error of the check; runs in the child process."""
    ecma_regex.use_in_jsonschema()
    try:
        failures = _validate(value, parse_schema(schema))
    except CannotValidate as error:
        return [], error.message
    return [(failure.path, failure.message) for failure in failures], None


def is_valid_in_child(draft: str, schema: Any, value: Any, seconds: float) -> bool:
    """Validate in a child process; ``draft`` is the name of a validator class of jsonschema.

    Raises DeadlinePassed and ChildFailed; a pattern that is not a regular expression counts as ChildFailed.
    """
    return bool(_process.call(f"{__name__}:is_valid_here", draft, schema, value, seconds=seconds))


def is_valid_here(draft: str, schema: Any, value: Any) -> bool:
    """Validate in this process: what ``is_valid_in_child`` calls in the child."""
    ecma_regex.use_in_jsonschema()
    return bool(getattr(jsonschema, draft)(schema).is_valid(value))


def find_matches(patterns: list[str], names: list[str]) -> dict[str, list[str]]:
    """Return the patterns that each name matches, without the names that match none.

    In a child process; a match that takes more than two seconds counts as none.
    """
    try:
        found = _process.call(f"{__name__}:find_matches_here", patterns, names, seconds=TIMEOUT_SECONDS)
    except (DeadlinePassed, ChildFailed):
        return {}
    return dict(found)


def find_matches_here(patterns: list[str], names: list[str]) -> dict[str, list[str]]:
    """Match in this process: what ``find_matches`` calls in the child."""
    matches = {name: [each for each in patterns if ecma_regex.search(each, name)] for name in names}
    return {name: matching for name, matching in matches.items() if matching}


_process = ChildProcess()
