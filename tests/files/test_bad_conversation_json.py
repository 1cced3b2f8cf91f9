"""Documents that are not conversations, or damaged ones, are refused with the reason and the place."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings, strategies

from lib.errors import BadInput
from lib.files import answer_codec, conversation_json
from lib.files.conversation_json import dump_conversation
from lib.jsonkit import json_reader
from tests.files.saved_conversations import load_conversation
from tests.files.test_conversation_json import MODEL, make_document, make_example

Change = Callable[[dict[str, Any]], Any]


def parameters_of(body: dict[str, Any]) -> Any:
    """Return the list of parameters in the document."""
    return body["settings"]["parameters"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda b: b.pop("format"), "no conversation"),
        (lambda b: b.update(version=3), "another version"),
        (lambda b: b.update(version=1), "another version"),
        (lambda b: b.update(version=True), "another version"),
        (lambda b: b.update(version="2"), "another version"),
        (lambda b: b.pop("turns"), r"^\$ has no 'turns'"),
        (lambda b: b.update(extra=1), r"^\$\.extra is not known"),
        (lambda b: b.update({"a b\u2028": 1}), r'^\$\["a b\\u2028"\] is not known'),
        (lambda b: b.update(pinned=1), r"^\$\.pinned must be true or false, not the number 1"),
        (lambda b: b.update(title=None), r"^\$\.title must be a text, not null"),
        (lambda b: b.update(title="t" * 1001), r"^\$\.title has 1,001 characters"),
        (lambda b: b.update(id="../x"), r"^\$\.id must be 1 to 64"),
        (lambda b: b.update(id=""), r"^\$\.id must be 1 to 64"),
        (lambda b: b.update(id="a\n"), r"^\$\.id must be 1 to 64"),
        (lambda b: b.update(head="nobody"), r"^\$\.head names no message"),
        (lambda b: b.update(head=3), r"^\$\.head must be a text"),
        (lambda b: b.update(system="\ud800"), r"^\$\.system holds half a character"),
        (lambda b: b.update({"x\udfff": 1}), r"^\$ has a key with half a character"),
        (lambda b: b.update(messages={}), r"^\$\.messages must be a list, not an object"),
        (lambda b: b["messages"].append([]), r"^\$\.messages\[11\] must be an object, not a list"),
        (lambda b: b["messages"].append(b["messages"][1]), r"^\$\.messages\[11\]\.id is another message's"),
        (lambda b: b["messages"][1].update(parent="nobody"), r"^\$\.messages\[1\]\.parent names no message"),
        (lambda b: b["messages"][1].update(parent=b["messages"][1]["id"]), r"\[1\]\.parent names no message"),
        (lambda b: b["messages"][0].update(parent=b["messages"][3]["id"]), r"\[0\]\.parent names no message"),
        (
            lambda b: b["messages"][2].update(role="boss"),
            r"^\$\.messages\[2\]\.role must be one of system, user",
        ),
        (lambda b: b["messages"][2].update(content=7), r"^\$\.messages\[2\]\.content must be a text"),
        (lambda b: b["messages"][2].update(content=["x"]), r"\[2\]\.content must be a text, not a list"),
        (
            lambda b: b["messages"][1].update(answers=["gone"]),
            r"^\$\.messages\[1\]\.answers\[0\] names no answer",
        ),
        (lambda b: b["messages"][1].update(answers=[[]]), r"^\$\.messages\[1\]\.answers\[0\] must be a text"),
        (lambda b: b["messages"][1].pop("answers"), r"^\$\.messages\[1\] has no 'answers'"),
        (
            lambda b: parameters_of(b)[0].update(value=0),
            r"settings\.parameters\[0\]\.value cannot be taken.*at least 1",
        ),
        (lambda b: parameters_of(b)[1].update(value=5.1), r"\[1\]\.value cannot be taken.*between 0 and 5"),
        (lambda b: parameters_of(b)[1].update(value="0.6"), r"\[1\]\.value must be a number, not a text"),
        (
            lambda b: parameters_of(b)[1].update(value=True),
            r"\[1\]\.value must be a number, not true or false",
        ),
        (lambda b: parameters_of(b)[1].update(value=float("nan")), "NaN in line 1 is no number of JSON"),
        (lambda b: parameters_of(b)[1].update(value=10**30), r"\[1\]\.value is too large a number"),
        (lambda b: parameters_of(b)[1].update(sent=1), r"\[1\]\.sent must be true or false"),
        (
            lambda b: parameters_of(b)[1].update(name="heat"),
            r"\[1\]\.value cannot be taken.*no parameter 'heat'",
        ),
        (lambda b: parameters_of(b).append(parameters_of(b)[0]), r"\[8\]\.name is there twice"),
        (lambda b: b["turns"].append(b["turns"][0]), r"\.id is another turn's"),
        (lambda b: b["turns"][0].update(parent=1), r"^\$\.turns\[0\]\.parent names no turn"),
        (lambda b: b["turns"][0].update(parent=2), r"^\$\.turns\[0\]\.parent names no turn"),
        (lambda b: b["turns"][1].update(parent=99), r"^\$\.turns\[1\]\.parent names no turn"),
        (lambda b: b["turns"][1].update(id="2"), r"^\$\.turns\[1\]\.id must be a whole number"),
        (lambda b: b["turns"][1].update(id=1.5), r"^\$\.turns\[1\]\.id must be a whole number"),
        (lambda b: b["turns"][1].update(id=True), r"^\$\.turns\[1\]\.id must be a whole number"),
        (lambda b: b["turns"][1].update(id=-1), r"^\$\.turns\[1\]\.id must be between"),
        (lambda b: b["answers"].append(b["answers"][0]), r"^\$\.answers\[4\]\.id is another answer's"),
        (
            lambda b: b["answers"][0]["request"].update(turn=99),
            r"^\$\.answers\[0\]\.request\.turn names no turn",
        ),
        (lambda b: b["answers"][0]["request"].update(turn=[]), r"request\.turn must be a whole number"),
        (lambda b: b["answers"][0]["request"].update(input={}), r"request\.input is not known here"),
        (lambda b: b["answers"][0].update(request=[]), r"\[0\]\.request must be an object"),
        (lambda b: b["answers"][2]["request"].update(input=[]), r"request\.input must be an object"),
        (lambda b: b["answers"][2]["request"]["input"].update(raw=0), r"input\.raw must be true or false"),
        (lambda b: b["answers"][2]["request"]["parameters"].update(a=[1]), r"parameters\.a must be a number"),
        (lambda b: b["answers"][2]["request"].update(parameters=[]), r"parameters must be an object"),
        (
            lambda b: b["answers"][0].update(ending="HAPPY"),
            r"^\$\.answers\[0\]\.ending must be one of FINISHED",
        ),
        (
            lambda b: b["answers"][0].update(total=None),
            r"^\$\.answers\[0\]\.total must be a number, not null",
        ),
        (lambda b: b["answers"][0].update(total=-1), r"^\$\.answers\[0\]\.total must be at least 0"),
        (lambda b: b["answers"][0].update(total=float("inf")), "Infinity in line 1 is no number of JSON"),
        (lambda b: b["answers"][0].update(backend="b" * 256), r"backend has 256 characters"),
        (
            lambda b: b["answers"][0]["usage"].update(prompt_tokens=1.5),
            r"prompt_tokens must be a whole number",
        ),
        (lambda b: b["answers"][0]["usage"].update(prompt_tokens=-1), r"prompt_tokens must be between"),
        (lambda b: b["answers"][0]["usage"].update(neurons=1.5), r"neurons must be a text"),
        (lambda b: b["answers"][0]["usage"].update(neurons="1E+99999999"), r"neurons must be a decimal"),
        (lambda b: b["answers"][0]["usage"].update(neurons="1E-99999999"), r"neurons must be a decimal"),
        (lambda b: b["answers"][0]["usage"].update(neurons="NaN"), r"neurons must be a decimal"),
        (lambda b: b["answers"][0]["usage"].update(neurons="sNaN"), r"neurons must be a decimal"),
        (lambda b: b["answers"][0]["usage"].update(neurons="-1"), r"neurons must be a decimal"),
        (lambda b: b["answers"][0]["usage"].update(neurons=" 1_0"), r"neurons must be a decimal"),
        (lambda b: b["answers"][2]["error"].update(code="5"), r"error\.code must be a whole number"),
        (lambda b: b["answers"][2]["error"].update(retry_after=-1), r"error\.retry_after must be at least 0"),
        (lambda b: b["answers"][2].update(error="no"), r"error must be an object"),
        (lambda b: b["settings"].pop("features"), r"settings has no 'features'"),
        (
            lambda b: b["settings"]["features"].update(form="voice"),
            r"features\.form must be one of messages, prompt",
        ),
        (lambda b: b["settings"]["features"].update(stream=1), r"features\.stream must be true or false"),
        (lambda b: b["settings"]["features"].update(lora=["x"]), r"features\.lora must be a text"),
        (lambda b: b["settings"]["features"]["tools"][0].pop("name"), r"features\.tools\[0\] has no 'name'"),
        (
            lambda b: b["settings"]["features"]["tools"][0].update(nested="no"),
            r"tools\[0\]\.nested must be true",
        ),
        (
            lambda b: b["settings"]["features"]["functions"][0].update(code=7),
            r"functions\[0\]\.code must be a text",
        ),
        (
            lambda b: b["settings"]["features"]["response_format"].update(schema=None),
            r"type does not go with its",
        ),
        (
            lambda b: b["settings"]["features"].update(response_format="json"),
            r"response_format must be an object",
        ),
        (
            lambda b: b["messages"][9]["calls"][0].update(arguments={}),
            r"calls\[0\]\.arguments must be a text",
        ),
        (lambda b: b["messages"][10].update(call_id=None), r"\[10\]\.call_id must be a text"),
        (lambda b: b["answers"][3].update(calls={}), r"answers\[3\]\.calls must be a list"),
        (lambda b: b["answers"][3]["request"].update(tools=[1]), r"request\.tools\[0\] must be an object"),
    ],
)
def test_what_is_wrong_is_said(change: Change, says: str) -> None:
    broken = make_document()
    change(broken)
    with pytest.raises(BadInput, match=says):
        load_conversation(json.dumps(broken).encode(), MODEL)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "not complete: a value is missing or is not JSON in line 1, column 1"),
        (b"\xff\xfe", "byte 1 is not UTF-8"),
        (b"[" * 1_000_000, "nested more than 100 deep"),
        (b'{"a":' * 1_000_000, "nested more than 100 deep"),
        (b'{"format":1,"b":[{"x":1,"y":2,"x":3}]}', r"^\$\.b\[0\]\.x is there twice"),
        (b'{"a":1e400}', r"^\$\.a is too large a number"),
        (b'{"a":-Infinity}', "^The file is not JSON: -Infinity in line 1 is no number of JSON"),
        (b'{"a":' + b"9" * 5_000 + b"}", "too large"),
        (b"[" + b"{}," * 2_000_000 + b"{}]", "more than 3,000,000 values"),
        (b" " * 100_000_000, "100,000,000 bytes, more than 50,000,000"),
        (b"null", "no conversation"),
        (b"[]", "no conversation"),
    ],
    ids=lambda value: repr(value[:30]),
)
def test_what_is_no_document(data: bytes, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        load_conversation(data, MODEL)


def test_too_many_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversation_json, "MAX_MESSAGES", 10)
    with pytest.raises(BadInput, match=r"^\$\.messages has 11 entries, more than 10"):
        load_conversation(dump_conversation(make_example()).encode(), MODEL)


def test_requests_that_would_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answer_codec, "MAX_TURNS_SENT", 5)
    with pytest.raises(BadInput, match="sent more than 5 turns in all"):
        load_conversation(dump_conversation(make_example()).encode(), MODEL)


def test_cut_short() -> None:
    data = dump_conversation(make_example()).encode()
    for part in range(50):
        with pytest.raises(BadInput):
            load_conversation(data[: len(data) * part // 50], MODEL)


@settings(max_examples=300)
@given(strategies.integers(0, 2**32), strategies.integers(1, 4))
def test_flipped_bytes(seed: int, flips: int) -> None:
    """A damaged document is refused, or it is still valid and is read and written as any other."""
    chance, data = random.Random(seed), bytearray(dump_conversation(make_example()).encode())
    for _ in range(flips):
        data[chance.randrange(len(data))] = chance.choice([chance.randrange(256), *b'{}[]",:0-e\\'])
    try:
        loaded = load_conversation(bytes(data), MODEL)
    except BadInput as error:
        assert error.message  # noqa: PT017
    else:
        again = dump_conversation(loaded)
        assert dump_conversation(load_conversation(again.encode(), MODEL)) == again


json_values = strategies.recursive(
    strategies.none()
    | strategies.booleans()
    | strategies.integers()
    | strategies.floats()
    | strategies.text(),
    lambda below: (
        strategies.lists(below, max_size=3) | strategies.dictionaries(strategies.text(), below, max_size=3)
    ),
    max_leaves=5,
)


@settings(max_examples=300)
@given(strategies.data())
def test_any_value_anywhere(data: strategies.DataObject) -> None:
    """Replace one value of the document by any other."""
    broken: Any = make_document()
    at = broken
    while True:
        keys = list(at) if isinstance(at, dict) else list(range(len(at)))
        key = data.draw(strategies.sampled_from(keys))
        if not isinstance(at[key], (dict, list)) or not at[key] or data.draw(strategies.booleans()):
            break
        at = at[key]
    at[key] = data.draw(json_values)
    try:
        dump_conversation(load_conversation(json.dumps(broken).encode(), MODEL))
    except BadInput as error:
        assert error.message  # noqa: PT017


def test_the_error_says_that_it_is_about_a_file() -> None:
    assert json_reader.BadFile("x").title != BadInput("x").title
    assert "Nothing was taken" in json_reader.BadFile("x").advice
