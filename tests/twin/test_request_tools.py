"""Tools and functions: when the model calls them, the format of calls, and their results in later requests."""

from __future__ import annotations

import json
import re
from typing import Any

import jsonschema
import pytest

from lib.twin import request_tools
from lib.twin.tool_choice import MAX_COMPARED_TOOLS
from tests.twin.conftest import MODEL, RunningTwin, parse_events
from tests.twin.test_api_errors import assert_error, service_error
from tests.twin.test_prompt_layout import show_prompt

CITY = {
    "type": "object",
    "properties": {"city": {"type": "string", "description": "The city's name"}},
    "required": ["city"],
    "additionalProperties": False,
}
WEATHER = {"name": "weather", "description": "The weather now in a city", "parameters": CITY}
NESTED = {"type": "function", "function": {"name": "alarm", "description": "Wakes the user at a time"}}
NESTED["function"]["parameters"] = {  # type: ignore[index]
    "type": "object",
    "properties": {
        "hour": {"type": "integer", "description": "0 to 23", "minimum": 0, "maximum": 23},
        "tone": {"type": "string", "description": "Its sound", "enum": ["bell", "birds"]},
    },
    "required": ["hour", "tone"],
}
RAIN = [{"role": "user", "content": "Is it raining in London?"}]
HELLO = [{"role": "user", "content": "Hello!"}]
MUST = {"tool_choice": "required", "seed": 1}


def complete_with_tools(twin: RunningTwin, **body: Any) -> Any:
    return twin.client.post(twin.path("v1/chat/completions"), json={"model": MODEL, **body})


def test_it_calls_if_a_tool_helps_and_answers_if_none_does(whole_twin: RunningTwin) -> None:
    # bench/tools.py measures this over sixty requests.
    body = {"tools": [WEATHER, NESTED], "temperature": 0, "max_tokens": 80}
    called = whole_twin.ask(messages=RAIN, **body).json()["result"]
    assert [call["name"] for call in called["tool_calls"]] == ["weather"]
    answered = whole_twin.ask(messages=HELLO, **body).json()["result"]
    assert list(answered) == ["response", "usage"]
    assert answered["response"]


@pytest.mark.applied_by_twin("tools[].name", "tools[].description", "tools[].parameters")
def test_a_call_whole(twin: RunningTwin) -> None:
    # Recorded: {"response":null,"tool_calls":[{"name":"stock_add","arguments":{"cantidad":"4"}}],"usage":{…}}
    result = twin.ask(messages=RAIN, tools=[WEATHER], **MUST).json()["result"]
    assert list(result) == ["response", "tool_calls", "usage"]
    assert result["response"] is None
    (call,) = result["tool_calls"]
    assert list(call) == ["name", "arguments"]
    assert call["name"] == "weather"
    jsonschema.validate(call["arguments"], CITY)


@pytest.mark.applied_by_twin("tools[].type", "tools[].function")
def test_a_call_streamed(twin: RunningTwin) -> None:
    # tests/api/transcripts/tool_call_whole.sse [TEST]
    response = twin.ask(messages=RAIN, tools=[WEATHER], **MUST, stream=True)
    call, last, done = parse_events(response.text)
    assert list(call) == ["response", "tool_calls"]
    (tool_call,) = call["tool_calls"]
    assert list(tool_call) == ["id", "type", "index", "function"]
    assert (tool_call["type"], tool_call["index"]) == ("function", 0)
    assert re.fullmatch("call_[0-9a-f]{24}", tool_call["id"])
    assert list(tool_call["function"]) == ["name", "arguments"]
    jsonschema.validate(json.loads(tool_call["function"]["arguments"]), CITY)
    assert list(last) == ["response", "usage"]
    assert done == "[DONE]"


def test_openai_whole(twin: RunningTwin) -> None:
    choice = complete_with_tools(twin, messages=RAIN, tools=[NESTED], **MUST).json()["choices"][0]
    assert choice["finish_reason"] == "tool_calls"
    assert choice["message"]["content"] is None
    (call,) = choice["message"]["tool_calls"]
    assert list(call) == ["id", "type", "function"]
    arguments = json.loads(call["function"]["arguments"])
    jsonschema.validate(arguments, NESTED["function"]["parameters"])  # type: ignore[index]


