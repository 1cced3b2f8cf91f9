"""A conversation is a tree: edit, insert, delete, branch and continue; no message is lost."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator

from tests.page.browser_tab import BrowserTab, squeeze
from tests.page.upstream import StreamReply, Upstream, numbered_words

Turns = list[tuple[str, str]]

# Returns the first text of each message, which is the whole text because these messages are short.
FIRST = """messages => messages.map(
    message => message.querySelector('[data-testid=stText], .model-text')?.innerText)"""


def turns(upstream: Upstream, number: int = -1) -> Turns:
    """Return the messages of a request, as role and text."""
    return [(turn["role"], turn["content"]) for turn in upstream.requests[number].body["messages"]]


def wait_for_messages(tab: BrowserTab, *texts: str) -> None:
    """Wait until the open path has exactly these messages, from first to last."""

    tab.wait_until(f"{texts}", lambda: tab.messages.evaluate_all(FIRST) == list(texts))
    tab.wait_until_idle()


def edit(tab: BrowserTab, message: Locator, text: str, button: str) -> None:
    """Edit a message through its menu."""
    tab.choose_in_menu(message, "Edit")
    box = tab.page.get_by_label("Edit the message")
    box.fill(text)
    tab.page.get_by_role("button", name=button, exact=True).click()
    tab.wait_until("the box closes", lambda: box.count() == 0)


@pytest.fixture
def talk(tab: BrowserTab, upstream: Upstream) -> BrowserTab:
    """Hold a conversation of two questions and two answers."""
    upstream.plan_replies(StreamReply("One."), StreamReply("Two."))
    for number, text in enumerate(("First", "Second")):
        tab.send(text)
        tab.wait_for_end(which=number)
    wait_for_messages(tab, "First", "One.", "Second", "Two.")
    return tab


def test_a_stopped_answer_goes_on(tab: BrowserTab, upstream: Upstream) -> None:
    upstream.plan_replies(StreamReply(endless=True))
    tab.send("Count")
    tab.wait_for_growth(80)
    tab.stop_by_escape()
    tab.wait_for_end("stopped")
    before = tab.answer_text()
    upstream.plan_replies(StreamReply("And that is all.", usage=(50, 5)))
    tab.button("Continue").click()
    tab.wait_for_end("finished")
    assert tab.answers.count() == 1
    role, prefill = turns(upstream)[-1]
    assert role == "assistant"
    assert upstream.requests[0].sent_text.startswith(prefill)
    assert squeeze(prefill) == before
    tab.wait_for_answer(f"{prefill}And that is all.")
    assert tab.page.get_by_role("button", name="Continue").count() == 0


def test_nothing_is_changed_while_an_answer_comes(talk: BrowserTab, upstream: Upstream) -> None:
    text = "".join(numbered_words(count=120))
    # The stream pauses so that the menu stays in place: the page follows a growing answer, and a moving menu closes.
    upstream.plan_replies(StreamReply(text, held=300))
    talk.send("Go on")
    talk.wait_until("another answer", lambda: talk.answers.count() == 3)
    talk.wait_until("the first part", lambda: len(talk.answer_text()) >= 290)
    talk.wait_until_drawn()
    talk.answers.first.locator("[class*='st-key-menu-'] button").first.click()
    talk.page.get_by_role("menuitem", name="Delete", exact=True).click()
    talk.page.get_by_text("An answer is still coming.").wait_for()
    assert upstream.requests[-1].is_live
    upstream.requests[-1].release()
    talk.wait_for_end(which=2)
    talk.wait_for_answer(text)
    assert talk.answer_text(0) == "One."


def test_a_copy_has_the_exact_text(tab: BrowserTab, upstream: Upstream) -> None:
    text = "# Not *a* heading\n\n  `code`  <b>and</b>\n\n```\nx = 1\n```\n| a |\n$5 and $6\n"
    upstream.plan_replies(StreamReply(text))
    tab.send("Go")
    tab.wait_for_end()
    tab.choose_in_menu(tab.answers.last, "Copy")
    code = tab.answers.last.locator("[data-testid=stCode] code").last
    tab.wait_until("the text", lambda: code.count() and code.text_content() == text.rstrip("\n"))
    tab.by_key(f"close-{_id(tab.answers.last)}").get_by_role("button").click()
    tab.wait_until("it closes", lambda: tab.answers.last.locator("[data-testid=stCode]").count() == 0)


def _id(message: Locator) -> str:
    keys = (message.get_attribute("class") or "").split()
    return next(key for key in keys if key.startswith("st-key-")).rpartition("-")[2]


def test_the_keyboard_alone_edits_a_message(talk: BrowserTab, upstream: Upstream) -> None:
    page, focused = talk.page, "document.activeElement"
    talk.chat_box.focus()
    inside = f"document.querySelector('[class*=st-key-user-] [class*=st-key-menu-]').contains({focused})"
    for _ in range(60):
        page.keyboard.press("Shift+Tab")
        if page.evaluate(inside):
            break
    assert page.evaluate(inside)
    page.keyboard.press("Enter")
    talk.wait_until("the menu has the focus", lambda: page.evaluate(f"!!{focused}.closest('[role=menu]')"))
    for key, action in (("ArrowDown", "Copy"), ("ArrowUp", "Edit")):
        page.keyboard.press(key)
        talk.wait_until(action, lambda action=action: page.evaluate(f"{focused}.innerText").strip() == action)
    page.keyboard.press("Enter")
    page.get_by_label("Edit the message").wait_for()
    talk.wait_until_idle()
    for _ in range(60):
        if page.evaluate(f"{focused}.ariaLabel") == "Edit the message":
            break
        page.keyboard.press("Tab")
    page.keyboard.press("Control+a")
    page.keyboard.type("By keyboard")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    assert page.evaluate(f"{focused}.innerText").strip() == "Save"
    page.keyboard.press("Enter")
    wait_for_messages(talk, "By keyboard", "One.", "Second", "Two.")
