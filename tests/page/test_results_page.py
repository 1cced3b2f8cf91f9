"""The results of an experiment in a browser, on a page of their own: answers, charts, comparison and files."""

from __future__ import annotations

import csv
import io
import json
import re
import uuid
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest
from playwright.sync_api import Locator, expect

from lib.experiment.plan_grid import variants
from lib.experiment.plan_models import ResolvedPlan
from lib.experiment.results.cell_result import Status
from lib.experiment.results.paired_comparison import PairChange, compare_runs
from lib.experiment.results.result_summary import build_heatmap, summarise_results
from lib.experiment.results.winner import GroupedBy, find_winner
from lib.model.model_record import default_model
from tests.experiment import generated_plans
from tests.page.app_process import AppProcess
from tests.page.browser_tab import TIMEOUT, BrowserTab, squeeze
from tests.page.conftest import StartApp, Visit

BENCH = Path(__file__).with_name("result_bench.py")
PLAN = generated_plans.capitals_plan(240)
RESULTS = list(generated_plans.capitals_results(PLAN))
Open = Callable[..., BrowserTab]


@pytest.fixture(scope="module")
def bench(own: StartApp) -> AppProcess:
    return own(BENCH)


@pytest.fixture
def page(visit: Visit, bench: AppProcess, expected: list[str]) -> Open:
    """Return a function that opens the page: ``page("Answers", show="whole")``."""
    # The fonts are beside app.py, not beside the test page.
    expected.append("404")

    def page(section: str = "", show: str = "whole", cells: int = 240, *, phone: bool = False) -> BrowserTab:
        tab = visit(bench.url, f"/?show={show}&cells={cells}&of={uuid.uuid4().hex}", phone=phone)
        tab.wait_until_idle()
        if section:
            turn(tab, section)
        return tab

    return page


def turn(tab: BrowserTab, section: str) -> None:
    tab.wait_until_idle()
    radio = tab.by_key("results-section").get_by_role("radio", name=section, exact=True)
    radio.click()
    tab.wait_until(section, lambda: radio.get_attribute("aria-checked") == "true")
    tab.wait_until_idle()


def shown(tab: BrowserTab) -> str:
    # The page separates links with word joiners.
    return squeeze(tab.by_key("results").inner_text()).replace("\u2060", "")


def says(tab: BrowserTab, text: str) -> None:
    tab.wait_until(f"“{text}”", lambda: text in shown(tab))
    tab.wait_until_idle()


def grid(tab: BrowserTab) -> Locator:
    return tab.page.get_by_test_id("stDataFrame")


def cell(tab: BrowserTab, column: str, row: int) -> str:
    """Return the text that the table gives a screen reader there, or "" while one table replaces another."""
    head = grid(tab).get_by_role("columnheader", name=re.compile(rf"^{column}( [↑↓])?$"), include_hidden=True)
    if head.count() != 1:
        return ""
    column_index = head.get_attribute("aria-colindex")
    texts = grid(tab).locator(f"[data-testid=glide-cell-{column_index}-{row}]").all_inner_texts()
    return texts[0] if len(texts) == 1 else ""


def click(tab: BrowserTab, row: int, x: int = 90) -> None:
    """Click in that row; row -1 is the head. ``x`` is within the table."""
    tab.wait_until_idle()
    box = grid(tab).bounding_box()
    assert box is not None
    tab.page.mouse.click(box["x"] + x, box["y"] + 36 * (row + 1) + 18)


def opened(tab: BrowserTab) -> str:
    return squeeze(" ".join(tab.by_key("results-opened").all_inner_texts()))


def is_open(tab: BrowserTab, number: int) -> None:
    tab.wait_until(f"{number} is open", lambda: opened(tab).startswith(f"{number} ·"))
    tab.wait_until_idle()


def test_a_row_is_opened_stepped_through_and_rated(page: Open) -> None:
    tab = page("Answers")
    click(tab, 4)
    is_open(tab, 5)
    result = RESULTS[4]
    assert result.answer is not None
    for text in (
        "Plain",
        "France",
        "(expected)",
        "Paris",
        result.outcomes[0].reason,
        f"{result.answer.timings.total:.2f} s",
    ):
        assert text in opened(tab), text
    tab.page.get_by_text("Request as it was sent").click()
    request = tab.by_key("results-request").locator("code")
    tab.wait_until("the request", lambda: request.count() and request.inner_text().strip().endswith("}"))
    assert json.loads(request.inner_text())["messages"][-1]["content"] == "What is the capital of France?"
    tab.by_key("results-next").locator("button").first.click()
    is_open(tab, 6)
    tab.by_key("results-rating").get_by_role("radio").nth(3).click()
    tab.wait_until("the stars", lambda: cell(tab, "Rating", 5) == "★★★★")
    is_open(tab, 6)
    tab.by_key("results-filter").get_by_role("button").first.click()
    tab.page.get_by_role("button", name="★★★★", exact=True).click()
    says(tab, "1 of 240 answers")
    tab.page.keyboard.press("Escape")
    is_open(tab, 6)
    tab.by_key("results-close").locator("button").first.click()
    tab.wait_until("closed", lambda: not opened(tab))


