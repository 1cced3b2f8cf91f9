"""Chat: the prompt form, JSON mode, tool calls and their results, past requests sent again."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from lib.chat.answer import Ending
from lib.chat.chat_session import Chat
from lib.chat.conversation import Conversation
from lib.errors import BadInput
from lib.model import model_record
from lib.model.request_options import Form, ResponseFormat, Tool
from tests import sample_values
from tests.chat.test_chat_session import new, say, settle, shown
from tests.servers import DONE, Received, Script, Server, events, head, says, streams, texts, usage

ADD = Tool("add", "Adds.", '{"type": "object", "properties": {}}')


def choose(chat: Chat, **features: Any) -> None:
    chat.settings = replace(chat.settings, features=replace(chat.settings.features, **features))


def calls(*calls: tuple[str, str]) -> Script:
    """A whole call each, in the stream's recorded shape."""
    values = [
        {
            "tool_calls": [
                {"id": id, "type": "function", "index": 0, "function": {"name": "add", "arguments": text}}
            ]
        }
        for id, text in calls
    ]
    return says(head(), events(*values), usage(10, 5), DONE)


def whole(result: Any) -> Script:
    body = {"result": result, "success": True, "errors": [], "messages": []}
    return says(head(200, "application/json") + json.dumps(body).encode())


def bodies(server: Server) -> list[Any]:
    return [Received.json(request) for request in server.requests]


def test_the_prompt_form_sends_one_text_alone() -> None:
    chat = new()
    chat.set_system("Be kind.")
    with Server(streams("One"), streams("Two")) as server:
        say(chat, "First", server)
        choose(chat, form=Form.PROMPT, raw=True, lora="pirate", stream=False)
        say(chat, "Second", server)
    assert bodies(server)[1] == {
        "prompt": "Second",
        "lora": "pirate",
        "raw": True,
        "stream": False,
        "max_tokens": 256,
        "temperature": 0.6,
    }
    assert shown(chat) == [("user", "First"), ("assistant", "One"), ("user", "Second"), ("assistant", "Two")]


def test_json_mode_goes_out_whole_and_comes_back_as_text() -> None:
    chat = new()
    choose(chat, response_format=ResponseFormat('{"type": "object"}'))
    with Server(
        whole({"response": {"a": 1}, "usage": {"prompt_tokens": 3, "completion_tokens": 4}})
    ) as server:
        say(chat, "Go", server)
    assert bodies(server)[0]["stream"] is False
    message = chat.conversation.path()[-1]
    assert json.loads(message.content) == {"a": 1}
    assert message.answers[0].request.response_format == ResponseFormat('{"type": "object"}')
    with pytest.raises(BadInput, match="JSON mode cannot go on"):
        chat.go_on(message, sample_values.backend("http://127.0.0.1:1"))


def test_a_round_of_tools() -> None:
    chat = new()
    choose(chat, tools=(ADD,))
    with Server(calls(("c1", '{"a": 1}'), ("c2", "{}")), streams("Two.")) as server:
        say(chat, "Add", server)
        calling = chat.conversation.path()[-1]
        assert [call.id for call in calling.calls] == ["c1", "c2"]
        assert calling.answers[0].ending is Ending.TOOL_CALLS
        assert calling.answers[0].calls == calling.calls
        chat.answer_calls(calling, ("3", "4"), sample_values.backend(server.url))
        settle(chat)
    assert bodies(server)[1]["messages"] == [
        {"role": "user", "content": "Add"},
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "add", "arguments": '{"a": 1}'}},
                {"id": "c2", "type": "function", "function": {"name": "add", "arguments": "{}"}},
            ],
        },
        {"role": "tool", "content": "3", "tool_call_id": "c1", "name": "add"},
        {"role": "tool", "content": "4", "tool_call_id": "c2", "name": "add"},
    ]
    assert shown(chat)[-1] == ("assistant", "Two.")


