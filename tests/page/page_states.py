"""Every page of Paddock in each state: with answers, menus, editors, popovers and dialogs."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from playwright.sync_api import Locator

from lib.tools.sample_tools import SAMPLE_TOOLS
from tests.page.browser_tab import BrowserTab
from tests.page.model_sections import SECTIONS, open_section
from tests.page.upstream import ErrorReply, EventsReply, StreamReply, Upstream
from tests.ui.app_test_page import share_address

# Each kind of block that an answer can have.
ANSWER = """# A heading

Some **bold** text, `code`, a [link](https://example.com) and https://example.org.

1. One
   - Two

> A quotation

```python
# A comment
def square(number: int = 4) -> str:
    return f"{number ** 2}: " + 'text' + str(None)
```

| Name | Value |
|---|---|
| one | 1 |

A formula: $x^2$
"""
CALL = {"tool_calls": [{"name": SAMPLE_TOOLS[0].tool.name, "arguments": {}}]}


def _open(tab: BrowserTab, address: str) -> None:
    tab.page.goto(tab.url + address)
    tab.page.get_by_test_id("stMainBlockContainer").wait_for()
    tab.wait_until_idle()


def _click(tab: BrowserTab, control: Locator) -> None:
    control.first.wait_for()
    tab.wait_until_idle()
    control.first.click()
    tab.wait_until_idle()


def _opened(tab: BrowserTab, key: str, shown: Locator) -> Iterator[None]:
    """Open what the button of a key that begins so shows, yield, and close it."""
    _click(tab, tab.page.locator(f"[class*='st-key-{key}'] button:visible"))
    shown.wait_for()
    yield
    tab.page.keyboard.press("Escape")
    shown.wait_for(state="detached")


def _popover(tab: BrowserTab, key: str) -> Iterator[None]:
    return _opened(tab, key, tab.page.get_by_test_id("stPopoverBody"))


def _menu(tab: BrowserTab, key: str) -> Iterator[None]:
    return _opened(tab, key, tab.page.get_by_role("menuitem").first)


def _dialog(tab: BrowserTab, key: str) -> Iterator[None]:
    return _opened(tab, key, tab.page.get_by_role("dialog"))


def _sidebar(tab: BrowserTab) -> Iterator[None]:
    """Open the sidebar if it is closed, as it is on a phone; yield; and close it again."""
    expand = tab.page.get_by_test_id("stExpandSidebarButton")
    if not expand.is_visible():
        yield
        return
    expand.click()
    tab.page.locator("[data-testid=stSidebar][data-collapsed=false]").wait_for()
    yield
    tab.page.get_by_test_id("stSidebarCollapseButton").get_by_role("button").click()
    tab.page.locator("[data-testid=stSidebar][data-collapsed=false]").wait_for(state="detached")


def chat_states(tab: BrowserTab, upstream: Upstream) -> Iterator[str]:
    tab.wait_until_idle()
    tab.page.keyboard.press("Tab")
    yield "Chat, welcome, with a link to the message box"
    tab.page.evaluate("document.activeElement.blur()")
    tab.page.keyboard.press("?")
    yield "list of shortcuts"
    tab.page.keyboard.press("Escape")
    for _ in _dialog(tab, "place"):
        yield "connect"
    upstream.plan_replies(StreamReply(ANSWER, held=len(ANSWER) - 30))
    tab.send("Hello")
    tab.wait_until("most of it", lambda: "one" in tab.answer_text())
    # Until then, Streamlit dims what it draws again.
    tab.wait_until_drawn()
    yield "Chat, answer streams"
    upstream.requests[-1].release()
    tab.wait_for_end()
    tab.wait_until_idle()
    yield "Chat, answer"
    for _ in _menu(tab, "menu-"):
        yield "menu of a message"
    for action in ("Request and reply", "Code", "Edit"):
        tab.choose_in_menu(tab.answers.last, action)
        tab.wait_until_idle()
        yield f"box: {action}"
        if action == "Request and reply":
            _click(tab, tab.answers.last.get_by_role("radio", name="Times", exact=True))
            yield "box: Times"
    _click(tab, tab.page.locator("[class*='st-key-cancel-'] button:visible"))
    _click(tab, tab.answers.last.get_by_role("button", name="Settings used"))
    yield "settings of an answer"
    tab.page.keyboard.press("Escape")
    for _ in _popover(tab, "share"):
        yield "share"
    _click(tab, tab.by_key("ahead").locator("summary"))
    for view in ("Request", "Code", "Cost", "What the model reads"):
        _click(tab, tab.by_key("ahead-part").get_by_role("radio", name=view, exact=True))
        yield f"next message: {view}"
    _click(tab, tab.by_key("ahead").locator("summary"))
    upstream.plan_replies(ErrorReply(400, 5007, "No such model"))
    tab.send("And now?")
    tab.wait_until("the error", lambda: tab.alerts.count() > 0)
    tab.wait_until_idle()
    yield "Chat, error"
    _open(tab, share_address("", "Be brief.", tools=(SAMPLE_TOOLS[0].tool,)))
    yield "Chat, shared set-up"
    upstream.plan_replies(EventsReply(CALL))
    tab.send("Which time is it?")
    tab.button("Send result").wait_for()
    tab.wait_until_idle()
    yield "Chat, tool call"
    _open(tab, "/?present=1")
    yield "Chat, presented"
    _open(tab, "/?embed=true")
    yield "Chat, embedded"


def settings_states(tab: BrowserTab, upstream: Upstream) -> Iterator[str]:
    for _ in _sidebar(tab):
        yield "settings"
        for _ in _popover(tab, "presets"):
            _click(tab, tab.page.get_by_text("Export or import"))
            yield "presets"
        _click(tab, tab.by_key("choose-format").get_by_role("radio").nth(2))
        _click(tab, tab.by_key("choose-form").get_by_role("radio").nth(0))
        yield "settings, fields"
        for _ in _dialog(tab, "open-edit-schema"):
            yield "schema editor"
            _click(tab, tab.page.get_by_role("dialog").get_by_role("radio", name="JSON", exact=True))
            yield "schema editor, JSON"
        for _ in _dialog(tab, "open-edit-tools"):
            _click(tab, tab.page.get_by_role("button", name="Add a tool", exact=True))
            yield "tool editor"
            _click(tab, tab.page.get_by_role("tab", name="Functions"))
            yield "tool editor, functions"
        _click(tab, tab.by_key("choose-form").get_by_role("radio").nth(1))
        yield "settings, single prompt"
        _click(tab, tab.by_key("choose-settings").get_by_role("radio").nth(0))
        yield "settings, simple"
        _click(tab, tab.by_key("choose-settings").get_by_role("radio").nth(1))


def compare_states(tab: BrowserTab, upstream: Upstream) -> Iterator[str]:
    tab.wait_until_idle()
    yield "Compare"
    upstream.plan_replies(StreamReply(ANSWER), StreamReply(ANSWER.replace("bold", "fat")))
    tab.send("Hello")
    cells = tab.page.locator("[class*=st-key-cell-0-]")
    tab.wait_until("both", lambda: all("formula" in text for text in [*cells.all_inner_texts(), ""][:2]))
    tab.wait_until_idle()
    yield "Compare, answers"
    for _ in _menu(tab, "menu-"):
        yield "menu of an answer"
    for _ in _menu(tab, "column-menu-"):
        yield "menu of a column"
    for _ in _popover(tab, "comparisons"):
        yield "comparisons"
    for _ in _popover(tab, "compare-download"):
        yield "download of a comparison"
    for _ in _sidebar(tab):
        yield "Compare, settings"


def experiment_states(tab: BrowserTab, upstream: Upstream) -> Iterator[str]:
    tab.wait_until_idle()
    yield "Experiment"
    _click(tab, tab.page.locator("[class*='st-key-experiment-sample-0'] button:visible"))
    for name in ("prompts", "inputs", "settings", "checks", "budget"):
        section = tab.by_key(f"section-{name}")
        if section.locator("> *").count() == 1:
            _click(tab, tab.by_key(f"section-{name}-head").locator("button:visible"))
    yield "Experiment, sections"
    for key in ("inputs-upload", "inputs-paste", "inputs-columns", "prompt-rename", "experiments"):
        for _ in _popover(tab, key):
            yield key
    _click(tab, tab.by_key("run-start").locator("button:visible"))
    tab.wait_until("the end", lambda: "Done." in tab.by_key("run-state").inner_text())
    tab.wait_until_idle()
    for section in ("Overview", "Answers", "Side by side"):
        radio = tab.by_key("results-section").get_by_role("radio", name=section, exact=True)
        if radio.count():
            _click(tab, radio)
            yield f"results: {section}"


def history_states(tab: BrowserTab, upstream: Upstream) -> Iterator[str]:
    tab.send("Hello")
    tab.wait_for_end()
    _open(tab, "/history")
    for number in range(tab.by_key("history-view").get_by_role("radio").count()):
        view = tab.by_key("history-view").get_by_role("radio").nth(number)
        _click(tab, view)
        yield f"History: {view.inner_text()}"
        if number == 0:
            for key in ("rename-", "delete-all"):
                for _ in _popover(tab, key):
                    yield key


def model_states(tab: BrowserTab, upstream: Upstream) -> Iterator[str]:
    yield "Chat, welcome on the practice model"
    tab.wait_until("the twin is up", lambda: "on this computer (" in tab.by_key("place").inner_text(), 90)
    _open(tab, "/model")
    for section in SECTIONS:
        open_section(tab, section)
        if section == "Next token":
            tab.page.locator(".odds tbody tr").first.wait_for()
            tab.wait_until_idle()
        yield section


# Where a page's states begin, and what it shows there; elsewhere, at the Chat page.
BEGINNINGS = {
    "Compare": ("/compare", ".st-key-head-B:visible"),
    "Experiment": ("/experiment", ".st-key-section-prompts:visible"),
}
STATES: dict[str, Callable[[BrowserTab, Upstream], Iterator[str]]] = {
    "Chat": chat_states,
    "Settings": settings_states,
    "Compare": compare_states,
    "Experiment": experiment_states,
    "History": history_states,
    "Model": model_states,
}
