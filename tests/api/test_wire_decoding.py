"""Every recorded variant of the wire, decoded to exact events."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest
import sseclient
from hypothesis import given, strategies

from lib.api.events import Event, Finished, ReasoningDelta, TextDelta, ToolCallDelta
from lib.api.wire import decode_answer, decode_error, decode_event, parse_retry_after
from lib.errors import NoCapacity, PaddockError, Refused, Unintelligible
from lib.model.usage import Usage

TRANSCRIPTS = Path(__file__).parent / "transcripts"


def transcript_body(name: str) -> bytes:
    """Return a transcript's body, without the lines that name its source."""
    lines = (TRANSCRIPTS / name).read_bytes().splitlines(keepends=True)
    return b"".join(line for line in lines if not line.startswith(b"# "))


def transcript_events(name: str) -> list[Event]:
    """Return a transcript's events, decoded with the client's SSE parser."""
    stream = sseclient.SSEClient(iter([transcript_body(name)]))
    return [event for data in stream.events() for event in decode_event(data.data)]


def text_deltas(*pieces: str) -> list[Event]:
    return [TextDelta(piece) for piece in pieces]


STREAMS: dict[str, list[Event]] = {
    "llama3.sse": [*text_deltas("My", " interests", " are", " 10"), Finished()],
    "vllm.sse": [*text_deltas("Hello", ", wörld"), Usage(169, 48), Finished()],
    "usage_everywhere.sse": [
        TextDelta("Once"),
        Usage(12, 1),
        TextDelta(" upon"),
        Usage(0, 1),
        TextDelta(" a time"),
        Usage(0, 2),
        Usage(12, 4, cached_tokens=8, neurons=Decimal("0.1025")),
        Finished(),
    ],
    "openai.sse": [
        ReasoningDelta("The user greets."),
        Usage(21, 4),
        TextDelta("Hi"),
        Usage(0, 1),
        TextDelta(" there"),
        Finished("stop"),
        Usage(21, 6),
        Usage(21, 6),
        Finished(),
    ],
    "odd_text.sse": [*text_deltas("6", "0.50", "true", "a\u2028b", "日本😀"), Finished()],
    "tool_call_whole.sse": [
        ToolCallDelta(0, "call123", "get_weather", '{"location": "London"}'),
        Usage(50, 20),
        Finished(),
    ],
    "tool_call_pieces.sse": [
        ToolCallDelta(0, "call123", "get_weather", ""),
        ToolCallDelta(0, None, None, '{"location":'),
        ToolCallDelta(0, None, None, ' "London"}'),
        ToolCallDelta(1, "call456", "get_time", ""),
        ToolCallDelta(1, None, None, "{}"),
        Finished("tool_calls"),
        Finished(),
    ],
    "tool_call_flat.sse": [
        ToolCallDelta(0, None, "get_weather", '{"location": "London"}'),
        ToolCallDelta(1, None, "stock_add", '{"cantidad": "4"}'),
        Finished(),
    ],
}

WHOLE: dict[str, list[Event]] = {
    "whole.json": [TextDelta("Hello, wörld"), Usage(666, 42), Finished()],
    "whole_2026.json": [TextDelta("Hi"), Usage(30, 2, 16, Decimal("1.98")), Finished()],
    "whole_json_mode.json": [TextDelta('{"server_id": "foobar", "load": 0.5}'), Usage(5, 6), Finished()],
    "whole_tool_call.json": [
        ToolCallDelta(0, None, "stock_add", '{"cantidad": "4"}'),
        Usage(7, 8),
        Finished(),
    ],
    "whole_openai.json": [
        ReasoningDelta("A greeting."),
        TextDelta("Hi"),
        Usage(3, 4),
        Finished("length"),
        Finished(),
    ],
}


@pytest.mark.parametrize("name", STREAMS)
def test_stream(name: str) -> None:
    assert transcript_events(name) == STREAMS[name]


@pytest.mark.parametrize("name", WHOLE)
def test_whole_answer(name: str) -> None:
    envelope = transcript_body(name).decode()
    assert list(decode_answer(envelope)) == WHOLE[name]
    # The result without its envelope means the same.
    assert list(decode_answer(json.dumps(json.loads(envelope)["result"]))) == WHOLE[name]


