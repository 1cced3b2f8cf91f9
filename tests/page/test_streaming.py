"""An answer in a browser: it streams, is complete and has figures; Stop, variants, Continue and other tabs."""

from __future__ import annotations

import pytest
from playwright.sync_api import WebSocket

from tests.page.app_process import AppProcess
from tests.page.browser_tab import TIMEOUT, BrowserTab, squeeze
from tests.page.conftest import Visit
from tests.page.upstream import StreamReply, Upstream, numbered_words

TEXTS = "/_paddock/texts/"  # of the server's address, where it sends the texts of answers


def test_text_is_shown_while_it_still_comes(tab: BrowserTab, upstream: Upstream) -> None:
    text = "".join(numbered_words(count=120))
    upstream.plan_replies(StreamReply(text, held=400))
    tab.send("Go")
    tab.wait_until("the first part", lambda: tab.answer_text().startswith("w00001 w00002"))
    tab.wait_until("all that was sent", lambda: tab.answer_text() == squeeze(upstream.requests[0].sent_text))
    assert upstream.requests[0].is_live
    assert tab.figures() == ""
    upstream.requests[0].release()
    tab.wait_for_end()
    tab.wait_for_answer(text)
    assert len(upstream.requests) == 1


def test_the_text_comes_over_a_connection_of_its_own(tab: BrowserTab, upstream: Upstream) -> None:
    fed: list[str] = []

    def watch(socket: WebSocket) -> None:
        if TEXTS in socket.url:
            socket.on("framereceived", lambda text: fed.append(str(text)))

    tab.page.on("websocket", watch)
    text = "".join(numbered_words(count=120))
    upstream.plan_replies(StreamReply(text, held=20))
    tab.send("Go")
    tab.wait_until("the browser reads it", lambda: bool(fed))
    upstream.wait_for_request().release()
    tab.wait_for_end()
    tab.wait_for_answer(text)
    assert "".join(fed) == text


def test_the_page_brings_the_text_if_that_connection_fails(
    tab: BrowserTab, upstream: Upstream, expected: list[str]
) -> None:
    expected.append("WebSocket")
    tab.page.evaluate(f"""() => {{
        const Plain = WebSocket
        window.WebSocket = class extends Plain {{
            constructor(url, ...rest) {{ super(String(url).replace("{TEXTS}", "/_paddock/none/"), ...rest) }}
        }}
    }}""")
    text = "".join(numbered_words(count=120))
    upstream.plan_replies(StreamReply(text, held=400))
    tab.send("Go")
    tab.wait_until("the first part", lambda: tab.answer_text().startswith("w00001 w00002"))
    tab.wait_until("all that was sent", lambda: tab.answer_text() == squeeze(upstream.requests[0].sent_text))
    upstream.requests[0].release()
    tab.wait_for_end()
    tab.wait_for_answer(text)


def test_a_reader_who_comes_too_late_is_no_error(tab: BrowserTab) -> None:
    """An answer may end before its reader is there. The fixture asserts that the console is clean."""
    code = tab.page.evaluate(
        """path => new Promise(done => {
            const socket = new WebSocket(`ws://${location.host}${path}gone`)
            socket.onclose = event => done(event.code)
        })""",
        TEXTS,
    )
    assert code == 1008


def test_a_click_counts_that_comes_together_with_a_fragment_s_report(
    tab: BrowserTab, upstream: Upstream
) -> None:
    """A busy browser sends both as one message, which is the fragment's and would wait until the answer ends."""
    tab.page.evaluate("""() => {
        const later = window.setTimeout
        window.setTimeout = (call, delay, ...rest) => {
            if (window.together && delay === 0 && String(call).includes("sendUpdateWidgetsMessage")) {
                window.together = false
                queueMicrotask(() => document.querySelector("[class*='st-key-top_k-send'] input").click())
            }
            return later(call, delay, ...rest)
        }
    }""")
    upstream.plan_replies(StreamReply(endless=True))
    tab.send("Go")
    # In the first second of an answer, a fragment reports.
    tab.page.evaluate("() => { window.together = true }")
    tab.wait_until("the switch turns", lambda: tab.parameter_switch("top_k").is_checked())
    off = tab.by_key("parameter-top_k").get_by_text("off", exact=True)
    tab.wait_until("the page's answer", lambda: off.count() == 0)
    assert upstream.requests[0].is_live
    upstream.requests[0].release()
    tab.wait_for_end()


def test_the_first_message_loads_no_code_of_streamlit(tab: BrowserTab, upstream: Upstream) -> None:
    """Streamlit's code boxes stop the page for a third of a second, just when the answer begins."""
    tab.send("Go")
    tab.wait_for_end()
    loaded = tab.page.evaluate("performance.getEntriesByType('resource').map(file => file.name)")
    assert [name for name in loaded if "ChatInput" in name]
    assert not [name for name in loaded if "SyntaxHighlighter" in name]


def test_text_outside_ascii_and_numbers_come_whole(tab: BrowserTab, upstream: Upstream) -> None:
    text = "Grüße 👩‍👩‍👧 日本語 7 07 3.14 10000 naïve עברית ¿qué? 😀😀 “quoted” — 1 2 3 42"
    upstream.plan_replies(StreamReply(text, seed=3))
    tab.send("Go")
    tab.wait_for_end()
    tab.wait_for_answer(text)