def test_sorted_by_a_click_on_a_head_and_searched(page: Open) -> None:
    tab = page("Answers")
    passing = sum(result.passed is True for result in RESULTS)
    # Sort by the checks, failures first.
    click(tab, -1)
    tab.wait_until("what failed first", lambda: cell(tab, "Checks", 0).startswith("✗"))
    click(tab, -1)
    tab.wait_until("what passed first", lambda: cell(tab, "Checks", 0) == "✓ 2 of 2")
    tab.page.get_by_placeholder("Search in answers").fill("tokyo strict")
    says(tab, "None of the 240 answers matches.")
    tab.page.get_by_placeholder("Search in answers").fill("TOKYO japan")
    hits = [result for result in RESULTS if PLAN.inputs.rows[result.cell.row][1] == "Tokyo"]
    says(tab, f"{len(hits):,} of 240 answers")
    click(tab, 0)
    tab.wait_until("one is open", lambda: f"1 of {len(hits)}" in opened(tab))
    assert "Japan" in opened(tab)
    assert passing > 0


def test_results_come_while_one_is_open_and_a_filter_is_set(page: Open) -> None:
    tab = page(show="growing", cells=240)
    says(tab, "Waiting for the first answers.")
    tab.button("Grow").click()
    turn(tab, "Answers")
    says(tab, "40 answers.")
    tab.page.get_by_placeholder("Search in answers").fill("france")
    france = [result.cell.number for result in RESULTS if PLAN.inputs.rows[result.cell.row][0] == "France"]
    says(tab, f"{len([number for number in france if number < 40])} of 40 answers")
    click(tab, 2)
    is_open(tab, 3)
    tab.button("Grow").click()
    says(tab, f"{len([number for number in france if number < 80])} of 80 answers")
    is_open(tab, 3)


def test_the_picture_agrees_with_the_statistics(page: Open) -> None:
    tab = page()
    summary = summarise_results(PLAN, RESULTS)
    passed, judged = summary.total.passed, summary.total.judged
    says(tab, f"Overall, {passed:,} of {judged:,} answers pass")
    won = find_winner(RESULTS, summary.prompts, [prompt.name for prompt in PLAN.prompts], GroupedBy.PROMPTS)
    assert won is not None
    assert won.text in shown(tab)
    rows = [squeeze(text) for text in tab.by_key("results-by-setting").locator("tbody tr").all_inner_texts()]
    assert len(rows) == 12
    best = max(summary.variants.values(), key=lambda variant: variant.pass_rate or 0)
    assert f"{best.passed} of {best.judged}" in rows[0]
    names = [axis.name for axis in PLAN.axes]
    map = build_heatmap(PLAN, RESULTS, *names)
    table = tab.by_key("results-heatmap").locator("table.heat")
    fields = [squeeze(text) for text in table.locator("td").all_inner_texts()]
    expected = [map.cells[column, row] for row in map.rows for column in map.columns]
    assert [text.split(" ")[0] for text in fields] == [
        f"{(field.pass_rate or 0) * 100:.0f}" for field in expected
    ]
    tab.wait_until_idle()
    tab.pick_option(tab.by_key("results-measure").locator("input"), "Cost of 1,000 answers")
    tab.wait_until("dollars", lambda: table.locator("td").first.inner_text().startswith("$"))


def test_side_by_side_with_an_earlier_run(page: Open) -> None:
    tab = page("Side by side")
    says(tab, "pairs pass")
    tab.by_key("results-versus-kind").get_by_role("radio", name="Another run").click()
    resolved = ResolvedPlan(PLAN, default_model())
    before = list(generated_plans.capitals_results(PLAN, seed=2, skill=0.6))
    counts = compare_runs((resolved, before), (resolved, RESULTS)).counts
    says(
        tab,
        f"{counts[PairChange.BETTER]} got better and {counts[PairChange.WORSE]} got worse: clearly better",
    )
    tab.page.get_by_role("button", name=f"Got worse ({counts[PairChange.WORSE]})").click()
    says(tab, f"1–10 of {counts[PairChange.WORSE]} pairs")
    pairs = tab.page.locator("[class*='st-key-results-pair-']")
    assert all("Got worse" in text for text in pairs.all_inner_texts())
    first = pairs.first.locator(".pair")
    assert first.locator("del").count()
    assert first.locator("ins").count()


