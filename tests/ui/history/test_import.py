"""An import brings all conversations of a file, or none, however it ends."""

from __future__ import annotations

from typing import Any

import pytest

from lib.files.conversation_import_export import dump_zip
from lib.files.conversation_json import ConversationFile
from lib.model.known_models import find_record
from lib.model.settings import Settings
from lib.store import conversation_writer
from lib.ui.history.import_export import export_all
from lib.ui.shell.registry import registry
from lib.ui.shell.visitor_cookie import LOCAL_OWNER
from tests.page import stored_conversations
from tests.ui.app_test_page import MODEL, AppTestPage
from tests.ui.history.test_history_page import page, titles  # noqa: F401 (a fixture)

SETTINGS = Settings.defaults(MODEL)


def pack(*questions: str, **first: Any) -> bytes:
    """Return a zip with a conversation for each question; ``first``: title and pin of the first one."""
    conversations = [stored_conversations.make_conversation(1, question) for question in questions]
    files = [ConversationFile(conversation, SETTINGS) for conversation in conversations]
    files[0] = ConversationFile(conversations[0], SETTINGS, **first)
    return dump_zip(files, find_record)


def upload(page: AppTestPage, data: bytes) -> None:  # noqa: F811
    page.go_to("history")
    page.test.file_uploader[0].set_value(("all.zip", data, "application/zip"))
    page.test.run()
    if (key := "carry-reading") in page.test.session_state:  # on a busy machine
        assert page.test.session_state[key].wait(60)
        page.test.run()


def test_an_import_adds_all(page: AppTestPage) -> None:  # noqa: F811
    data = pack("One", "Two", "Three", title="My  title", pinned=True)
    for _ in range(2):
        upload(page, data)
        assert not page.test.exception
        assert "3 conversations imported." in page.texts()
    assert titles(page)[:2] == ["My title"] * 2, "pinned"
    assert sorted(titles(page)[2:]) == ["Three", "Three", "Two", "Two"]


@pytest.mark.parametrize("step", ["create", "write"])
def test_an_import_that_ends_in_the_middle_adds_nothing(
    page: AppTestPage,  # noqa: F811
    step: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    original = getattr(conversation_writer, step)
    calls = 0

    def end_at_the_third(*args: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise RuntimeError("killed")
        return original(*args)

    page.go_to("history")
    with monkeypatch.context() as patch:
        patch.setattr(conversation_writer, step, end_at_the_third)
        upload(page, pack("One", "Two", "Three", "Four"))
    assert calls == 3
    assert page.test.exception
    assert registry().store.conversations.count(LOCAL_OWNER) == 0


def test_comparisons_are_exported_and_imported(page: AppTestPage) -> None:  # noqa: F811
    comparison = AppTestPage(path="pages/compare.py")
    comparison.test.chat_input[0].set_value("Which is better?")
    comparison.run()
    comparison.choose(comparison.by_keys("^stars-")[0].key, 4)
    registry().autosave.save()
    (saved,) = registry().store.comparisons.newest(LOCAL_OWNER)
    page.go_to("history")
    assert page.by_key("carry-export").label == "Export all 1"
    data = export_all(LOCAL_OWNER)
    upload(page, data)
    assert "1 comparison imported." in page.texts()
    assert titles(page) == [], "its columns are not in the list of conversations"
    page.choose("history-view", "Comparisons")
    assert titles(page) == ["Which is better?", "Which is better?"]
    (imported,) = (each for each in registry().store.comparisons.newest(LOCAL_OWNER) if each.id != saved.id)
    again = AppTestPage(f"/?k={imported.id}", path="pages/compare.py")
    assert again.text().count("A short answer.") == 2
    assert [stars.value for stars in again.by_keys("^stars-")] == [4, None]
