"""Validate a request's body against the model's documented schema, with the error messages of the live service.

The messages follow public recordings: a failure that all forms of the body share stands alone
("'/temperature' must be <= 5"); otherwise the failures of all forms are joined after
"oneOf at '/' not met, 0 matches:". Types read "'<documented>' not in '<sent>'".
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import cache
from types import NoneType
from typing import Any, NoReturn

from jsonschema import Draft7Validator
from jsonschema.exceptions import ValidationError

from lib.model.model_record import DEFAULT_MODEL_ID, Model, models
from lib.twin.api_errors import TwinApiError, bad_input
from lib.twin.request_limits import check_json_values

# The service's names of the types of JSON.
_TYPE_NAMES = {
    NoneType: "null",
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
}


def _remove_duplicates(messages: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(messages))


def _describe_one_of(error: ValidationError, where: str) -> list[str]:
    branches: dict[int, list[ValidationError]] = {}
    for failure in error.context or ():
        branches.setdefault(int(failure.relative_schema_path[0]), []).append(failure)
    if not branches:
        return [f"oneOf at '{where}' not met, {len(error.validator_value)} matches"]
    by_branch = [
        _remove_duplicates(message for failure in failures for message in _messages(failure))
        for failures in branches.values()
    ]
    first, *others = by_branch
    shared = [message for message in first if all(message in other for other in others)]
    if shared and others:
        return shared
    joined = ", ".join(message for messages in by_branch for message in messages)
    return [f"oneOf at '{where}' not met, 0 matches: {joined}"]


def _messages(error: ValidationError) -> list[str]:
    """Return the service's messages for one failure."""
    where = "/" + "/".join(str(step) for step in error.absolute_path)
    documented = error.validator_value
    if error.validator == "oneOf":
        return _describe_one_of(error, where)
    if error.validator == "required":
        return [f"required properties at '{where}' are '{','.join(documented)}'"]
    if error.validator == "type":
        return [f"Type mismatch of '{where}', '{documented}' not in '{_TYPE_NAMES[type(error.instance)]}'"]
    if error.validator == "minimum":
        return [f"'{where}' must be >= {documented}"]
    if error.validator == "maximum":
        return [f"'{where}' must be <= {documented}"]
    if error.validator == "enum":
        return [f"'{where}' must be one of '{','.join(map(str, documented))}'"]
    if error.validator == "minLength":
        return [f"'{where}' must have a length >= {documented}"]
    return [f"'{where}' does not meet {error.validator}"]


@cache
def _validator(model_id: str) -> Draft7Validator:
    # All models without a record of their own take the default model's requests.
    return Draft7Validator(models()[model_id].input_schema)


def _refuse_constant(constant: str) -> NoReturn:
    raise ValueError("not a JSON number")


def parse_body(raw: bytes) -> Any:
    """Parse the body as JSON in UTF-8 without lone surrogates. Raises TwinApiError.

    The last of two equal keys wins, as in the service's own JavaScript.
    """
    check_json_values(raw)
    try:
        body = json.loads(raw.decode("utf-8"), parse_constant=_refuse_constant)
        # A lone surrogate ("\ud800") is valid JSON, but it can neither be tokenized nor sent back.
        json.dumps(body, ensure_ascii=False).encode("utf-8")
    except RecursionError:
        raise TwinApiError(bad_input("the body is nested too deep")) from None
    # Unicode errors are ValueErrors too.
    except ValueError:
        raise TwinApiError(bad_input("the body is not valid JSON in UTF-8")) from None
    return body


def validate_body(model: Model, body: Any) -> Mapping[str, Any]:
    """Return the body if it fits the model's schema. Raises TwinApiError."""
    errors = _validator(model.id if model.id in models() else DEFAULT_MODEL_ID).iter_errors(body)
    messages = _remove_duplicates(message for error in errors for message in _messages(error))
    if isinstance(body, dict) and not messages:
        # Two limits that the schema does not have, although no answer exists beyond them.
        if body.get("messages") == []:
            messages = [
                "oneOf at '/' not met, 0 matches: required properties at '/' are 'prompt', "
                "'/messages' must have a length >= 1"
            ]
        for parameter in model.parameters:
            value = body.get(parameter.name)
            if value is not None and value < parameter.minimum:
                messages.append(f"'/{parameter.name}' must be >= {parameter.minimum}")
    if messages:
        # The type of the root is reported alone.
        root = [message for message in messages if message.startswith("Type mismatch of '/',")]
        raise TwinApiError(bad_input(", ".join(root or messages)))
    if isinstance(body, dict) and body.keys() >= {"prompt", "messages"}:
        return _drop_other_shape(model, body)
    valid: Mapping[str, Any] = body
    return valid


def _drop_other_shape(model: Model, body: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a valid body that has both a prompt and messages without the one that does not fit its shape.

    For the shape that fits, the other is an unknown property: it may be anything, and is ignored.
    """
    shapes = model.input_schema.get("oneOf", ())
    fits = next((shape for shape in shapes if Draft7Validator(shape).is_valid(body)), {"properties": body})
    dropped = {"prompt", "messages"} - fits["properties"].keys()
    return {name: value for name, value in body.items() if name not in dropped}
