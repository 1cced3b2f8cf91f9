"""The Experiment page: define, run, leave and reopen an experiment; no typed text is lost."""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import Locator, expect

from tests.files.workbook import make_workbook
from tests.page.app_process import AppProcess
from tests.page.browser_tab import FIRST_DRAW_TIMEOUT, PHONE, TIMEOUT, BrowserTab, wait_for_value
from tests.page.conftest import StartApp, Visit
from tests.page.upstream import JsonReply, Upstream

TABLE = b"review,expected\nLovely,yes\nAwful,no\nSplendid,yes\n"
POSITIVE = JsonReply({"response": "Yes"})


@pytest.fixture(scope="module")
def lab(own: StartApp) -> AppProcess:
    """Start an app whose experiments only these tests define."""
    return own()


@pytest.fixture
def tab(visit: Visit, lab: AppProcess, upstream: Upstream) -> BrowserTab:
    """Open the page with an empty experiment."""
    return open_experiment_page(visit, lab)


def open_experiment_page(visit: Visit, lab: AppProcess, *, phone: bool = False) -> BrowserTab:
    tab = visit(lab.url, "/experiment", phone=phone, shows=".st-key-section-prompts:visible")
    tab.wait_until_idle()
    return tab


def prompt(tab: BrowserTab) -> Locator:
    return tab.page.get_by_label("Prompt", exact=True)


def start(tab: BrowserTab) -> Locator:
    return tab.by_key("run-start").locator("button:visible").first


def upload(tab: BrowserTab, data: bytes, name: str = "reviews.csv") -> None:
    box = tab.page.locator("input[type=file]")
    box.set_input_files([{"name": name, "mimeType": "text/csv", "buffer": data}])


def bar(tab: BrowserTab) -> str:
    return " ".join(tab.by_key("experiment-bar").inner_text().split())


def state(tab: BrowserTab) -> str:
    """Return the state of the run in words, or "" before the first run."""
    line = tab.by_key("run-state")
    return " ".join(line.inner_text().split()) if line.count() else ""


def define_experiment(tab: BrowserTab) -> None:
    """Define an experiment of three reviews and one prompt."""
    prompt(tab).fill("Is this positive? {{review}}")
    upload(tab, TABLE)
    tab.wait_until("three requests", lambda: "= 3 requests" in bar(tab))


def test_define_run_and_read(tab: BrowserTab, upstream: Upstream) -> None:
    # The box keeps the focus.
    prompt(tab).type("Is this positive? {{review}}")
    tab.wait_until("the variable has no column", lambda: "The variable “review” has no column" in bar(tab))
    assert start(tab).is_disabled()
    tab.button(re.compile("Add the column review")).click()
    tab.wait_until("the table has no rows", lambda: "has no rows" in bar(tab))
    upload(tab, TABLE)
    tab.wait_until("the inputs", lambda: "3 rows of 2 columns" in tab.by_key("section-inputs").inner_text())
    tab.by_key("section-checks-head").locator("button").first.click()
    tab.button("Add a check").click()
    tab.page.get_by_role("menuitem", name="Equals the expected answer").click()
    tab.page.get_by_text("1. The answer is exactly").wait_for()
    tab.wait_until("what it takes", lambda: re.search(r"= 3 requests · \$[\d.]+ – \$[\d.]+ · ≈ ", bar(tab)))
    upstream.plan_replies(POSITIVE, POSITIVE, POSITIVE)
    start(tab).click()
    tab.wait_until("the end", lambda: "Done. 3 of 3 answered" in state(tab))
    questions = sorted(request.body["messages"][-1]["content"] for request in upstream.requests)
    assert questions == [f"Is this positive? {word}" for word in ("Awful", "Lovely", "Splendid")]
    tab.page.get_by_text("2 of 3 answers pass").wait_for()


def test_it_goes_on_when_the_page_is_left(tab: BrowserTab, upstream: Upstream) -> None:
    define_experiment(tab)
    upstream.plan_replies(*[JsonReply({"response": "Yes"}, held=True)] * 3)
    start(tab).click()
    tab.wait_until("all on their way", lambda: len(upstream.requests) == 3 and "0 of 3" in bar(tab))
    address = tab.page.url
    tab.go_to_page("Chat")
    tab.chat_box.wait_for()
    upstream.requests[0].release()
    tab.go_to_page("Experiment")
    tab.wait_until("one has come", lambda: "1 of 3" in bar(tab))
    # A reload starts another session.
    tab.page.goto(address)
    tab.wait_until("it is found again", lambda: "1 of 3" in bar(tab))
    tab.button(re.compile("^Pause")).click()
    for request in upstream.requests:
        request.release()
    tab.wait_until("all are kept", lambda: "3 of 3 answered" in state(tab))
    assert len(upstream.requests) == 3


