"""A conversation is a tree: edit, insert, delete, branch off, go on; nothing that was there is lost."""

from __future__ import annotations

import contextlib

import pytest
from playwright.sync_api import Locator, TimeoutError

from tests.page import saved_outside
from tests.page.app_process import Application
from tests.page.upstream import Stream, Upstream
from tests.page.visitor import Visitor, squeezed

Turns = list[tuple[str, str]]

# The first text of each message: all of it, for these are short.
FIRST = """messages => messages.map(
    message => message.querySelector('[data-testid=stText], [data-testid=stMarkdown]')?.innerText)"""


def turns(upstream: Upstream, number: int = -1) -> Turns:
    """The messages of a request, as role and text."""
    return [(turn["role"], turn["content"]) for turn in upstream.asked[number].body["messages"]]


def reads(tab: Visitor, *texts: str) -> None:
    """Wait until the open path reads exactly so, from the first message to the last."""

    tab.until(f"{texts}", lambda: tab.messages.evaluate_all(FIRST) == list(texts))
    tab.rest()


def edit(tab: Visitor, message: Locator, text: str, button: str) -> None:
    """Change a message by its menu."""
    tab.menu(message, "Edit")
    box = tab.page.get_by_label("Edit the message")
    box.fill(text)
    tab.page.get_by_role("button", name=button, exact=True).click()
    tab.until("the box closes", lambda: box.count() == 0)


@pytest.fixture
def talk(tab: Visitor, upstream: Upstream) -> Visitor:
    """A conversation of two questions and two answers."""
    upstream.plan(Stream("One."), Stream("Two."))
    for number, text in enumerate(("First", "Second")):
        tab.say(text)
        tab.ended(which=number)
    reads(tab, "First", "One.", "Second", "Two.")
    return tab


def test_an_edited_message_keeps_what_follows_and_what_was(talk: Visitor, upstream: Upstream) -> None:
    edit(talk, talk.questions.first, "First, but edited", "Save")
    reads(talk, "First, but edited", "One.", "Second", "Two.")
    assert len(upstream.asked) == 2  # nothing was sent
    assert talk.questions.first.get_by_text("2/2").is_visible()
    talk.questions.first.locator("[class*='st-key-variant-1-'] button").first.click()
    reads(talk, "First", "One.", "Second", "Two.")
    talk.questions.first.locator("[class*='st-key-variant1-'] button").first.click()
    reads(talk, "First, but edited", "One.", "Second", "Two.")
    talk.say("Third")
    talk.ended(which=2)
    assert turns(upstream) == [
        ("user", "First, but edited"),
        ("assistant", "One."),
        ("user", "Second"),
        ("assistant", "Two."),
        ("user", "Third"),
    ]


def test_save_and_send_asks_anew_from_there(talk: Visitor, upstream: Upstream) -> None:
    upstream.plan(Stream("Another one."))
    edit(talk, talk.questions.first, "Something else", "Save and send")
    reads(talk, "Something else", "Another one.")
    talk.ended()
    assert turns(upstream) == [("user", "Something else")]
    talk.questions.first.locator("[class*='st-key-variant-1-'] button").first.click()
    reads(talk, "First", "One.", "Second", "Two.")


def test_an_edited_answer_is_gone_on_with(talk: Visitor, upstream: Upstream) -> None:
    upstream.plan(Stream("and grey, and wet.", usage=(30, 6)))
    edit(talk, talk.answers.last, "The sky is blue ", "Save and continue")
    talk.ended()
    assert turns(upstream) == [
        ("user", "First"),
        ("assistant", "One."),
        ("user", "Second"),
        ("assistant", "The sky is blue "),
    ]
    reads(talk, "First", "One.", "Second", "The sky is blue and grey, and wet.")
    assert talk.figures().startswith("30 in · 6 out")
    talk.answers.last.locator("[class*='st-key-variant-1-'] button").first.click()
    reads(talk, "First", "One.", "Second", "Two.")


def test_cancel_changes_nothing(talk: Visitor, upstream: Upstream) -> None:
    talk.menu(talk.questions.first, "Edit")
    talk.page.get_by_label("Edit the message").fill("Never meant")
    talk.page.get_by_role("button", name="Cancel").click()
    talk.until("the box closes", lambda: talk.page.get_by_label("Edit the message").count() == 0)
    reads(talk, "First", "One.", "Second", "Two.")
    talk.menu(talk.questions.first, "Edit")
    box = talk.page.get_by_label("Edit the message")
    talk.until("the text is in the box", lambda: box.input_value() == "First")


@pytest.mark.parametrize("role", ["user", "assistant", "system", "tool"])
def test_a_message_is_put_in_between(talk: Visitor, upstream: Upstream, role: str) -> None:
    talk.menu(talk.answers.first, "Insert after")
    talk.page.get_by_label("Text", exact=True).fill("In between")
    talk.page.get_by_role("radio", name=role, exact=True).click()
    talk.rest()
    talk.page.get_by_role("button", name="Insert", exact=True).click()
    reads(talk, "First", "One.", "In between", "Second", "Two.")
    talk.say("Third")
    talk.ended(which=-1)
    talk.until("a request", lambda: len(upstream.asked) == 3)
    assert turns(upstream)[1:4] == [("assistant", "One."), (role, "In between"), ("user", "Second")]


