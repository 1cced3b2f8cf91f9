"""Comparing in the browser: one input, several columns, their differences, blind ratings, and what becomes of it."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from playwright.sync_api import Locator

from tests.page.app_process import Application, data_folder
from tests.page.conftest import Visit
from tests.page.interruptions import NOISE
from tests.page.test_phone import fits
from tests.page.upstream import Asked, Events, Handler, Stream, Upstream, Whole
from tests.page.visitor import Visitor, holds, squeezed

RED, BLUE = "The sky is red this evening.", "The sky is blue this morning."


@pytest.fixture
def page(visit: Visit, app: Application, upstream: Upstream) -> Visitor:
    return fresh(visit(app.url, stranger=True))


def fresh(tab: Visitor) -> Visitor:
    tab.go("Compare")
    tab.until("the heads", lambda: head(tab, "B").count() == 1)
    tab.rest()
    return tab


def head(tab: Visitor, name: str) -> Locator:
    return tab.key(f"head-{name}")


def cell(tab: Visitor, place: int, number: int = 0) -> Locator:
    return tab.key(f"cell-{number}-{place}")


def reads(tab: Visitor, place: int, text: str, number: int = 0) -> None:
    """Wait until that cell has the text."""
    tab.until(f"“{text}” in cell {place}", lambda: text in squeezed(cell(tab, place, number).inner_text()))


def of_column(tab: Visitor, name: str) -> None:
    """Put that column's settings into the sidebar."""
    tab.rest()
    head(tab, name).get_by_role("button", name=f"Column {name}").click()
    chosen = tab.key("compare-pick").get_by_role("radio", checked=True)
    tab.until(f"settings of {name}", lambda: chosen.inner_text().strip() == name)
    tab.rest()


def act(tab: Visitor, name: str, action: str) -> None:
    """Choose in the menu of a column."""
    tab.rest()
    head(tab, name).locator("[class*='st-key-column-menu-'] button").first.click()
    tab.page.get_by_role("menuitem", name=action, exact=True).click()


def put(tab: Visitor, parameter: str, value: str) -> None:
    tab.number(parameter).fill(value)
    tab.number(parameter).press("Tab")


def by(parameter: str, **answers: object) -> object:
    """Answers by what a parameter has: the columns are asked at once, in any order."""

    def answer(handler: Handler, asked: Asked) -> None:
        answers[f"_{asked.body[parameter]:g}".replace(".", "_")](handler, asked)  # type: ignore[operator]

    return answer


def ended(tab: Visitor, upstream: Upstream, count: int) -> None:
    """So many requests were asked, all have ended, and the page rests."""
    tab.until(f"{count} requests", lambda: len(upstream.asked) == count)
    tab.until("their ends", lambda: not any(asked.live for asked in upstream.asked))
    tab.until("no Stop", lambda: tab.page.get_by_role("button", name="Stop all").count() == 0)
    tab.rest()


def rate(tab: Visitor, place: int, stars: int) -> None:
    buttons = cell(tab, place).locator("[class*='st-key-stars-'] button")
    tab.until("stars", lambda: buttons.count() == 5)
    tab.rest()
    buttons.nth(stars - 1).click()


def test_one_thing_changed_and_what_differs(page: Visitor, upstream: Upstream) -> None:
    put(page, "temperature", "1.2")
    page.until("what differs", lambda: "Temperature 1.2" in head(page, "A").inner_text())
    assert "Temperature 0.6" in head(page, "B").inner_text()
    answer = by("temperature", _1_2=Stream(RED), _0_6=Stream(BLUE))
    upstream.plan(answer, answer)  # type: ignore[arg-type]
    page.say("What is above?")
    reads(page, 0, RED)
    reads(page, 1, BLUE)
    ended(page, upstream, 2)
    assert sorted(asked.body["temperature"] for asked in upstream.asked) == [0.6, 1.2]
    for place in (0, 1):
        reads(page, place, "21 in · 42 out")
    page.until("totals", lambda: page.page.get_by_text("This comparison: 42 in · 84 out").count() == 1)
    page.key("compare-from").get_by_role("radio", name="A", exact=True).click()
    page.until("differences", lambda: cell(page, 1).locator("ins").count() == 2)
    gone = [squeezed(one.inner_text()) for one in cell(page, 1).locator("del").all()]
    assert gone == ["[out: red ]", "[out: evening ]"]
    reads(page, 0, RED)
    # Each goes on with its own thread.
    page.say("And below?")
    ended(page, upstream, 4)
    said = {asked.body["temperature"]: asked.body["messages"][1]["content"] for asked in upstream.asked[2:]}
    assert said == {1.2: RED, 0.6: BLUE}


