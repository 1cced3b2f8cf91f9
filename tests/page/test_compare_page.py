"""The Compare page in a browser: one input, several columns, their differences, blind ratings, and reloads."""

from __future__ import annotations

import contextlib
import csv
import io
import sqlite3
from pathlib import Path

import pytest
from playwright.sync_api import Locator

from tests.page.app_process import AppProcess, make_data_folder
from tests.page.browser_tab import BrowserTab, squeeze, wait_for_value
from tests.page.conftest import Visit
from tests.page.interruption_kinds import CONNECTION_ERRORS
from tests.page.test_phone import assert_fits_screen
from tests.page.upstream import (
    EventsReply,
    JsonReply,
    StreamReply,
    Upstream,
    UpstreamHandler,
    UpstreamRequest,
    numbered_words,
)

RED, BLUE = "The sky is red this evening.", "The sky is blue this morning."


@pytest.fixture
def page(visit: Visit, app: AppProcess, upstream: Upstream) -> BrowserTab:
    return open_compare_page(visit(app.url, stranger=True))


def open_compare_page(tab: BrowserTab) -> BrowserTab:
    tab.go_to_page("Compare")
    tab.wait_until("the heads", lambda: head(tab, "B").count() == 1)
    tab.wait_until_idle()
    return tab


def head(tab: BrowserTab, name: str) -> Locator:
    return tab.by_key(f"head-{name}")


def cell(tab: BrowserTab, place: int, number: int = 0) -> Locator:
    return tab.by_key(f"cell-{number}-{place}")


def wait_for_cell(tab: BrowserTab, place: int, text: str, number: int = 0) -> None:
    """Wait until that cell shows the text."""
    tab.wait_until(
        f"“{text}” in cell {place}", lambda: text in squeeze(cell(tab, place, number).inner_text())
    )


def of_column(tab: BrowserTab, name: str) -> None:
    """Show that column's settings in the sidebar."""
    tab.wait_until_idle()
    head(tab, name).locator("[class*='st-key-select-'] button:visible").click()
    chosen = tab.by_key("compare-pick").get_by_role("radio", checked=True)
    tab.wait_until(f"settings of {name}", lambda: chosen.inner_text().strip() == name)
    tab.wait_until_idle()


def choose_in_column_menu(tab: BrowserTab, name: str, action: str) -> None:
    """Choose an action in the menu of a column."""
    tab.wait_until_idle()
    head(tab, name).locator("[class*='st-key-column-menu-'] button").first.click()
    tab.page.get_by_role("menuitem", name=action, exact=True).click()


def type_parameter(tab: BrowserTab, parameter: str, value: str) -> None:
    tab.number_box(parameter).fill(value)
    tab.number_box(parameter).press("Tab")


def reply_by_parameter(parameter: str, **answers: object) -> object:
    """Return a reply that depends on a parameter: the columns send their requests at once, in any order."""

    def answer(handler: UpstreamHandler, request: UpstreamRequest) -> None:
        answers[f"_{request.body[parameter]:g}".replace(".", "_")](handler, request)  # type: ignore[operator]

    return answer


def wait_for_ends(tab: BrowserTab, upstream: Upstream, count: int) -> None:
    """Wait until that many requests arrived, all have ended, and the page is idle."""
    tab.wait_until(f"{count} requests", lambda: len(upstream.requests) == count)
    tab.wait_until("their ends", lambda: not any(request.is_live for request in upstream.requests))
    tab.wait_until("no Stop", lambda: tab.page.get_by_role("button", name="Stop all").count() == 0)
    tab.wait_until_idle()


def rate(tab: BrowserTab, place: int, stars: int) -> None:
    buttons = cell(tab, place).locator("[class*='st-key-stars-'] button")
    tab.wait_until("stars", lambda: buttons.count() == 5)
    tab.wait_until_idle()
    buttons.nth(stars - 1).click()


