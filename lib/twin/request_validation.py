"""Whether a request's body fits the model's documented schema, and in which words it is refused if not.

The wordings follow public recordings of the live service: a failure that every shape of the body shares is
told alone ("'/temperature' must be <= 5"); otherwise the failures of all shapes are joined behind
"oneOf at '/' not met, 0 matches:". Types read "'<documented>' not in '<sent>'".
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, NoReturn

from jsonschema import Draft7Validator
from jsonschema.exceptions import ValidationError

from lib.model.model_record import Model, models
from lib.twin.api_errors import TwinApiError, bad_input

MAX_BODY_BYTES = 4 * 1024 * 1024  # far over any context window; bounds what one request can cost


def _type(value: object) -> str:
    """A value's JSON type, as the service names it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    if isinstance(value, float):
        return "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"


def _unique(words: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(words))


def _one_of(error: ValidationError, where: str) -> list[str]:
    branches: dict[int, list[ValidationError]] = {}
    for failure in error.context or ():
        branches.setdefault(int(failure.relative_schema_path[0]), []).append(failure)
    if not branches:
        return [f"oneOf at '{where}' not met, {len(error.validator_value)} matches"]
    told = [_unique(word for failure in branch for word in _words(failure)) for branch in branches.values()]
    shared = [word for word in told[0] if all(word in branch for branch in told[1:])]
    if shared and len(told) > 1:
        return shared
    return [f"oneOf at '{where}' not met, 0 matches: " + ", ".join(word for words in told for word in words)]


def _words(error: ValidationError) -> list[str]:
    """One failure in the service's words."""
    where = "/" + "/".join(str(step) for step in error.absolute_path)
    wanted = error.validator_value
    if error.validator == "oneOf":
        return _one_of(error, where)
    if error.validator == "required":
        return [f"required properties at '{where}' are '{','.join(wanted)}'"]
    if error.validator == "type":
        return [f"Type mismatch of '{where}', '{wanted}' not in '{_type(error.instance)}'"]
    if error.validator == "minimum":
        return [f"'{where}' must be >= {wanted}"]
    if error.validator == "maximum":
        return [f"'{where}' must be <= {wanted}"]
    if error.validator == "enum":
        return [f"'{where}' must be one of '{','.join(map(str, wanted))}'"]
    if error.validator == "minLength":
        return [f"'{where}' must have a length >= {wanted}"]
    return [f"'{where}' does not meet {error.validator}"]


@cache
def _validator(model_id: str) -> Draft7Validator:
    return Draft7Validator(models()[model_id].input_schema)


def _not_json(_: str) -> NoReturn:
    raise ValueError("not a JSON number")


def parse_body(raw: bytes) -> Any:
    """The body's JSON value. Refuses what is not JSON, what is not UTF-8, and half characters.

    As in the service's own JavaScript, the last of two equal keys wins.
    """
    try:
        body = json.loads(raw.decode("utf-8"), parse_constant=_not_json)
        # "\ud800" alone is valid JSON but no character: it could neither be tokenized nor sent back.
        json.dumps(body, ensure_ascii=False).encode("utf-8")
    except RecursionError:
        raise TwinApiError(bad_input("the body is nested too deep")) from None
    except ValueError:  # both Unicode errors are ValueErrors
        raise TwinApiError(bad_input("the body is not valid JSON in UTF-8")) from None
    return body


def validate_body(model: Model, body: Any) -> Mapping[str, Any]:
    """The body, if the model's schema takes it. Raises RefusedError."""
    words = _unique(word for error in _validator(model.id).iter_errors(body) for word in _words(error))
    if isinstance(body, dict) and not words:
        # Two bounds that the schema leaves unsaid, though no answer exists beyond them.
        if body.get("messages") == []:
            words = [
                "oneOf at '/' not met, 0 matches: required properties at '/' are 'prompt', "
                "'/messages' must have a length >= 1"
            ]
        for parameter in model.parameters:
            value = body.get(parameter.name)
            if value is not None and value < parameter.minimum:
                words.append(f"'/{parameter.name}' must be >= {parameter.minimum}")
    if words:
        # A body that is no object fails at the root before any of its shapes matters.
        root = [word for word in words if word.startswith("Type mismatch of '/',")]
        raise TwinApiError(bad_input(", ".join(root or words)))
    checked: Mapping[str, Any] = body
    return checked
