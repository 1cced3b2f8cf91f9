"""With many visitors, each sees only their own conversations; on a private machine there is one owner."""

from __future__ import annotations

import sqlite3
import uuid
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.page.app_process import AppProcess
from tests.page.browser_tab import BrowserTab, wait_for_value
from tests.page.conftest import StartApp, Visit
from tests.page.upstream import StreamReply, Upstream

SECRET = "Zanzibar"
HOST = "paddock.test"


@pytest.fixture(scope="module")
def served(own: StartApp) -> AppProcess:
    """Start Paddock for a whole network."""
    return own(environment={"PADDOCK_HOSTS": HOST}, address="0.0.0.0", host=HOST)


@pytest.fixture
def ann(visit: Visit, served: AppProcess, upstream: Upstream) -> BrowserTab:
    """Return the tab of a visitor who has sent a message."""
    ann = visit(served.url, stranger=True)
    upstream.plan_replies(StreamReply(f"{SECRET} is an island."))
    ann.send(f"What is {SECRET}?")
    ann.wait_for_end()
    return ann


def assert_nothing_of_ann(tab: BrowserTab) -> None:
    tab.wait_until_idle()
    assert SECRET not in tab.page.content()
    assert tab.messages.count() == 0


def test_an_address_opens_nothing_to_others(ann: BrowserTab, visit: Visit, served: AppProcess) -> None:
    address = ann.page.url.removeprefix(served.url)
    bob = visit(served.url, address, stranger=True)
    bob.by_key("starter0").locator("button:visible").first.wait_for()
    assert_nothing_of_ann(bob)
    assert bob.page.url != ann.page.url
    bob.send("Mine")
    bob.wait_for_end()
    ann.page.reload()
    ann.wait_for_answer(f"{SECRET} is an island.")
    assert ann.answers.count() == 1
    # This is another tab of the same browser.
    again = BrowserTab(ann.page.context.new_page(), served.url).open(address)
    again.wait_for_answer(f"{SECRET} is an island.")


GUESSES = [uuid.UUID(int=1).hex, "x", "' OR 1=1 --", "%", "\x00", "local"]


def test_a_guessed_address_opens_an_empty_page(ann: BrowserTab, visit: Visit, served: AppProcess) -> None:
    bob = visit(served.url, stranger=True)
    for id in GUESSES:
        bob.page.goto(f"{served.url}/?c={id}")
        bob.by_key("starter0").locator("button:visible").first.wait_for()
        assert_nothing_of_ann(bob)


def test_a_live_answer_is_nobody_elses(
    ann: BrowserTab, visit: Visit, served: AppProcess, upstream: Upstream
) -> None:
    upstream.plan_replies(StreamReply(f"{SECRET} " * 9, held=40))
    ann.send("Again")
    ann.wait_until("some of it", lambda: SECRET in ann.answer_text())
    bob = visit(served.url, ann.page.url.removeprefix(served.url), stranger=True)
    assert_nothing_of_ann(bob)
    assert bob.by_key("stop").locator("button:visible").count() == 0
    upstream.requests[-1].release()
    ann.wait_for_end(which=1)


def test_history_search_bin_and_spend_are_ones_own(ann: BrowserTab, visit: Visit, served: AppProcess) -> None:
    def history(tab: BrowserTab, listed: str, match: str) -> list[str]:
        """Return the text of each view of the page."""
        texts = []

        def read(sign: str) -> None:
            tab.page.get_by_text(sign).first.wait_for()
            tab.wait_until_idle()
            texts.append(tab.page.inner_text("body"))

        tab.go_to_page("History")
        search = tab.page.get_by_label("Search")
        search.wait_for()
        tab.wait_until("the chat is gone", lambda: tab.messages.count() == 0)
        read(listed)
        search.fill(SECRET)
        search.press("Enter")
        read(match)
        tab.page.get_by_role("radio", name="Bin").click()
        read("Nothing found.")
        tab.page.get_by_role("radio", name="Spend").click()
        read(
            "a run of an experiment counts on the day of its start"
            if match != "Nothing found."
            else "Nothing has been used yet."
        )
        return texts

    mine = history(ann, f"What is {SECRET}?", f"What is {SECRET}?")
    assert [SECRET in text for text in mine] == [True, True, False, False]
    theirs = history(visit(served.url, stranger=True), "Nothing here yet.", "Nothing found.")
    assert [SECRET in text for text in theirs] == [False] * 4