def test_files(page: Open) -> None:
    tab = page()
    tab.wait_until_idle()
    tab.by_key("results-download").get_by_role("button").first.click()

    def file(kind: str) -> bytes:
        with tab.page.expect_download() as waiting:
            tab.by_key(f"results-{kind}").locator("button").first.click()
        assert waiting.value.suggested_filename == f"capitals.{kind}"
        return Path(waiting.value.path()).read_bytes()

    assert len(list(csv.reader(io.StringIO(file("csv").decode("utf-8-sig"))))) == len(RESULTS) + 1
    assert len([json.loads(line) for line in file("jsonl").splitlines()]) >= len(RESULTS)
    sheet = openpyxl.load_workbook(io.BytesIO(file("xlsx")), read_only=True).worksheets[0]
    assert len(list(sheet.rows)) == len(RESULTS) + 1
    assert "Capitals" in file("html").decode()


def test_what_won_is_kept_and_opened_in_the_chat(page: Open) -> None:
    tab = page()
    tab.wait_until_idle()
    tab.by_key("results-keep-preset").get_by_role("button").first.click()
    tab.page.get_by_label("Name", exact=True).fill("The best")
    tab.page.get_by_label("Name", exact=True).press("Tab")
    tab.wait_until_idle()
    tab.by_key("results-keep-now").locator("button").click()
    says(tab, "Saved as the preset “The best”")
    tab.page.keyboard.press("Escape")
    tab.button("Open in Chat").click()
    tab.wait_until(
        "the message",
        lambda: tab.chat_box.count() and tab.chat_box.input_value() == "The capital of {{country}}:",
    )
    tab.wait_until(
        "the system prompt",
        lambda: tab.page.get_by_role("textbox", name="System prompt").input_value() == PLAN.prompts[1].system,
    )
    tab.wait_until_idle()
    tab.button("Presets").click()
    tab.page.get_by_role("button", name="The best", exact=True).wait_for()


def test_the_best_of_the_moment_is_gone_on_with_until_somebody_chooses(page: Open) -> None:
    tab = page(show="growing")
    names = [variant.name for variant in variants(ResolvedPlan(PLAN, default_model()))]

    def best(count: int) -> str:
        results = RESULTS[:count]
        winner = find_winner(results, summarise_results(PLAN, results).variants, names, GroupedBy.VARIANTS)
        return "" if winner is None else names[winner.best]

    def grow(count: int) -> None:
        tab.button("Grow").click()
        says(tab, f"Overall, {sum(result.passed is True for result in RESULTS[:count])} of")

    def chosen() -> str:
        return str(tab.by_key("results-keep").locator("input").first.input_value())

    assert best(40) != best(80) != best(120), "it changes while they come"
    for count in (40, 80):
        grow(count)
        tab.wait_until("the best", lambda count=count: chosen() == best(count))
    mine = next(name for name in names if name not in (best(80), best(120)))
    tab.pick_option(tab.by_key("results-keep").locator("input").first, mine)
    grow(120)
    assert chosen() == mine


def test_an_opened_answer_is_in_sight_on_a_phone(page: Open) -> None:
    tab = page("Answers", phone=True)
    grid(tab).scroll_into_view_if_needed()
    click(tab, 1)
    is_open(tab, 2)
    expect(tab.by_key("results-opened").first).to_be_in_viewport(timeout=TIMEOUT * 1000)


def test_runs_of_which_there_is_little_to_say(page: Open) -> None:
    tab = page(show="empty")
    assert "No answers yet." in shown(tab)
    tab = page(show="failed")
    failed = sum(result.status is not Status.DOUBTFUL for result in RESULTS)
    says(
        tab,
        f"{failed} failed: The service has a problem. The service broke down ![x](http://192.0.2.1/x.png) :red[x].",
    )
    assert "Temperature" not in shown(tab)
    tab = page(show="one")
    says(tab, "Overall,")
    assert "Side by side" not in shown(tab)
    tab = page(show="unchecked", phone=True)
    says(tab, "There are no checks")
    turn(tab, "Side by side")
    says(tab, "none is called better")
    assert tab.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
