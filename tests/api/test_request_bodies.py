"""Request bodies, compared literally and with the documented schema; and what build_request() refuses."""

from __future__ import annotations

import json

import jsonschema
import pytest
from hypothesis import given, strategies

from lib.api.request import Messages, Prompt, RequestInput, Turn, build_request
from lib.api.wire import encode_request
from lib.errors import BadInput
from lib.model import model_record
from lib.model.model_record import Number

MODEL = model_record.default_model()
SCHEMA = json.loads((model_record.RECORDS_FOLDER / "llama-3.2-1b-instruct.json").read_text(encoding="utf-8"))[
    "input"
]

ALL: dict[str, Number] = {
    "max_tokens": 512,
    "temperature": 0.7,
    "top_p": 0.95,
    "top_k": 50,
    "seed": 9999999999,
    "repetition_penalty": 1.1,
    "frequency_penalty": 0.5,
    "presence_penalty": 2,
}

ALL_SENT = (
    '"max_tokens":512,"temperature":0.7,"top_p":0.95,"top_k":50,"seed":9999999999,'
    '"repetition_penalty":1.1,"frequency_penalty":0.5,"presence_penalty":2.0'
)

TURNS = Messages(
    (
        Turn("system", "Be kind."),
        Turn("user", "Grüß Gott 😀"),
        Turn("assistant", ""),
        Turn("user", "a\u2028b"),
    )
)
TURNS_SENT = (
    '"messages":[{"role":"system","content":"Be kind."},{"role":"user","content":"Grüß Gott 😀"},'
    '{"role":"assistant","content":""},{"role":"user","content":"a\u2028b"}]'
)


@pytest.mark.parametrize(
    ("input", "parameters", "stream", "body"),
    [
        (TURNS, ALL, True, f'{{{TURNS_SENT},"stream":true,{ALL_SENT}}}'),
        (TURNS, {}, False, f'{{{TURNS_SENT},"stream":false}}'),
        (Prompt("Hi"), {}, True, '{"prompt":"Hi","stream":true}'),
        (Prompt("Hi"), ALL, True, f'{{"prompt":"Hi","stream":true,{ALL_SENT}}}'),
        (
            Prompt("<|x|>", raw=True),
            {"top_k": 1},
            False,
            '{"prompt":"<|x|>","raw":true,"stream":false,"top_k":1}',
        ),
    ],
)
def test_body(input: RequestInput, parameters: dict[str, Number], stream: bool, body: str) -> None:
    sent = encode_request(build_request(MODEL, input, parameters, stream=stream))
    assert json.dumps(sent, ensure_ascii=False, separators=(",", ":")) == body
    jsonschema.validate(sent, SCHEMA)


def test_every_parameter_of_the_record_is_tried() -> None:
    assert set(ALL) == {parameter.name for parameter in MODEL.parameters}


def test_a_whole_number_is_sent_as_an_integer_where_the_schema_says_so() -> None:
    body = json.dumps(encode_request(build_request(MODEL, Prompt("x"), {"top_k": 40.0, "max_tokens": 7.0})))
    assert body == '{"prompt": "x", "stream": true, "top_k": 40, "max_tokens": 7}'


@given(
    strategies.lists(
        strategies.tuples(strategies.sampled_from(["user", "assistant"]), strategies.text()), min_size=1
    )
)
def test_text_is_sent_as_it_was_typed(turns: list[tuple[str, str]]) -> None:
    sent = encode_request(build_request(MODEL, Messages(tuple(Turn(*turn) for turn in turns))))
    assert [(message["role"], message["content"]) for message in sent["messages"]] == turns
    jsonschema.validate(sent, SCHEMA)


@pytest.mark.parametrize(
    "input",
    [
        Messages(()),
        Prompt(""),
        Prompt("\ud800"),
        Messages((Turn("user", "half \ud83d a pair"),)),
        Messages((Turn("system", "\udc00"), Turn("user", "x"))),
        Messages((Turn("wizard", "x"),)),
    ],
)
def test_what_cannot_be_sent(input: RequestInput) -> None:
    with pytest.raises(BadInput) as refused:
        build_request(MODEL, input)
    assert refused.value.message.encode()
    assert refused.value.advice


def test_the_refusal_says_where_the_half_character_is() -> None:
    with pytest.raises(BadInput, match="Character 6 of the system message"):
        build_request(MODEL, Messages((Turn("system", "half \ud83d"), Turn("user", "x"))))


def test_a_request_cannot_be_changed() -> None:
    chosen: dict[str, Number] = {"top_k": 3}
    request = build_request(MODEL, Prompt("x"), chosen)
    chosen["top_k"] = 50
    assert request.parameters == {"top_k": 3}
    with pytest.raises(TypeError):
        request.parameters["top_k"] = 4  # type: ignore[index]


def test_estimated_size_grows_with_the_text() -> None:
    def size(*texts: str) -> int:
        return build_request(
            MODEL, Messages(tuple(Turn("user", text) for text in texts))
        ).estimated_prompt_tokens()

    assert 0 < size("") < size("word" * 10) < size("word" * 10, "word" * 10)
    assert build_request(MODEL, Prompt("word" * 100)).estimated_prompt_tokens() >= 100