def test_a_deleted_message_comes_back(talk: Visitor, upstream: Upstream) -> None:
    talk.menu(talk.answers.first, "Delete")
    reads(talk, "First", "Second", "Two.")
    talk.button("Undo").click()
    reads(talk, "First", "One.", "Second", "Two.")
    assert talk.page.get_by_role("button", name="Undo").count() == 0
    talk.menu(talk.answers.first, "Delete")
    reads(talk, "First", "Second", "Two.")
    talk.say("Third")
    talk.ended(which=1)
    assert turns(upstream) == [
        ("user", "First"),
        ("user", "Second"),
        ("assistant", "Two."),
        ("user", "Third"),
    ]
    assert talk.page.get_by_role("button", name="Undo").count() == 0  # it would take the new ones with it


def test_a_branch_leaves_the_old_conversation_alone(talk: Visitor, upstream: Upstream) -> None:
    old = talk.page.url
    talk.menu(talk.answers.first, "Branch off here")
    reads(talk, "First", "One.")
    new = talk.page.url
    assert new != old
    talk.say("Elsewhere")
    talk.ended(which=1)
    assert turns(upstream) == [("user", "First"), ("assistant", "One."), ("user", "Elsewhere")]
    talk.open(old.removeprefix(talk.url))
    reads(talk, "First", "One.", "Second", "Two.")


def test_a_stopped_answer_goes_on(tab: Visitor, upstream: Upstream) -> None:
    upstream.plan(Stream(endless=True))
    tab.say("Count")
    tab.grows(80)
    tab.page.keyboard.press("Escape")
    tab.ended("stopped")
    before = tab.text()
    upstream.plan(Stream("And that is all.", usage=(50, 5)))
    tab.button("Continue").click()
    tab.ended("finished")
    assert tab.answers.count() == 1
    role, prefill = turns(upstream)[-1]
    assert role == "assistant"
    assert upstream.asked[0].sent.startswith(prefill)
    assert squeezed(prefill) == before
    tab.reads(f"{prefill}And that is all.")
    assert tab.page.get_by_role("button", name="Continue").count() == 0


def test_nothing_is_changed_while_an_answer_comes(talk: Visitor, upstream: Upstream) -> None:
    upstream.plan(Stream(endless=True))
    talk.say("Go on")
    talk.until("another answer", lambda: talk.answers.count() == 3)
    talk.grows()
    refused = talk.page.get_by_text("An answer is still coming.")
    for _ in range(10):  # the page follows the answer, and a menu closes where the page moves under it
        with contextlib.suppress(TimeoutError):
            talk.answers.first.locator("[class*='st-key-menu-'] button").first.click(timeout=3000)
            talk.page.get_by_role("menuitem", name="Delete", exact=True).click(timeout=1500)
            break
    refused.wait_for()
    talk.grows()
    upstream.asked[-1].release()
    talk.ended(which=2)
    talk.reads(upstream.asked[-1].sent)
    assert talk.text(0) == "One."


def test_a_copy_has_the_exact_text(tab: Visitor, upstream: Upstream) -> None:
    text = "# Not *a* heading\n\n  `code`  <b>and</b>\n\n```\nx = 1\n```\n| a |\n$5 and $6\n"
    upstream.plan(Stream(text))
    tab.say("Go")
    tab.ended()
    tab.menu(tab.answers.last, "Copy")
    code = tab.answers.last.locator("[data-testid=stCode] code").last
    tab.until("the text", lambda: code.count() and code.text_content() == text.rstrip("\n"))
    tab.key(f"close-{_id(tab.answers.last)}").get_by_role("button").click()
    tab.until("it closes", lambda: tab.answers.last.locator("[data-testid=stCode]").count() == 1)


def _id(message: Locator) -> str:
    keys = (message.get_attribute("class") or "").split()
    return next(key for key in keys if key.startswith("st-key-")).rpartition("-")[2]


def test_the_keyboard_alone_edits_a_message(talk: Visitor, upstream: Upstream) -> None:
    page, focused = talk.page, "document.activeElement"
    talk.box.focus()
    inside = f"document.querySelector('[class*=st-key-user-] [class*=st-key-menu-]').contains({focused})"
    for _ in range(60):
        page.keyboard.press("Shift+Tab")
        if page.evaluate(inside):
            break
    assert page.evaluate(inside)
    page.keyboard.press("Enter")
    talk.until("the menu has the focus", lambda: page.evaluate(f"!!{focused}.closest('[role=menu]')"))
    for key, action in (("ArrowDown", "Copy"), ("ArrowUp", "Edit")):
        page.keyboard.press(key)
        talk.until(action, lambda action=action: page.evaluate(f"{focused}.innerText").strip() == action)
    page.keyboard.press("Enter")
    page.get_by_label("Edit the message").wait_for()
    talk.rest()
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
    reads(talk, "By keyboard", "One.", "Second", "Two.")


def test_a_long_conversation_is_drawn_from_its_end(
    tab: Visitor, app: Application, upstream: Upstream
) -> None:
    talk = saved_outside.talk(40)
    with saved_outside.store(app) as store:
        saved_outside.save(store, talk)
    tab.open(f"/?c={talk.id}")
    tab.until("the last ones", lambda: tab.messages.count() == 20)
    assert tab.text() == "answer 39"
    for count in (40, 60):
        tab.button("Show 20 earlier messages").click()
        tab.until("more", lambda count=count: tab.messages.count() == count)
        tab.rest()
    tab.button("Show 20 earlier messages").click()
    tab.until("all", lambda: tab.messages.count() == 80)
    assert tab.said(0) == "question 0"
    tab.say("And now?")
    tab.until("a request", lambda: upstream.asked)
    assert len(turns(upstream)) == 81
