"""JSON mode: answers that fit their schema, Cloudflare's error messages, and hostile schemas."""

from __future__ import annotations

import json
import random
import re
from typing import Any

import jsonschema
import pytest

from bench.json_mode import JsonModeOutcome, random_schema, request_outcome
from lib.twin.bounded_schema import narrow_schema
from lib.twin.user_schema import read_schema
from tests.twin.conftest import MODEL, RunningTwin
from tests.twin.test_api_errors import assert_error, service_error
from tests.waiting import ends

FOX = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 20},
        "age": {"type": "integer", "minimum": 1, "maximum": 15},
        "weight": {"type": "number", "minimum": 2.5, "exclusiveMaximum": 14},
        "colours": {"type": "array", "items": {"enum": ["red", "grey"]}, "minItems": 1, "maxItems": 2},
        "wild": {"type": "boolean"},
        "den": {"$ref": "#/$defs/den"},
    },
    "required": ["name", "age", "weight", "colours", "den"],
    "additionalProperties": False,
    "$defs": {"den": {"type": "object", "properties": {"deep": {"type": "boolean"}}, "required": ["deep"]}},
}
ASK = [{"role": "user", "content": "Describe a fox."}]
NOT_MET = service_error(5024, "JSON Mode couldn't be met")  # documented


def json_mode_field(schema: Any) -> dict[str, Any]:
    return {"response_format": {"type": "json_schema", "json_schema": schema}}


@pytest.mark.applied_by_twin("response_format.json_schema")
def test_messages_and_prompt(twin: RunningTwin) -> None:
    # Recorded: {"result":{"response":{"server_id":"foobar"},"usage":{…}},"success":true,…}: an object, not a text.
    for shape in ({"messages": ASK}, {"prompt": "Describe a fox."}):
        response = twin.ask(**shape, **json_mode_field(FOX), seed=1)
        body = response.json()
        assert list(body["result"]) == ["response", "usage"], body
        jsonschema.validate(body["result"]["response"], FOX)
    assert response.headers["cf-ai-neurons"]


def test_raw(twin: RunningTwin) -> None:
    body = {"prompt": "A fox as JSON:\n", "raw": True, **json_mode_field(FOX), "seed": 2}
    jsonschema.validate(twin.ask(**body).json()["result"]["response"], FOX)


@pytest.mark.applied_by_twin("response_format.type")
def test_any_object(twin: RunningTwin) -> None:
    body = {"messages": ASK, "response_format": {"type": "json_object"}, "temperature": 0, "max_tokens": 1000}
    assert isinstance(twin.ask(**body).json()["result"]["response"], dict)


@pytest.mark.parametrize("value", ["text", 7, 2.5, True, None, [1, "x"], {"a": {"b": []}}])
def test_a_value_of_any_kind(twin: RunningTwin, value: Any) -> None:
    assert twin.ask(messages=ASK, **json_mode_field({"const": value})).json()["result"]["response"] == value


def test_openai(twin: RunningTwin) -> None:
    # OpenAI's wrapper, and the schema alone. The content is text in this format.
    wrapper = {"name": "fox", "strict": True, "schema": FOX}
    texts = []
    for sent in (wrapper, FOX):
        body = {"model": MODEL, "messages": ASK, **json_mode_field(sent), "seed": 1}
        choice = twin.client.post(twin.path("v1/chat/completions"), json=body).json()["choices"][0]
        assert choice["finish_reason"] == "stop"
        texts.append(choice["message"]["content"])
        jsonschema.validate(json.loads(texts[-1]), FOX)
    assert texts[0] == texts[1]


def test_the_schema_is_in_the_prompt(twin: RunningTwin) -> None:
    body = twin.client.post(
        twin.path("paddock/prompt"), json={"messages": ASK, **json_mode_field(FOX)}
    ).json()
    assert json.dumps(FOX) in body["result"]["prompt"]


