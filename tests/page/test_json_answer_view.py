"""The view of an answer in JSON mode, in a browser: verdict, tree, text and table; it fetches nothing."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from tests.page.app_process import AppProcess
from tests.page.browser_tab import BrowserTab
from tests.page.conftest import Visit
from tests.page.schema_editor_page import address

ITEM = {
    "type": "object",
    "properties": {"what": {"type": "string"}, "price": {"type": "number"}},
    "required": ["what", "price"],
}
SCHEMA = {"type": "object", "properties": {"items": {"type": "array", "items": ITEM}}, "required": ["items"]}
LARGE = "12345678901234567890"  # JavaScript would round it
IMAGE = "![x](http://192.0.2.1/x.png)"


@pytest.fixture
def expected() -> list[str]:
    """Allow 404s: the fonts are beside app.py, not beside the test page."""
    return ["404"]


@pytest.fixture
def tab(visit: Visit, json_mode_app: AppProcess) -> BrowserTab:
    return visit(json_mode_app.url, address(SCHEMA, "none"))


def shown(tab: BrowserTab) -> str:
    """Return the text of the answer's view."""
    return tab.by_key("answer").inner_text()


def say(tab: BrowserTab, answer: str, *parts: str) -> None:
    """Let the model give that answer, and wait until the view shows the parts."""
    tab.send(answer)
    for part in parts:
        tab.wait_until(part, lambda part=part: tab.by_key("answer").count() and part in shown(tab))  # type: ignore[misc]
    tab.wait_until_idle()


def choose(tab: BrowserTab, view: str) -> None:
    tab.by_key("shown-view").get_by_text(view, exact=True).click()
    tab.page.wait_for_timeout(100)
    tab.wait_until_idle()


def test_a_valid_one_in_three_views(tab: BrowserTab, tmp_path: Path) -> None:
    answer = (
        json.dumps(
            {"items": [{"what": f"{IMAGE} $5 <b>|</b> `a`", "price": 1.5}, {"what": "=1+1", "price": 2}]}
        )
        .replace("1.5", "1.50")
        .replace(": 2}", f": {LARGE}}}")
    )
    say(tab, answer, "Valid: all your fields are there")
    tree = tab.by_key("answer").locator(".json")
    tab.wait_until("the tree", lambda: IMAGE in tree.inner_text())
    assert tree.locator(".literal").all_inner_texts() == ["1.50", LARGE]
    choose(tab, "Text")
    assert tab.by_key("answer").locator("code").inner_text() == answer
    choose(tab, "Table")
    table = tab.by_key("answer").locator("table")
    assert table.locator("th").all_inner_texts() == ["what", "price"]
    assert table.locator("td").all_inner_texts() == [f"{IMAGE} $5 <b>|</b> `a`", "1.50", "=1+1", LARGE]
    assert tab.page.locator("[data-testid=stMain] img").count() == 0
    with tab.page.expect_download() as download:
        tab.page.get_by_role("button", name="CSV").click()
    file = tmp_path / "answer.csv"
    download.value.save_as(file)
    with file.open(encoding="utf-8-sig", newline="") as lines:
        assert list(csv.reader(lines)) == [
            ["what", "price"],
            [f"{IMAGE} $5 <b>|</b> `a`", "1.50"],
            ["'=1+1", LARGE],
        ]


def test_on_a_phone(visit: Visit, json_mode_app: AppProcess) -> None:
    tab = visit(json_mode_app.url, address(SCHEMA, "none"), phone=True)
    row = {f"column number {number}": "w" * 30 for number in range(8)}
    say(tab, json.dumps({"items": [row]}), "in 1 place", "has no “what” and no “price”")
    choose(tab, "Table")
    tab.by_key("answer").locator("table").wait_for()
    assert tab.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
