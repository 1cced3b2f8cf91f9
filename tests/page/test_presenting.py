"""The page for an audience in a browser: the presenting mode while answers stream, a frame, a link to copy."""

from __future__ import annotations

from tests.page.app_process import AppProcess
from tests.page.browser_tab import TIMEOUT, BrowserTab, squeeze
from tests.page.conftest import Visit
from tests.page.upstream import StreamReply, Upstream, numbered_words

TEXT = "".join(numbered_words(count=120))
# What an audience does not see, also in the runs of the page before an answer has ended.
PRIVATE = "[data-testid=stSidebar], .st-key-share, .st-key-place, .st-key-ahead, [class*=st-key-figures-]"


def press_key_of_the_mode(tab: BrowserTab, *, ends: bool = False) -> None:
    tab.page.keyboard.press("Alt+p")
    tab.wait_until("the other mode", lambda: ("present=1" in tab.page.url) is not ends)


def visible_count(tab: BrowserTab, selector: str) -> int:
    return tab.page.locator(selector).locator("visible=true").count()


def test_a_streaming_answer_is_presented(tab: BrowserTab, upstream: Upstream) -> None:
    upstream.plan_replies(StreamReply("The first."), StreamReply(TEXT, held=400), StreamReply(endless=True))
    tab.send("Begin")
    tab.wait_for_end()
    tab.send("Go")
    tab.wait_until("the first part", lambda: "w00020" in tab.answer_text())
    tab.chat_box.fill("A draft")
    press_key_of_the_mode(tab)
    tab.wait_until("nothing private", lambda: visible_count(tab, PRIVATE) == 0)
    tab.wait_until("all that was sent", lambda: tab.answer_text() == squeeze(upstream.requests[1].sent_text))
    # The page's text is larger than outside of the mode, and over the full width.
    assert tab.page.evaluate("parseFloat(getComputedStyle(document.documentElement).fontSize)") >= 18
    assert tab.answers.last.bounding_box()["width"] > 0.8 * tab.page.viewport_size["width"]  # type: ignore[index]
    assert tab.chat_box.input_value() == "A draft"
    # While it streams, the key leads back as well; nothing is lost.
    press_key_of_the_mode(tab, ends=True)
    tab.wait_until("the sidebar", lambda: visible_count(tab, "[data-testid=stSidebar], .st-key-share") == 2)
    press_key_of_the_mode(tab)
    upstream.requests[1].release()
    tab.wait_for_answer(TEXT)
    tab.by_key("present-again").wait_for()
    tab.chat_box.press("Enter")
    tab.wait_for_growth(100)
    # Escape stops the answer first, and leads back then.
    tab.by_key("stop").locator("button:visible").first.wait_for()
    tab.page.keyboard.press("Escape")
    assert upstream.requests[2].client_gone.wait(TIMEOUT)
    tab.by_key("present-again").wait_for()
    assert "present=1" in tab.page.url
    press_escape_to_leave(tab)
    tab.wait_for_end("stopped")
    assert tab.question_text() == "A draft"


def press_escape_to_leave(tab: BrowserTab) -> None:
    tab.page.keyboard.press("Escape")
    tab.wait_until("the page with everything on it", lambda: "present=1" not in tab.page.url)


def test_a_comparison_is_presented_while_it_streams(
    visit: Visit, app: AppProcess, upstream: Upstream
) -> None:
    upstream.plan_replies(StreamReply(TEXT, held=200), StreamReply(TEXT, held=200))
    tab = visit(app.url, "/compare?present=1")
    tab.send("Go")
    cells = tab.page.locator("[class*=st-key-cell-0-]")

    def both_have(word: str) -> bool:
        texts = cells.all_inner_texts()
        return len(texts) == 2 and all(word in text for text in texts)

    tab.wait_until("both columns", lambda: both_have("w00010"))
    first, second = (cell.bounding_box() for cell in cells.all())
    assert first is not None
    assert second is not None
    assert first["y"] == second["y"]
    assert second["x"] + second["width"] - first["x"] > 0.8 * tab.page.viewport_size["width"]  # type: ignore[index]
    for request in upstream.requests:
        request.release()
    tab.wait_until("all of it", lambda: both_have("w00120"))
    press_escape_to_leave(tab)
    tab.by_key("compare-options").wait_for()


def test_the_link_has_a_visible_button_that_copies_it(tab: BrowserTab) -> None:
    tab.by_key("share").get_by_role("button").first.click()
    box = tab.page.get_by_test_id("stPopoverBody").get_by_test_id("stCode")
    box.wait_for()
    tab.page.mouse.move(0, 0)
    toolbar = box.locator("> div")
    tab.wait_until("it is on display", lambda: toolbar.evaluate("it => getComputedStyle(it).opacity") == "1")
    tab.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    toolbar.get_by_role("button").click()
    copied = tab.wait_until("a copy", lambda: tab.page.evaluate("navigator.clipboard.readText()"))
    assert copied == box.locator("code").inner_text()


def test_a_frame_shows_the_conversation_alone(visit: Visit, app: AppProcess, upstream: Upstream) -> None:
    upstream.plan_replies(StreamReply("In a frame."))
    tab = visit(app.url, "/?embed=true")
    tab.send("Go")
    tab.wait_for_answer("In a frame.")
    tab.wait_until_idle()
    assert visible_count(tab, f"{PRIVATE}, [data-testid=stHeader] a, .st-key-present") == 0
