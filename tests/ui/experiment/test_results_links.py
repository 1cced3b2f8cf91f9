"""The overview's line of failures shows just these; the filters stand in the page, not over it."""

from __future__ import annotations

from tests.ui.app_test_page import AppTestPage


def test_the_failures_are_one_click_away() -> None:
    page = AppTestPage("/?show=whole&cells=240&of=failures", path="tests/page/result_bench.py")
    failed = page.by_key("results-show-failed")
    count = int(failed.label.split()[0])
    page.click("results-show-failed")
    assert f"{count} of 240 answers" in page.text()
    assert not page.has_key("results-verdicts")
    page.click("results-filter")
    assert [verdict.value for verdict in page.by_key("results-verdicts").value] == ["failed"]
    page.click("results-filter")
    assert f"{count} of 240 answers" in page.text(), "closed filters go on filtering"
