"""Tools and functions in a browser: their editors and the cards of calls, on a page of their own."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator

from tests.page.app_process import AppProcess
from tests.page.browser_tab import PHONE, BrowserTab, wait_for_value
from tests.page.conftest import Visit

BENCH = Path(__file__).with_name("tool_bench.py")
Open = Callable[..., BrowserTab]


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppProcess]:
    page = {"TEST_PAGE": str(BENCH)}
    with AppProcess(page, tmp_path_factory.mktemp("bench") / "log", BENCH.with_name("page_server.py")) as app:
        yield app
    assert "Traceback" not in app.log, app.log


@pytest.fixture
def page(visit: Visit, bench: AppProcess, expected: list[str]) -> Open:
    """Return a function that opens the page: ``page("calls", which="0,1", phone=False)``."""
    # The fonts are beside app.py, not beside the test page.
    expected.append("404")

    def page(show: str = "tools", which: str = "0,1,2,3", *, phone: bool = False) -> BrowserTab:
        tab = visit(bench.url, f"/?show={show}&which={which}", phone=phone)
        tab.wait_until_idle()
        return tab

    return page


def definitions_in_use(tab: BrowserTab, which: int = 0) -> list[dict[str, Any]]:
    """Return the tools that the editor returned; with ``which=1``, the functions."""
    codes = tab.by_key("in-use").locator("code")
    return list(json.loads(codes.nth(which).inner_text())) if codes.count() == 2 else []


def names(tab: BrowserTab, which: int = 0) -> list[str]:
    return [
        definition.get("name") or definition["function"]["name"]
        for definition in definitions_in_use(tab, which)
    ]


def wait_for_names(tab: BrowserTab, *expected: str, which: int = 0) -> None:
    """Wait until exactly these names are in use."""
    tab.wait_until(f"{expected} in use", lambda: names(tab, which) == list(expected))
    tab.wait_until_idle()


def add(tab: BrowserTab, *what: str) -> None:
    for name in what:
        before = len(names(tab))
        tab.page.get_by_role("button", name=name, exact=True).click()
        tab.wait_until(f"{name} is added", lambda before=before: len(names(tab)) == before + 1)
        tab.wait_until_idle()


def fill(box: Locator, text: str) -> None:
    """Type the text and leave the box."""
    box.fill(text)
    box.press("Tab")


def box(tab: BrowserTab, label: str, which: int = -1) -> Locator:
    """Return the visible box of that label."""
    boxes = tab.page.get_by_label(label, exact=True)
    tab.wait_until(f"a box “{label}”", lambda: boxes.count() > 0)
    return boxes.nth(which if which >= 0 else boxes.count() + which)


def text(tab: BrowserTab) -> Locator:
    return tab.by_key("editor-text").locator("textarea")


def shows(tab: BrowserTab, what: str) -> None:
    tab.wait_until(f"“{what}” to be read", lambda: tab.page.get_by_text(what).count() > 0)
    tab.wait_until_idle()


def test_a_tool_made_in_the_form(page: Open) -> None:
    tab = page()
    add(tab, "Add a tool")
    fill(box(tab, "Name"), "book_table")
    wait_for_names(tab, "book_table")
    fill(box(tab, "Description", 0), "Books a table.")
    tab.button("Add a parameter").click()
    fill(box(tab, "Name, parameter 1"), "guests")
    fill(box(tab, "What it means (the model reads it), parameter 1"), "How many come.")
    tab.wait_until("its description", lambda: "How many come." in json.dumps(definitions_in_use(tab)))
    tab.pick_option(tab.page.locator("[data-testid=stSelectbox] input"), "Whole number")
    tab.wait_until("its type", lambda: "integer" in json.dumps(definitions_in_use(tab)))
    tab.page.get_by_text("Required", exact=True).click()
    wanted = {
        "name": "book_table",
        "description": "Books a table.",
        "parameters": {
            "type": "object",
            "properties": {"guests": {"type": "integer", "description": "How many come."}},
        },
    }
    tab.wait_until("the whole tool", lambda: definitions_in_use(tab) == [wanted])
    shows(tab, "1 tool: book_table")


def type_into_new(tab: BrowserTab, button: str, text: str) -> None:
    """Press a button that adds something, and type: the new box has the focus, and its text is selected."""
    tab.button(button).focus()
    tab.page.keyboard.press("Enter")
    tab.page.wait_for_function(
        "() => { const box = document.activeElement; return box.matches('input, textarea') && "
        "box.selectionStart === 0 && box.selectionEnd === box.value.length }"
    )
    tab.page.keyboard.type(text)
    tab.page.keyboard.press("Tab")


def test_what_is_added_is_typed_into_at_once(page: Open) -> None:
    tab = page()
    type_into_new(tab, "Add a tool", "book_table")
    wait_for_names(tab, "book_table")
    # The description, which is empty: without it, the tool is not in use.
    fill(box(tab, "Description", 0), "Books a table.")
    for name in ("guests", "hour"):
        type_into_new(tab, "Add a parameter", name)
        tab.wait_until(f"the parameter {name}", lambda name=name: name in json.dumps(definitions_in_use(tab)))
        tab.wait_until_idle()
    tab = page("functions")
    type_into_new(tab, "Add a function", "ring")
    wait_for_names(tab, "ring", which=1)


def test_a_box_that_is_typed_into_already_keeps_its_text(page: Open) -> None:
    """As for somebody who is quicker than the page: the new box must not take the focus, nor select what is typed."""
    tab = page()
    tab.page.evaluate(
        "() => document.addEventListener('focusin', event => { if (event.target.matches('input, textarea')) "
        "(window.focused ??= []).push(event.target.ariaLabel) })"
    )
    add(tab, "Weather")
    tab.page.get_by_label("Description", exact=True).first.focus()
    tab.page.evaluate("() => { window.focused = [] }")
    # A click of the program moves no focus.
    tab.button("Add a parameter").evaluate("button => button.click()")
    box(tab, "Name, parameter 3").wait_for()
    tab.wait_until_idle()
    tab.page.wait_for_timeout(300)
    assert tab.page.evaluate("() => window.focused") == []


def test_a_choice_among_texts(page: Open) -> None:
    tab = page()
    add(tab, "Weather")
    choices = tab.page.locator("[data-testid=stMultiSelect] input")
    tab.add_option(choices, "kelvin")
    tab.wait_until("another choice", lambda: "kelvin" in json.dumps(definitions_in_use(tab)))
    unit = definitions_in_use(tab)[0]["parameters"]["properties"]["unit"]
    assert unit["enum"] == ["celsius", "fahrenheit", "kelvin"]
    # The open list hides the rest of the page from roles.
    tab.page.keyboard.press("Escape")
    # The tool is already there.
    assert tab.page.get_by_role("button", name="Weather", exact=True).is_disabled()


def test_in_a_dialog_what_is_half_done_outlives_its_closing(page: Open) -> None:
    tab = page("dialog")
    tab.button("Edit").click()
    dialog = tab.page.get_by_role("dialog")
    dialog.get_by_role("button", name="Clock", exact=True).click()
    dialog.get_by_role("button", name="Weather", exact=True).click()
    last_name = dialog.get_by_label("Name, tool 2", exact=True)
    last_name.wait_for()
    fill(last_name, "half done")
    tab.wait_until("the fault", lambda: dialog.get_by_text("without spaces").count() > 0)
    tab.page.keyboard.press("Escape")
    dialog.wait_for(state="hidden")
    tab.button("Edit").click()
    last_name.wait_for()
    wait_for_value(last_name, "half done")
    wait_for_names(tab, "clock", "weather")


def test_one_call_typed_and_sent_without_leaving_the_box_first(page: Open) -> None:
    tab = page("calls", "2")
    tab.by_key("calls-0").locator("textarea").fill("booked")
    tab.page.get_by_role("button", name="Send result", exact=True).click()
    tab.wait_until("it is sent", lambda: tab.page.get_by_text('["booked"]').count() > 0)


def test_what_a_model_wrote_fetches_nothing_and_leads_nowhere(page: Open) -> None:
    """Rely on the watch over the tab: it fails on a request to anything but the page's own port."""
    tab = page("calls", "3")
    card = tab.by_key("calls-0")
    assert "![x](http://127.0.0.1:9/beacon) :red[x]" in card.inner_text().replace("\u2060", "")
    assert card.locator("img, a").count() == 0
    assert "Does not fit the tool" in card.inner_text()
    assert "\\ud800" in card.locator("code").inner_text()


@pytest.mark.parametrize("show", ["tools", "functions", "calls"])
def test_on_a_phone_nothing_is_wider_than_the_screen(page: Open, show: str) -> None:
    tab = page(show, phone=True)
    if show == "tools":
        add(tab, "Weather")
    elif show == "functions":
        tab.button("Add a function").click()
        wait_for_names(tab, "my_function", which=1)
    width = tab.page.evaluate(
        "Math.max(...[...document.querySelectorAll('html, body, section, main, .stApp input, .stApp textarea')]"
        ".map(part => part.getBoundingClientRect().left + part.clientWidth))"
    )
    assert width <= PHONE["width"]
