"""The place of things on the page: what stays where it is, and what stands in one row."""

from __future__ import annotations

import itertools
from io import BytesIO
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.page import chat_controls
from tests.page.app_process import AppProcess
from tests.page.browser_tab import PHONE, TIMEOUT, BrowserTab
from tests.page.conftest import Visit
from tests.page.upstream import StreamReply, Upstream, numbered_words

PAGES = {
    "Compare": ".st-key-head-A",
    "Experiment": ".st-key-section-prompts",
    "History": ".st-key-carry",
    "Model": ".st-key-about-temperature",
    "Chat": "[data-testid=stChatInputTextArea]",
}
# Notes in each frame where the links at the top are, and how far things move without a click or a key.
WATCH_JS = """() => {
    window.places = new Set(); window.moved = 0
    new PerformanceObserver(list => {
        for (const shift of list.getEntries()) if (!shift.hadRecentInput) moved += shift.value
    }).observe({ type: 'layout-shift' })
    const look = () => {
        const links = [...document.querySelectorAll('[data-testid=stTopNavLink]')]
        places.add(links.map(link => Math.round(link.getBoundingClientRect().x)).join(' '))
        requestAnimationFrame(look)
    }
    look()
}"""
# Things that do not depend on the conversation.
STEADY = (
    "[data-testid=stTopNav]",
    ".st-key-share",
    ".st-key-present",
    "[data-testid=stChatInput]",
    "[class*=st-key-temperature-slide]",
)

# Where the message box is laid out, how it is positioned, how far the page is scrolled, and where its text ends.
BAR_JS = """() => {
    const bar = document.querySelector('[data-testid=stBottom]'), page = document.querySelector('.stMain')
    const box = document.querySelector('[data-testid=stChatInput] > div'), last = document.querySelector(
        '[data-testid=stMainBlockContainer]').getBoundingClientRect()
    const {x, y, width, height} = box.getBoundingClientRect()
    return {
        box: [x, y, width, height], colour: getComputedStyle(box).backgroundColor,
        scrollsWithThePage: getComputedStyle(bar).position === 'sticky',
        bar: bar.getBoundingClientRect().toJSON(), window: [innerWidth, innerHeight],
        scrolled: page.scrollTop, left: page.scrollHeight - page.clientHeight - page.scrollTop, end: last.bottom,
    }
}"""


@pytest.fixture
def desktop(tab: BrowserTab) -> BrowserTab:
    tab.page.set_viewport_size({"width": 1440, "height": 900})
    tab.wait_until_idle()
    return tab


def gaps_in_head(tab: BrowserTab) -> list[float]:
    """Return the gaps between the controls at the head of the page, without the first control, which is far left."""
    controls = tab.page.locator("[class*=st-key-page-head-]").locator("button:visible, input:visible").all()
    boxes = [box for control in controls[1:] if (box := control.bounding_box()) is not None]
    return [after["x"] - box["x"] - box["width"] for box, after in itertools.pairwise(boxes)]


def heights_in_head(tab: BrowserTab) -> list[float]:
    """Return where the words of the buttons at the head of the page stand, from the top of the window."""
    words = tab.page.locator("[class*=st-key-page-head-] button:visible p").all()
    return [box["y"] + box["height"] / 2 for word in words if (box := word.bounding_box()) is not None]


def test_the_links_to_the_pages_stand_still(desktop: BrowserTab) -> None:
    desktop.page.evaluate(WATCH_JS)
    for name, part in PAGES.items():
        desktop.go_to_page(name)
        desktop.page.locator(part).first.wait_for()
        desktop.wait_until_idle()
        # The other controls stand together at the right.
        assert all(0 <= gap < 40 for gap in gaps_in_head(desktop)), (name, gaps_in_head(desktop))
        heights = heights_in_head(desktop)
        assert max(heights, default=0) - min(heights, default=0) < 1, (name, heights)
    assert len(desktop.page.evaluate("[...places]")) == 1, desktop.page.evaluate("[...places]")


def test_a_sidebar_that_stays_empty_is_drawn_again(desktop: BrowserTab) -> None:
    desktop.go_to_page("History")
    desktop.by_key("carry").wait_for()
    desktop.wait_until_idle()
    desktop.page.evaluate("window.left = document.createElement('section')")
    count = desktop.message_count
    # As Streamlit left it in one of ten visits, until the page's script ran again.
    desktop.page.evaluate("""() => {
        left.dataset.testid = 'stSidebar'
        left.innerHTML = '<div data-testid=stSidebarUserContent><div data-testid=stVerticalBlock></div></div>'
        document.body.append(left)
    }""")
    desktop.wait_until("another run", lambda: desktop.message_count > count)
    desktop.page.evaluate("left.remove()")


