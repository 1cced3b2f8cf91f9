"""The History page: list, search, open, pin, rename, delete and bring back, pages of many, what it cost."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from lib.chat.conversation import Conversation
from lib.model.usage import Usage
from lib.ui.shell.visitor_cookie import LOCAL_OWNER
from tests.page import stored_conversations
from tests.page.app_process import AppProcess
from tests.page.browser_tab import BrowserTab
from tests.page.conftest import StartApp, Visit
from tests.page.upstream import Upstream

DAY = 24 * 3600.0
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC).timestamp()


@pytest.fixture
def expected() -> list[str]:
    """Streamlit looks for its own paths below a page's first, and finds them one level up."""
    return ["404 (Not Found)"]


@pytest.fixture(scope="module")
def home(own: StartApp) -> AppProcess:
    """An application whose shelf these tests alone fill."""
    return own()


@pytest.fixture
def shelf(home: AppProcess) -> Iterator[AppProcess]:
    """The same, empty."""
    with stored_conversations.open_store(home) as store:
        store.conversations.delete_all(LOCAL_OWNER)
        deleted = store.conversations.entries(LOCAL_OWNER, size=1000, deleted=True)
        store.conversations.purge(LOCAL_OWNER, *(entry.id for entry in deleted))
    return home


def put(shelf: AppProcess, *questions: str) -> list[str]:
    """A conversation for each, a minute apart, the last one the newest; their ids."""
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
    """Wait until exactly these are listed, in that order."""
    tab.wait_until(f"{expected}", lambda: titles(tab) == list(expected))
    tab.wait_until_idle()


def row(tab: BrowserTab, id: str, button: str) -> None:
    """Click a button of one conversation."""
    tab.by_key(f"entry-{id}").get_by_role("button", name=button, exact=True).first.click()


def view(tab: BrowserTab, name: str) -> None:
    tab.page.get_by_role("radio", name=name, exact=True).click()


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
    assert caption == "2026-03-01 12:00 UTC · 2 messages · 30 tokens · $0.0000043"  # 0.27 + 4 millionths
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


@pytest.mark.parametrize("words", ["xylophone", "XYLO", "about xylophones"])
def test_search_finds_titles_and_texts(tab: BrowserTab, shelf: AppProcess, words: str) -> None:
    put(shelf, "Something else", "A word about xylophones")
    with stored_conversations.open_store(shelf) as store:
        stored_conversations.save_conversation(
            store,
            stored_conversations.make_conversation(1, "Music?", "There is much to say about xylophones."),
        )
    tab.go_to_page("History")
    wait_for_titles(tab, "Music?", "A word about xylophones", "Something else")
    search = tab.page.get_by_label("Search")
    search.fill(words)
    search.press("Enter")
    wait_for_titles(tab, "Music?", "A word about xylophones")
    search.fill("nowhere at all")
    search.press("Enter")
    tab.page.get_by_text("Nothing found.").wait_for()
    wait_for_titles(tab)
    search.fill("")
    search.press("Enter")
    wait_for_titles(tab, "Music?", "A word about xylophones", "Something else")


def test_a_pinned_one_stays_on_top(tab: BrowserTab, shelf: AppProcess) -> None:
    ids = put(shelf, "First", "Second", "Third")
    tab.go_to_page("History")
    wait_for_titles(tab, "Third", "Second", "First")
    row(tab, ids[0], "Pin")
    wait_for_titles(tab, "First", "Third", "Second")
    tab.page.reload()
    wait_for_titles(tab, "First", "Third", "Second")
    row(tab, ids[0], "Unpin")
    wait_for_titles(tab, "Third", "Second", "First")


@pytest.mark.parametrize("title", ["My horses", "*not* `code` [x](y) $5 and $6 :red[no] # <b>", "- 1. > +"])
def test_a_name_is_shown_as_it_was_given(tab: BrowserTab, shelf: AppProcess, title: str) -> None:
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