@pytest.mark.parametrize("way", ["click", "Escape"])
def test_stop_keeps_the_text_and_ends_the_request(tab: BrowserTab, upstream: Upstream, way: str) -> None:
    upstream.plan_replies(StreamReply(endless=True))
    tab.send("Go")
    tab.wait_for_growth(100)
    if way == "click":
        tab.by_key("stop").get_by_role("button").first.click()
    else:
        tab.stop_by_escape()
    assert upstream.requests[0].client_gone.wait(TIMEOUT)
    line = tab.wait_for_end("stopped")
    # The page marks an estimate.
    assert "≈" in line
    assert len(tab.answer_text()) > 100
    assert squeeze(upstream.requests[0].sent_text).startswith(tab.answer_text()[:-8])
    assert tab.by_key("stop").locator("button:visible").count() == 0
    assert len(upstream.requests) == 1


def test_stop_before_the_first_token(tab: BrowserTab, upstream: Upstream) -> None:
    upstream.plan_replies(StreamReply("Never shown.", held=0))
    tab.send("Go")
    upstream.wait_for_request()
    tab.page.get_by_text("Waiting for the first word").wait_for()
    tab.stop_by_escape()
    tab.wait_for_end("stopped")
    assert tab.answer_text() == ""
    assert upstream.requests[0].client_gone.wait(TIMEOUT)


def test_a_starter_is_sent(tab: BrowserTab, upstream: Upstream) -> None:
    starter = tab.by_key("starter1").get_by_role("button").first
    text = starter.locator("p").last.inner_text()
    starter.click()
    tab.wait_for_end()
    assert upstream.requests[0].body["messages"] == [{"role": "user", "content": tab.question_text()}]
    assert tab.question_text() in text
    assert tab.by_key("starter0").locator("button:visible").count() == 0


def test_a_second_message_is_refused_while_an_answer_comes(tab: BrowserTab, upstream: Upstream) -> None:
    upstream.plan_replies(StreamReply(endless=True))
    tab.send("First")
    tab.wait_for_growth()
    tab.send("Second, typed too early")
    tab.page.get_by_text("An answer is still coming.").wait_for()
    tab.wait_until("the text is back", lambda: tab.chat_box.input_value() == "Second, typed too early")
    tab.wait_for_growth()
    upstream.requests[0].release()
    tab.wait_for_end()
    assert len(upstream.requests) == 1
    tab.wait_for_answer(upstream.requests[0].sent_text)
    tab.chat_box.press("Enter")
    tab.wait_for_end(which=1)
    assert upstream.requests[1].body["messages"][-1]["content"] == "Second, typed too early"


def test_two_tabs_see_the_same_stream(
    tab: BrowserTab, visit: Visit, app: AppProcess, upstream: Upstream
) -> None:
    upstream.plan_replies(StreamReply(endless=True))
    tab.send("Go")
    tab.wait_for_growth()
    other = visit(app.url, tab.page.url.removeprefix(app.url))
    other.wait_for_growth()
    tab.wait_for_growth()
    upstream.requests[0].release()
    tab.wait_for_end()
    other.wait_for_end()
    tab.wait_for_answer(upstream.requests[0].sent_text)
    other.wait_for_answer(upstream.requests[0].sent_text)
    assert len(upstream.requests) == 1


def test_a_slow_browser_shows_the_controls_while_an_answer_comes(tab: BrowserTab, upstream: Upstream) -> None:
    upstream.plan_replies(StreamReply(endless=True, rate=60))
    tab.send("Go")
    tab.wait_for_growth(200)
    page = tab.page.context.new_page()
    page.context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": 5})
    # Waits for the message box, and until no control is missing.
    slow = BrowserTab(page, tab.url).open(tab.page.url.removeprefix(tab.url))
    assert upstream.requests[0].is_live
    slow.wait_for_growth()
    tab.by_key("stop").get_by_role("button").first.click()
    slow.wait_for_end("stopped")


def test_a_new_conversation_and_back(tab: BrowserTab, upstream: Upstream) -> None:
    tab.send("Go")
    tab.wait_for_end()
    first = tab.page.url
    tab.button("New conversation").click()
    tab.wait_until("an empty page", lambda: tab.answers.count() == 0 and tab.page.url != first)
    tab.by_key("starter0").locator("button:visible").first.wait_for()
    tab.button("Back to the previous chat").click()
    tab.wait_until("the first", lambda: tab.answer_text() == "A short answer.")
    assert tab.page.url == first


def test_leaving_a_stream_for_a_new_conversation_and_back(tab: BrowserTab, upstream: Upstream) -> None:
    upstream.plan_replies(StreamReply(endless=True))
    tab.send("Go")
    tab.wait_for_growth()
    tab.wait_until_drawn()
    tab.button("New conversation").click()
    tab.by_key("starter0").locator("button:visible").first.wait_for()
    tab.wait_until("nothing of the other", lambda: tab.answers.count() == 0)
    tab.button("Back to the previous chat").click()
    tab.wait_until("text", lambda: len(tab.answer_text()) > 50)
    tab.wait_for_growth()
    upstream.requests[0].release()
    tab.wait_for_end()
    tab.wait_for_answer(upstream.requests[0].sent_text)
    assert len(upstream.requests) == 1
