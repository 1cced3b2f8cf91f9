"""A conversation is written as JSON and read back without loss."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from hypothesis import given, strategies

from lib.api.request import Messages, Prompt, Turn
from lib.chat.answer import Ending
from lib.chat.conversation import Conversation, Message
from lib.errors import BadInput
from lib.files.conversation_json import (
    ConversationFile,
    dump_conversation,
    with_new_id,
)
from lib.jsonkit.surrogates import replace_lone_surrogates
from lib.model.model_record import default_model
from lib.model.request_options import (
    Features,
    Function,
    InputForm,
    ResponseFormat,
    Tool,
    ToolCall,
)
from lib.model.settings import Settings
from tests.files.saved_conversations import load_conversation
from tests.store.conversation_trees import (
    SETTINGS,
    as_plain_values,
    histories,
    make_answer,
    make_conversation,
)

MODEL = default_model()


TOOL = Tool("add", "Adds.", '{"type": "object", "properties": {}}', nested=True)
# Files hold whole characters alone.
words = strategies.text(strategies.characters(codec="utf-8"), max_size=10)
clean_features = strategies.builds(
    Features,
    strategies.sampled_from(InputForm),
    strategies.booleans(),
    strategies.booleans(),
    words,
    strategies.none() | strategies.builds(ResponseFormat, strategies.none() | words),
    strategies.lists(strategies.builds(Tool, words, words, words, strategies.booleans()), max_size=2).map(
        tuple
    ),
    strategies.lists(strategies.builds(Function, words, words), max_size=2).map(tuple),
)


def make_example() -> ConversationFile:
    """Return a conversation with two branches, a shared answer, a prompt request, tool calls and an error."""
    conversation = make_conversation("Hi", "And you?", conversation=Conversation("Be kind."))
    conversation = conversation.edit(conversation.messages[0].id, "Hello")
    said = make_answer(conversation, "Prompted", "1.50", error=BadInput("No.", advice="Do.", retry_after=1.5))
    said = replace(
        said, request=replace(said.request, input=Prompt("Go", True), parameters={"a": 1, "b": 1.0})
    )
    conversation = conversation.append(Message("assistant", "Prompted", conversation.head, (said,)))
    call = ToolCall("call_1", "add", "{}")
    calling = replace(make_answer(conversation, "", calls=(call,)), ending=Ending.TOOL_CALLS)
    tooled = Messages(conversation.turns(conversation.head), tools=(TOOL,), functions=(Function("f", "x"),))
    format = ResponseFormat('{"type": "object"}')
    calling = replace(calling, request=replace(calling.request, input=tooled, response_format=format))
    conversation = conversation.append(Message("assistant", "", conversation.head, (calling,), (call,)))
    conversation = conversation.append(Message("tool", "3", conversation.head, call_id="call_1", name="add"))
    features = Features(InputForm.PROMPT, False, True, "pirate", format, (TOOL,), (Function("f", "x"),), True)
    return ConversationFile(conversation, replace(SETTINGS, features=features), "A title", True)


def make_document() -> dict[str, Any]:
    """Return its document, for tests to break."""
    parsed: dict[str, Any] = json.loads(dump_conversation(make_example()))
    return parsed


@given(histories(), strategies.text(max_size=30), strategies.booleans())
def test_round_trip(states: list[Conversation], title: str, pinned: bool) -> None:
    first = dump_conversation(ConversationFile(states[-1], SETTINGS, title, pinned))
    loaded = load_conversation(first.encode(), MODEL)
    assert dump_conversation(loaded) == first, "byte for byte"
    assert json.dumps(as_plain_values(loaded.conversation)) == _whole(
        json.dumps(as_plain_values(states[-1]), ensure_ascii=False)
    )
    assert (loaded.settings, loaded.title, loaded.pinned) == (
        SETTINGS,
        replace_lone_surrogates(title),
        pinned,
    )


def _whole(text: str) -> str:
    """Return the same JSON without lone surrogates."""
    return json.dumps(json.loads(replace_lone_surrogates(text)))


@given(histories())
def test_one_answer_under_two_messages_stays_one(states: list[Conversation]) -> None:
    before, after = (
        states[-1],
        load_conversation(
            dump_conversation(ConversationFile(states[-1], SETTINGS)).encode(), MODEL
        ).conversation,
    )
    for one in (before, after):
        answers = [answer for message in one.messages for answer in message.answers]
        assert len({id(answer) for answer in answers}) == len({answer.id for answer in answers})


@given(strategies.data())
def test_settings(data: strategies.DataObject) -> None:
    chosen = replace(Settings.defaults(MODEL), features=data.draw(clean_features))
    for parameter in MODEL.parameters:
        most = parameter.maximum if parameter.maximum is not None else 60_000
        value = data.draw(strategies.floats(float(parameter.minimum), float(most)))
        chosen = chosen.with_setting(
            replace(
                chosen[parameter.name], value=parameter.cast(value), is_sent=data.draw(strategies.booleans())
            )
        )
    first = dump_conversation(ConversationFile(Conversation(), chosen))
    loaded = load_conversation(first.encode(), MODEL)
    assert repr(loaded.settings) == repr(chosen)
    assert dump_conversation(loaded) == first


def test_a_long_conversation_is_written_once() -> None:
    """The document grows with the messages, not with the requests, each of which repeats all messages before it."""
    short, long = (
        dump_conversation(ConversationFile(make_conversation(*["word " * 50] * n), SETTINGS))
        for n in (50, 500)
    )
    assert len(long) < 11 * len(short)
    read = load_conversation(long.encode(), MODEL).conversation
    last = read.messages[-1].answers[0].request.input
    assert isinstance(last, Messages)
    assert len(last.turns) == 999
    assert dump_conversation(ConversationFile(read, SETTINGS)) == long


def test_the_numbers_follow_the_first_use() -> None:
    turns = make_document()["turns"]
    assert [turn["id"] for turn in turns] == list(range(1, len(turns) + 1))
    assert turns[0] == {
        "id": 1,
        "parent": None,
        "role": "system",
        "content": "Be kind.",
        "calls": [],
        "call_id": "",
        "name": "",
    }


def test_half_characters() -> None:
    assert replace_lone_surrogates("a\ud800") == "a\ufffd"
    assert replace_lone_surrogates("\udc00\ud83d\ude00\ud800!") == "\ufffd😀\ufffd!"
    one, two = Turn("user", "\ud800"), Turn("user", "\ud801")  # equal once they are read again
    conversation = make_conversation("a", "b")
    for number, turn in ((1, one), (3, two)):
        message = conversation.messages[number]
        said = replace(message.answers[0].request, input=Messages((turn,)))
        conversation = conversation.replace_message(
            replace(message, answers=(replace(message.answers[0], request=said),))
        )
    first = dump_conversation(ConversationFile(conversation, SETTINGS))
    assert dump_conversation(load_conversation(first.encode(), MODEL)) == first
    assert len(json.loads(first)["turns"]) == 1


def test_fresh() -> None:
    conversation = make_example().conversation
    other = with_new_id(conversation)
    assert other.id != conversation.id
    assert replace(other, id=conversation.id) == conversation


def test_a_byte_order_mark_is_no_matter() -> None:
    assert (
        as_plain_values(
            load_conversation(
                b"\xef\xbb\xbf" + dump_conversation(make_example()).encode(), MODEL
            ).conversation
        )["system"]
        == "Be kind."
    )