def test_the_answers_as_a_table(page: Visitor, upstream: Upstream) -> None:
    put(page, "temperature", "1.2")
    page.until("what differs", lambda: "Temperature 1.2" in head(page, "A").inner_text())
    upstream.plan(*(by("temperature", _1_2=Stream(RED), _0_6=Stream(BLUE)) for _ in range(2)))  # type: ignore[misc]
    page.say("What is above?")
    ended(page, upstream, 2)
    page.key("compare-download").get_by_role("button").first.click()
    with page.page.expect_download() as waiting:
        page.key("compare-csv").get_by_role("button").click()
    assert waiting.value.suggested_filename == "what-is-above.csv"
    text = Path(waiting.value.path()).read_text(encoding="utf-8-sig")
    rows = {row["Column"]: row for row in csv.DictReader(io.StringIO(text))}
    assert [(rows[name]["Answer"], rows[name]["Setting: Temperature"]) for name in "AB"] == [
        (RED, "1.2"),
        (BLUE, "0.6"),
    ]


def test_all_stream_at_once_and_nothing_is_lost_by_leaving(page: Visitor, upstream: Upstream) -> None:
    act(page, "A", "Duplicate")
    page.until("a third column", lambda: head(page, "C").count() == 1)
    page.rest()
    upstream.plan(*(Stream(endless=True, rate=100) for _ in range(3)))
    page.say("Go on and on")
    for place in range(3):
        reads(page, place, "w00010")
    cell(page, 1).get_by_role("button", name="Stop").click()
    page.until("one that stopped", lambda: "stopped" in cell(page, 1).inner_text())
    page.until("it hung up", lambda: sum(asked.hung_up.is_set() for asked in upstream.asked) == 1)
    page.go("Chat")
    page.until("the chat", lambda: page.key("place").count() == 1 and head(page, "A").count() == 0)
    page.go("Compare")
    for place in (0, 2):
        reads(page, place, "w00060")
    page.page.keyboard.press("Escape")
    ended(page, upstream, 3)
    page.until("all stopped", lambda: all("stopped" in cell(page, place).inner_text() for place in range(3)))
    for place in range(3):
        assert "w00001 w00002 w00003" in squeezed(cell(page, place).inner_text())


def test_blind_until_all_is_rated_and_the_winner_goes_to_the_chat(page: Visitor, upstream: Upstream) -> None:
    put(page, "temperature", "1.2")
    page.until("what differs", lambda: "Temperature 1.2" in head(page, "A").inner_text())
    page.key("compare-blind").locator("label").first.click()
    times = page.key("compare-times").locator("input")
    times.fill("2")
    times.press("Tab")
    page.until("the count", lambda: "2 columns × 2 = 4 answers" in page.key("compare-ahead").inner_text())
    upstream.plan(*(by("temperature", _1_2=Stream(RED), _0_6=Stream(BLUE)) for _ in range(4)))  # type: ignore[misc]
    page.say("What is above?")
    ended(page, upstream, 4)
    page.until("the answers", lambda: page.page.get_by_text("4 to be rated").count() == 1)
    shown = page.page.locator("[data-testid=stApp]").evaluate("app => app.outerHTML")
    assert page.key("compare-download").count() == 0
    for leak in ("1.2", "Temperature", "tokens/s", "42 out", "head-A", "Column A"):
        assert leak not in shown
    red = next(place for place in (0, 1) if RED in cell(page, place).inner_text())
    for left in (3, 2):
        rate(page, red if left == 3 else 1 - red, 5 if left == 3 else 2)
        page.until(
            f"{left} left", lambda left=left: page.page.get_by_text(f"{left} to be rated").count() == 1
        )
    assert "1.2" not in page.page.locator("[data-testid=stApp]").evaluate("app => app.outerHTML")
    for place in (0, 1):
        page.rest()
        cell(page, place).get_by_role("button", name="‹").click()
        reads(page, place, "1/2")
        rate(page, place, 4 if place == red else 1)
    page.until("all is revealed", lambda: head(page, "A").count() == 1)
    page.until("the tally", lambda: page.key("standings").count() == 1)
    rows = page.key("standings").locator("tbody tr").all_inner_texts()
    assert [squeezed(row) for row in rows] == [
        "A 1 0 4.50 2 Temperature 1.2",
        "B 0 0 1.50 2 Temperature 0.6",
    ]
    page.rest()
    page.button("Go on with A in the chat").click()
    page.until("the chat", lambda: page.answers.count() == 1)
    page.reads(RED)
    holds(page.number("temperature"), "1.2")