def test_stopped_in_doubt_and_asked_again(tab: BrowserTab, upstream: Upstream) -> None:
    define_experiment(tab)
    upstream.plan_replies(*[JsonReply({"response": "Yes"}, held=True)] * 3)
    start(tab).click()
    tab.wait_until("all on their way", lambda: len(upstream.requests) == 3 and "0 of 3" in bar(tab))
    tab.page.keyboard.press("Escape")
    tab.wait_until("it is said what is in doubt", lambda: "3 requests may have been answered" in state(tab))
    upstream.plan_replies(POSITIVE, POSITIVE, POSITIVE)
    tab.button(re.compile("Ask these 3 again")).click()
    tab.wait_until("the end", lambda: "Done. 3 of 3 answered" in state(tab))
    assert len(upstream.requests) == 6


def test_a_start_that_is_refused_says_why_beside_the_button(
    tab: BrowserTab, lab: AppProcess, upstream: Upstream
) -> None:
    define_experiment(tab)
    away = lab.database.with_suffix(".away")
    lab.database.rename(away)
    try:
        start(tab).click()
        tab.wait_until("it is said", lambda: "The database's file is gone" in bar(tab))
        assert not upstream.requests
    finally:
        away.rename(lab.database)
    upstream.plan_replies(POSITIVE, POSITIVE, POSITIVE)
    start(tab).click()
    tab.wait_until("the end", lambda: "Done. 3 of 3 answered" in state(tab))
    assert "The database's file is gone" not in bar(tab)


def test_of_one_that_was_run_the_results_come_first(tab: BrowserTab, upstream: Upstream) -> None:
    define_experiment(tab)
    upstream.plan_replies(POSITIVE, POSITIVE, POSITIVE)
    start(tab).click()
    tab.wait_until("the end", lambda: "Done. 3 of 3 answered" in state(tab))
    assert prompt(tab).count() == 0
    address = tab.page.url
    tab.button(re.compile("^New")).click()
    tab.page.get_by_role("menuitem", name="Empty experiment").click()
    # A section that is folded in one experiment is open in a new one.
    prompt(tab).wait_for()
    tab.page.goto(address)
    tab.wait_until("its results", lambda: "Done. 3 of 3 answered" in state(tab))
    tab.wait_until_idle()
    assert prompt(tab).count() == 0
    tab.by_key("section-prompts-head").locator("button").first.click()
    wait_for_value(prompt(tab), "Is this positive? {{review}}")


def count_visible_rows(tab: BrowserTab) -> int:
    """Return how many whole rows of the answers' table can be seen: no edge cuts them and nothing covers them."""
    return int(
        tab.page.get_by_test_id("stDataFrame").evaluate(
            """table => {
                const box = table.getBoundingClientRect(), x = box.x + box.width / 2
                const isSeen = y => y < innerHeight && table.contains(document.elementFromPoint(x, y))
                let rows = 0
                // The head is as high as a row.
                while (isSeen(box.y + 36 * (rows + 1) + 1) && isSeen(box.y + 36 * (rows + 2) - 1)) rows += 1
                return rows
            }"""
        )
    )


def test_results_have_the_height(tab: BrowserTab, upstream: Upstream) -> None:
    tab.page.set_viewport_size({"width": 1440, "height": 900})
    prompt(tab).fill("Is this positive? {{review}}")
    upload(
        tab, b"review,expected\n" + b"".join(b"A text of number %d,yes\n" % number for number in range(14))
    )
    tab.wait_until("14 requests", lambda: "= 14 requests" in bar(tab))
    upstream.plan_replies(*[POSITIVE] * 14)
    start(tab).click()
    tab.wait_until("the end", lambda: "Done. 14 of 14 answered" in state(tab))
    tab.wait_until_idle()
    tab.by_key("results-section").get_by_role("radio", name="Answers", exact=True).click()
    tab.page.get_by_test_id("stDataFrame").wait_for()
    tab.wait_until_idle()
    assert count_visible_rows(tab) >= 12
    setup = tab.by_key("setup")
    assert setup.evaluate("setup => setup.getBoundingClientRect().height") <= 40, "one line"
    assert "14 rows of 2 columns" in setup.inner_text()
    tab.by_key("section-prompts-head").locator("button").first.click()
    wait_for_value(prompt(tab), "Is this positive? {{review}}")
    tab.by_key("section-prompts-head").locator("button").first.click()
    tab.wait_until("one line", lambda: count_visible_rows(tab) >= 12)


