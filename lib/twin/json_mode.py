"""JSON mode: what ``response_format`` asks for, what the model is told of it, and whether the answer meets it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from lib.twin import user_schema
from lib.twin.api_errors import JSON_NOT_MET, JSON_WITH_STREAM, TwinApiError, bad_input
from lib.twin.schema_grammar import GrammarBuilder, UnsatisfiableSchemaError, dump_json
from lib.twin.user_schema import UserSchema

WHERE = "/response_format/json_schema"
ANY_OBJECT = user_schema.read_schema({"type": "object"}, WHERE)


def read_response_format(body: Mapping[str, Any]) -> UserSchema | None:
    """The schema that an answer must fit; None without JSON mode. Raises RefusedError."""
    wanted = body.get("response_format") or {}
    kind = wanted.get("type")
    if kind is None:
        return None
    if body.get("stream"):
        # Documented for schemas; "JSON Mode currently doesn't support streaming" says it of both kinds.
        raise TwinApiError(JSON_WITH_STREAM)
    if kind == "json_object":
        return ANY_OBJECT
    if wanted.get("json_schema") is None:
        raise TwinApiError(bad_input("required properties at '/response_format' are 'json_schema'"))
    return user_schema.read_schema(_bare(wanted["json_schema"]), WHERE)


def _bare(sent: Any) -> Any:
    """The schema without OpenAI's wrapper, whose words are no keywords of a schema. Clients send it here too."""
    wrapped = (
        isinstance(sent, dict)
        and "schema" in sent
        and sent.keys() <= {"name", "description", "strict", "schema"}
    )
    return sent["schema"] if wrapped else sent


def json_instructions(wanted: UserSchema) -> str:
    """What the system message says: a grammar alone gives right shapes with wrong contents."""
    if wanted is ANY_OBJECT:
        return "Answer with a JSON object only."
    return f"Answer with JSON only, that fits this JSON Schema:\n{dump_json(wanted.sent)}"


def json_grammar(wanted: UserSchema, budget: int) -> str:
    """What may be said. Raises RefusedError if nothing that would be valid can."""
    try:
        rules = GrammarBuilder([wanted], budget)
        return rules.render(rules.add_value(wanted.resolved))
    except (UnsatisfiableSchemaError, RecursionError):
        raise TwinApiError(JSON_NOT_MET) from None


def parse_json_answer(wanted: UserSchema, text: str) -> Any:
    """The answer as a JSON value. Raises RefusedError: cut off at max_tokens, or not valid."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise TwinApiError(JSON_NOT_MET) from None
    if not wanted.is_valid(value):
        raise TwinApiError(JSON_NOT_MET)
    return value