def test_what_was_deleted_comes_back(tab: BrowserTab, shelf: AppProcess) -> None:
    ids = put(shelf, "First", "Second")
    tab.go_to_page("History")
    wait_for_titles(tab, "Second", "First")
    row(tab, ids[1], "Delete")
    wait_for_titles(tab, "First")
    tab.button("Undo").click()
    wait_for_titles(tab, "Second", "First")
    row(tab, ids[1], "Delete")
    wait_for_titles(tab, "First")
    tab.open(f"/?c={ids[1]}")  # in the bin it is not open
    tab.wait_until_idle()
    assert tab.messages.count() == 0
    tab.go_to_page("History")
    wait_for_titles(tab, "First")
    view(tab, "Bin")
    wait_for_titles(tab, "Second")
    row(tab, ids[1], "Restore")
    wait_for_titles(tab)
    view(tab, "Conversations")
    wait_for_titles(tab, "Second", "First")


def test_all_of_them_go_and_come_back(tab: BrowserTab, shelf: AppProcess) -> None:
    put(shelf, "First", "Second", "Third")
    tab.go_to_page("History")
    wait_for_titles(tab, "Third", "Second", "First")
    tab.button("Delete all").click()
    tab.page.get_by_role("button", name="Delete all of them").click()
    tab.page.get_by_text("3 conversations were deleted.").wait_for()
    wait_for_titles(tab)
    tab.page.keyboard.press("Escape")
    tab.button("Undo").click()
    wait_for_titles(tab, "Third", "Second", "First")


def test_sixty_stand_on_three_pages(tab: BrowserTab, shelf: AppProcess) -> None:
    expected = [f"Number {number}" for number in range(60)]
    with stored_conversations.open_store(shelf) as store:
        for title in expected:
            stored_conversations.save_conversation(store, stored_conversations.make_conversation(1, title))
    tab.go_to_page("History")
    seen: list[str] = []
    for number, count in ((1, 25), (2, 25), (3, 10)):
        if number > 1:
            tab.by_key("history-page").get_by_role("button", name=f"{number}", exact=False).first.click()
        tab.wait_until(
            f"page {number}", lambda count=count, seen=tuple(seen): len(set(titles(tab)) - set(seen)) == count
        )
        tab.wait_until_idle()
        assert len(titles(tab)) == count
        seen += titles(tab)
    assert sorted(seen) == sorted(expected)
    with stored_conversations.open_store(shelf) as store:  # the last page goes away under the reader
        for entry in store.conversations.entries(LOCAL_OWNER, "", 2):
            store.conversations.delete(LOCAL_OWNER, entry.id)
    tab.page.get_by_label("Search").fill("Number")
    tab.page.get_by_label("Search").press("Enter")
    tab.wait_until("another page", lambda: len(titles(tab)) == 25)


def test_spend_is_exact(tab: BrowserTab, shelf: AppProcess) -> None:
    one, two = Usage(1_000, 100), Usage(12_345, 237)
    with stored_conversations.open_store(shelf, NOON) as store:
        talk = stored_conversations.add_exchange(Conversation(), "a", "b", one)
        talk = stored_conversations.add_exchange(talk, "c", "d", two)
        stored_conversations.save_conversation(store, talk)
        stored_conversations.save_conversation(
            store, talk.branch(talk.head or "")
        )  # the same answers: they cost nothing again
        stored_conversations.save_conversation(
            store, stored_conversations.add_exchange(Conversation(), "e", "f", Usage(10, 3, estimated=True))
        )
    with stored_conversations.open_store(shelf, NOON + DAY) as store:
        stored_conversations.save_conversation(
            store, stored_conversations.add_exchange(Conversation(), "g", "h", two, "Twin", billed=False)
        )
    tab.go_to_page("History")
    tab.wait_until("the list", lambda: len(titles(tab)) == 4)
    view(tab, "Spend")
    table = tab.page.get_by_role("table")
    table.wait_for()
    cells = [row.locator("td").all_inner_texts() for row in table.locator("tbody tr").all()]
    llama = "@cf/meta/llama-3.2-1b-instruct"
    # By hand, in millionths: (1,000 + 12,345 + 10) × 0.027 + (100 + 237 + 3) × 0.20 = 360.585 + 68.
    assert sorted(cells) == [
        ["2026-03-01", llama, "Cloudflare", "3", "≈ 13,355", "≈ 340", "$0.000428585"],
        ["2026-03-02", llama, "Twin", "1", "12,345", "237", "($0.000380715)"],
    ]