def press_at_once(tab: BrowserTab, row: int) -> None:
    """Move from outside of the table to one of its rows, and press before the page draws the move."""
    tab.page.mouse.move(5, 5)
    tab.page.evaluate("() => new Promise(done => requestAnimationFrame(() => setTimeout(done)))")
    table = tab.page.get_by_test_id("stDataFrame")
    box = table.bounding_box()
    assert box is not None
    tab.page.mouse.click(box["x"] + 90, box["y"] + 36 * (row + 1.5))


def test_tables_take_a_press_that_follows_a_move_at_once(tab: BrowserTab, upstream: Upstream) -> None:
    define_experiment(tab)
    tab.page.get_by_test_id("stDataFrame").scroll_into_view_if_needed()
    tab.wait_until_idle()
    selected = tab.page.locator("[data-testid=stDataFrame] td[aria-selected=true]")
    for number in range(12):
        press_at_once(tab, row=number % 3)
        expect(selected).to_have_attribute(
            "data-testid", re.compile(f"-{number % 3}$"), timeout=TIMEOUT * 1000
        )
    upstream.plan_replies(POSITIVE, POSITIVE, POSITIVE)
    start(tab).click()
    tab.wait_until("the end", lambda: "Done. 3 of 3 answered" in state(tab))
    tab.wait_until_idle()
    tab.by_key("results-section").get_by_role("radio", name="Answers", exact=True).click()
    tab.page.get_by_test_id("stDataFrame").wait_for()
    tab.wait_until_idle()
    for number in range(6):
        press_at_once(tab, row=number % 3)
        tab.by_key("results-opened").get_by_text(f"{number % 3 + 1} of 3").wait_for()
        tab.wait_until_idle()


def test_a_workbook_presets_and_a_judge(tab: BrowserTab, upstream: Upstream) -> None:
    prompt(tab).fill("Praise {{city}}, founded in {{year}}.")
    upload(tab, make_workbook(("city", "year"), ("Lyon", 43), ("Köln", "50 or so")), "cities.xlsx")
    tab.wait_until("two requests", lambda: "= 2 requests" in bar(tab))
    tab.by_key("section-settings-head").locator("button").first.click()
    tab.page.get_by_text("Compare presets").click()
    for name in ("Precise", "Creative"):
        tab.pick_option(tab.page.get_by_label("Presets", exact=True), name)
    tab.wait_until("four requests", lambda: "= 4 requests" in bar(tab))
    tab.by_key("section-checks-head").locator("button").first.click()
    tab.button("Add a check").click()
    tab.page.get_by_role("menuitem", name="A language model says yes").click()
    tab.page.get_by_label("Question about the answer", exact=True).type("Does it name {{city}}?")
    tab.wait_until("the judge's are counted", lambda: "= 4 requests + 4 judgements" in bar(tab))
    # The same text serves as an answer and as a verdict, so the order of the requests does not matter.
    reply = JsonReply({"response": json.dumps({"reason": "It names none.", "verdict": "no"})})
    upstream.plan_replies(*[reply] * 8)
    start(tab).click()
    tab.wait_until("the end", lambda: "Done. 4 of 4 answered · 8 requests" in state(tab))
    bodies = [request.body for request in upstream.requests]
    judgements = [body for body in bodies if "response_format" in body]
    answers = [body for body in bodies if "response_format" not in body]
    assert sorted((body["messages"][-1]["content"], body["temperature"]) for body in answers) == [
        (f"Praise {city}, founded in {year}.", temperature)
        for city, year in (("Köln", "50 or so"), ("Lyon", "43"))
        for temperature in (0, 1.1)
    ]
    assert sorted("Does it name Köln?" in body["messages"][-1]["content"] for body in judgements) == [
        False,
        False,
        True,
        True,
    ]
    tab.page.get_by_text("0 of 4 answers pass").wait_for()


