"""The History page: list, search, pin, rename, delete and restore, pages of many, and what it cost."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from lib.chat.conversation import Conversation
from lib.compare.comparison import Comparison, ComparisonColumn, ComparisonRound, dump_comparison
from lib.experiment import plan_grid
from lib.experiment.results.cell_result import Result, Status
from lib.model.usage import Usage
from lib.store.store import Store
from lib.store.stored_values import CellChange, SavedComparison
from lib.ui.shell.visitor_cookie import LOCAL_OWNER
from tests.page import stored_conversations
from tests.page.upstream import Upstream
from tests.runner.run_fixtures import new_run, numbers_plan
from tests.ui.app_test_page import WHOLE_APP, AppTestPage

DAY = 24 * 3600.0
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC).timestamp()


@contextmanager
def open_store(now: float | None = None) -> Iterator[Store]:
    """Open the database of these tests; ``now``: the time that the clock shows meanwhile."""
    store = Store(os.environ["PADDOCK_DATABASE_URL"], time.time if now is None else lambda: now)
    try:
        yield store
    finally:
        store.close()


@pytest.fixture
def page(upstream: Upstream) -> AppTestPage:
    """A session of the whole application."""
    return AppTestPage(path=WHOLE_APP)


def save_conversations(*questions: str) -> list[str]:
    """Save a conversation for each question, a minute apart, the last one the newest; return their ids."""
    ids = []
    for number, question in enumerate(questions):
        with open_store(NOON + 60 * number) as store:
            ids.append(
                stored_conversations.save_conversation(
                    store, stored_conversations.make_conversation(1, question, f"reply {number}")
                )
            )
    return ids


def titles(page: AppTestPage) -> list[str]:
    """Return the titles of the list, from the top."""
    return [page.texts(row)[0] for row in page.by_keys("^entry-")]


def test_the_list_opens_conversations(page: AppTestPage, upstream: Upstream) -> None:
    ids = save_conversations("Older", "Newer")
    page.send("Right now").go_to("history")
    assert titles(page) == ["Right now", "Newer", "Older"]
    row = page.by_key(f"entry-{ids[0]}")
    # 0.27 + 4 millionths of a dollar
    assert page.texts(row)[-1] == "2026-03-01 12:00 UTC · 2 messages · 30 tokens · $0.00000427"
    (link,) = (node for node in row if node.type == "page_link")
    assert link.proto.query_string == f"c={ids[0]}"
    page.go_to("chat", c=ids[0])
    assert page.first_texts() == ["Older", "reply 0"]
    page.send("And more")
    assert [turn["content"] for turn in upstream.requests[-1].body["messages"]] == [
        "Older",
        "reply 0",
        "And more",
    ]
    page.go_to("history")
    assert titles(page) == ["Older", "Right now", "Newer"]


@pytest.mark.parametrize("words", ["xylophone", "XYLO", "about xylophones"])
def test_search_finds_titles_and_texts(page: AppTestPage, words: str) -> None:
    save_conversations("Something else", "A word about xylophones")
    with open_store() as store:
        stored_conversations.save_conversation(
            store,
            stored_conversations.make_conversation(1, "Music?", "There is much to say about xylophones."),
        )
    page.go_to("history")
    assert titles(page) == ["Music?", "A word about xylophones", "Something else"]
    page.choose("history-search", words)
    assert titles(page) == ["Music?", "A word about xylophones"]
    page.choose("history-search", "nowhere at all")
    assert "Nothing found." in page.texts()
    assert titles(page) == []
    page.choose("history-search", "")
    assert titles(page) == ["Music?", "A word about xylophones", "Something else"]


def test_a_pinned_conversation_stays_on_top(page: AppTestPage) -> None:
    ids = save_conversations("First", "Second", "Third")
    page.go_to("history").click(f"pin-{ids[0]}")
    assert titles(page) == ["First", "Third", "Second"]
    assert titles(AppTestPage(path=WHOLE_APP).go_to("history")) == ["First", "Third", "Second"]
    assert page.by_key(f"pin-{ids[0]}").label == "Unpin"
    page.click(f"pin-{ids[0]}")
    assert titles(page) == ["Third", "Second", "First"]


@pytest.mark.parametrize("title", ["My horses", "*not* `code` [x](y) $5 and $6 :red[no] # <b>", "- 1. > +"])
def test_a_title_is_shown_as_it_was_typed(page: AppTestPage, title: str) -> None:
    ids = save_conversations("First", "Second")
    page.go_to("history").choose(f"title-{ids[0]}", title)
    assert titles(page) == ["Second", title]
    assert titles(AppTestPage(path=WHOLE_APP).go_to("history")) == ["Second", title]


def test_a_deleted_conversation_comes_back(page: AppTestPage) -> None:
    ids = save_conversations("First", "Second")
    page.go_to("history").click(f"delete-{ids[1]}")
    assert titles(page) == ["First"]
    page.click("undo-delete")
    assert titles(page) == ["Second", "First"]
    page.click(f"delete-{ids[1]}")
    assert titles(page) == ["First"]
    assert AppTestPage(f"/?c={ids[1]}").messages == []  # in the bin it is not open
    page.choose("history-view", "Bin")
    assert titles(page) == ["Second"]
    page.click(f"restore-{ids[1]}")
    assert titles(page) == []
    page.choose("history-view", "Conversations")
    assert titles(page) == ["Second", "First"]


def test_all_are_deleted_and_come_back(page: AppTestPage) -> None:
    save_conversations("First", "Second", "Third")
    page.go_to("history").click("delete-all-now")
    assert "3 conversations were deleted." in page.texts()
    assert titles(page) == []
    page.click("undo-delete")
    assert titles(page) == ["Third", "Second", "First"]


def test_sixty_are_on_three_pages(page: AppTestPage) -> None:
    expected = [f"Number {number}" for number in range(60)]
    with open_store() as store:
        for title in expected:
            stored_conversations.save_conversation(store, stored_conversations.make_conversation(1, title))
    page.go_to("history")
    seen: list[str] = []
    for number, count in ((1, 25), (2, 25), (3, 10)):
        if number > 1:
            page.choose("history-page", number)
        assert len(titles(page)) == count
        seen += titles(page)
    assert sorted(seen) == sorted(expected)
    with open_store() as store:  # the last page disappears under the reader
        for entry in store.conversations.entries(LOCAL_OWNER, "", 2):
            store.conversations.delete(LOCAL_OWNER, entry.id)
    page.choose("history-search", "Number")
    assert len(titles(page)) == 25


def test_spend_is_exact(page: AppTestPage) -> None:
    one, two = Usage(1_000, 100), Usage(12_345, 237)
    with open_store(NOON) as store:
        talk = stored_conversations.add_exchange(Conversation(), "a", "b", one)
        talk = stored_conversations.add_exchange(talk, "c", "d", two)
        stored_conversations.save_conversation(store, talk)
        stored_conversations.save_conversation(
            store, talk.branch(talk.head or "")
        )  # the same answers: they cost nothing again
        stored_conversations.save_conversation(
            store, stored_conversations.add_exchange(Conversation(), "e", "f", Usage(10, 3, estimated=True))
        )
    with open_store(NOON + DAY) as store:
        stored_conversations.save_conversation(
            store, stored_conversations.add_exchange(Conversation(), "g", "h", two, "Twin", billed=False)
        )
    page.go_to("history")
    assert len(titles(page)) == 4
    page.choose("history-view", "Spend")
    # The chart's bars have their heights at once.
    assert re.search(r"animation\W+false", page.everything())
    cloudflare, twin = spend_tables(page)
    # By hand, in millionths: (1,000 + 12,345 + 10) × 0.027 + (100 + 237 + 3) × 0.20 = 360.585 + 68.
    assert "| Cost |" in cloudflare
    assert cloudflare.endswith("| 2026-03-01 | Chat, Compare | 3 | ≈ 13,355 | ≈ 340 | $0.000428585 |")
    assert "| Would have cost |" in twin
    assert twin.endswith("| 2026-03-02 | Chat, Compare | 1 | 12,345 | 237 | $0.000380715 |")


def test_an_answer_from_a_gateways_cache_cost_nothing(page: AppTestPage) -> None:
    with open_store(NOON) as store:
        talk = stored_conversations.add_exchange(Conversation(), "a", "b", Usage(1_000, 100))
        cached = Usage(2_000, 50, from_gateway_cache=True)
        stored_conversations.save_conversation(
            store, stored_conversations.add_exchange(talk, "a", "b", cached)
        )
    page.go_to("history")
    assert "$0.000047" in page.text()
    page.choose("history-view", "Spend")
    (table,) = spend_tables(page)
    # By hand, in millionths: 1,000 × 0.027 + 100 × 0.20 = 47.
    assert "| 2026-03-01 | Chat, Compare | 1 | 1,000 | 100 | $0.000047 |" in table
    assert "| 2026-03-01 | Chat, Compare (AI Gateway's cache) | 1 | 2,000 | 50 | $0 |" in table


def spend_tables(page: AppTestPage) -> list[str]:
    """Return the tables of the spend, one for each backend, with plain hyphens in the days."""
    texts = (text.replace("\N{NON-BREAKING HYPHEN}", "-") for text in page.texts())
    return [text for text in texts if text.startswith("| Day")]


def test_spend_has_experiments_and_comparisons(page: AppTestPage) -> None:
    """The answers of a comparison's columns are in conversations; those of experiments are cells of runs."""
    talk = stored_conversations.add_exchange(Conversation(), "a", "b", Usage(1_000, 100))
    with open_store(NOON) as store:
        stored_conversations.save_conversation(store, talk)
        column = ComparisonColumn(talk.id, "A")
        body = dump_comparison(Comparison((column,), (ComparisonRound("Which is better?", {}),)))
        store.comparisons.save(LOCAL_OWNER, SavedComparison("compared", "Which is better?", body, (talk.id,)))
        run = new_run(store, numbers_plan(2), owner=LOCAL_OWNER)
        plan = numbers_plan(2)
        store.runs.update(
            LOCAL_OWNER,
            run.id,
            state="done",
            error=None,
            backend="Cloudflare",
            billed=True,
            limits=plan.limits,
        )
        results = (
            Result(plan_grid.cell_at(plan, number), Status.FAILED, None, cost=Decimal("0.125"), requests=66)
            for number in range(2)
        )
        changes = [CellChange(result, position) for position, result in enumerate(results, 1)]
        store.cells.write(LOCAL_OWNER, run.id, changes)
    page.go_to("history").choose("history-view", "Spend")
    (table,) = spend_tables(page)
    assert "| 2026-03-01 | Chat, Compare | 1 |" in table
    assert "| Experiment | 132 | 0 | 0 | $0.25 |" in table
    page.choose("history-view", "Comparisons")
    assert titles(page) == ["Which is better?"]
    (link,) = (node for node in page.by_key("entry-compared") if node.type == "page_link")
    assert link.proto.query_string == "k=compared"
    assert page.texts(page.by_key("entry-compared"))[-1] == "2026-03-01 12:00 UTC · 1 column · 1 input"
    page.choose("history-search", "worse")
    assert titles(page) == []
    page.choose("history-search", "BETTER").choose("history-view", "Experiments")
    assert titles(page) == []
    page.choose("history-search", "")
    entry = page.by_key(f"entry-{run.experiment}")
    assert page.texts(entry)[0] == "Numbers"
    (link,) = (node for node in entry if node.type == "page_link")
    assert link.proto.query_string == f"e={run.experiment}"