def test_nothing_moves_because_an_answer_comes(desktop: BrowserTab, upstream: Upstream) -> None:
    def places() -> dict[str, object]:
        return {part: desktop.page.locator(part).first.bounding_box() for part in STEADY}

    upstream.plan_replies(StreamReply("".join(numbered_words(count=60)), held=200))
    before = places()
    desktop.page.evaluate(WATCH_JS)
    desktop.send("Go")
    desktop.wait_until("some text", lambda: len(desktop.answer_text()) > 100)
    desktop.wait_until_drawn()
    assert places() == before
    # What the send itself replaces has moved by now.
    desktop.page.evaluate("window.moved = 0")
    upstream.requests[0].release()
    desktop.wait_for_end()
    desktop.by_key("new").wait_for()
    assert places() == before
    assert desktop.page.evaluate("moved") < 0.01
    assert len(desktop.page.evaluate("[...places]")) == 1


def test_a_message_is_in_sight_after_it_was_sent_from_further_up(tab: BrowserTab, upstream: Upstream) -> None:
    upstream.plan_replies(StreamReply("".join(numbered_words(count=600))), StreamReply("Well."))
    tab.send("Go")
    tab.wait_for_end()
    tab.questions.first.scroll_into_view_if_needed()
    tab.send("And now?")
    tab.wait_for_answer("Well.")
    expect(tab.answers.last).to_be_in_viewport(timeout=TIMEOUT * 1000)
    expect(tab.questions.last).to_be_in_viewport(timeout=TIMEOUT * 1000)


@pytest.mark.parametrize("width", [1440, PHONE["width"]])
def test_the_buttons_of_a_message_stand_in_one_row(
    visit: Visit, app: AppProcess, upstream: Upstream, width: int
) -> None:
    tab = visit(app.url, phone=width < 1000)
    tab.page.set_viewport_size({"width": width, "height": 900})
    # Another version, and the length limit: the last answer has all the buttons that there are.
    upstream.plan_replies(*[StreamReply("Well.", usage=(1000, 256))] * 2)
    tab.send("Go")
    tab.wait_for_end("length limit")
    tab.answers.last.locator("[class*=st-key-again-] button:visible").first.click()
    tab.wait_for_answer_part("2/2")
    tab.wait_until_idle()
    counts = []
    for message in tab.messages.all():
        buttons = message.locator("[class*=st-key-controls-] button:visible").all()
        boxes = [box for button in buttons if (box := button.bounding_box()) is not None]
        counts.append(len(boxes))
        middles = [box["y"] + box["height"] / 2 for box in boxes]
        assert max(middles) - min(middles) < 3
        assert all(box["width"] >= 24 and box["height"] >= 24 for box in boxes)
        edges = [(box["x"], box["x"] + box["width"]) for box in boxes]
        assert edges == sorted(edges)
        assert all(end <= start for (_, end), (start, _) in itertools.pairwise(edges))
        assert edges[-1][1] <= width
    assert counts == [2, 6]


@pytest.mark.parametrize("phone", [False, True], ids=["desktop", "phone"])
def test_the_message_box_stands_below_what_scrolls(
    visit: Visit, app: AppProcess, upstream: Upstream, *, phone: bool
) -> None:
    tab = visit(app.url, phone=phone)

    def bar() -> dict[str, Any]:
        return dict(tab.page.evaluate(BAR_JS))

    upstream.plan_replies(StreamReply("".join(numbered_words(count=400))))
    tab.send("Go")
    tab.wait_for_end()
    for _ in range(2):  # open and close the line above it
        tab.by_key("ahead").locator("summary").click()
        tab.wait_until_idle()
    chat_controls.open_request_and_reply(tab, "Request")
    # It is painted where it is laid out. Chromium painted a sticky one elsewhere in one of ten tries.
    state = bar()
    assert not state["scrollsWithThePage"]
    assert (round(state["bar"]["right"]), round(state["bar"]["bottom"])) == tuple(state["window"])
    x, y, width, _ = state["box"]
    assert pixel(tab, x + width / 2, y + 4) == state["colour"]
    # A wheel over it and the keys for a page scroll the page, whose end stands above it.
    tab.chat_box.focus()
    for _ in range(4):
        tab.page.keyboard.press("PageDown")
    tab.wait_until("the end of the page", lambda: bar()["left"] < 1)
    assert bar()["end"] <= bar()["bar"]["top"] + 1
    scrolled = bar()["scrolled"]
    tab.page.keyboard.press("PageUp")
    tab.wait_until("a page further up", lambda: bar()["scrolled"] < scrolled - 200)
    if not phone:  # it has no wheel
        scrolled = bar()["scrolled"]
        tab.page.mouse.move(x + width / 4, y + 10)
        tab.page.mouse.wheel(0, -100)
        tab.wait_until("a little further up", lambda: bar()["scrolled"] <= scrolled - 50)


def pixel(tab: BrowserTab, x: float, y: float) -> str:
    """Return the colour of a pixel of the window, as a style sheet names it."""
    picture = Image.open(
        BytesIO(tab.page.screenshot(clip={"x": int(x), "y": int(y), "width": 1, "height": 1}, scale="css"))
    )
    return f"rgb{picture.convert('RGB').getpixel((0, 0))}"