def test_json_and_tools_in_columns(page: Visitor, upstream: Upstream) -> None:
    page.page.locator("[class*='st-key-choose-format-']").get_by_role(
        "radio", name="JSON", exact=True
    ).click()
    page.until("what differs", lambda: "Answer JSON" in head(page, "A").inner_text())
    call = {"name": "calculator", "arguments": {"expression": "2+2"}}

    def answer(handler: Handler, asked: Asked) -> None:
        whole = Whole({"response": '{"colour": "red"}'})
        (whole if "response_format" in asked.body else Events({"tool_calls": [call]}))(handler, asked)

    upstream.plan(answer, answer)
    page.say("What is above?")
    ended(page, upstream, 2)
    reads(page, 0, "Valid: a JSON object")
    reads(page, 1, "calculator")
    box = cell(page, 1).get_by_label("Result")
    box.fill("4")
    box.press("Tab")
    page.rest()
    upstream.plan(Stream("It is four."))
    page.button("Send result").click()
    ended(page, upstream, 3)
    reads(page, 1, "It is four.")


def test_a_comparison_survives_the_server(
    visit: Visit, upstream: Upstream, tmp_path: Path, expected: list[str]
) -> None:
    # The server is gone for a moment; and an address below the root is looked for in two places.
    expected += [*NOISE, "Client Error in reaching server endpoint", "404", "Content Security Policy"]
    environment = upstream.environment() | {"PADDOCK_DATA_DIR": str(data_folder(tmp_path / "data"))}
    with Application(environment, tmp_path / "log") as app:
        tab = fresh(visit(app.url, stranger=True))
        put(tab, "temperature", "1.2")
        tab.until("what differs", lambda: "Temperature 1.2" in head(tab, "A").inner_text())
        upstream.plan(*(Stream(endless=True, rate=200) for _ in range(2)))
        tab.say("Go on and on")
        for place in (0, 1):
            reads(tab, place, "w00040")
        tab.page.wait_for_timeout(1000)  # what is older than a second is kept, whatever happens
        app.kill()
    with Application(environment, tmp_path / "log", port=app.port) as app:
        again = visit(app.url, tab.page.url.removeprefix(app.url), stranger=True)
        for place in (0, 1):
            reads(again, place, "w00001 w00002 w00003")
            reads(again, place, "cut off")
        assert "Temperature 1.2" in head(again, "A").inner_text()
        again.go("History")
        again.until("no column in the list", lambda: again.page.get_by_text("Nothing here yet").count() == 1)


def test_on_a_phone(visit: Visit, app: Application, upstream: Upstream, expected: list[str]) -> None:
    expected += ["404", "Content Security Policy"]
    tab = visit(app.url, phone=True)
    tab.page.goto(f"{app.url}/compare")
    tab.until("the heads", lambda: head(tab, "B").count() == 1)
    tab.rest()
    fits(tab)
    upstream.plan(Stream(f"{RED} {'averylongword' * 30}"), Stream(BLUE))
    tab.say("What is above?")
    ended(tab, upstream, 2)
    tab.until("two answers", lambda: tab.page.get_by_text("21 in").count() == 2)
    fits(tab)