def test_one_thing_changed_and_what_differs(page: BrowserTab, upstream: Upstream) -> None:
    type_parameter(page, "temperature", "1.2")
    page.wait_until("what differs", lambda: "Temperature 1.2" in head(page, "A").inner_text())
    assert "Temperature 0.6" in head(page, "B").inner_text()
    answer = reply_by_parameter("temperature", _1_2=StreamReply(RED), _0_6=StreamReply(BLUE))
    upstream.plan_replies(answer, answer)  # type: ignore[arg-type]
    page.send("What is above?")
    wait_for_cell(page, 0, RED)
    wait_for_cell(page, 1, BLUE)
    wait_for_ends(page, upstream, 2)
    assert sorted(request.body["temperature"] for request in upstream.requests) == [0.6, 1.2]
    for place in (0, 1):
        wait_for_cell(page, place, "read 21 · wrote 42 tokens")
    page.wait_until(
        "totals", lambda: page.page.get_by_text("This comparison: read 42 · wrote 84 tokens").count() == 1
    )
    page.by_key("compare-from").get_by_role("radio", name="A", exact=True).click()
    page.wait_until("differences", lambda: cell(page, 1).locator("ins").count() == 2)
    gone = [squeeze(deleted.inner_text()) for deleted in cell(page, 1).locator("del").all()]
    assert gone == ["[removed: red ]", "[removed: evening ]"]
    wait_for_cell(page, 0, RED)
    # Each column continues its own thread.
    page.send("And below?")
    wait_for_ends(page, upstream, 4)
    first_answers = {
        request.body["temperature"]: request.body["messages"][1]["content"]
        for request in upstream.requests[2:]
    }
    assert first_answers == {1.2: RED, 0.6: BLUE}


def test_the_answers_as_a_table(page: BrowserTab, upstream: Upstream) -> None:
    type_parameter(page, "temperature", "1.2")
    page.wait_until("what differs", lambda: "Temperature 1.2" in head(page, "A").inner_text())
    upstream.plan_replies(
        *(reply_by_parameter("temperature", _1_2=StreamReply(RED), _0_6=StreamReply(BLUE)) for _ in range(2))
    )  # type: ignore[misc]
    page.send("What is above?")
    wait_for_ends(page, upstream, 2)
    page.by_key("compare-download").get_by_role("button").first.click()
    with page.page.expect_download() as waiting:
        page.by_key("compare-csv").get_by_role("button").click()
    assert waiting.value.suggested_filename == "what-is-above.csv"
    text = Path(waiting.value.path()).read_text(encoding="utf-8-sig")
    rows = {row["Column"]: row for row in csv.DictReader(io.StringIO(text))}
    assert [(rows[name]["Answer"], rows[name]["Setting: Temperature"]) for name in "AB"] == [
        (RED, "1.2"),
        (BLUE, "0.6"),
    ]


def test_all_stream_at_once_and_nothing_is_lost_by_leaving(page: BrowserTab, upstream: Upstream) -> None:
    choose_in_column_menu(page, "A", "Duplicate")
    page.wait_until("a third column", lambda: head(page, "C").count() == 1)
    page.wait_until_idle()
    upstream.plan_replies(*(StreamReply(endless=True) for _ in range(3)))
    page.send("Go on and on")
    for place in range(3):
        wait_for_cell(page, place, "w00010")
    cell(page, 1).get_by_role("button", name="Stop").click()
    page.wait_until("one that stopped", lambda: "stopped" in cell(page, 1).inner_text())
    page.wait_until(
        "it hung up", lambda: sum(request.client_gone.is_set() for request in upstream.requests) == 1
    )
    page.go_to_page("Chat")
    page.wait_until("the chat", lambda: page.by_key("place").count() == 1 and head(page, "A").count() == 0)
    page.go_to_page("Compare")
    for place in (0, 2):
        wait_for_cell(page, place, "w00060")
    page.page.keyboard.press("Escape")
    wait_for_ends(page, upstream, 3)
    page.wait_until(
        "all stopped", lambda: all("stopped" in cell(page, place).inner_text() for place in range(3))
    )
    for place in range(3):
        assert "w00001 w00002 w00003" in squeeze(cell(page, place).inner_text())


