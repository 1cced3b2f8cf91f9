"""The keyboard's focus: what opens takes it and gives it back, and it is seen on every control."""

from __future__ import annotations

from playwright.sync_api import Locator

from tests.page.browser_tab import BrowserTab
from tests.page.focus_rings import find_faint_rings
from tests.page.test_axe import set_scheme
from tests.page.test_keyboard import press, wait_for_focus
from tests.page.upstream import StreamReply, Upstream

MENU = "[class*='st-key-assistant-'] [class*='st-key-menu-'] button"
# The action in an answer's menu, what has the focus then, and the button that closes it.
BOXES = (
    ("Copy", "[class*='st-key-copy-'] *", "Close"),
    ("Request and reply", "[class*='st-key-exchange-'] *", "Close"),
    ("Code", "[class*='st-key-code-'] *", "Close"),
    ("Add a message below", "[class*='st-key-insert-'] textarea", "Cancel"),
    ("Edit", "[class*='st-key-edit-'] textarea", "Cancel"),
    ("Edit", "[class*='st-key-edit-'] textarea", "Save"),
)
# The key of a button, and what has the focus after it was pressed. Escape closes it.
OVERLAYS = {
    "share": "[data-testid=stPopoverBody]",
    "presets": "[data-testid=stPopoverBody]",
    "open-edit-tools": "[role=dialog], [role=dialog] *",
    "place": "[role=dialog], [role=dialog] *",
}


def press_on(tab: BrowserTab, control: Locator) -> None:
    """Go to that control and press Enter."""
    control.first.wait_for()
    tab.wait_until_idle()
    control.first.focus()
    press(tab, "Enter")


def test_what_opens_takes_the_focus_and_gives_it_back(tab: BrowserTab) -> None:
    tab.send("Go")
    tab.wait_for_end()
    for action, opened, close in BOXES:
        press_on(tab, tab.page.locator(MENU))
        press_on(tab, tab.page.get_by_role("menuitem", name=action, exact=True))
        wait_for_focus(tab, opened)
        press_on(tab, tab.answers.last.get_by_role("button", name=close, exact=True))
        wait_for_focus(tab, MENU)
    for key, opened in OVERLAYS.items():
        button = f"[class*='st-key-{key}'] button"
        press_on(tab, tab.page.locator(button))
        wait_for_focus(tab, opened)
        tab.wait_until_idle()
        press(tab, "Escape")
        wait_for_focus(tab, button)
    # The Tab key leads through a popover, and on from its button.
    press_on(tab, tab.page.locator(".st-key-share button"))
    wait_for_focus(tab, "[data-testid=stPopoverBody]")
    tab.wait_until_idle()
    press(tab, "Tab")
    wait_for_focus(tab, "[data-testid=stPopoverBody] *")
    press(tab, "Shift+Tab")
    wait_for_focus(tab, ".st-key-share button")
    press(tab, "Escape")
    # A popover that begins with a text box.
    tab.go_to_page("History")
    tab.by_key("carry").wait_for()
    rename = "[class*='st-key-rename-'] button"
    press_on(tab, tab.page.locator(rename))
    wait_for_focus(tab, "[class*='st-key-title-'] input")
    tab.wait_until_idle()
    press(tab, "Escape")
    wait_for_focus(tab, rename)


def test_the_focus_is_seen_on_every_control(tab: BrowserTab, upstream: Upstream) -> None:
    upstream.plan_replies(StreamReply("# A heading\n\nWell.", usage=(1000, 256)))
    tab.page.set_viewport_size({"width": 1440, "height": 900})
    tab.send("Go")
    tab.wait_for_end("length limit")
    assert_rings_are_seen(tab, 30)
    press_on(tab, tab.page.locator("[class*='st-key-open-edit-tools'] button"))
    press_on(tab, tab.page.get_by_role("button", name="Add a tool", exact=True))
    tab.page.get_by_role("textbox", name="Description").wait_for()
    assert_rings_are_seen(tab, 8)
    for address, drawn in (("/compare", "head-A"), ("/experiment", "section-prompts")):
        tab.page.goto(tab.url + address)
        tab.by_key(drawn).wait_for()
        assert_rings_are_seen(tab, 20)
        if address == "/compare":
            _, cut = find_faint_rings(tab.page, ".st-key-head-A", min_sides=4)
            assert cut == []


def assert_rings_are_seen(tab: BrowserTab, least: int) -> None:
    """Look at each control, light and dark; there are at least so many."""
    for scheme in ("light", "dark"):
        tab.wait_until_idle()
        set_scheme(tab, scheme)
        count, wrong = find_faint_rings(tab.page)
        assert count >= least
        assert wrong == [], scheme
