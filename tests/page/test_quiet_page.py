"""What a page does by itself: an idle one lays nothing out, and a click moves only what it changes."""

from __future__ import annotations

import json

from playwright.sync_api import Browser

from tests.page.browser_tab import BrowserTab
from tests.page.upstream import StreamReply, Upstream, numbered_words

LONG = "".join(numbered_words(count=1200))
SCROLLING = "[data-testid=stAppScrollToBottomContainer]"
# Counts how often a script asks for the height of the conversation, which lays out the page.
COUNT_LOOKS_JS = """() => {
    const own = Object.getOwnPropertyDescriptor(Element.prototype, 'scrollHeight')
    window.looks = 0
    const get = function () { looks += 1; return own.get.call(this) }
    Object.defineProperty(Element.prototype, 'scrollHeight', {...own, get})
}"""
# Notes each control that a run of the script fades: Streamlit would, until it is drawn anew.
WATCH_FADING_JS = """() => {
    window.faded = new Set(); window.staleCount = 0
    const look = () => {
        for (const part of document.querySelectorAll('[data-stale=true]')) {
            staleCount += 1
            if (getComputedStyle(part).opacity !== '1' || part.getAnimations().length) faded.add(part.className)
        }
        requestAnimationFrame(look)
    }
    look()
}"""


def left_below(tab: BrowserTab) -> float:
    """Return how many pixels of the conversation are out of sight below."""
    return float(
        tab.page.locator(SCROLLING).evaluate("page => page.scrollHeight - page.clientHeight - page.scrollTop")
    )


def test_an_idle_page_is_not_laid_out_again(browser: Browser, tab: BrowserTab) -> None:
    tab.wait_until_idle()
    tab.page.wait_for_timeout(1500)
    tab.page.evaluate(COUNT_LOOKS_JS)
    browser.start_tracing(page=tab.page, categories=["devtools.timeline"])
    tab.page.wait_for_timeout(3000)
    trace = json.loads(browser.stop_tracing())
    # Streamlit alone: 59 a second.
    assert tab.page.evaluate("looks") < 20
    # Ours are the draft of the message and the state of the server: 7 a second.
    assert sum(event["name"] == "TimerFire" for event in trace["traceEvents"]) < 40


def test_the_end_of_an_answer_stays_in_sight(tab: BrowserTab, upstream: Upstream) -> None:
    upstream.plan_replies(StreamReply(LONG))
    tab.send("Go")
    tab.wait_for_end("finished")
    assert tab.page.locator(SCROLLING).evaluate("page => page.scrollHeight > 2 * page.clientHeight")
    tab.wait_until("the end is in sight", lambda: left_below(tab) < 2)


def test_a_run_of_the_script_fades_nothing(tab: BrowserTab) -> None:
    tab.wait_until_idle()
    tab.page.evaluate(WATCH_FADING_JS)
    for _ in range(2):
        tab.toggle_parameter("seed")
        tab.wait_until_idle()
    assert tab.page.evaluate("staleCount") > 0, "nothing was stale, so this shows nothing"
    assert tab.page.evaluate("[...faded]") == []


def test_the_title_of_the_tab_stays_while_the_script_runs(tab: BrowserTab) -> None:
    tab.wait_until("a title", lambda: tab.page.title() == "Chat · Paddock")
    tab.page.evaluate("""() => {
        window.titles = []
        new MutationObserver(() => titles.push(document.title)).observe(
            document.querySelector('title'), {childList: true, characterData: true, subtree: true})
    }""")
    for _ in range(2):
        tab.toggle_parameter("seed")
        tab.wait_until_idle()
    assert set(tab.page.evaluate("titles")) <= {"Chat · Paddock"}
