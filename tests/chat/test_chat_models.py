"""A chat's model is one of its settings: it changes between sends, and a running answer is not touched."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from lib.chat.answer_cost import answer_cost
from lib.chat.chat_session import ChatSession
from lib.chat.conversation import Conversation
from lib.errors import BadInput
from lib.model.known_models import find_record
from lib.model.model_change import SettingChange
from lib.model.model_record import Model, default_model
from lib.model.pricing import cost_in_dollars
from lib.model.settings import Settings
from lib.model.usage import Usage
from tests import sample_values
from tests.chat.test_chat_session import send_and_wait, wait_until_idle
from tests.model.catalogue_models import EFFORT, LARGE, LISTED_MODELS
from tests.scripted_server import Peer, ReceivedRequest, ScriptedServer, response_head, streams, text_events

MODEL = default_model()
SWITCHES = 30


def find_model(id: str) -> Model | None:
    return find_record(id) or LISTED_MODELS.get(id)


def new_chat() -> ChatSession:
    return ChatSession(sample_values.make_client(), MODEL, Conversation(), find_model=find_model)


def test_each_send_goes_to_the_model_of_its_moment() -> None:
    chat = new_chat()
    with ScriptedServer(streams("One"), streams("Two"), streams("Three")) as server:
        send_and_wait(chat, "Hi", server)
        assert chat.use_model(LARGE) == ()
        send_and_wait(chat, "And now?", server)
        chat.settings = Settings.defaults(EFFORT).with_value("reasoning_effort", "high")
        send_and_wait(chat, "And now?", server)
    paths = [request.target for request in server.requests]
    assert [path.partition("/ai/run/")[2] for path in paths] == [MODEL.id, LARGE.id, EFFORT.id]
    assert server.requests[2].json()["reasoning_effort"] == "high"
    answers = [answer for message in chat.conversation.path() for answer in message.answers]
    assert [answer.request.model for answer in answers] == [MODEL.id, LARGE.id, EFFORT.id]


def test_switching_while_an_answer_comes_loses_nothing() -> None:
    pieces = [f"w{number} " for number in range(SWITCHES)]
    chat = new_chat()

    def script(peer: Peer, _: ReceivedRequest) -> None:
        peer.send(response_head())
        for number, piece in enumerate(pieces):
            peer.send(text_events(piece))
            chat.use_model((LARGE, EFFORT, MODEL)[number % 3])
        peer.send(b"data: [DONE]\n\n")

    with ScriptedServer(script) as server:
        send_and_wait(chat, "Hi", server)
    [answer] = chat.conversation.path()[-1].answers
    assert answer.text == "".join(pieces)
    assert answer.request.model == MODEL.id
    assert chat.model is (LARGE, EFFORT, MODEL)[(SWITCHES - 1) % 3]


def test_an_answer_is_continued_by_the_model_that_wrote_it() -> None:
    chat = new_chat()
    with ScriptedServer(streams("One"), streams(" more")) as server:
        send_and_wait(chat, "Hi", server)
        chat.use_model(EFFORT)
        chat.continue_answer(chat.conversation.path()[-1], sample_values.make_backend(server.url), 99)
        wait_until_idle(chat)
    assert server.requests[1].target.endswith(MODEL.id)
    assert server.requests[1].json()["max_tokens"] == 99


def test_what_the_new_model_does_not_take_is_returned_once() -> None:
    chat = new_chat()
    chat.settings = chat.settings.with_value("top_k", 7)
    assert chat.use_model(EFFORT) == (SettingChange("Top k", 7),)
    assert chat.use_model(EFFORT) == ()
    assert chat.settings == Settings.defaults(EFFORT)


def test_a_model_that_is_not_listed_is_kept_and_never_replaced() -> None:
    chat = new_chat()
    lost = replace(Settings.defaults(EFFORT), model="@cf/acme/gone").with_value("reasoning_effort", "high")
    chat.settings = lost
    assert chat.settings == lost
    assert (chat.model.id, chat.model.is_known) == ("@cf/acme/gone", False)
    with pytest.raises(BadInput, match="@cf/acme/gone"):
        chat.send("Hi", sample_values.make_backend("http://127.0.0.1:9"))
    assert chat.conversation.messages == ()
    # Its account is connected: the settings are as they were.
    chat.use_model(replace(EFFORT, id="@cf/acme/gone"))
    assert chat.settings == lost


def test_each_answer_is_priced_with_its_own_model() -> None:
    chat = new_chat()
    with ScriptedServer(streams("One", counts=(1000, 50)), streams("Two", counts=(2000, 70))) as server:
        send_and_wait(chat, "Hi", server)
        chat.use_model(LARGE)
        send_and_wait(chat, "Hi", server)
    answers = [answer for message in chat.conversation.path() for answer in message.answers]
    expected = cost_in_dollars(Usage(1000, 50), MODEL.price) + cost_in_dollars(Usage(2000, 70), LARGE.price)
    cost = answer_cost([*answers, answers[0]], find_model)
    assert cost is not None
    assert cost.listed == expected
    assert answer_cost(answers, find_record) is None, "one price is not known"
    assert answer_cost([], find_model) is None


def test_cached_input_has_its_own_price() -> None:
    chat = new_chat()
    chat.use_model(EFFORT)
    with ScriptedServer(streams("One", counts=(1000, 50))) as server:
        send_and_wait(chat, "Hi", server)
    [answer] = chat.conversation.path()[-1].answers
    cached = replace(answer, usage=Usage(1000, 50, cached_tokens=400))
    cost = answer_cost([cached], find_model)
    assert cost is not None
    assert cost.listed == (600 * Decimal("0.45") + 400 * Decimal("0.05") + 50 * Decimal("3.2")) / 1_000_000