def test_every_transcript_is_tested() -> None:
    assert {path.name for path in TRANSCRIPTS.iterdir()} == {*STREAMS, *WHOLE, "README.md"}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("6", ["6"]),
        ("0", ["0"]),
        ("-3", ["-3"]),
        ("10.250", ["10.250"]),
        ("true", ["true"]),
        ("false", ["false"]),
        ("null", []),
        ('""', []),
        ('" "', [" "]),
        ('"\\u00e9"', ["é"]),
        ('["a",1.5]', ['["a", 1.5]']),
        ("12345678901234567890", ["12345678901234567890"]),
        ("NaN", ["NaN"]),
    ],
)
def test_response_of_any_type_is_its_text(value: str, expected: list[str]) -> None:
    assert list(decode_event(f'{{"response":{value}}}')) == text_deltas(*expected)
    assert list(decode_answer(f'{{"result":{value},"success":true}}')) == [
        *text_deltas(*expected),
        Finished(),
    ]


def test_half_a_surrogate_pair_becomes_a_replacement_character() -> None:
    # Half a character can be neither shown nor sent with the next question.
    assert list(decode_event('{"response":"a\\ud83d"}')) == text_deltas("a\ufffd")
    assert list(decode_event('{"response":"\\ud83d\\ude00"}')) == text_deltas("😀")
    call = '{"tool_calls":[{"id":"\\ud83d","name":"\\ud83d","arguments":"\\ud83d"}]}'
    assert list(decode_event(call)) == [ToolCallDelta(0, "\ufffd", "\ufffd", "\ufffd")]
    with pytest.raises(Refused) as refused:
        list(decode_event('{"error":"\\ud83d"}'))
    assert refused.value.message == "\ufffd"


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ("{}", []),
        ("null", []),
        ("[]", []),
        ('{"prompt_tokens":3.0,"completion_tokens":"4"}', [Usage(3, 4)]),
        ('{"prompt_tokens":0,"completion_tokens":2}', [Usage(0, 2)]),
        ('{"prompt_tokens":3,"completion_tokens":null,"total_tokens":5}', [Usage(3, 2)]),
        ('{"completion_tokens":2,"total_tokens":5}', [Usage(3, 2)]),
        # Zeros are shown as the service reports them. What is not counted is estimated: as zero it would be free.
        ('{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0}', [Usage(0, 0)]),
        ('{"prompt_tokens":null,"completion_tokens":null}', []),
        ('{"prompt_tokens":3.0,"completion_tokens":"x"}', []),
        ('{"prompt_tokens":-1,"completion_tokens":true}', []),
        ('{"prompt_tokens":1e999999999,"completion_tokens":2}', []),
        ('{"prompt_tokens":1,"completion_tokens":2,"neurons":1e-999999999}', [Usage(1, 2)]),
        ('{"prompt_tokens":1,"completion_tokens":2,"neurons":0}', [Usage(1, 2, 0, Decimal(0))]),
        ('{"prompt_tokens":1,"completion_tokens":2,"prompt_tokens_details":null}', [Usage(1, 2)]),
    ],
)
def test_odd_usage(usage: str, expected: list[Event]) -> None:
    assert list(decode_event(f'{{"response":"","usage":{usage}}}')) == expected


@pytest.mark.parametrize(
    "frame",
    [
        '{"errors":[{"message":"Capacity temporarily exceeded, please try again.","code":3040}],"success":false}',
        '{"error":{"message":"Capacity temporarily exceeded, please try again.","code":3040}}',
        '{"error":"Capacity temporarily exceeded, please try again.","code":3040}',
        '{"internalCode":3040,"description":"Capacity temporarily exceeded, please try again."}',
    ],
)
def test_error_in_mid_stream_is_a_failure(frame: str) -> None:
    with pytest.raises(NoCapacity, match="Capacity temporarily exceeded") as failed:
        list(decode_event(frame))
    assert failed.value.code == 3040


