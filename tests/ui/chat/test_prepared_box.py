"""Messages that a presenter has prepared are sent one by one, and stay with presets and share links."""

from __future__ import annotations

from tests.page.upstream import Upstream
from tests.ui.app_test_page import AppTestPage


def sent_messages(upstream: Upstream) -> list[str]:
    """Return the last message of each request."""
    return [request.body["messages"][-1]["content"] for request in upstream.requests]


def link_of(page: AppTestPage) -> str:
    """Return the address of the share link that the page offers."""
    return "/?" + next(text for text in page.codes() if "?s=" in text).partition("?")[2]


def test_they_are_sent_one_by_one_also_by_the_one_who_gets_the_link(upstream: Upstream) -> None:
    page = AppTestPage().choose("prepared-messages", "One\nTwo\u23celines")
    for presenting in (page, AppTestPage(link_of(page))):
        upstream.reset()
        presenting.click("present").click("prepared-next").send("In between").click("prepared-next")
        assert sent_messages(upstream) == ["One", "In between", "Two\nlines"]
        assert not presenting.has_key("prepared-next")
    assert page.click("present").click("new").click("present").has_key("prepared-next")


def test_a_preset_keeps_those_of_a_conversation(upstream: Upstream) -> None:
    page = AppTestPage().send("First").send("Second").click("prepared-take")
    page.by_key("preset-name").set_value("Demo")
    page.click("preset-keep")
    other = AppTestPage("/?c=")
    assert not other.click("present").has_key("prepared-next")
    other.click("present")
    other.click(other.by_keys("^own-use-")[0].key)
    assert other.by_key("prepared-messages").value == "First\nSecond"
