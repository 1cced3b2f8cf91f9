"""Where the page is served to many, each sees only what is theirs; on one's own machine there is one owner."""

from __future__ import annotations

import sqlite3
import uuid
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.page.app_process import Application
from tests.page.conftest import Own, Visit
from tests.page.upstream import Stream, Upstream
from tests.page.visitor import Visitor, holds

SECRET = "Zanzibar"


@pytest.fixture(scope="module")
def served(own: Own) -> Application:
    """Paddock for a whole network."""
    return own(address="0.0.0.0")


@pytest.fixture
def ann(visit: Visit, served: Application, upstream: Upstream) -> Visitor:
    """A visitor who has said something."""
    ann = visit(served.url, stranger=True)
    upstream.plan(Stream(f"{SECRET} is an island."))
    ann.say(f"What is {SECRET}?")
    ann.ended()
    return ann


def nothing_of_ann(tab: Visitor) -> None:
    tab.rest()
    assert SECRET not in tab.page.content()
    assert tab.messages.count() == 0


def test_an_address_opens_nothing_to_others(ann: Visitor, visit: Visit, served: Application) -> None:
    address = ann.page.url.removeprefix(served.url)
    bob = visit(served.url, address, stranger=True)
    bob.key("starter0").locator("button:visible").first.wait_for()
    nothing_of_ann(bob)
    assert bob.page.url != ann.page.url
    bob.say("Mine")
    bob.ended()
    ann.page.reload()
    ann.reads(f"{SECRET} is an island.")
    assert ann.answers.count() == 1
    again = Visitor(ann.page.context.new_page(), served.url).open(address)  # the same browser: another tab
    again.reads(f"{SECRET} is an island.")


@pytest.mark.parametrize("id", [uuid.UUID(int=1).hex, "x", "' OR 1=1 --", "%", "\x00", "local"])
def test_a_guessed_address_opens_an_empty_page(
    ann: Visitor, visit: Visit, served: Application, id: str
) -> None:
    bob = visit(served.url, stranger=True)
    bob.page.goto(f"{served.url}/?c={id}")
    bob.key("starter0").locator("button:visible").first.wait_for()
    nothing_of_ann(bob)


def test_a_live_answer_is_nobody_elses(
    ann: Visitor, visit: Visit, served: Application, upstream: Upstream
) -> None:
    upstream.plan(Stream(f"{SECRET} " * 9, held=40))
    ann.say("Again")
    ann.until("some of it", lambda: SECRET in ann.text())
    bob = visit(served.url, ann.page.url.removeprefix(served.url), stranger=True)
    nothing_of_ann(bob)
    assert bob.key("stop").locator("button:visible").count() == 0
    upstream.asked[-1].release()
    ann.ended(which=1)


def test_history_search_bin_and_spend_are_ones_own(ann: Visitor, visit: Visit, served: Application) -> None:
    def history(tab: Visitor, listed: str, found: str) -> list[str]:
        """What each view of the page says."""
        said = []

        def read(sign: str) -> None:
            tab.page.get_by_text(sign).first.wait_for()
            tab.rest()
            said.append(tab.page.inner_text("body"))

        tab.go("History")
        search = tab.page.get_by_label("Search")
        search.wait_for()
        tab.until("the chat is gone", lambda: tab.messages.count() == 0)
        read(listed)
        search.fill(SECRET)
        search.press("Enter")
        read(found)
        tab.page.get_by_role("radio", name="Bin").click()
        read("Nothing found.")
        tab.page.get_by_role("radio", name="Spend").click()
        read("Exact to the stored usage" if found != "Nothing found." else "Nothing has been used yet.")
        return said

    mine = history(ann, f"What is {SECRET}?", f"What is {SECRET}?")
    assert [SECRET in text for text in mine] == [True, True, False, False]
    theirs = history(visit(served.url, stranger=True), "Nothing here yet.", "Nothing found.")
    assert [SECRET in text for text in theirs] == [False] * 4


def test_the_cookie_is_out_of_reach(ann: Visitor, served: Application) -> None:
    cookie = next(one for one in ann.page.context.cookies() if one["name"] == "paddock_visitor")
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Lax")
    assert len(cookie["value"]) >= 32
    assert "paddock_visitor" not in ann.page.evaluate("document.cookie")
    assert cookie["value"] not in ann.page.content()
    assert cookie["value"] not in served.log
    with sqlite3.connect(served.database) as database:
        owners = [owner for (owner,) in database.execute("SELECT owner FROM conversation")]
    assert owners
    assert not any(cookie["value"] in owner for owner in owners)  # who reads the database cannot become her


def test_the_policy_stands_in_every_answer(ann: Visitor, served: Application) -> None:
    for path in ("/", "/history", "/_stcore/health"):
        headers = ann.page.context.request.get(served.url + path).headers
        assert "img-src 'self'" in headers["content-security-policy"]
        assert headers["referrer-policy"] == "no-referrer"


def test_a_sent_link_opens_the_set_up_for_others(
    ann: Visitor, visit: Visit, served: Application, upstream: Upstream
) -> None:
    ann.key("system").locator("textarea").fill("Be brief.")
    ann.key("system").locator("textarea").press("Control+Enter")
    ann.number("temperature").fill("0.83")
    ann.number("temperature").press("Enter")
    ann.until("the slider follows", lambda: ann.slider("temperature").input_value() == "0.83")
    ann.button("Share").click()
    code = ann.page.locator("[data-testid=stPopoverBody] code")
    ann.rest()
    link = code.inner_text()
    assert link.startswith(f"{served.url}?s=")
    bob = visit(served.url, link.replace(served.url, "/", 1), stranger=True)
    bob.until("the first message", lambda: bob.box.input_value() == f"What is {SECRET}?")
    bob.rest()
    holds(bob.key("system").locator("textarea"), "Be brief.")
    holds(bob.number("temperature"), "0.83")
    assert bob.messages.count() == 0
    assert set(parse_qs(urlsplit(bob.page.url).query)) == {"c"}  # a reload does not begin anew
    assert len(upstream.asked) == 1  # nothing is sent unasked
    bob.box.press("Enter")
    bob.ended()
    assert upstream.asked[-1].body["temperature"] == 0.83
    assert [turn["content"] for turn in upstream.asked[-1].body["messages"]] == [
        "Be brief.",
        f"What is {SECRET}?",
    ]


def test_a_damaged_link_is_refused(visit: Visit, served: Application, upstream: Upstream) -> None:
    bob = visit(served.url, "/?s=eJwdamaged", stranger=True)
    bob.page.get_by_text("The link is damaged, or made by another version.").wait_for()
    bob.say("Go")
    bob.ended()


def test_on_ones_own_machine_there_is_one_owner(visit: Visit, app: Application, upstream: Upstream) -> None:
    one, other = visit(app.url, stranger=True), visit(app.url, stranger=True)
    one.say("Whose is this?")
    one.ended()
    other.open(one.page.url.removeprefix(app.url))
    other.reads("A short answer.")
    other.go("History")
    other.page.get_by_role("link", name="Whose is this?").first.wait_for()