@pytest.mark.parametrize("name", ["message", "detail"])
def test_the_reason_that_a_proxy_gives_is_shown(name: str) -> None:
    body = json.dumps({name: "The quota is used up.", "code": 7})
    error = decode_error(403, body, {})
    assert (error.code, "The quota is used up." in error.message) == (7, True)
    # A success with such a text is something else than an answer.
    assert "quota" not in decode_error(200, body, {}).message


@pytest.mark.parametrize("frame", ['{"error":true}', '{"errors":[{"code":1e999}]}', '{"errors":["x"]}'])
def test_error_of_no_known_shape_still_says_something(frame: str) -> None:
    with pytest.raises(Refused) as failed:
        list(decode_event(frame))
    assert failed.value.message
    assert failed.value.advice


@pytest.mark.parametrize(
    "text", ['{"resp', "", "[]", "3", "null", "[" * 100_000, '{"response":1e9999999999999999999}']
)
def test_what_is_no_event_is_unintelligible(text: str) -> None:
    with pytest.raises(Unintelligible):
        list(decode_event(text))
    with pytest.raises(Unintelligible):
        list(decode_answer(text))


@pytest.mark.parametrize("text", ['{"success":false}', '{"success":false,"result":{},"errors":[]}'])
def test_failure_without_an_error_is_no_empty_answer(text: str) -> None:
    with pytest.raises(PaddockError) as failed:
        list(decode_answer(text))
    assert "None" not in failed.value.message


def test_the_first_choice_is_the_answer() -> None:
    two = '{"choices":[{"delta":{"content":"one"}},{"delta":{"content":"two"}}]}'
    assert list(decode_event(two)) == text_deltas("one")


def test_an_answer_in_both_shapes_is_read_once() -> None:
    call = '"tool_calls":[{"name":"f","arguments":{}}]'
    both = f'{{"response":"one",{call},"choices":[{{"message":{{"content":"one",{call}}}}}]}}'
    assert list(decode_event(both)) == [*text_deltas("one"), ToolCallDelta(0, None, "f", "{}")]


def test_an_empty_reason_does_not_end_the_answer() -> None:
    assert list(decode_event('{"response":"a","finish_reason":""}')) == text_deltas("a")


KEYS = strategies.sampled_from(
    [
        "response",
        "usage",
        "tool_calls",
        "choices",
        "delta",
        "message",
        "content",
        "reasoning_content",
        "index",
        "finish_reason",
        "id",
        "function",
        "name",
        "arguments",
        "prompt_tokens",
        "completion_tokens",
        "neurons",
        "error",
        "errors",
        "code",
        "internalCode",
        "success",
        "result",
    ]
)
JSON = strategies.recursive(
    strategies.none()
    | strategies.booleans()
    | strategies.integers()
    | strategies.floats()
    | strategies.text(),
    lambda inner: strategies.lists(inner, max_size=3) | strategies.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


@given(strategies.dictionaries(KEYS, JSON, max_size=5))
def test_decoding_is_total(value: dict[str, object]) -> None:
    """Any JSON gives events with text that can be sent, or a PaddockError."""
    for decode in (decode_event, decode_answer):
        try:
            for event in decode(json.dumps(value)):
                if isinstance(event, TextDelta):
                    event.text.encode()
        except PaddockError as error:
            error.message.encode()


NOW = 1_700_000_000.0  # 2023-11-14 22:13:20 UTC


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("3", 3.0),
        ("0", 0.0),
        ("-5", 0.0),
        ("1.5", 1.5),
        ("soon", None),
        ("", None),
        ("inf", None),
        ("nan", None),
        ("1e999", None),
        ("Tue, 14 Nov 2023 22:13:30 GMT", 10.0),
        ("Tue, 14 Nov 2023 22:13:30 -0000", 10.0),
        ("Tue, 14 Nov 2023 22:13:00 GMT", 0.0),
        ("Tue, 99 Nov 2023 22:13:00 GMT", None),
    ],
)
def test_retry_after(value: str | None, seconds: float | None) -> None:
    assert parse_retry_after(value, NOW) == seconds