def test_the_cookie_is_out_of_reach(ann: BrowserTab, served: AppProcess) -> None:
    cookie = next(entry for entry in ann.page.context.cookies() if entry["name"] == "paddock_visitor")
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Lax")
    assert len(cookie["value"]) >= 32
    assert "paddock_visitor" not in ann.page.evaluate("document.cookie")
    assert cookie["value"] not in ann.page.content()
    assert cookie["value"] not in served.log
    with sqlite3.connect(served.database) as database:
        owners = [owner for (owner,) in database.execute("SELECT owner FROM conversation")]
    assert owners
    # A reader of the database cannot take over her session.
    assert not any(cookie["value"] in owner for owner in owners)


def test_the_policy_stands_in_every_answer(ann: BrowserTab, served: AppProcess) -> None:
    for path in ("/", "/history", "/_stcore/health"):
        headers = ann.page.evaluate(
            "async path => Object.fromEntries((await fetch(path)).headers)", served.url + path
        )
        assert "script-src 'self'" in headers["content-security-policy"]
        assert headers["referrer-policy"] == "no-referrer"


def test_a_sent_link_opens_the_set_up_for_others(
    ann: BrowserTab, visit: Visit, served: AppProcess, upstream: Upstream
) -> None:
    ann.by_key("system").locator("textarea").fill("Be brief.")
    ann.by_key("system").locator("textarea").press("Control+Enter")
    ann.number_box("temperature").fill("0.83")
    ann.number_box("temperature").press("Enter")
    ann.wait_until("the slider follows", lambda: ann.slider("temperature").input_value() == "0.83")
    ann.button("Share").click()
    code = ann.page.locator("[data-testid=stPopoverBody] code")
    ann.wait_until_idle()
    link = code.inner_text()
    assert link.startswith(f"{served.url}?s=")
    bob = visit(served.url, link.replace(served.url, "/", 1), stranger=True)
    bob.wait_until("the first message", lambda: bob.chat_box.input_value() == f"What is {SECRET}?")
    bob.wait_until_idle()
    wait_for_value(bob.by_key("system").locator("textarea"), "Be brief.")
    wait_for_value(bob.number_box("temperature"), "0.83")
    assert bob.messages.count() == 0
    # A reload keeps the conversation.
    assert set(parse_qs(urlsplit(bob.page.url).query)) == {"c"}
    # The reload sends nothing.
    assert len(upstream.requests) == 1
    bob.chat_box.press("Enter")
    bob.wait_for_end()
    assert upstream.requests[-1].body["temperature"] == 0.83
    assert [turn["content"] for turn in upstream.requests[-1].body["messages"]] == [
        "Be brief.",
        f"What is {SECRET}?",
    ]


def test_a_damaged_link_is_refused(visit: Visit, served: AppProcess, upstream: Upstream) -> None:
    bob = visit(served.url, "/?s=eJwdamaged", stranger=True)
    bob.page.get_by_text("The link is damaged, or made by another version.").wait_for()
    bob.send("Go")
    bob.wait_for_end()


def test_on_ones_own_machine_there_is_one_owner(visit: Visit, app: AppProcess, upstream: Upstream) -> None:
    first, second = visit(app.url, stranger=True), visit(app.url, stranger=True)
    first.send("Whose is this?")
    first.wait_for_end()
    second.open(first.page.url.removeprefix(app.url))
    second.wait_for_answer("A short answer.")
    second.go_to_page("History")
    second.page.get_by_role("link", name="Whose is this?").first.wait_for()