def test_nothing_typed_is_lost(tab: BrowserTab) -> None:
    prompt(tab).type("Is {{review}} positive?")
    tab.wait_until("the variable was seen", lambda: "“review” has no column" in bar(tab))
    upload(tab, TABLE)
    tab.wait_until("three requests", lambda: "= 3 requests" in bar(tab))
    tab.by_key("section-settings-head").locator("button").first.click()
    tab.wait_until_idle()
    tab.pick_option(tab.page.get_by_role("combobox", name="Try several values of"), "Temperature")
    tab.page.keyboard.press("Escape")
    tab.page.get_by_role("textbox", name="Temperature", exact=True).fill("0 to 1 step 0.5, warm")
    tab.wait_until(
        "what is wrong", lambda: "“warm” is not a value" in tab.by_key("section-settings").inner_text()
    )
    tab.page.get_by_role("textbox", name="Temperature", exact=True).fill("0 to 1 step 0.5")
    tab.wait_until("nine requests", lambda: "= 9 requests" in bar(tab))
    tab.page.reload()
    tab.wait_until("it is there again", lambda: "= 9 requests" in bar(tab), patience=FIRST_DRAW_TIMEOUT)
    wait_for_value(prompt(tab), "Is {{review}} positive?")
    # Change a copy; the original stays the same, and comes back from the bin.
    tab.button("Duplicate").click()
    tab.wait_until("two versions", lambda: "= 18 requests" in bar(tab))
    wait_for_value(prompt(tab), "Is {{review}} positive?")
    tab.button("Remove").click()
    tab.wait_until("one version", lambda: "= 9 requests" in bar(tab))
    tab.button("Undo").click()
    tab.wait_until("two versions", lambda: "= 18 requests" in bar(tab))


BAD_FILES = {
    "It is empty": b"",
    "Line 2 has 4 cells": b"review,expected\nLovely,yes,no,why\n",
    "old Excel file": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600,
}


def test_a_bad_file_is_said_where_it_was_uploaded(tab: BrowserTab) -> None:
    alert = tab.by_key("section-inputs").locator("[data-testid=stAlert]")
    for complaint, data in BAD_FILES.items():
        upload(tab, data)
        alert.get_by_text(complaint).wait_for()


def test_saved_ones_are_opened_and_deleted(tab: BrowserTab) -> None:
    name = tab.page.get_by_label("Name of the experiment")
    name.fill("Reviews $5 *and* more")
    name.press("Enter")
    prompt(tab).fill("Hello")
    tab.wait_until("one request", lambda: "= 1 request ·" in bar(tab))
    tab.button(re.compile("^New")).click()
    tab.page.get_by_role("menuitem", name="Empty experiment").click()
    tab.wait_until("another", lambda: "start with a sample" in bar(tab))
    tab.button("Experiments").click()
    tab.page.get_by_role("button", name="Reviews $5 *and* more", exact=True).first.click()
    tab.wait_until("it is open", lambda: "= 1 request ·" in bar(tab))
    wait_for_value(name, "Reviews $5 *and* more")
    tab.page.keyboard.press("Escape")
    tab.button("Experiments").click()
    tab.by_key("experiments").page.locator("[class*='st-key-experiment-menu-'] button").first.click()
    tab.page.get_by_role("menuitem", name="Delete").click()
    tab.wait_until("it is gone", lambda: "start with a sample" in bar(tab))
    tab.page.keyboard.press("Escape")
    tab.button("Undo").click()
    tab.wait_until("it is back", lambda: "= 1 request ·" in bar(tab))


def test_on_a_phone(visit: Visit, lab: AppProcess, upstream: Upstream) -> None:
    tab = open_experiment_page(visit, lab, phone=True)
    tab.button("Sentiment").locator("visible=true").tap()
    tab.wait_until("the sample", lambda: "requests" in bar(tab))
    assert_bar_is_one_line(tab)
    for name in ("settings", "checks", "budget"):
        tab.by_key(f"section-{name}-head").locator("button:visible").first.tap()
        tab.wait_until(
            f"{name} is open", lambda name=name: tab.by_key(f"section-{name}").locator("label").count() > 0
        )
        # The page scrolls to a section that opens.
        tab.wait_until_idle()
    width = tab.page.evaluate(
        "Math.max(...[...document.querySelectorAll('html, body, #root, .stApp, .stApp section, .stApp main')]"
        ".filter(part => !part.closest('[data-testid=stSidebar]')).map(part => part.scrollWidth))"
    )
    assert width <= PHONE["width"]
    assert start(tab).is_enabled()
    upstream.plan_replies(*[JsonReply({"response": "Yes"}, held=True)] * 8)
    start(tab).tap()
    tab.by_key("run-stop").wait_for()
    assert_bar_is_one_line(tab)
    tab.by_key("run-stop").locator("button:visible").first.tap()
    tab.wait_until("the end", lambda: "Stopped" in state(tab))
    assert_bar_is_one_line(tab)


def assert_bar_is_one_line(tab: BrowserTab) -> None:
    """Assert that the text in the bar is one line, and that its buttons stand beside it."""
    line = tab.by_key("experiment-bar").locator("p:visible").first.bounding_box()
    button = tab.by_key("experiment-bar").locator("button:visible").last.bounding_box()
    assert line is not None
    assert button is not None
    assert line["height"] < 30
    assert line["x"] + line["width"] <= button["x"]
    assert button["x"] + button["width"] <= PHONE["width"]
    assert abs(line["y"] - button["y"]) < 30
