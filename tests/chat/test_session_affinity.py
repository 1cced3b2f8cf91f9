"""The requests of a conversation share a session where cached input has a price, and nowhere else."""

from __future__ import annotations

import re

from lib.chat.chat_session import ChatSession
from lib.chat.conversation import Conversation
from lib.chat.session_affinity import session_id
from tests import sample_values
from tests.chat.test_chat_models import MODEL, find_model
from tests.chat.test_chat_session import send_and_wait, wait_until_idle
from tests.model.catalogue_models import EFFORT, LARGE
from tests.scripted_server import ScriptedServer, streams

HEADER = "x-session-affinity"


def new_chat(conversation: Conversation) -> ChatSession:
    return ChatSession(sample_values.make_client(), MODEL, conversation, find_model=find_model)


def test_only_a_model_with_a_price_for_cached_input_gets_it() -> None:
    assert EFFORT.price.cached_input_per_million is not None
    assert MODEL.price.cached_input_per_million is LARGE.price.cached_input_per_million is None
    chat = new_chat(Conversation())
    with ScriptedServer(streams("Hi")) as server:
        for model in (MODEL, EFFORT, EFFORT, LARGE):
            chat.use_model(model)
            send_and_wait(chat, "Hi", server)
        answer = chat.conversation.path()[3]
        chat.continue_answer(answer, sample_values.make_backend(server.url))
        wait_until_idle(chat)
    sessions = [request.headers.get(HEADER) for request in server.requests]
    assert sessions[0] is sessions[3] is None
    assert sessions[1] is not None
    assert sessions[1] == sessions[2] == sessions[4], "also a request that continues an earlier answer"


def test_each_conversation_has_its_own_and_none_tells_its_id() -> None:
    conversations = [Conversation(), Conversation(), Conversation(id="alice")]
    with ScriptedServer(streams("Hi")) as server:
        for conversation in conversations:
            chat = new_chat(conversation)
            chat.use_model(EFFORT)
            send_and_wait(chat, "Hi", server)
    sessions = [request.headers[HEADER] for request in server.requests]
    assert len(set(sessions)) == 3
    for conversation, session in zip(conversations, sessions, strict=True):
        assert re.fullmatch("[0-9a-f]{32}", session)
        assert conversation.id not in session
        assert session == session_id(conversation.id), "the same after a restart"
