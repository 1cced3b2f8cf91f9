"""Paddock without a mouse and without eyes: keys, focus, headings, and what a screen reader says."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.page.app_process import AppProcess
from tests.page.browser_tab import PHONE, TIMEOUT, BrowserTab
from tests.page.conftest import Visit
from tests.page.upstream import ErrorReply, StreamReply, Upstream

PATIENCE = TIMEOUT * 1000
# Notes each text of the live region.
LISTEN_JS = """() => {
    window.heard = []
    const region = document.querySelector('[role=status]#paddock-announcer')
    new MutationObserver(() => heard.push(region.textContent)).observe(region, {childList: true})
}"""
IS_FOCUSED_JS = "selector => document.activeElement?.matches(selector) ?? false"


def press(tab: BrowserTab, *keys: str) -> None:
    """Press these keys one after the other. A text of several letters that names no key is typed."""
    for key in keys:
        tab.page.keyboard.press(key)


def wait_for_focus(tab: BrowserTab, selector: str) -> None:
    """Wait until an element of that selector has the focus."""
    tab.wait_until(f"the focus on {selector}", lambda: tab.page.evaluate(IS_FOCUSED_JS, selector))


def test_an_answer_is_announced_and_read_in_order(tab: BrowserTab, upstream: Upstream) -> None:
    tab.page.locator("#paddock-announcer").wait_for(state="attached")
    tab.page.evaluate(LISTEN_JS)
    upstream.plan_replies(
        StreamReply("# A heading\n\nRain and sun.", held=20), ErrorReply(400, 5007, "No such model")
    )
    tab.send("What is a rainbow?")
    tab.wait_until("the start", lambda: tab.page.evaluate("heard") == ["The model is answering."])
    upstream.wait_for_request().release()
    tab.wait_for_end()
    tab.wait_until("the end", lambda: len(tab.page.evaluate("heard")) == 2)
    assert tab.page.evaluate("heard")[1].startswith("The answer is there")
    # What a screen reader reads: the page's heading, the question, the answer, and the menu of each.
    read = tab.page.get_by_test_id("stMainBlockContainer").aria_snapshot()
    parts = (
        'heading "Chat: What is a rainbow?" [level=1]',
        "text: What is a rainbow?",
        'button "Actions for message 1"',
        'heading "A heading" [level=3]',
        "Rain and sun.",
        'button "Actions for message 2"',
    )
    places = [read.find(part) for part in parts]
    assert -1 not in places, read
    assert places == sorted(places), read
    assert tab.page.locator("h1").all_inner_texts() == ["Chat: What is a rainbow?"]
    assert tab.page.title() == "What is a rainbow? · Chat · Paddock"
    tab.send("And now?")
    tab.wait_until("the error", lambda: "failed" in tab.page.evaluate("heard")[-1])


def test_keys_lead_to_the_box_the_settings_and_the_editor(tab: BrowserTab, upstream: Upstream) -> None:
    tab.page.locator("#paddock-skip-links").wait_for(state="attached")
    press(tab, "Tab", "Enter")
    wait_for_focus(tab, "[data-testid=stChatInputTextArea]")
    tab.page.keyboard.type("First")
    press(tab, "Enter")
    tab.wait_for_end()
    # The list of shortcuts opens with its key, but not while one types.
    press(tab, "?")
    assert tab.chat_box.input_value() == "?"
    press(tab, "Backspace")
    tab.page.evaluate("document.activeElement.blur()")
    press(tab, "?")
    listed = tab.page.locator("#paddock-shortcuts")
    expect(listed).to_be_visible(timeout=PATIENCE)
    press(tab, "Escape")
    expect(listed).to_be_hidden(timeout=PATIENCE)
    # The editor takes the focus.
    press(tab, "Alt+e")
    wait_for_focus(tab, "[class*='st-key-edit-'] textarea")
    tab.choose_in_menu(tab.answers.last, "Add a message below")
    wait_for_focus(tab, "[class*='st-key-insert-'] textarea")
    # Another conversation, another page, and back.
    address = tab.page.url
    press(tab, "Alt+n")
    tab.wait_until("another conversation", lambda: tab.page.url != address and tab.answers.count() == 0)
    press(tab, "Alt+5")
    tab.wait_until("the Model page", lambda: tab.page.title().endswith("Model · Paddock"))
    press(tab, "Alt+1")
    tab.wait_until("the Chat page", lambda: tab.page.title().endswith("Chat · Paddock"))


def test_small_windows(visit: Visit, app: AppProcess, upstream: Upstream) -> None:
    tab = visit(app.url, phone=True)
    menu = tab.page.get_by_test_id("stExpandSidebarButton")
    expect(menu).to_have_accessible_name("Menu", timeout=PATIENCE)
    assert {
        size
        for size in tab.page.locator("input, textarea").evaluate_all(
            "boxes => boxes.map(box => parseFloat(getComputedStyle(box).fontSize))"
        )
        if size < 16
    } == set()
    menu.click()
    tab.page.get_by_test_id("stSidebarNavLink").nth(3).click()
    tab.wait_until("History", lambda: tab.page.title() == "History · Paddock")
    closed = tab.page.locator("[data-testid=stSidebar][data-collapsed=false]")
    expect(closed).to_have_count(0, timeout=PATIENCE)
    menu.click()
    tab.page.get_by_test_id("stSidebarNavLink").nth(0).click()
    tab.chat_box.wait_for()
    # A page of 1,440 × 900 at 200 %.
    tab.page.set_viewport_size({"width": 720, "height": 450})
    tab.wait_until(
        "two thirds to read",
        lambda: (
            tab.page.evaluate(
                "(document.querySelector('[data-testid=stBottom]').getBoundingClientRect().top"
                " - document.querySelector('[data-testid=stHeader]').getBoundingClientRect().bottom) / innerHeight"
            )
            >= 2 / 3
        ),
    )


def test_the_links_at_the_top_stay_where_they_are(tab: BrowserTab) -> None:
    places = set()
    for page in ("Chat", "Compare", "Experiment", "History", "Model"):
        tab.go_to_page(page)
        tab.wait_until(page, lambda page=page: f"{page} · Paddock" in tab.page.title())
        tab.wait_until_idle()
        box = tab.page.get_by_test_id("stTopNavLink").first.bounding_box()
        assert box is not None
        places.add(round(box["x"]))
    assert len(places) == 1, places
    assert tab.page.viewport_size != PHONE