def test_openai_stream(twin: RunningTwin) -> None:
    # OpenAI's: the name with empty arguments first, then the arguments in parts, then the reason.
    role, head, *parts, reason, _, done = parse_events(
        complete_with_tools(twin, messages=RAIN, tools=[WEATHER], **MUST, stream=True).text
    )
    assert role["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    (call,) = head["choices"][0]["delta"]["tool_calls"]
    assert (call["function"], call["index"], call["type"]) == (
        {"name": "weather", "arguments": ""},
        0,
        "function",
    )
    text = ""
    for part in parts:
        (piece,) = part["choices"][0]["delta"]["tool_calls"]
        assert list(piece) == ["index", "function"]
        text += piece["function"]["arguments"]
    assert len(parts) > 1
    jsonschema.validate(json.loads(text), CITY)
    assert reason["choices"][0]["finish_reason"] == "tool_calls"
    assert done == "[DONE]"


def test_tool_choice(twin: RunningTwin) -> None:
    tools = [WEATHER, NESTED]
    named = {"type": "function", "function": {"name": "alarm"}}
    for ask in (twin.ask, lambda **body: complete_with_tools(twin, **body)):
        body = ask(messages=RAIN, tools=tools, tool_choice=named, seed=1).json()
        assert '"alarm"' in json.dumps(body)
        assert '"weather"' not in json.dumps(body)
        body = ask(messages=RAIN, tools=tools, tool_choice="none", max_tokens=5).json()
        assert "tool_calls" not in json.dumps(body)
        assert "tool_calls" in json.dumps(ask(messages=HELLO, tools=tools, **MUST).json())


@pytest.mark.applied_by_twin("messages[].tool_calls", "messages[].tool_call_id", "messages[].name")
def test_a_round_trip(whole_twin: RunningTwin) -> None:
    call = {
        "id": "c1",
        "type": "function",
        "function": {"name": "weather", "arguments": '{"city": "London"}'},
    }
    second = {
        "id": "c2",
        "type": "function",
        "function": {"name": "weather", "arguments": '{"city": "Oslo"}'},
    }
    messages = [
        *RAIN,
        {"role": "assistant", "content": "", "tool_calls": [call, second]},
        {"role": "tool", "tool_call_id": "c2", "name": "weather", "content": '{"sky": "clear"}'},
        {"role": "tool", "tool_call_id": "c1", "name": "weather", "content": '{"sky": "rain"}'},
    ]
    expected = (
        "Is it raining in London?\n\n"
        'Result of weather {"city": "Oslo"}: {"sky": "clear"}\n'
        'Result of weather {"city": "London"}: {"sky": "rain"}\n'
        "Answer with it.<|im_end|>"
    )
    assert expected in show_prompt(whole_twin, messages=messages, tools=[WEATHER])["prompt"]
    body = {"messages": messages, "tools": [WEATHER], "temperature": 0, "max_tokens": 20}
    result = whole_twin.ask(**body).json()["result"]
    assert list(result) == ["response", "usage"]
    assert result["response"]
    # A second round, with a required call.
    body["messages"] = [*messages, {"role": "assistant", "content": result["response"]}, *RAIN]
    assert whole_twin.ask(**{**body, **MUST, "max_tokens": 100}).json()["result"]["tool_calls"]


def test_results_in_the_older_format(twin: RunningTwin) -> None:
    # As in the docs' first examples: the call and its result are JSON in the contents.
    messages = [
        *RAIN,
        {"role": "assistant", "content": '{"name": "weather", "arguments": {"city": "London"}}'},
        {"role": "tool", "name": "weather", "content": '{"sky": "rain"}'},
    ]
    assert twin.ask(messages=messages, tools=[WEATHER], max_tokens=5).json()["result"]["response"]
    assert 'Result of weather: {"sky": "rain"}' in show_prompt(twin, messages=messages)["prompt"]


def test_a_call_that_is_cut_off_stays_text(twin: RunningTwin) -> None:
    result = twin.ask(messages=RAIN, tools=[WEATHER], **MUST, max_tokens=6).json()["result"]
    assert result["response"].startswith('{"name": "we')
    assert "tool_calls" not in result


def test_tools_and_json_mode(twin: RunningTwin) -> None:
    form = {"response_format": {"type": "json_schema", "json_schema": {"type": "boolean"}}}
    body = {"tools": [WEATHER], **form, "seed": 1}
    assert twin.ask(messages=RAIN, **body, tool_choice="required").json()["result"]["tool_calls"]
    assert twin.ask(messages=HELLO, **body).json()["result"]["response"] in (True, False)


@pytest.mark.parametrize("name", ["get weather", "погода", "a.b/c", '"', "\\", "{}", "x" * 128, "🦊"])
def test_odd_names_work(whole_twin: RunningTwin, name: str) -> None:
    tool = {**WEATHER, "name": name}
    assert (
        whole_twin.ask(messages=RAIN, tools=[tool], **MUST, max_tokens=200).json()["result"]["tool_calls"][0][
            "name"
        ]
        == name
    )


def test_a_hundred_tools(twin: RunningTwin) -> None:
    tools = [{**WEATHER, "name": f"tool_{n}", "description": f"Does thing number {n}"} for n in range(100)]
    choice = {"type": "function", "function": {"name": "tool_77"}}
    result = twin.ask(messages=RAIN, tools=tools, tool_choice=choice, seed=1).json()["result"]
    assert result["tool_calls"][0]["name"] == "tool_77"


HARMFUL = {"type": "object", "properties": {}, "$ref": "https://example.com/x"}
CALLING = {"role": "assistant", "content": ""}
BAD = [
    ({"tools": [WEATHER, WEATHER]}, "'/tools': two of them are named 'weather'"),
    ({"tools": [{**WEATHER, "name": ""}]}, "'/tools/0/name': must be a name of 1 to 128 characters"),
    ({"tools": [{**WEATHER, "name": "x" * 129}]}, "'/tools/0/name': must be a name of 1 to 128 characters"),
    ({"tools": [{**WEATHER, "parameters": {"type": "array", "properties": {}}}]}, "must be 'object'"),
    ({"tools": [{**WEATHER, "parameters": {"type": "nothing", "properties": {}}}]}, "not a JSON Schema"),
    ({"tools": [{**WEATHER, "parameters": HARMFUL}]}, "is not fetched"),
    ({"tools": [{**WEATHER, "name": str(n)} for n in range(129)]}, "'/tools': at most 128"),
    ({"tools": [WEATHER], "tool_choice": 7}, "'/tool_choice': must be 'auto', 'none', 'required' or"),
    (
        {"tools": [WEATHER], "tool_choice": {"type": "function", "function": {"name": "x"}}},
        "none of the tools is",
    ),
    ({"tool_choice": "required"}, "'/tool_choice': there are no tools"),
    ({"tools": [WEATHER], "raw": True}, "'/raw': a raw prompt has no place for tools"),
    ({"messages": [{**CALLING, "tool_calls": [{"name": "x", "arguments": "{"}]}]}, "the text is not JSON"),
    ({"messages": [{**CALLING, "tool_calls": [{"name": "x", "arguments": "[]"}]}]}, "must be a JSON object"),
    ({"messages": [{**CALLING, "tool_calls": [7]}]}, "'/messages/0/tool_calls/0': must have the name"),
    (
        {"messages": [{**CALLING, "tool_calls": {}}, {**CALLING, "tool_calls": "x"}]},
        "'/messages/1/tool_calls'",
    ),
]


@pytest.mark.parametrize(("body", "words"), BAD)
def test_bad_input(twin: RunningTwin, body: dict[str, Any], words: str) -> None:
    response = twin.ask(**{"messages": RAIN, **body})
    assert response.json()["errors"][0]["code"] == 5006, response.text
    assert words in response.json()["errors"][0]["message"]


def test_tools_do_not_go_with_a_prompt(twin: RunningTwin) -> None:
    message = "AiError: Bad input: Error: '/tools' and '/functions' go with '/messages', not with '/prompt'"
    assert_error(twin.ask(prompt="x", tools=[WEATHER]), 400, service_error(5006, message))


def test_openai_needs_no_descriptions(twin: RunningTwin) -> None:
    bare = {
        "type": "function",
        "function": {"name": "weather", "parameters": {"type": "object", "properties": {"a": {}}}},
    }
    assert complete_with_tools(twin, messages=RAIN, tools=[bare], **MUST).json()["choices"][0]["message"][
        "tool_calls"
    ]
    bare = {"type": "function", "function": {"name": "now"}}
    (call,) = complete_with_tools(twin, messages=RAIN, tools=[bare], **MUST).json()["choices"][0]["message"][
        "tool_calls"
    ]
    assert isinstance(json.loads(call["function"]["arguments"]), dict)


CODES = [
    ("function add(a, b) { return a + b }", ["a", "b"], ["a", "b"]),
    ("async function go(where) {}", ["where"], ["where"]),
    ("({a, b}) => a + b", ["a", "b"], ["a", "b"]),
    ("({a, b = 2} = {}) => a + b", ["a", "b"], ["a"]),
    ("async (x) => x", ["x"], ["x"]),
    ("x => x * 2", ["x"], ["x"]),
    ("const f = (a, b = 3, ...rest) => a", ["a", "b", "rest"], ["a"]),
    ("// (no) => one\nfunction f(/* the */ first) {}", ["first"], ["first"]),
    ("function f() {}", [], []),
]


@pytest.mark.parametrize(("code", "names", "required"), CODES)
def test_parameters_of_code(code: str, names: list[str], required: list[str]) -> None:
    schema = request_tools.parse_parameters(code)
    assert (list(schema["properties"]), schema["required"]) == (names, required)


@pytest.mark.parametrize("code", ["", "return 1", "function" + " " * 100_000, "(" * 50_000, "/*" * 50_000])
def test_code_without_parameters_takes_any(code: str) -> None:
    assert request_tools.parse_parameters(code) == {"type": "object", "additionalProperties": True}


@pytest.mark.applied_by_twin("functions[].name", "functions[].code")
def test_functions(twin: RunningTwin) -> None:
    function = {"name": "add", "code": "function add(a, b) { return a + b }"}
    body = {"messages": [{"role": "user", "content": "Add 3 and 4"}], "functions": [function], **MUST}
    assert function["code"] in show_prompt(twin, **body)["prompt"]
    (call,) = twin.ask(**body).json()["result"]["tool_calls"]
    assert call["name"] == "add"
    assert set(call["arguments"]) == {"a", "b"}
    both = twin.ask(**body, tools=[{**WEATHER, "name": "add"}]).json()
    assert both["errors"][0]["code"] == 5006


WITHOUT_PARAMETERS = [None, {}, {"type": "object"}, {"type": "object", "properties": {}, "required": []}]


@pytest.mark.parametrize(
    "parameters", [*WITHOUT_PARAMETERS, {"properties": {}, "additionalProperties": False}]
)
def test_a_tool_without_parameters_gets_none(parameters: Any) -> None:
    tool = {"type": "function", "function": {"name": "now", "parameters": parameters}}
    (offered,) = request_tools.read_tools({"tools": [tool]})
    assert request_tools.call_schema(offered, 500)["properties"]["arguments"] == {
        "type": "object",
        "additionalProperties": False,
    }


@pytest.mark.parametrize(
    "parameters",
    [
        {"type": "object", "additionalProperties": True},
        {"type": "object", "patternProperties": {"^x": {}}},
        {"type": "object", "propertyNames": {"pattern": "^x"}},
        {"type": "object", "required": ["x"]},
        {"type": "object", "minProperties": 1},
        {"anyOf": [{"properties": {"x": {}}}]},
    ],
)
def test_a_tool_with_parameters_that_have_no_fixed_names(parameters: Any) -> None:
    (offered,) = request_tools.read_tools({"tools": [{**WEATHER, "parameters": parameters}]})
    arguments = request_tools.call_schema(offered, 500)["properties"]["arguments"]
    assert arguments.get("properties") or arguments.get("patternProperties")


def test_empty_arguments_of_the_model(twin: RunningTwin) -> None:
    tool = {"name": "now", "description": "The time", "parameters": {"type": "object", "properties": {}}}
    for seed in (1, 2):
        result = twin.ask(messages=RAIN, tools=[tool], tool_choice="required", seed=seed).json()["result"]
        assert result["tool_calls"] == [{"name": "now", "arguments": {}}]


def test_of_many_tools_the_likely_ones_are_shown(twin: RunningTwin) -> None:
    """A prompt with all 128 takes a small machine longer than a client waits."""
    tools = [{**WEATHER, "name": f"tool_{n}", "description": f"Does thing number {n}"} for n in range(127)]
    weather = {**WEATHER, "name": "rain", "description": "Tells if it is raining in a city"}
    prompt = show_prompt(twin, messages=RAIN, tools=[*tools, weather])["prompt"]
    assert prompt.count('{"name": "') == MAX_COMPARED_TOOLS
    assert '"rain"' in prompt
