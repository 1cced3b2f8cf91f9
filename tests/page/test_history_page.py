"""The History page: list, search, open, pin, rename, delete, restore, many pages, and costs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from lib.ui.shell.visitor_cookie import LOCAL_OWNER
from tests.page import stored_conversations
from tests.page.app_process import AppProcess
from tests.page.browser_tab import BrowserTab
from tests.page.conftest import StartApp, Visit
from tests.page.upstream import Upstream

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC).timestamp()


@pytest.fixture(scope="module")
def home(own: StartApp) -> AppProcess:
    """Start an app whose conversations only these tests save."""
    return own()


@pytest.fixture
def shelf(home: AppProcess) -> Iterator[AppProcess]:
    """Return the same app without conversations."""
    with stored_conversations.open_store(home) as store:
        store.conversations.delete_all(LOCAL_OWNER)
        deleted = store.conversations.entries(LOCAL_OWNER, size=1000, deleted=True)
        store.conversations.purge(LOCAL_OWNER, *(entry.id for entry in deleted))
    return home


def put(shelf: AppProcess, *questions: str) -> list[str]:
    """Save a conversation for each question, a minute apart, the newest last; return their ids."""
    ids = []
    for number, question in enumerate(questions):
        with stored_conversations.open_store(shelf, NOON + 60 * number) as store:
            ids.append(
                stored_conversations.save_conversation(
                    store, stored_conversations.make_conversation(1, question, f"reply {number}")
                )
            )
    return ids


def titles(tab: BrowserTab) -> list[str]:
    return [text.strip() for text in tab.page.locator(ROWS).evaluate_all(TITLES)]


ROWS = "[class*='st-key-entry-']"
TITLES = """rows => rows.map(
    row => row.querySelector('[data-testid=stPageLink] p, [data-testid=stText]')?.innerText ?? '')"""


def wait_for_titles(tab: BrowserTab, *expected: str) -> None:
    """Wait until exactly these titles are listed, in that order."""
    tab.wait_until(f"{expected}", lambda: titles(tab) == list(expected))
    tab.wait_until_idle()


def row(tab: BrowserTab, id: str, button: str) -> None:
    """Click a button of one conversation."""
    tab.by_key(f"entry-{id}").get_by_role("button", name=button, exact=True).first.click()


@pytest.fixture
def tab(visit: Visit, shelf: AppProcess) -> BrowserTab:
    tab = visit(shelf.url)
    tab.wait_until_idle()
    return tab


def test_the_list_opens_what_was_said(tab: BrowserTab, shelf: AppProcess, upstream: Upstream) -> None:
    ids = put(shelf, "Older", "Newer")
    tab.send("Right now")
    tab.wait_for_end()
    tab.go_to_page("History")
    wait_for_titles(tab, "Right now", "Newer", "Older")
    caption = tab.by_key(f"entry-{ids[0]}").locator("[data-testid=stCaptionContainer]").inner_text()
    # The cost is 0.27 + 4 millionths of a dollar.
    assert caption == "2026-03-01 12:00 · 2 messages · 30 tokens · $0.00000427"
    tab.page.get_by_role("link", name="Older").first.click()
    tab.wait_for_answer("reply 0")
    assert f"c={ids[0]}" in tab.page.url
    tab.send("And more")
    tab.wait_for_end(which=1)
    assert [turn["content"] for turn in upstream.requests[-1].body["messages"]] == [
        "Older",
        "reply 0",
        "And more",
    ]
    tab.go_to_page("History")
    wait_for_titles(tab, "Older", "Right now", "Newer")


def test_a_name_is_shown_as_it_was_given(tab: BrowserTab, shelf: AppProcess) -> None:
    title = "*not* `code` [x](y) $5 and $6 :red[no] # <b>"
    ids = put(shelf, "First", "Second")
    tab.go_to_page("History")
    wait_for_titles(tab, "Second", "First")
    row(tab, ids[0], "Rename")
    box = tab.page.locator("[data-testid=stPopoverBody]").get_by_role("textbox", name="Title")
    box.fill(title)
    box.press("Enter")
    wait_for_titles(tab, "Second", title)
    tab.page.reload()
    wait_for_titles(tab, "Second", title)
