"""A conversation is a tree: edit, insert, delete, branch, continue; no version of a message is lost."""

from __future__ import annotations

import pytest

from lib.ui.shell.registry import registry
from lib.ui.shell.visitor_cookie import LOCAL_OWNER
from tests.page import stored_conversations
from tests.page.upstream import StreamReply, Upstream
from tests.ui.app_test_page import AppTestPage


def sent_turns(upstream: Upstream, number: int = -1) -> list[tuple[str, str]]:
    """Return the messages of a request, as role and text."""
    return [(turn["role"], turn["content"]) for turn in upstream.requests[number].body["messages"]]


@pytest.fixture
def page(upstream: Upstream) -> AppTestPage:
    """A conversation of two questions and two answers."""
    upstream.plan_replies(StreamReply("One."), StreamReply("Two."))
    page = AppTestPage().send("First").send("Second")
    assert page.first_texts() == ["First", "One.", "Second", "Two."]
    return page


def edit(page: AppTestPage, number: int, text: str, button: str) -> AppTestPage:
    """Change a message of the open path by its menu."""
    frame = sorted([*page.answers, *page.questions], key=list(page.test._tree).index)[number]
    id = page.message_id(frame)
    page.choose_in_menu(frame, "Edit")
    page.by_key(f"edit-{id}").set_value(text)
    page.click(f"{button}-{id}")
    assert not page.has_key(f"edit-{id}")
    return page


def show_other_version(page: AppTestPage, step: int, inside: int) -> AppTestPage:
    """Click ‹ (-1) or › (1) under the question or answer of that number."""
    return page.click(page.by_keys(f"^variant{step}-")[inside].key)


def test_an_edited_message_keeps_what_follows_and_its_old_text(page: AppTestPage, upstream: Upstream) -> None:
    edit(page, 0, "First, but edited", "save")
    assert page.first_texts() == ["First, but edited", "One.", "Second", "Two."]
    assert len(upstream.requests) == 2  # nothing was sent
    assert "2/2" in page.texts(page.questions[0])
    show_other_version(page, -1, 0)
    assert page.first_texts() == ["First", "One.", "Second", "Two."]
    show_other_version(page, 1, 0)
    assert page.first_texts() == ["First, but edited", "One.", "Second", "Two."]
    page.send("Third")
    assert sent_turns(upstream) == [
        ("user", "First, but edited"),
        ("assistant", "One."),
        ("user", "Second"),
        ("assistant", "Two."),
        ("user", "Third"),
    ]


def test_save_and_send_asks_again_from_there(page: AppTestPage, upstream: Upstream) -> None:
    upstream.plan_replies(StreamReply("Another one."))
    edit(page, 0, "Something else", "resend")
    assert page.first_texts() == ["Something else", "Another one."]
    assert sent_turns(upstream) == [("user", "Something else")]
    show_other_version(page, -1, 0)
    assert page.first_texts() == ["First", "One.", "Second", "Two."]


def test_an_edited_answer_is_continued(page: AppTestPage, upstream: Upstream) -> None:
    upstream.plan_replies(StreamReply("and grey, and wet.", usage=(30, 6)))
    edit(page, 3, "The sky is blue ", "resend")
    assert sent_turns(upstream) == [
        ("user", "First"),
        ("assistant", "One."),
        ("user", "Second"),
        ("assistant", "The sky is blue "),
    ]
    assert page.first_texts() == ["First", "One.", "Second", "The sky is blue and grey, and wet."]
    assert page.figures().startswith("read 30 · wrote 6 tokens")
    show_other_version(page, -1, 0)
    assert page.first_texts() == ["First", "One.", "Second", "Two."]


def test_cancel_changes_nothing(page: AppTestPage) -> None:
    edit(page, 0, "Never meant", "cancel")
    assert page.first_texts() == ["First", "One.", "Second", "Two."]
    page.choose_in_menu(page.questions[0], "Edit")
    assert page.by_keys("^edit-")[0].value == "First"


@pytest.mark.parametrize("role", ["user", "assistant", "system", "tool"])
def test_a_message_is_inserted(page: AppTestPage, upstream: Upstream, role: str) -> None:
    id = page.message_id(page.answers[0])
    page.choose_in_menu(page.answers[0], "Add a message below")
    page.by_key(f"insert-{id}").set_value("In between")
    page.by_key(f"insert-role-{id}").set_value(role)
    page.click(f"do-insert-{id}")
    assert page.first_texts() == ["First", "One.", "In between", "Second", "Two."]
    page.send("Third")
    assert len(upstream.requests) == 3
    assert sent_turns(upstream)[1:4] == [("assistant", "One."), (role, "In between"), ("user", "Second")]


def test_a_deleted_message_comes_back(page: AppTestPage, upstream: Upstream) -> None:
    page.choose_in_menu(page.answers[0], "Delete")
    assert page.first_texts() == ["First", "Second", "Two."]
    page.click("undo")
    assert page.first_texts() == ["First", "One.", "Second", "Two."]
    assert not page.has_key("undo")
    page.choose_in_menu(page.answers[0], "Delete")
    page.send("Third")
    assert sent_turns(upstream) == [
        ("user", "First"),
        ("user", "Second"),
        ("assistant", "Two."),
        ("user", "Third"),
    ]
    assert not page.has_key("undo")  # it would remove the new messages too


def test_a_branch_leaves_the_old_conversation_alone(page: AppTestPage, upstream: Upstream) -> None:
    old = page.test.query_params["c"]
    page.choose_in_menu(page.answers[0], "Copy to a new chat")
    assert page.first_texts() == ["First", "One."]
    assert page.test.query_params["c"] != old
    page.send("Elsewhere")
    assert sent_turns(upstream) == [("user", "First"), ("assistant", "One."), ("user", "Elsewhere")]
    old_id = old if isinstance(old, str) else old[0]
    assert AppTestPage(f"/?c={old_id}").first_texts() == ["First", "One.", "Second", "Two."]


def test_a_long_conversation_is_drawn_from_its_end(upstream: Upstream) -> None:
    conversation = stored_conversations.make_conversation(40)
    stored_conversations.save_conversation(registry().store, conversation, LOCAL_OWNER)
    page = AppTestPage(f"/?c={conversation.id}")
    assert len(page.messages) == 20
    assert page.first_texts()[-1] == "answer 39"
    for count in (40, 60, 80):
        assert page.by_key("earlier").label == "Show 20 earlier messages"
        page.click("earlier")
        assert len(page.messages) == count
    assert page.first_texts()[0] == "question 0"
    page.send("And now?")
    assert len(sent_turns(upstream)) == 81