def test_blind_until_all_is_rated_and_the_winner_goes_to_the_chat(
    page: BrowserTab, upstream: Upstream
) -> None:
    type_parameter(page, "temperature", "1.2")
    page.wait_until("what differs", lambda: "Temperature 1.2" in head(page, "A").inner_text())
    page.by_key("compare-blind").locator("label").first.click()
    times = page.by_key("compare-times").locator("input")
    times.fill("2")
    times.press("Tab")
    page.wait_until(
        "the count", lambda: "2 columns × 2 = 4 answers" in page.by_key("compare-ahead").inner_text()
    )
    upstream.plan_replies(
        *(reply_by_parameter("temperature", _1_2=StreamReply(RED), _0_6=StreamReply(BLUE)) for _ in range(4))
    )  # type: ignore[misc]
    page.send("What is above?")
    wait_for_ends(page, upstream, 4)
    page.wait_until("the answers", lambda: page.page.get_by_text("4 left to rate").count() == 1)
    shown = page.page.locator("[data-testid=stApp]").evaluate("app => app.outerHTML")
    assert page.by_key("compare-download").count() == 0
    for leak in ("1.2", "Temperature", "tokens/s", "42 out", "head-A", "Column A"):
        assert leak not in shown
    red = next(place for place in (0, 1) if RED in cell(page, place).inner_text())
    for left in (3, 2):
        rate(page, red if left == 3 else 1 - red, 5 if left == 3 else 2)
        page.wait_until(
            f"{left} left", lambda left=left: page.page.get_by_text(f"{left} left to rate").count() == 1
        )
    assert "1.2" not in page.page.locator("[data-testid=stApp]").evaluate("app => app.outerHTML")
    for place in (0, 1):
        page.wait_until_idle()
        cell(page, place).get_by_role("button", name="‹").click()
        wait_for_cell(page, place, "1/2")
        rate(page, place, 4 if place == red else 1)
    page.wait_until("all is revealed", lambda: head(page, "A").count() == 1)
    page.wait_until("the tally", lambda: page.by_key("standings").count() == 1)
    rows = page.by_key("standings").locator("tbody tr").all_inner_texts()
    assert [squeeze(row) for row in rows] == [
        "A 1 0 4.50 2 Temperature 1.2",
        "B 0 0 1.50 2 Temperature 0.6",
    ]
    page.wait_until_idle()
    page.button("Continue with A in Chat").click()
    page.wait_until("the chat", lambda: page.answers.count() == 1)
    page.wait_for_answer(RED)
    wait_for_value(page.number_box("temperature"), "1.2")


def test_json_and_tools_in_columns(page: BrowserTab, upstream: Upstream) -> None:
    page.page.locator("[class*='st-key-choose-format-']").get_by_role(
        "radio", name="JSON", exact=True
    ).click()
    page.wait_until("what differs", lambda: "Answer JSON" in head(page, "A").inner_text())
    call = {"name": "calculator", "arguments": {"expression": "2+2"}}

    def answer(handler: UpstreamHandler, request: UpstreamRequest) -> None:
        whole = JsonReply({"response": '{"colour": "red"}'})
        (whole if "response_format" in request.body else EventsReply({"tool_calls": [call]}))(
            handler, request
        )

    upstream.plan_replies(answer, answer)
    page.send("What is above?")
    wait_for_ends(page, upstream, 2)
    wait_for_cell(page, 0, "Valid: a JSON object")
    wait_for_cell(page, 1, "calculator")
    box = cell(page, 1).get_by_label("Result")
    box.fill("4")
    box.press("Tab")
    page.wait_until_idle()
    upstream.plan_replies(StreamReply("It is four."))
    page.button("Send result").click()
    wait_for_ends(page, upstream, 3)
    wait_for_cell(page, 1, "It is four.")


def count_saved(app: AppProcess, text: str) -> int:
    """Return how many answers of comparisons in the app's database match that pattern."""
    query = "SELECT count(*) FROM answer WHERE text LIKE ? AND EXISTS (SELECT * FROM comparison_column)"
    with contextlib.closing(sqlite3.connect(app.database)) as database:
        return int(database.execute(query, [text]).fetchone()[0])


