"""Tools and functions in the browser: their editors, and the cards of calls, on a page of their own."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator

from lib.ui.editors.function_editor import EMBEDDED
from tests.page.app_process import AppProcess
from tests.page.browser_tab import PHONE, BrowserTab, wait_for_value
from tests.page.conftest import Visit

BENCH = Path(__file__).with_name("tool_bench.py")
Open = Callable[..., BrowserTab]


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppProcess]:
    with AppProcess({}, tmp_path_factory.mktemp("bench") / "log", BENCH) as app:
        yield app
    assert "Traceback" not in app.log, app.log


@pytest.fixture
def page(visit: Visit, bench: AppProcess, expected: list[str]) -> Open:
    """Opens the bench: ``page("calls", which="0,1", phone=False)``."""
    expected.append("404")  # the page's fonts belong to the whole application

    def page(show: str = "tools", which: str = "0,1,2,3", *, phone: bool = False) -> BrowserTab:
        tab = visit(bench.url, f"/?show={show}&which={which}", phone=phone)
        tab.wait_until_idle()
        return tab

    return page


def definitions_in_use(tab: BrowserTab, which: int = 0) -> list[dict[str, Any]]:
    """The tools that came out of the editor; with 1 the functions."""
    codes = tab.by_key("in-use").locator("code")
    return list(json.loads(codes.nth(which).inner_text())) if codes.count() == 2 else []


def names(tab: BrowserTab, which: int = 0) -> list[str]:
    return [one.get("name") or one["function"]["name"] for one in definitions_in_use(tab, which)]


def wait_for_names(tab: BrowserTab, *expected: str, which: int = 0) -> None:
    """Wait until just these are in use."""
    tab.wait_until(f"{expected} in use", lambda: names(tab, which) == list(expected))
    tab.wait_until_idle()


def add(tab: BrowserTab, *what: str) -> None:
    for name in what:
        before = len(names(tab))
        tab.page.get_by_role("button", name=name, exact=True).click()
        tab.wait_until(f"{name} is added", lambda before=before: len(names(tab)) == before + 1)
        tab.wait_until_idle()


def fill(box: Locator, text: str) -> None:
    """Type it, and go on."""
    box.fill(text)
    box.press("Tab")


def box(tab: BrowserTab, label: str, which: int = -1) -> Locator:
    """The box of that label, among those that can be seen."""
    boxes = tab.page.get_by_label(label, exact=True)
    tab.wait_until(f"a box “{label}”", lambda: boxes.count() > 0)
    return boxes.nth(which if which >= 0 else boxes.count() + which)


def view(tab: BrowserTab, name: str) -> None:
    tab.page.get_by_role("radio", name=name, exact=True).click()
    tab.wait_until_idle()


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
    fill(box(tab, "Parameter"), "guests")
    fill(box(tab, "Description"), "How many come.")
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


def test_a_choice_among_texts(page: Open) -> None:
    tab = page()
    add(tab, "Weather")
    choices = tab.page.locator("[data-testid=stMultiSelect] input")
    tab.add_option(choices, "kelvin")
    tab.wait_until("another choice", lambda: "kelvin" in json.dumps(definitions_in_use(tab)))
    unit = definitions_in_use(tab)[0]["parameters"]["properties"]["unit"]
    assert unit["enum"] == ["celsius", "fahrenheit", "kelvin"]
    tab.page.keyboard.press("Escape")  # the list of choices hides the rest of the page from roles
    assert tab.page.get_by_role("button", name="Weather", exact=True).is_disabled()  # there is one already


def test_a_bad_name_is_said_at_its_box_and_the_last_good_tools_stay(page: Open) -> None:
    tab = page()
    add(tab, "Clock", "Calculator")
    fill(box(tab, "Name"), "my calculator")
    shows(tab, "without spaces")
    shows(tab, "In use until the faults are mended: 2 tools: clock, calculator")
    assert names(tab) == ["clock", "calculator"]
    fill(box(tab, "Name"), "clock")
    shows(tab, "There is another of the name “clock”")
    assert names(tab) == ["clock", "calculator"]
    fill(box(tab, "Name"), "sums")
    wait_for_names(tab, "clock", "sums")
    tab.wait_until("no fault", lambda: tab.page.get_by_text("There is another").count() == 0)
    tab.page.get_by_role("button", name="Remove the tool").first.click()
    wait_for_names(tab, "sums")


def test_form_and_text_stay_in_step(page: Open) -> None:
    tab = page()
    add(tab, "Clock")
    view(tab, "JSON")
    tab.wait_until("the text", lambda: '"clock"' in text(tab).input_value())
    fill(text(tab), text(tab).input_value().replace('"clock"', '"watch"'))
    wait_for_names(tab, "watch")
    view(tab, "Form")
    tab.wait_until("the form", lambda: box(tab, "Name").input_value() == "watch")
    wait_for_value(box(tab, "Parameter"), "time_zone")
    fill(box(tab, "Parameter"), "zone")
    tab.wait_until("the other name", lambda: '"zone"' in json.dumps(definitions_in_use(tab)))
    view(tab, "JSON")
    tab.wait_until("the text of now", lambda: '"zone"' in text(tab).input_value())
    assert "time_zone" not in text(tab).input_value()
    text(tab).fill("[]")
    view(tab, "Form")  # typed, and the view changed in one go
    wait_for_names(tab)
    tab.wait_until("an empty form", lambda: tab.page.get_by_label("Name", exact=True).count() == 0)


def test_broken_text_is_kept_and_the_last_good_tools_stay(page: Open) -> None:
    tab = page()
    add(tab, "Clock")
    view(tab, "JSON")
    broken = '[\n  {"name": "x",,}\n]'
    fill(text(tab), broken)
    shows(tab, "in line 2, column 16")
    shows(tab, "In use until it is mended: 1 tool: clock")
    assert names(tab) == ["clock"]
    view(tab, "Form")
    shows(tab, "The form cannot show this text")
    wait_for_value(text(tab), broken)
    fill(
        text(tab),
        '{"name": "x", "description": "", "parameters": {"type": "object", "properties": {"a": {}}}}',
    )
    shows(tab, "parameters.properties.a has no “type” and no “description”")
    tab.button("Discard the text").click()
    tab.wait_until("the form again", lambda: box(tab, "Name").input_value() == "clock")
    wait_for_names(tab, "clock")


def test_what_the_form_cannot_show_is_edited_as_text_and_nothing_is_lost(page: Open) -> None:
    tab = page()
    nested = {
        "type": "object",
        "properties": {"a": {"type": "array", "description": "d", "items": {"type": "string"}}},
    }
    view(tab, "JSON")
    fill(
        text(tab),
        json.dumps(
            {
                "name": "deep",
                "description": "d",
                "parameters": nested,
            }
        ),
    )
    wait_for_names(tab, "deep")
    view(tab, "Form")
    parameters = box(tab, "Parameters, as a JSON Schema")
    tab.wait_until("their text", lambda: json.loads(parameters.input_value() or "null") == nested)
    fill(box(tab, "Name"), "deeper")
    wait_for_names(tab, "deeper")
    assert definitions_in_use(tab)[0]["parameters"] == nested
    fill(parameters, '{"type": "object"')
    shows(tab, "The text of the parameters is not complete")
    assert definitions_in_use(tab)[0]["parameters"] == nested
    wait_for_value(parameters, '{"type": "object"')


def test_the_shape_of_all(page: Open) -> None:
    tab = page()
    add(tab, "Clock", "Weather")
    assert [set(one) for one in definitions_in_use(tab)] == [{"name", "description", "parameters"}] * 2
    view(tab, "OpenAI")
    tab.wait_until(
        "OpenAI's shape", lambda: [set(one) for one in definitions_in_use(tab)] == [{"type", "function"}] * 2
    )
    add(tab, "Calculator")
    assert set(definitions_in_use(tab)[-1]) == {"type", "function"}
    view(tab, "Flat")
    tab.wait_until(
        "the flat shape",
        lambda: [set(one) for one in definitions_in_use(tab)] == [{"name", "description", "parameters"}] * 3,
    )


def test_tools_that_change_elsewhere_take_the_place_of_the_draft(page: Open) -> None:
    tab = page()
    add(tab, "Clock")
    fill(box(tab, "Name"), "a b")
    shows(tab, "without spaces")
    tab.button("Elsewhere").click()
    wait_for_names(tab, "calculator")
    tab.wait_until("its form", lambda: box(tab, "Name").input_value() == "calculator")
    assert tab.page.get_by_text("without spaces").count() == 0


def test_in_a_dialog_what_is_half_done_outlives_its_closing(page: Open) -> None:
    tab = page("dialog")
    tab.button("Edit").click()
    dialog = tab.page.get_by_role("dialog")
    dialog.get_by_role("button", name="Clock", exact=True).click()
    dialog.get_by_role("button", name="Weather", exact=True).click()
    tab.wait_until("two tools", lambda: dialog.get_by_label("Name", exact=True).count() == 2)
    fill(dialog.get_by_label("Name", exact=True).last, "half done")
    tab.wait_until("the fault", lambda: dialog.get_by_text("without spaces").count() > 0)
    tab.page.keyboard.press("Escape")
    dialog.wait_for(state="hidden")
    tab.button("Edit").click()
    tab.wait_until("the half done name", lambda: dialog.get_by_label("Name", exact=True).count() == 2)
    wait_for_value(dialog.get_by_label("Name", exact=True).last, "half done")
    wait_for_names(tab, "clock", "weather")


def test_functions(page: Open) -> None:
    tab = page("functions")
    assert tab.page.get_by_role("link", name="its helper runWithTools").get_attribute("href") == EMBEDDED
    tab.button("Add a function").click()
    wait_for_names(tab, "my_function", which=1)
    fill(box(tab, "Name"), "clock")
    shows(tab, "There is a tool of the name “clock” already")
    shows(tab, "In use until the faults are mended: my_function")
    fill(box(tab, "Name"), "shout")
    fill(box(tab, "Code"), "({ text }) => `${text}!`")
    wanted = [{"name": "shout", "code": "({ text }) => `${text}!`"}]
    tab.wait_until("the function", lambda: definitions_in_use(tab, 1) == wanted)
    fill(box(tab, "Code"), " ")
    shows(tab, "The code is empty")
    assert definitions_in_use(tab, 1) == wanted
    tab.page.locator("[class*='st-key-functions-'][class*='-remove'] button").first.click()
    wait_for_names(tab, which=1)


def test_calls_are_checked_and_answered_together(page: Open) -> None:
    tab = page("calls", "0,1,2")
    cards = [tab.by_key(f"calls-{number}") for number in range(3)]
    assert "Fits the tool" in cards[0].inner_text()
    assert "unit must be one of “celsius”, “fahrenheit”, not “kelvin”." in cards[1].inner_text()
    assert "Fits the tool" in cards[2].inner_text()
    assert cards[2].get_by_role("button", name="Run", exact=True).count() == 0  # it is no sample
    cards[0].get_by_role("button", name="Run", exact=True).click()
    answer = cards[0].locator("textarea")
    tab.wait_until("the calculator's result", lambda: "42" in answer.input_value())
    tab.button("Send results").click()
    tab.wait_until("what is missing", lambda: "Type a result first" in cards[2].inner_text())
    assert "Type a result first" not in cards[0].inner_text()
    fill(answer, "forty-two")
    fill(cards[1].locator("textarea"), "Rain")
    fill(cards[2].locator("textarea"), '{"booked": true}')
    tab.wait_until_idle()
    tab.button("Send results").click()
    sent = '["forty-two", "Rain", "{\\"booked\\": true}"]'
    shows(tab, sent)
    assert tab.page.locator("textarea[aria-label=Result]").count() == 0
    assert "forty-two" in cards[0].inner_text()


def test_a_call_of_a_function_waits_for_a_person(page: Open) -> None:
    tab = page("calls", "4")
    assert "A function" in tab.by_key("calls-0").inner_text()
    assert "hello" in tab.by_key("calls-0").inner_text()
    assert tab.page.get_by_role("button", name="Run", exact=True).count() == 0


def test_one_call_typed_and_sent_without_leaving_the_box_first(page: Open) -> None:
    tab = page("calls", "2")
    tab.by_key("calls-0").locator("textarea").fill("booked")
    tab.page.get_by_role("button", name="Send result", exact=True).click()
    tab.wait_until("it is sent", lambda: tab.page.get_by_text('["booked"]').count() > 0)


def test_samples_by_themselves(page: Open) -> None:
    tab = page("calls", "0,2")
    tab.page.get_by_text("Run sample tools by themselves").click()
    tab.wait_until_idle()
    # One of the two waits for a person; the other is filled in.
    tab.wait_until("the result", lambda: "42" in tab.by_key("calls-0").locator("textarea").input_value())
    wait_for_value(tab.by_key("calls-1").locator("textarea"), "")
    alone = page("calls", "0")
    alone.page.get_by_text("Run sample tools by themselves").click()
    alone.wait_until("sent by itself", lambda: alone.page.get_by_text('\\"result\\": 42').count() > 0)


def test_what_a_model_wrote_fetches_nothing_and_leads_nowhere(page: Open) -> None:
    """The watch over the tab fails where anything but the page's own port is asked."""
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