def test_a_call_cut_off_in_its_middle_is_none() -> None:
    chat = new()
    choose(chat, tools=(ADD,))
    piece = {"tool_calls": [{"id": "c", "index": 0, "function": {"name": "add", "arguments": '{"a":'}}]}
    with Server(says(head(), texts("Let me "), events(piece))) as server:
        say(chat, "Add", server)
    message = chat.conversation.path()[-1]
    assert (message.content, message.calls) == ("Let me ", ())
    assert message.answers[0].ending is Ending.CUT_OFF


def test_an_edited_result_still_answers_its_call() -> None:
    chat = new()
    choose(chat, tools=(ADD,))
    with Server(calls(("c1", "{}")), streams("One"), streams("Two")) as server:
        say(chat, "Add", server)
        chat.answer_calls(chat.conversation.path()[-1], ("3",), sample_values.backend(server.url))
        settle(chat)
        result = chat.conversation.path()[2]
        chat.ask_again(result.id, "33", sample_values.backend(server.url))
        settle(chat)
    assert bodies(server)[2]["messages"][2] == {
        "role": "tool",
        "content": "33",
        "tool_call_id": "c1",
        "name": "add",
    }


def test_a_past_request_is_sent_as_it_was() -> None:
    chat = new()
    with Server(streams("One"), streams("Two"), streams("Three")) as server:
        say(chat, "Go", server)
        first = chat.conversation.path()[-1]
        chat.settings = chat.settings.with_value("temperature", 2.0)
        choose(chat, form=Form.PROMPT)
        chat.send_again(first, first.answers[0].request, sample_values.backend(server.url))
        settle(chat)
        again = chat.conversation.path()[-1]
        assert chat.conversation.variants(again) == (first, again)
        say(chat, "On", server)
    assert bodies(server)[1] == bodies(server)[0]
    assert bodies(server)[2]["prompt"] == "On"


def test_a_raw_prompt_goes_on_from_what_came() -> None:
    chat = new()
    choose(chat, form=Form.PROMPT, raw=True, lora="pirate")
    with Server(streams("One "), streams("two "), streams("three")) as server:
        say(chat, "Count: ", server)
        for _ in range(2):
            chat.go_on(chat.conversation.path()[-1], sample_values.backend(server.url))
            settle(chat)
    assert [body["prompt"] for body in bodies(server)] == ["Count: ", "Count: One ", "Count: One two "]
    assert {body["lora"] for body in bodies(server)} == {"pirate"}
    assert shown(chat)[-1] == ("assistant", "One two three")


def test_a_plain_prompt_goes_on_as_messages() -> None:
    chat = new()
    choose(chat, form=Form.PROMPT)
    with Server(streams("One "), streams("two")) as server:
        say(chat, "Count", server)
        chat.go_on(chat.conversation.path()[-1], sample_values.backend(server.url))
        settle(chat)
    assert bodies(server)[1]["messages"] == [
        {"role": "user", "content": "Count"},
        {"role": "assistant", "content": "One "},
    ]


def test_an_adapters_answer_to_a_plain_prompt_cannot_go_on() -> None:
    chat = new()
    choose(chat, form=Form.PROMPT, lora="pirate")
    with Server(streams("Arr")) as server:
        say(chat, "Speak", server)
        before = chat.conversation
        with pytest.raises(BadInput, match="only where the prompt was raw"):
            chat.go_on(before.path()[-1], sample_values.backend(server.url))
    assert chat.conversation == before


def test_what_is_shown_before_a_send_is_what_is_sent() -> None:
    from lib.api import wire

    chat = new()
    chat.set_system("Be kind.")
    for features in (
        {},
        {"tools": (ADD,)},
        {"form": Form.PROMPT, "lora": "x"},
        {"response_format": ResponseFormat()},
    ):
        choose(chat, **{"form": Form.MESSAGES, "lora": "", "tools": (), "response_format": None, **features})
        foreseen = wire.encode(chat.request("Go"))
        with Server(streams("One")) as server:
            say(chat, "Go", server)
        assert bodies(server) == [foreseen]


def test_nothing_said_is_nothing_to_send() -> None:
    with pytest.raises(BadInput, match="nothing to send"):
        Chat(sample_values.client(), model_record.default(), Conversation()).request("")
