"""Chat: sending, regenerating, going on, stopping; and that a refusal changes nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from lib.api.events import Usage
from lib.chat.answer import Ending, total_usage
from lib.chat.chat_session import Chat
from lib.chat.conversation import Conversation, Message
from lib.errors import BadInput, PaddockError
from lib.model import model_record
from tests import sample_values
from tests.servers import (
    PATIENCE,
    Peer,
    Received,
    Server,
    head,
    refuses,
    says_then_waits,
    streams,
    texts,
)

REFUSAL = refuses(400, 5006, "AiError: Bad input")


def new() -> Chat:
    return Chat(sample_values.client(), model_record.default(), Conversation())


def settle(chat: Chat) -> None:
    _, live = chat.view()
    if live is not None:
        live.run.join(PATIENCE)
    assert chat.view()[1] is None


def say(chat: Chat, text: str, server: Server) -> None:
    chat.send(text, sample_values.backend(server.url))
    settle(chat)


def shown(chat: Chat) -> list[tuple[str, str]]:
    return [(message.role, message.content) for message in chat.conversation.path()]


def sent(server: Server) -> list[list[tuple[str, str]]]:
    return [
        [(message["role"], message["content"]) for message in request.json()["messages"]]
        for request in server.requests
    ]


def test_send() -> None:
    chat = new()
    chat.set_system("Be kind.")
    with Server(streams("Hello", "!"), streams("Fine.", counts=(20, 2))) as server:
        say(chat, "Hi", server)
        say(chat, " How are you? ", server)
    assert shown(chat) == [
        ("user", "Hi"),
        ("assistant", "Hello!"),
        ("user", " How are you? "),
        ("assistant", "Fine."),
    ]
    system, hi = ("system", "Be kind."), ("user", "Hi")
    assert sent(server) == [[system, hi], [system, hi, ("assistant", "Hello!"), ("user", " How are you? ")]]
    message = chat.conversation.path()[-1]
    assert [answer.usage for answer in message.answers] == [Usage(20, 2)]
    assert message.answers[0].ending is Ending.FINISHED
    assert message.answers[0].billed


def test_what_is_sent_is_kept_with_the_answer() -> None:
    chat = new()
    chat.settings = chat.settings.with_value("top_k", 7)
    with Server(streams("a")) as server:
        chat.send("Hi", sample_values.backend(server.url))
        chat.settings = chat.settings.with_value("top_k", 9)
        settle(chat)
    body = server.requests[0].json()
    [answer] = chat.conversation.path()[-1].answers
    assert body["top_k"] == 7
    assert {name: body[name] for name in answer.request.parameters} == dict(answer.request.parameters)
    assert body["max_tokens"] == 256, "documented defaults are sent"
    assert "top_p" not in body, "where none is documented the choice is the model's"


def test_while_it_answers() -> None:
    chat = new()
    with Server(says_then_waits(head(), texts("Hel"))) as server:
        chat.send("Hi", sample_values.backend(server.url))
        conversation, live = chat.view()
        assert live is not None
        assert "Hel" in live.run.follow(lambda: 0.0)
        assert (live.message, live.before) == (conversation.head, "")
        assert shown(chat) == [("user", "Hi"), ("assistant", "")]
        question, answer = conversation.path()
        backend = sample_values.backend(server.url)
        for deed in (
            lambda: chat.send("again", backend),
            lambda: chat.regenerate(answer, backend),
            lambda: chat.go_on(answer, backend, 5),
            lambda: chat.open(question.id),
        ):
            with pytest.raises(BadInput, match="still coming"):
                deed()
        assert chat.view() == (conversation, live)
        chat.stop()
        settle(chat)
    assert len(server.requests) == 1
    message = chat.conversation.path()[-1]
    assert message.content == "Hel"
    assert message.answers[0].ending is Ending.STOPPED
    chat.stop()  # nothing runs: nothing happens


def test_regenerate_keeps_the_variant() -> None:
    chat = new()
    with Server(streams("one"), streams("two"), streams("next")) as server:
        say(chat, "Hi", server)
        first = chat.conversation.path()[-1]
        chat.regenerate(first, sample_values.backend(server.url))
        settle(chat)
        second = chat.conversation.path()[-1]
        assert shown(chat) == [("user", "Hi"), ("assistant", "two")]
        assert [message.content for message in chat.conversation.variants(second)] == ["one", "two"]
        chat.open(first.id)
        say(chat, "More", server)
    assert shown(chat) == [("user", "Hi"), ("assistant", "one"), ("user", "More"), ("assistant", "next")]
    hi = ("user", "Hi")
    assert sent(server) == [[hi], [hi], [hi, ("assistant", "one"), ("user", "More")]]
    chat.open(second.id)
    assert shown(chat) == [("user", "Hi"), ("assistant", "two")]


def test_go_on() -> None:
    chat = new()
    chat.settings = chat.settings.with_value("top_k", 7).with_value("max_tokens", 3)
    with Server(streams("One two", counts=(10, 3)), streams(" three four", counts=(13, 4))) as server:
        say(chat, "Count", server)
        cut = chat.conversation.path()[-1]
        assert cut.answers[0].ending is Ending.LENGTH
        chat.settings = chat.settings.with_value("top_k", 50)
        chat.go_on(cut, sample_values.backend(server.url), 64)
        _, live = chat.view()
        assert live is not None
        assert live.before == "One two"
        settle(chat)
    [question, answer] = chat.conversation.path()
    assert (question.content, answer.content, answer.id) == ("Count", "One two three four", cut.id)
    assert [one.text for one in answer.answers] == ["One two", " three four"]
    assert total_usage(answer.answers) == Usage(23, 7)
    assert sent(server)[1] == [("user", "Count"), ("assistant", "One two")]
    body = server.requests[1].json()
    assert (body["top_k"], body["max_tokens"]) == (7, 64), "with the settings that the answer began with"


def test_go_on_with_an_older_value_of_the_message_loses_nothing() -> None:
    chat = new()
    with Server(streams("One"), streams(" two"), streams(" three")) as server:
        say(chat, "Count", server)
        old = chat.conversation.path()[-1]
        for _ in range(2):
            chat.go_on(old, sample_values.backend(server.url), 64)
            settle(chat)
    assert shown(chat)[-1] == ("assistant", "One two three")


def test_go_on_from_an_answer_that_no_run_made() -> None:
    question = Message("user", "Count")
    answer = Message("assistant", "One", question.id)
    chat = Chat(
        sample_values.client(), model_record.default(), Conversation().append(question).append(answer)
    )
    with Server(streams(" two")) as server:
        chat.go_on(answer, sample_values.backend(server.url), 64)
        settle(chat)
    assert shown(chat)[-1] == ("assistant", "One two")
    assert server.requests[0].json()["max_tokens"] == 64


def test_failed_answer_without_text_is_not_sent_again() -> None:
    chat = new()
    with Server(REFUSAL, streams("Hello")) as server:
        say(chat, "Hi", server)
        failed = chat.conversation.path()[-1]
        assert failed.answers[0].ending is Ending.ERROR
        assert failed.content == ""
        say(chat, "Hi?", server)
    assert sent(server)[1] == [("user", "Hi"), ("user", "Hi?")]


REFUSED: list[Callable[[Chat], None]] = [
    lambda chat: None,
    lambda chat: setattr(chat, "settings", chat.settings.with_value("top_k", 51)),
    lambda chat: setattr(chat, "settings", chat.settings.with_value("temperature", float("nan"))),
    lambda chat: chat.set_system("half \ud83d"),
]


@pytest.mark.parametrize(
    ("text", "prepare"),
    [
        ("half \ud83d", REFUSED[0]),
        ("", REFUSED[0]),
        (" \n", REFUSED[0]),
        *(("Hi", deed) for deed in REFUSED[1:]),
    ],
)
def test_a_refusal_changes_nothing(text: str, prepare: Callable[[Chat], None]) -> None:
    chat = new()
    with Server(streams("Hello")) as server:
        say(chat, "Hi", server)
        prepare(chat)
        before = chat.conversation
        backend = sample_values.backend(server.url)
        with pytest.raises(BadInput):
            chat.send(text, backend)
        if text == "Hi":
            with pytest.raises(BadInput):
                chat.regenerate(before.path()[-1], backend)
        assert chat.conversation == before
        assert chat.view()[1] is None
    assert len(server.requests) == 1


def test_go_on_refused_changes_nothing() -> None:
    chat = new()
    with Server(streams("Hello")) as server:
        say(chat, "Hi", server)
        before = chat.conversation
        with pytest.raises(BadInput):
            chat.go_on(before.path()[-1], sample_values.backend(server.url), 0)
    assert chat.conversation == before
    assert chat.view()[1] is None


def test_no_room_for_a_thread_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    chat = new()
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", full)
        with pytest.raises(PaddockError, match="no room"):
            chat.send("Hi", sample_values.backend("http://127.0.0.1:9"))
    assert chat.conversation.messages == ()
    with Server(streams("Hello")) as server:
        say(chat, "Hi", server)
    assert shown(chat) == [("user", "Hi"), ("assistant", "Hello")]


def test_of_two_that_send_at_once_one_wins() -> None:
    go_on = threading.Event()

    def slow(peer: Peer, received: Received) -> None:
        go_on.wait(PATIENCE)
        streams("Hello")(peer, received)

    for _ in range(10):
        go_on.clear()
        chat = new()
        with Server(slow) as server:
            backend, barrier = sample_values.backend(server.url), threading.Barrier(4)
            results: list[str] = []

            def send(
                name: str,
                chat: Chat = chat,
                barrier: threading.Barrier = barrier,
                results: list[str] = results,
            ) -> None:
                barrier.wait(PATIENCE)
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
                thread.join(PATIENCE)
            go_on.set()
            settle(chat)
        [winner] = [result for result in results if result != "refused"]
        assert len(results) == 4
        assert shown(chat) == [("user", winner), ("assistant", "Hello")]
        assert len(server.requests) == 1


def test_a_system_prompt_of_spaces_is_none() -> None:
    chat = new()
    chat.set_system("  \n")
    with Server(streams("Hello")) as server:
        say(chat, "Hi", server)
    assert sent(server) == [[("user", "Hi")]]
    assert chat.id == chat.conversation.id
