"""Another server on the same database adds a round to a comparison: no save here removes it."""

from __future__ import annotations

import os
from contextlib import closing
from dataclasses import replace

from lib.chat.conversation import Conversation
from lib.compare.comparison import Comparison, ComparisonColumn, ComparisonRound, dump_comparison
from lib.store.store import Store
from lib.store.stored_values import SavedComparison
from lib.ui.shell.registry import registry
from lib.ui.shell.visitor_cookie import LOCAL_OWNER
from tests.store.conversation_trees import SETTINGS, make_conversation
from tests.ui.app_test_page import AppTestPage


def save(store: Store, comparison: Comparison, conversations: list[Conversation]) -> None:
    for conversation in conversations:
        store.conversations.save(LOCAL_OWNER, conversation, SETTINGS)
    columns = tuple(column.id for column in comparison.columns)
    body = dump_comparison(comparison)
    store.comparisons.save(LOCAL_OWNER, SavedComparison(comparison.id, "First", body, columns))


def test_a_round_of_another_server_stays() -> None:
    conversations = [make_conversation("First"), make_conversation("First")]
    columns = tuple(ComparisonColumn(one.id, name) for one, name in zip(conversations, "AB", strict=True))
    first = ComparisonRound("First", {one.id: one.messages[0].id for one in conversations})
    comparison = Comparison(columns, (first,))
    with closing(Store(os.environ["PADDOCK_DATABASE_URL"])) as other:
        save(other, comparison, conversations)
        session = registry().find_comparison(LOCAL_OWNER, comparison.id)
        assert session is not None
        answered = [make_conversation("Second", conversation=one) for one in conversations]
        third = make_conversation("Second")
        asked = {one.id: one.messages[-2].id for one in (*answered, third)}
        theirs = Comparison(
            (*columns, ComparisonColumn(third.id, "C")),
            (first, ComparisonRound("Second", asked)),
            id=comparison.id,
        )
        save(other, theirs, [*answered, third])
        rated = answered[0].messages[1].id
        session.rate(rated, 4)
        stored = other.comparisons.load(LOCAL_OWNER, comparison.id)
        assert stored is not None
        assert [round["text"] for round in stored.body["rounds"]] == ["First", "Second"]
        assert stored.body["ratings"] == {rated: 4}
        assert set(stored.column_ids) == {*asked}
    again = registry().find_comparison(LOCAL_OWNER, comparison.id)
    assert again is not None
    assert [round.text for round in again.comparison.rounds] == ["First", "Second"]
    for column in again.comparison.columns:
        (answer,) = again.comparison.answers(column, again.conversations()[column.id], 1)
        assert answer.content == "You said: Second"
    again.rate(rated, None)
    assert again.comparison.ratings == {}


def test_the_setup_of_a_column_that_another_server_changed_too_is_offered() -> None:
    conversations = [make_conversation("First"), make_conversation("First")]
    columns = tuple(ComparisonColumn(one.id, name) for one, name in zip(conversations, "AB", strict=True))
    round = ComparisonRound("First", {one.id: one.messages[0].id for one in conversations})
    comparison = Comparison(columns, (round,))
    with closing(Store(os.environ["PADDOCK_DATABASE_URL"])) as other:
        save(other, comparison, conversations)
        page = AppTestPage(f"/?k={comparison.id}", "pages/compare.py")
        theirs = replace(conversations[1], system="Theirs.")
        other.conversations.save(LOCAL_OWNER, theirs, SETTINGS)
    chat = registry().find_chat(LOCAL_OWNER, theirs.id)
    assert chat is not None
    chat.set_system("Ours.")
    assert registry().autosave.save()
    page.run()
    assert "settings of column B were changed on another Paddock server too." in page.text()
    assert "The other version has System prompt: Theirs." in page.text()
    page.click("other-setup-useB")
    assert "on another Paddock server too" not in page.text()
    assert chat.conversation.system == "Theirs."