@pytest.mark.parametrize("form", [json_mode_field(FOX), {"response_format": {"type": "json_object"}}])
@pytest.mark.parametrize("path", [f"run/{MODEL}", "v1/chat/completions"])
def test_no_stream(twin: RunningTwin, path: str, form: dict[str, Any]) -> None:
    # Documented: 5023. The docs say that JSON mode as a whole does not stream.
    body = {"model": MODEL, "messages": ASK, **form, "stream": True}
    message = "JSON Schema mode is not supported with stream mode."
    assert_error(twin.client.post(twin.path(path), json=body), 400, service_error(5023, message))


def test_cut_off(twin: RunningTwin) -> None:
    assert_error(twin.ask(messages=ASK, **json_mode_field(FOX), max_tokens=5), 400, NOT_MET)


IMPOSSIBLE = [
    False,
    {"type": "object", "properties": {"a": False}, "required": ["a"]},
    {"type": "integer", "minimum": 3, "maximum": 2},
    {"enum": [1, 2], "type": "string"},
    {"allOf": [{"type": "string"}, {"type": "boolean"}]},
    {"type": "array", "items": False, "minItems": 1},
    {"type": "string", "minLength": 9, "maxLength": 8},
    # The engine ignores ``not``; the validation does not.
    {"const": 1, "not": {"const": 1}},
]


@pytest.mark.parametrize("schema", IMPOSSIBLE)
def test_impossible(twin: RunningTwin, schema: Any) -> None:
    assert_error(twin.ask(messages=ASK, **json_mode_field(schema)), 400, NOT_MET)


def nested(depth: int) -> Any:
    schema: Any = {"type": "string"}
    for _ in range(depth):
        schema = {"type": "object", "properties": {"a": schema}}
    return schema


LAUGHS: dict[str, Any] = {"$defs": {"a9": {"type": "null"}}, "$ref": "#/$defs/a0"}
for level in range(9):
    LAUGHS["$defs"][f"a{level}"] = {"anyOf": [{"$ref": f"#/$defs/a{level + 1}"}] * 9}

BAD = [
    (7, "/response_format/json_schema'"),
    ([], "/response_format/json_schema'"),
    ({"type": 7}, "/response_format/json_schema/type'"),
    ({"properties": []}, "/response_format/json_schema/properties'"),
    ({"$ref": "#"}, "leads back to itself"),
    ({"$ref": "#/$defs/a", "$defs": {"a": {"items": {"$ref": "#/$defs/a"}}}}, "leads back to itself"),
    ({"$ref": "https://example.com/schema.json"}, "is not fetched"),
    ({"$ref": "file:///etc/passwd"}, "is not fetched"),
    ({"$ref": "#/$defs/none"}, "leads nowhere"),
    ({"description": "x" * 3_000_000}, "at most 65,536 characters"),
    (nested(200), "at most 64 deep"),
    (LAUGHS, "too large once its references are followed"),
    ({"type": "string", "pattern": "("}, "/response_format/json_schema"),
    ({"type": "object", "patternProperties": {"(": {}}}, "/response_format/json_schema"),
]


@pytest.mark.parametrize(("schema", "words"), BAD)
def test_bad_schema(twin: RunningTwin, schema: Any, words: str) -> None:
    with ends():
        response = twin.ask(messages=ASK, **json_mode_field(schema))
    assert response.json()["errors"][0]["code"] == 5006, response.text[:300]
    message = response.json()["errors"][0]["message"]
    assert words in message
    assert message.startswith("AiError: Bad input: Error: '/response_format/json_schema")
    assert len(message) < 500


def test_no_schema(twin: RunningTwin) -> None:
    response = twin.ask(messages=ASK, response_format={"type": "json_schema"})
    message = "AiError: Bad input: Error: required properties at '/response_format' are 'json_schema'"
    assert_error(response, 400, service_error(5006, message))


def test_five_megabytes(twin: RunningTwin) -> None:
    response = twin.ask(messages=ASK, **json_mode_field({"description": "x" * 5_000_000}))
    assert_error(response, 413, service_error(3006, "Request is too large"))


