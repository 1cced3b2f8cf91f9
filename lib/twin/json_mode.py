"""JSON mode: read ``response_format``, tell the model about it, and validate the answer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from lib.jsonkit.surrogates import find_surrogate, replace_lone_surrogates
from lib.twin import bounded_schema, user_schema
from lib.twin.api_errors import JSON_NOT_MET, JSON_WITH_STREAM, TwinApiError, bad_input
from lib.twin.bounded_schema import dump_json
from lib.twin.user_schema import UnsatisfiableSchemaError, UserSchema

SCHEMA_FIELD = "/response_format/json_schema"
ANY_OBJECT = user_schema.read_schema({"type": "object"}, SCHEMA_FIELD)


def read_response_format(body: Mapping[str, Any]) -> UserSchema | None:
    """Return the schema that the answer must fit, None without JSON mode. Raises TwinApiError."""
    response_format = body.get("response_format") or {}
    kind = response_format.get("type")
    if kind is None:
        return None
    if body.get("stream"):
        # Documented for schemas; "JSON Mode currently doesn't support streaming" says it of both kinds.
        raise TwinApiError(JSON_WITH_STREAM)
    if kind == "json_object":
        return ANY_OBJECT
    if response_format.get("json_schema") is None:
        raise TwinApiError(bad_input("required properties at '/response_format' are 'json_schema'"))
    return user_schema.read_schema(_unwrap(response_format["json_schema"]), SCHEMA_FIELD)


def _unwrap(sent: Any) -> Any:
    """Return the schema without OpenAI's wrapper, which some clients send here too."""
    wrapper = {"name", "description", "strict", "schema"}
    is_wrapped = isinstance(sent, dict) and "schema" in sent and sent.keys() <= wrapper
    return sent["schema"] if is_wrapped else sent


def json_instructions(schema: UserSchema) -> str:
    """Return the text for the system message. Without it answers have the right shape and wrong contents."""
    if schema is ANY_OBJECT:
        return "Answer with a JSON object only."
    return f"Answer with JSON only, that fits this JSON Schema:\n{dump_json(schema.sent)}"


def narrow_schema(schema: UserSchema, string_chars: int) -> dict[str, Any]:
    """Return the schema that the engine keeps the answer to. Raises TwinApiError if no answer could be valid."""
    try:
        return bounded_schema.narrow_schema(schema, string_chars)
    except (UnsatisfiableSchemaError, RecursionError):
        raise TwinApiError(JSON_NOT_MET) from None


def parse_json_text(text: str) -> Any:
    """Return the value of JSON in a text, with U+FFFD for an escaped lone surrogate, which cannot be sent on.

    Raises ValueError, also for NaN and the infinities; RecursionError.
    """
    value = json.loads(text)
    plain = json.dumps(value, ensure_ascii=False, allow_nan=False)
    return value if find_surrogate(plain) is None else json.loads(replace_lone_surrogates(plain))


def parse_json_answer(schema: UserSchema, text: str) -> Any:
    """Return the answer as a JSON value. Raises TwinApiError if it was cut off or is not valid."""
    try:
        value = parse_json_text(text)
    except (ValueError, RecursionError):
        raise TwinApiError(JSON_NOT_MET) from None
    if not schema.is_valid(value):
        raise TwinApiError(JSON_NOT_MET)
    return value
