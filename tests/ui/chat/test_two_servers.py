"""Another server on the same database changes the conversation: the page shows it as a branch and says so."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import pytest

from lib.store.store import Store
from lib.ui.shell.registry import registry
from lib.ui.shell.visitor_cookie import LOCAL_OWNER
from tests.page.upstream import StreamReply, Upstream
from tests.store.conversation_trees import make_conversation
from tests.ui.app_test_page import AppTestPage

NOTICE = "Somebody changed this conversation on another Paddock server"
OTHER_SETUP = "The system prompt or settings of this conversation were changed on another Paddock server"


@pytest.fixture
def other() -> Iterator[Store]:
    with closing(Store(os.environ["PADDOCK_DATABASE_URL"])) as store:
        yield store


@pytest.fixture
def page(upstream: Upstream) -> AppTestPage:
    upstream.plan_replies(StreamReply("One."), StreamReply("Two."))
    page = AppTestPage().send("First")
    assert registry().autosave.save()
    assert NOTICE not in page.text()
    return page


def add_elsewhere(other: Store, page: AppTestPage, text: str) -> None:
    """Ask a question in the open conversation, and get its answer, on the other server."""
    id = page.test.query_params["c"]
    saved = other.conversations.load(LOCAL_OWNER, id if isinstance(id, str) else id[0])
    assert saved is not None
    conversation = make_conversation(text, conversation=saved.conversation)
    other.conversations.save(LOCAL_OWNER, conversation, saved.settings)


def test_what_both_servers_added_are_branches(page: AppTestPage, other: Store) -> None:
    add_elsewhere(other, page, "Theirs")
    page.send("Second")
    assert registry().autosave.save()
    page.run()
    assert page.first_texts() == ["First", "One.", "Second", "Two."]
    assert NOTICE in page.text()
    page.click(page.by_keys("^elsewhere-show-")[0].key)
    assert page.first_texts() == ["First", "One.", "Theirs", "You said: Theirs"]
    assert NOTICE not in page.text()
    page.click(page.by_keys("^variant1-")[0].key)
    assert page.first_texts() == ["First", "One.", "Second", "Two."]


def test_a_reload_shows_what_another_server_added(page: AppTestPage, other: Store) -> None:
    add_elsewhere(other, page, "Theirs")
    page = page.reopen()
    assert page.first_texts() == ["First", "One.", "Theirs", "You said: Theirs"]
    page.click(page.by_keys("^elsewhere-close-")[0].key)
    assert NOTICE not in page.text()


def change_setup_elsewhere(other: Store, page: AppTestPage, system: str, temperature: float) -> None:
    id = page.test.query_params["c"]
    saved = other.conversations.load(LOCAL_OWNER, id if isinstance(id, str) else id[0])
    assert saved is not None
    other.conversations.save(
        LOCAL_OWNER,
        replace(saved.conversation, system=system),
        saved.settings.with_value("temperature", temperature),
    )


def test_the_setup_that_another_server_changed_too_is_offered(page: AppTestPage, other: Store) -> None:
    change_setup_elsewhere(other, page, "Theirs.", 0.9)
    with registry().autosave.paused():  # it saves by itself, too
        page.choose("system", "Ours.")
    assert registry().autosave.save()
    page.run()
    assert page.by_key("system").value == "Ours."
    assert page.by_key("temperature-number").value == 0.9, "only one server changed it"
    assert f"{OTHER_SETUP} too. The last change counts. The other version has" in page.text()
    assert "System prompt: Theirs. · Temperature: 0.6." in page.text()
    page.click("other-setup-use")
    assert OTHER_SETUP not in page.text()
    assert page.by_key("system").value == "Theirs."
    assert page.by_key("temperature-number").value == 0.6
    assert registry().autosave.save()
    page = page.reopen()
    assert page.by_key("system").value == "Theirs."


def test_a_reload_shows_the_setup_of_another_server(page: AppTestPage, other: Store) -> None:
    change_setup_elsewhere(other, page, "Theirs.", 0.6)
    page = page.reopen()
    assert page.by_key("system").value == "Theirs."
    assert "The other version has System prompt: none." in page.text()
    page.click("other-setup-close")
    assert OTHER_SETUP not in page.text()
    assert page.by_key("system").value == "Theirs."
