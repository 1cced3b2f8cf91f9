"""Errors on the page: title, code, advice, a Retry that works, and the text that arrived before the error."""

from __future__ import annotations

from lib.errors import classify_refusal
from tests.page.browser_tab import TIMEOUT, BrowserTab, squeeze
from tests.page.upstream import (
    ErrorReply,
    SilentReply,
    StreamReply,
    Upstream,
    UpstreamHandler,
    UpstreamRequest,
)

# Paddock retries these by itself before it shows them.
PASSING = [
    (429, 3040, "Capacity temporarily exceeded, please try again."),
    (429, 3021, "rate limiting: inference request per min rate reached"),
    (408, 3007, "Request timeout"),
    (408, 3046, "Request timeout"),
    (408, 3008, "Request was aborted"),
    (500, 3043, "internal server error"),
]


def shown(tab: BrowserTab) -> str:
    """Return the error at the last answer, with white space squeezed."""
    return squeeze(tab.answers.last.locator("[data-testid=stAlert]").first.inner_text())


def test_a_passing_error_is_shown_until_the_request_is_retried(tab: BrowserTab, upstream: Upstream) -> None:
    for number, (status, code, message) in enumerate(PASSING):
        wait = "4" if number == 0 else "2"
        upstream.plan_replies(
            ErrorReply(status, code, message, headers={"retry-after": wait}), StreamReply("After all.")
        )
        tab.send("Go")
        title = classify_refusal(status, code).error_class.title
        tab.page.get_by_text(f"{title}. Trying again in").wait_for()
        if number == 0:
            assert len(upstream.requests) == 1
        tab.wait_for_end("finished", which=number)
        tab.wait_for_answer("After all.", which=number)
        assert len(upstream.requests) == 2 * (number + 1)
        assert tab.alerts.count() == 0


def test_retry_asks_again(tab: BrowserTab, upstream: Upstream) -> None:
    upstream.plan_replies(ErrorReply(400, 5006, "AiError: Bad input"), StreamReply("All is well again."))
    tab.send("Go")
    tab.wait_for_end("error")
    tab.answers.last.get_by_role("button", name="Retry").first.click()
    tab.wait_until("the answer", lambda: tab.answer_text() == "All is well again.")
    tab.wait_for_end()
    assert upstream.requests[1].body == upstream.requests[0].body
    assert tab.alerts.count() == 0


def fail_when_released(handler: UpstreamHandler, request: UpstreamRequest) -> None:
    """Answer with an error, once the page waits for the answer."""
    while not request.released.is_set():
        handler.pause(0.01)
    ErrorReply(400, 5007, "No such model")(handler, request)


def test_an_error_without_a_text_stands_beside_its_sign(tab: BrowserTab, upstream: Upstream) -> None:
    upstream.plan_replies(fail_when_released)
    tab.send("Go")
    tab.wait_until_drawn()
    upstream.wait_for_request().release()
    tab.wait_for_end("error")
    tops = [
        tab.answers.last.locator(part).first.evaluate("part => part.getBoundingClientRect().top")
        for part in ("[data-testid=stChatMessage] > :first-child", "[data-testid=stAlert]")
    ]
    assert abs(tops[0] - tops[1]) < 2


def test_stop_while_it_waits_to_try_again(tab: BrowserTab, upstream: Upstream) -> None:
    upstream.plan_replies(
        ErrorReply(429, 3040, "Capacity temporarily exceeded", headers={"retry-after": "25"})
    )
    tab.send("Go")
    tab.page.get_by_text("Trying again in").wait_for()
    tab.stop_by_escape()
    tab.wait_for_end("stopped")
    assert len(upstream.requests) == 1


def test_silence_is_said_and_can_be_stopped(tab: BrowserTab, upstream: Upstream) -> None:
    upstream.plan_replies(SilentReply())
    tab.send("Go")
    upstream.wait_for_request()
    tab.page.get_by_text("Waiting for the first word").wait_for()
    tab.by_key("stop").get_by_role("button").first.click()
    tab.wait_for_end("stopped")
    assert upstream.requests[0].client_gone.wait(TIMEOUT)


def test_markup_in_an_error_is_text(tab: BrowserTab, upstream: Upstream) -> None:
    """Show a server's text as it is: it becomes no image, formula or HTML."""
    upstream.plan_replies(ErrorReply(400, 5006, "![x](/media/x.png) <img src=/y.png> $5 and $6"))
    tab.send("Go")
    tab.wait_for_end("error")
    assert tab.alerts.locator("img, .katex").count() == 0
    assert "$5 and $6" in shown(tab)