def test_a_pattern_that_takes_forever(twin: RunningTwin) -> None:
    # The validation ends after some seconds, in a process of its own; the twin answers others meanwhile.
    schema = {"const": "a" * 40 + "!", "allOf": [{"pattern": "^(a+)+$"}]}
    with ends():
        assert_error(twin.ask(messages=ASK, **json_mode_field(schema)), 400, NOT_MET)
    assert twin.client.get(twin.path("paddock/slots")).status_code == 200


@pytest.mark.parametrize("pattern", ["^[A-Z]{3}-\\d{2}$", "^(cat|dog)s?$", "^a\\.b$", "^[\\w-]{3}\\D\\d$"])
def test_a_simple_pattern_is_kept(twin: RunningTwin, pattern: str) -> None:
    schema = {"type": "string", "pattern": pattern}
    answer = twin.ask(messages=ASK, **json_mode_field(schema)).json()
    assert answer["success"], answer
    jsonschema.validate(answer["result"]["response"], schema)


# As in RFC 3339 and 3986, which draft 7 refers to.
RFC = {
    "time": r"\d{2}:\d{2}:\d{2}(Z|[+-]\d{2}:\d{2})",
    "date-time": r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(Z|[+-]\d{2}:\d{2})",
    "uri": r"[a-z]+://[^\s]+",
}


@pytest.mark.parametrize("name", ["date", "time", "date-time", "uuid", "email", "uri", "ipv4"])
def test_formats(twin: RunningTwin, name: str) -> None:
    schema = {"type": "string", "format": name}
    answer = twin.ask(messages=ASK, **json_mode_field(schema)).json()
    text = answer["result"]["response"]
    # jsonschema checks these formats by older drafts, or only with other packages.
    if name in RFC:
        assert re.fullmatch(RFC[name], text)
    else:
        jsonschema.validate(text, schema, format_checker=jsonschema.FormatChecker())


def test_odd_names_and_values(twin: RunningTwin) -> None:
    odd = ['"', "\\", "\n", "\t", "\x01", "🦊", "\u2028", "{", "", " ", "é'", "<|im_end|>"]
    schema = {"type": "object", "properties": {name: {"const": name} for name in odd}, "required": odd}
    answer = twin.ask(messages=ASK, **json_mode_field(schema), max_tokens=400).json()
    assert answer["result"]["response"] == {name: name for name in odd}


HARD_PATTERNS = [
    # What the engine cannot read, cannot satisfy, or gives up on.
    "^(?=a)b",
    "^(\\w{999}){999}$",
    "^(.*a){25}$",
    "(a|b)*a(a|b){20}",
    "^(((((((a{1,100}){1,100}){1,100}){1,100}){1,100}){1,100}){1,100})b$",
]


@pytest.mark.parametrize("pattern", HARD_PATTERNS)
def test_a_pattern_that_is_hard_for_the_engine(twin: RunningTwin, pattern: str) -> None:
    schema = {"type": "string", "pattern": pattern, "maxLength": 400}
    with ends():
        answer = twin.ask(messages=ASK, **json_mode_field(schema), max_tokens=40, seed=1).json()
    if answer["success"]:
        jsonschema.validate(answer["result"]["response"], schema)
    else:
        assert answer["errors"][0]["code"] == 5024, answer
    assert twin.client.get(twin.path("paddock/slots")).status_code == 200


def test_any_schema_is_narrowed_quickly() -> None:
    with ends():
        for seed in range(200):
            schema = read_schema(random_schema(random.Random(seed)), "/x")
            assert narrow_schema(schema, 500)["type"] == "object"


def test_generated_schemas(twin: RunningTwin) -> None:
    # A small part of bench/json_mode.py.
    outcomes = [
        request_outcome(twin.client, twin.run, random_schema(random.Random(seed)), seed) for seed in range(6)
    ]
    assert set(outcomes) <= {JsonModeOutcome.VALID, JsonModeOutcome.CUT_OFF}, outcomes
    assert outcomes.count(JsonModeOutcome.VALID) >= 2, outcomes
