"""A chat: send, regenerate, continue and stop; a refusal changes nothing."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from lib.chat.answer import Ending, total_usage
from lib.chat.chat_session import ChatSession
from lib.chat.conversation import Conversation, Message, count_context_tokens
from lib.errors import BadInput, PaddockError
from lib.model import model_record
from lib.model.settings import Settings
from lib.model.usage import Usage
from tests import sample_values
from tests.scripted_server import (
    TIMEOUT,
    Peer,
    ReceivedRequest,
    ScriptedServer,
    refuses,
    response_head,
    sends_then_waits,
    streams,
    text_events,
)

REFUSAL = refuses(400, 5006, "AiError: Bad input")


def new_chat() -> ChatSession:
    return ChatSession(sample_values.make_client(), model_record.default_model(), Conversation())


def wait_until_idle(chat: ChatSession) -> None:
    _, live = chat.snapshot()
    if live is not None:
        live.run.join(TIMEOUT)
    assert chat.snapshot()[1] is None


def send_and_wait(chat: ChatSession, text: str, server: ScriptedServer) -> None:
    chat.send(text, sample_values.make_backend(server.url))
    wait_until_idle(chat)


def shown_texts(chat: ChatSession) -> list[tuple[str, str]]:
    return [(message.role, message.content) for message in chat.conversation.path()]


def sent_messages(server: ScriptedServer) -> list[list[tuple[str, str]]]:
    return [
        [(message["role"], message["content"]) for message in request.json()["messages"]]
        for request in server.requests
    ]


def test_send() -> None:
    chat = new_chat()
    chat.set_system("Be kind.")
    with ScriptedServer(streams("Hello", "!"), streams("Fine.", counts=(20, 2))) as server:
        send_and_wait(chat, "Hi", server)
        send_and_wait(chat, " How are you? ", server)
    assert shown_texts(chat) == [
        ("user", "Hi"),
        ("assistant", "Hello!"),
        ("user", " How are you? "),
        ("assistant", "Fine."),
    ]
    system, hi = ("system", "Be kind."), ("user", "Hi")
    assert sent_messages(server) == [
        [system, hi],
        [system, hi, ("assistant", "Hello!"), ("user", " How are you? ")],
    ]
    message = chat.conversation.path()[-1]
    assert [answer.usage for answer in message.answers] == [Usage(20, 2)]
    assert message.answers[0].ending is Ending.FINISHED
    assert message.answers[0].billed


def test_what_is_sent_is_kept_with_the_answer() -> None:
    chat = new_chat()
    chat.settings = chat.settings.with_value("top_k", 7)
    with ScriptedServer(streams("a")) as server:
        chat.send("Hi", sample_values.make_backend(server.url))
        chat.settings = chat.settings.with_value("top_k", 9)
        wait_until_idle(chat)
    body = server.requests[0].json()
    [answer] = chat.conversation.path()[-1].answers
    assert body["top_k"] == 7
    assert {name: body[name] for name in answer.request.parameters} == dict(answer.request.parameters)
    assert body["max_tokens"] == 256, "documented defaults are sent"
    assert "top_p" not in body, "where none is documented the choice is the model's"


def test_max_tokens_is_capped_by_what_the_context_leaves() -> None:
    chat, name = new_chat(), "max_tokens"
    chat.settings = chat.settings.with_value(name, 10**9)
    with ScriptedServer(streams("Hello", counts=(900, 24)), streams("Fine.")) as server:
        backend = replace(sample_values.make_backend(server.url), context_window=4096)
        chat.send("Hi", backend)
        wait_until_idle(chat)
        assert chat.build_request("And you?", backend).parameters[name] == 4096 - 924
        chat.send("And you?", backend)
        wait_until_idle(chat)
    assert server.requests[0].json()[name] == 4096
    assert server.requests[1].json()[name] == 4096 - 924
    assert chat.settings[name].value == 10**9
    assert (
        chat.build_request("Hi").parameters[name]
        == chat.model.context_window - count_context_tokens(chat.conversation)[0]
    )


def test_while_it_answers() -> None:
    chat = new_chat()
    with ScriptedServer(sends_then_waits(response_head(), text_events("Hel"))) as server:
        chat.send("Hi", sample_values.make_backend(server.url))
        conversation, live = chat.snapshot()
        assert live is not None
        assert "Hel" in live.run.follow(0.0)
        assert (live.message_id, live.text_before) == (conversation.head, "")
        assert shown_texts(chat) == [("user", "Hi"), ("assistant", "")]
        question, answer = conversation.path()
        backend = sample_values.make_backend(server.url)
        for deed in (
            lambda: chat.send("again", backend),
            lambda: chat.regenerate(answer, backend),
            lambda: chat.continue_answer(answer, backend, 5),
            lambda: chat.open_message(question.id),
        ):
            with pytest.raises(BadInput, match="still coming"):
                deed()
        assert chat.snapshot() == (conversation, live)
        chat.stop()
        wait_until_idle(chat)
    assert len(server.requests) == 1
    message = chat.conversation.path()[-1]
    assert message.content == "Hel"
    assert message.answers[0].ending is Ending.STOPPED
    chat.stop()  # without a run, nothing happens


def test_regenerate_keeps_the_variant() -> None:
    chat = new_chat()
    with ScriptedServer(streams("one"), streams("two"), streams("next")) as server:
        send_and_wait(chat, "Hi", server)
        first = chat.conversation.path()[-1]
        chat.regenerate(first, sample_values.make_backend(server.url))
        wait_until_idle(chat)
        second = chat.conversation.path()[-1]
        assert shown_texts(chat) == [("user", "Hi"), ("assistant", "two")]
        assert [message.content for message in chat.conversation.variants(second)] == ["one", "two"]
        chat.open_message(first.id)
        send_and_wait(chat, "More", server)
    assert shown_texts(chat) == [
        ("user", "Hi"),
        ("assistant", "one"),
        ("user", "More"),
        ("assistant", "next"),
    ]
    hi = ("user", "Hi")
    assert sent_messages(server) == [[hi], [hi], [hi, ("assistant", "one"), ("user", "More")]]
    chat.open_message(second.id)
    assert shown_texts(chat) == [("user", "Hi"), ("assistant", "two")]


def test_go_on() -> None:
    chat = new_chat()
    chat.settings = chat.settings.with_value("top_k", 7).with_value("max_tokens", 3)
    with ScriptedServer(streams("One two", counts=(10, 3)), streams(" three four", counts=(13, 4))) as server:
        send_and_wait(chat, "Count", server)
        cut = chat.conversation.path()[-1]
        assert cut.answers[0].ending is Ending.LENGTH
        chat.settings = chat.settings.with_value("top_k", 50)
        chat.continue_answer(cut, sample_values.make_backend(server.url), 64)
        _, live = chat.snapshot()
        assert live is not None
        assert live.text_before == "One two"
        wait_until_idle(chat)
    [question, answer] = chat.conversation.path()
    assert (question.content, answer.content, answer.id) == ("Count", "One two three four", cut.id)
    assert [part.text for part in answer.answers] == ["One two", " three four"]
    assert total_usage(answer.answers) == Usage(23, 7)
    assert sent_messages(server)[1] == [("user", "Count"), ("assistant", "One two")]
    body = server.requests[1].json()
    assert (body["top_k"], body["max_tokens"]) == (7, 64), "with the settings that the answer began with"


def test_go_on_with_an_older_value_of_the_message_loses_nothing() -> None:
    chat = new_chat()
    with ScriptedServer(streams("One"), streams(" two"), streams(" three")) as server:
        send_and_wait(chat, "Count", server)
        old = chat.conversation.path()[-1]
        for _ in range(2):
            chat.continue_answer(old, sample_values.make_backend(server.url), 64)
            wait_until_idle(chat)
    assert shown_texts(chat)[-1] == ("assistant", "One two three")


def test_go_on_from_an_answer_that_no_run_made() -> None:
    question = Message("user", "Count")
    answer = Message("assistant", "One", question.id)
    chat = ChatSession(
        sample_values.make_client(),
        model_record.default_model(),
        Conversation().append(question).append(answer),
    )
    with ScriptedServer(streams(" two")) as server:
        chat.continue_answer(answer, sample_values.make_backend(server.url), 64)
        wait_until_idle(chat)
    assert shown_texts(chat)[-1] == ("assistant", "One two")
    assert server.requests[0].json()["max_tokens"] == 64


def test_failed_answer_without_text_is_not_sent_again() -> None:
    chat = new_chat()
    with ScriptedServer(REFUSAL, streams("Hello")) as server:
        send_and_wait(chat, "Hi", server)
        failed = chat.conversation.path()[-1]
        assert failed.answers[0].ending is Ending.ERROR
        assert failed.content == ""
        send_and_wait(chat, "Hi?", server)
    assert sent_messages(server)[1] == [("user", "Hi"), ("user", "Hi?")]


MAKE_UNSENDABLE: list[Callable[[ChatSession], None]] = [
    lambda chat: None,
    lambda chat: setattr(chat, "settings", chat.settings.with_value("top_k", 51)),
    lambda chat: setattr(chat, "settings", chat.settings.with_value("temperature", float("nan"))),
    lambda chat: chat.set_system("half \ud83d"),
]


@pytest.mark.parametrize(
    ("text", "prepare"),
    [
        ("half \ud83d", MAKE_UNSENDABLE[0]),
        ("", MAKE_UNSENDABLE[0]),
        (" \n", MAKE_UNSENDABLE[0]),
        *(("Hi", deed) for deed in MAKE_UNSENDABLE[1:]),
    ],
)
def test_a_refusal_changes_nothing(text: str, prepare: Callable[[ChatSession], None]) -> None:
    chat = new_chat()
    with ScriptedServer(streams("Hello")) as server:
        send_and_wait(chat, "Hi", server)
        prepare(chat)
        before = chat.conversation
        backend = sample_values.make_backend(server.url)
        with pytest.raises(BadInput):
            chat.send(text, backend)
        if text == "Hi":
            with pytest.raises(BadInput):
                chat.regenerate(before.path()[-1], backend)
        assert chat.conversation == before
        assert chat.snapshot()[1] is None
    assert len(server.requests) == 1


def test_go_on_refused_changes_nothing() -> None:
    chat = new_chat()
    with ScriptedServer(streams("Hello")) as server:
        send_and_wait(chat, "Hi", server)
        before = chat.conversation
        with pytest.raises(BadInput):
            chat.continue_answer(before.path()[-1], sample_values.make_backend(server.url), 0)
    assert chat.conversation == before
    assert chat.snapshot()[1] is None


def test_no_room_for_a_thread_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    chat = new_chat()
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", full)
        with pytest.raises(PaddockError, match="cannot start another answer"):
            chat.send("Hi", sample_values.make_backend("http://127.0.0.1:9"))
    assert chat.conversation.messages == ()
    with ScriptedServer(streams("Hello")) as server:
        send_and_wait(chat, "Hi", server)
    assert shown_texts(chat) == [("user", "Hi"), ("assistant", "Hello")]


def test_of_two_that_send_at_once_one_wins() -> None:
    go_on = threading.Event()

    def slow(peer: Peer, received: ReceivedRequest) -> None:
        go_on.wait(TIMEOUT)
        streams("Hello")(peer, received)

    for _ in range(10):
        go_on.clear()
        chat = new_chat()
        with ScriptedServer(slow) as server:
            backend, barrier = sample_values.make_backend(server.url), threading.Barrier(4)
            results: list[str] = []

            def send(
                name: str,
                chat: ChatSession = chat,
                barrier: threading.Barrier = barrier,
                results: list[str] = results,
            ) -> None:
                barrier.wait(TIMEOUT)
                try:
                    chat.send(name, backend)  # noqa: B023 (joined within the loop)
                except BadInput:
                    results.append("refused")
                else:
                    results.append(name)

            threads = [threading.Thread(target=send, args=(str(number),)) for number in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(TIMEOUT)
            go_on.set()
            wait_until_idle(chat)
        [winner] = [result for result in results if result != "refused"]
        assert len(results) == 4
        assert shown_texts(chat) == [("user", winner), ("assistant", "Hello")]
        assert len(server.requests) == 1


def test_a_system_prompt_of_spaces_is_none() -> None:
    chat = new_chat()
    chat.set_system("  \n")
    with ScriptedServer(streams("Hello")) as server:
        send_and_wait(chat, "Hi", server)
    assert sent_messages(server) == [[("user", "Hi")]]
    assert chat.id == chat.conversation.id


def test_no_change_of_the_settings_is_lost() -> None:
    """Two tabs change different settings at once: the slower change starts first and ends last."""
    chat = new_chat()
    slow_began, quick_began = threading.Event(), threading.Event()

    def slow(settings: Settings) -> Settings:
        slow_began.set()
        assert quick_began.wait(TIMEOUT)
        time.sleep(0.1)  # long enough for the other thread to finish, if it were let in
        return settings.with_value("top_k", 7)

    def change_quickly() -> None:
        assert slow_began.wait(TIMEOUT)
        quick_began.set()
        chat.change_settings(lambda settings: settings.with_value("max_tokens", 99))

    threads = [
        threading.Thread(target=chat.change_settings, args=(slow,)),
        threading.Thread(target=change_quickly),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(TIMEOUT)
    assert (chat.settings["top_k"].value, chat.settings["max_tokens"].value) == (7, 99)
