"""A chat with the prompt form, JSON mode, tool calls and resent requests."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from lib.chat.answer import Ending
from lib.chat.chat_session import ChatSession
from lib.chat.conversation import Conversation
from lib.errors import BadInput
from lib.model import model_record
from lib.model.request_options import InputForm, ResponseFormat, Tool
from tests import sample_values
from tests.chat.test_chat_session import new_chat, send_and_wait, shown_texts, wait_until_idle
from tests.scripted_server import (
    DONE,
    ReceivedRequest,
    Script,
    ScriptedServer,
    encode_events,
    response_head,
    sends,
    streams,
    text_events,
    usage_event,
)

ADD = Tool("add", "Adds.", '{"type": "object", "properties": {}}')


def set_features(chat: ChatSession, **features: Any) -> None:
    chat.settings = replace(chat.settings, features=replace(chat.settings.features, **features))


def tool_call_stream(*calls: tuple[str, str]) -> Script:
    """Return a stream of whole tool calls, in the recorded shape."""
    values = [
        {
            "tool_calls": [
                {"id": id, "type": "function", "index": 0, "function": {"name": "add", "arguments": text}}
            ]
        }
        for id, text in calls
    ]
    return sends(response_head(), encode_events(*values), usage_event(10, 5), DONE)


def json_answer(result: Any) -> Script:
    body = {"result": result, "success": True, "errors": [], "messages": []}
    return sends(response_head(200, "application/json") + json.dumps(body).encode())


def sent_bodies(server: ScriptedServer) -> list[Any]:
    return [ReceivedRequest.json(request) for request in server.requests]


def test_the_prompt_form_sends_one_text_alone() -> None:
    chat = new_chat()
    chat.set_system("Be kind.")
    with ScriptedServer(streams("One"), streams("Two")) as server:
        send_and_wait(chat, "First", server)
        set_features(chat, form=InputForm.PROMPT, raw=True, lora="pirate", stream=False)
        send_and_wait(chat, "Second", server)
    assert sent_bodies(server)[1] == {
        "prompt": "Second",
        "lora": "pirate",
        "raw": True,
        "stream": False,
        "max_tokens": 256,
        "temperature": 0.6,
    }
    assert shown_texts(chat) == [
        ("user", "First"),
        ("assistant", "One"),
        ("user", "Second"),
        ("assistant", "Two"),
    ]


def test_json_mode_goes_out_whole_and_comes_back_as_text() -> None:
    chat = new_chat()
    set_features(chat, response_format=ResponseFormat('{"type": "object"}'))
    with ScriptedServer(
        json_answer({"response": {"a": 1}, "usage": {"prompt_tokens": 3, "completion_tokens": 4}})
    ) as server:
        send_and_wait(chat, "Go", server)
    assert sent_bodies(server)[0]["stream"] is False
    message = chat.conversation.path()[-1]
    assert json.loads(message.content) == {"a": 1}
    assert message.answers[0].request.response_format == ResponseFormat('{"type": "object"}')
    with pytest.raises(BadInput, match="JSON answer cannot be continued"):
        chat.continue_answer(message, sample_values.make_backend("http://127.0.0.1:1"))


def test_a_round_of_tools() -> None:
    chat = new_chat()
    set_features(chat, tools=(ADD,))
    with ScriptedServer(tool_call_stream(("c1", '{"a": 1}'), ("c2", "{}")), streams("Two.")) as server:
        send_and_wait(chat, "Add", server)
        calling = chat.conversation.path()[-1]
        assert [call.id for call in calling.calls] == ["c1", "c2"]
        assert calling.answers[0].ending is Ending.TOOL_CALLS
        assert calling.answers[0].calls == calling.calls
        chat.send_tool_results(calling, ("3", "4"), sample_values.make_backend(server.url))
        wait_until_idle(chat)
    assert sent_bodies(server)[1]["messages"] == [
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
    assert shown_texts(chat)[-1] == ("assistant", "Two.")


def test_a_call_cut_off_in_its_middle_is_none() -> None:
    chat = new_chat()
    set_features(chat, tools=(ADD,))
    piece = {"tool_calls": [{"id": "c", "index": 0, "function": {"name": "add", "arguments": '{"a":'}}]}
    with ScriptedServer(sends(response_head(), text_events("Let me "), encode_events(piece))) as server:
        send_and_wait(chat, "Add", server)
    message = chat.conversation.path()[-1]
    assert (message.content, message.calls) == ("Let me ", ())
    assert message.answers[0].ending is Ending.CUT_OFF


def test_an_edited_result_still_answers_its_call() -> None:
    chat = new_chat()
    set_features(chat, tools=(ADD,))
    with ScriptedServer(tool_call_stream(("c1", "{}")), streams("One"), streams("Two")) as server:
        send_and_wait(chat, "Add", server)
        chat.send_tool_results(chat.conversation.path()[-1], ("3",), sample_values.make_backend(server.url))
        wait_until_idle(chat)
        result = chat.conversation.path()[2]
        chat.edit_and_send(result.id, "33", sample_values.make_backend(server.url))
        wait_until_idle(chat)
    assert sent_bodies(server)[2]["messages"][2] == {
        "role": "tool",
        "content": "33",
        "tool_call_id": "c1",
        "name": "add",
    }


def test_a_past_request_is_sent_as_it_was() -> None:
    chat = new_chat()
    with ScriptedServer(streams("One"), streams("Two"), streams("Three")) as server:
        send_and_wait(chat, "Go", server)
        first = chat.conversation.path()[-1]
        chat.settings = chat.settings.with_value("temperature", 2.0)
        set_features(chat, form=InputForm.PROMPT)
        chat.resend(first, first.answers[0].request, sample_values.make_backend(server.url))
        wait_until_idle(chat)
        again = chat.conversation.path()[-1]
        assert chat.conversation.variants(again) == (first, again)
        send_and_wait(chat, "On", server)
    assert sent_bodies(server)[1] == sent_bodies(server)[0]
    assert sent_bodies(server)[2]["prompt"] == "On"


def test_a_raw_prompt_goes_on_from_what_came() -> None:
    chat = new_chat()
    set_features(chat, form=InputForm.PROMPT, raw=True, lora="pirate")
    with ScriptedServer(streams("One "), streams("two "), streams("three")) as server:
        send_and_wait(chat, "Count: ", server)
        for _ in range(2):
            chat.continue_answer(chat.conversation.path()[-1], sample_values.make_backend(server.url))
            wait_until_idle(chat)
    assert [body["prompt"] for body in sent_bodies(server)] == ["Count: ", "Count: One ", "Count: One two "]
    assert {body["lora"] for body in sent_bodies(server)} == {"pirate"}
    assert shown_texts(chat)[-1] == ("assistant", "One two three")


def test_a_plain_prompt_goes_on_as_messages() -> None:
    chat = new_chat()
    set_features(chat, form=InputForm.PROMPT)
    with ScriptedServer(streams("One "), streams("two")) as server:
        send_and_wait(chat, "Count", server)
        chat.continue_answer(chat.conversation.path()[-1], sample_values.make_backend(server.url))
        wait_until_idle(chat)
    assert sent_bodies(server)[1]["messages"] == [
        {"role": "user", "content": "Count"},
        {"role": "assistant", "content": "One "},
    ]


def test_an_adapters_answer_to_a_plain_prompt_cannot_go_on() -> None:
    chat = new_chat()
    set_features(chat, form=InputForm.PROMPT, lora="pirate")
    with ScriptedServer(streams("Arr")) as server:
        send_and_wait(chat, "Speak", server)
        before = chat.conversation
        with pytest.raises(BadInput, match="only without the template"):
            chat.continue_answer(before.path()[-1], sample_values.make_backend(server.url))
    assert chat.conversation == before


def test_what_is_shown_before_a_send_is_what_is_sent() -> None:
    from lib.api import wire

    chat = new_chat()
    chat.set_system("Be kind.")
    for features in (
        {},
        {"tools": (ADD,)},
        {"form": InputForm.PROMPT, "lora": "x"},
        {"response_format": ResponseFormat()},
    ):
        set_features(
            chat, **{"form": InputForm.MESSAGES, "lora": "", "tools": (), "response_format": None, **features}
        )
        foreseen = wire.encode_request(chat.build_request("Go"))
        with ScriptedServer(streams("One")) as server:
            send_and_wait(chat, "Go", server)
        assert sent_bodies(server) == [foreseen]


def test_nothing_said_is_nothing_to_send() -> None:
    with pytest.raises(BadInput, match="nothing to send"):
        ChatSession(sample_values.make_client(), model_record.default_model(), Conversation()).build_request(
            ""
        )