def test_a_comparison_survives_the_server(
    visit: Visit, upstream: Upstream, tmp_path: Path, expected: list[str]
) -> None:
    # The server is down for a moment.
    expected += [
        *CONNECTION_ERRORS,
        "Client Error in reaching server endpoint",
        "Content Security Policy",
    ]
    environment = upstream.environment() | {"PADDOCK_DATA_DIR": str(make_data_folder(tmp_path / "data"))}
    with AppProcess(environment, tmp_path / "log") as app:
        tab = open_compare_page(visit(app.url, stranger=True))
        type_parameter(tab, "temperature", "1.2")
        tab.wait_until("what differs", lambda: "Temperature 1.2" in head(tab, "A").inner_text())
        upstream.plan_replies(*(StreamReply(endless=True, rate=200) for _ in range(2)))
        tab.send("Go on and on")
        for place in (0, 1):
            wait_for_cell(tab, place, "w00040")
        tab.wait_until("both are saved", lambda: count_saved(app, "w00001 w00002 w00003%") == 2)
        app.kill()
    with AppProcess(environment, tmp_path / "log", port=app.port) as app:
        again = visit(app.url, tab.page.url.removeprefix(app.url), stranger=True)
        for place in (0, 1):
            wait_for_cell(again, place, "w00001 w00002 w00003")
            wait_for_cell(again, place, "cut off")
        assert "Temperature 1.2" in head(again, "A").inner_text()
        again.go_to_page("History")
        again.wait_until(
            "no column in the list", lambda: again.page.get_by_text("Nothing here yet").count() == 1
        )


def test_answers_are_in_sight_from_their_beginning(page: BrowserTab, upstream: Upstream) -> None:
    def assert_beginnings_are_in_sight() -> None:
        for place in (0, 1):
            wait_for_cell(page, place, "w00300" if place == 0 else "Short.")
        page.wait_until_idle()
        for place in (0, 1):
            box = cell(page, place).bounding_box()
            assert box is not None
            assert 0 < box["y"] < 700

    upstream.plan_replies(*[_long_for_the_first()] * 2)
    type_parameter(page, "temperature", "0.1")
    page.wait_until_idle()
    page.send("Go")
    assert_beginnings_are_in_sight()
    page.page.reload()
    assert_beginnings_are_in_sight()


def _long_for_the_first() -> object:
    long = StreamReply("".join(numbered_words(count=300)), rate=4000)
    return reply_by_parameter("temperature", _0_1=long, _0_6=StreamReply("Short."))


def test_on_a_phone(visit: Visit, app: AppProcess, upstream: Upstream, expected: list[str]) -> None:
    expected += ["Content Security Policy"]
    tab = visit(app.url, "/compare", phone=True)
    tab.wait_until("the heads", lambda: head(tab, "B").count() == 1)
    tab.wait_until_idle()
    assert_fits_screen(tab)
    upstream.plan_replies(StreamReply(f"{RED} {'averylongword' * 30}"), StreamReply(BLUE))
    tab.send("What is above?")
    wait_for_ends(tab, upstream, 2)
    tab.wait_until("two answers", lambda: tab.page.get_by_text("read 21").count() == 2)
    assert_fits_screen(tab)
    # The page does not follow the answers: the beginning of the last round is in sight, now and after a reload.
    upstream.plan_replies(StreamReply("More. " * 300), StreamReply("More. " * 300))
    tab.send("What is below?")
    wait_for_ends(tab, upstream, 4)
    assert_shows_beginning(tab, 1)
    tab.reload()
    assert_shows_beginning(tab, 1)


def assert_shows_beginning(tab: BrowserTab, number: int) -> None:
    """Wait until the window shows the beginning of a round, and the page is idle."""
    where = f"document.querySelector('.st-key-round-{number}')?.getBoundingClientRect().top"
    tab.wait_until("the round", lambda: tab.page.evaluate(f"0 <= {where} && {where} < innerHeight / 2"))
    tab.wait_until_idle()
    assert tab.page.evaluate(f"0 <= {where} && {where} < innerHeight / 2")
