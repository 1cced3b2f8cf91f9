"""JSON mode: what ``response_format`` asks for, what the model is told of it, and whether the answer meets it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from lib.twin import request_schema
from lib.twin.api_errors import JSON_NOT_MET, JSON_WITH_STREAM, RefusedError, bad_input
from lib.twin.request_schema import Schema
from lib.twin.schema_grammar import Grammar, ImpossibleError, as_json

WHERE = "/response_format/json_schema"
ANY_OBJECT = request_schema.take({"type": "object"}, WHERE)


def read(body: Mapping[str, Any]) -> Schema | None:
    """The schema that an answer must fit; None without JSON mode. Raises RefusedError."""
    wanted = body.get("response_format") or {}
    kind = wanted.get("type")
    if kind is None:
        return None
    if body.get("stream"):
        # Documented for schemas; "JSON Mode currently doesn't support streaming" says it of both kinds.
        raise RefusedError(JSON_WITH_STREAM)
    if kind == "json_object":
        return ANY_OBJECT
    if wanted.get("json_schema") is None:
        raise RefusedError(bad_input("required properties at '/response_format' are 'json_schema'"))
    return request_schema.take(_bare(wanted["json_schema"]), WHERE)


def _bare(sent: Any) -> Any:
    """The schema without OpenAI's wrapper, whose words are no keywords of a schema. Clients send it here too."""
    wrapped = (
        isinstance(sent, dict)
        and "schema" in sent
        and sent.keys() <= {"name", "description", "strict", "schema"}
    )
    return sent["schema"] if wrapped else sent


def instructions(wanted: Schema) -> str:
    """What the system message says: a grammar alone gives right shapes with wrong contents."""
    if wanted is ANY_OBJECT:
        return "Answer with a JSON object only."
    return f"Answer with JSON only, that fits this JSON Schema:\n{as_json(wanted.told)}"


def grammar(wanted: Schema, budget: int) -> str:
    """What may be said. Raises RefusedError if nothing that would be valid can."""
    try:
        rules = Grammar([wanted], budget)
        return rules.text(rules.value(wanted.plain))
    except (ImpossibleError, RecursionError):
        raise RefusedError(JSON_NOT_MET) from None


def met(wanted: Schema, text: str) -> Any:
    """The answer as a JSON value. Raises RefusedError: cut off at max_tokens, or not valid."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise RefusedError(JSON_NOT_MET) from None
    if not wanted.fits(value):
        raise RefusedError(JSON_NOT_MET)
    return value
