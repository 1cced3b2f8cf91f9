"""A conversation in which another server writes an answer is shown, but not changed, until that answer has ended."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace

from lib.store.store import Store
from lib.ui.shell.registry import registry
from lib.ui.shell.visitor_cookie import LOCAL_OWNER
from tests.page.upstream import Upstream
from tests.store.conversation_trees import SETTINGS, make_answer, make_unanswered, make_unfinished
from tests.ui.app_test_page import AppTestPage


def test_an_answer_of_another_server(upstream: Upstream) -> None:
    conversation, request = make_unanswered("Tell me")
    live = (make_unfinished(conversation, request, "Once upon"),)
    with closing(Store(f"sqlite:///{registry().store.database.name}")) as other:
        other.conversations.save(LOCAL_OWNER, conversation, SETTINGS, live)
        page = AppTestPage(f"/?c={conversation.id}")
        assert "Once upon" in page.text()
        assert any("Another Paddock server is writing this answer" in error for error in page.errors())
        page.send("And?")
        assert page.put_text == "And?"
        assert any("is writing an answer in this conversation" in error for error in page.errors())
        assert upstream.requests == []
        registry().clean_up()
        assert registry().autosave.save()
        last = conversation.path()[-1]
        whole = make_answer(conversation, "Once upon a time.")
        ended = conversation.replace_message(replace(last, content=whole.text, answers=(whole,)))
        other.conversations.save(LOCAL_OWNER, ended, SETTINGS)
        page.run()
        assert "Once upon a time." in page.text()
        assert page.errors() == []
        page.send("And?")
        assert len(upstream.requests) == 1
        assert len(page.answers) == 2
