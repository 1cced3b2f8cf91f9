"""The table of the overview: what 1,000 answers cost, also where requests have failed."""

from __future__ import annotations

from decimal import Decimal

from lib.experiment.results.result_summary import ResultTally
from lib.ui.experiment.charts import COST, ChartRow, cost_each, sort_best_first, tally_table

CENT = Decimal("0.01")
WHOLE = ResultTally(asked=2, answered=2, judged=2, passed=1, cost=2 * CENT)
HALF_FAILED = ResultTally(asked=2, answered=1, failed=1, judged=1, cost=CENT)
ALL_FAILED = ResultTally(asked=2, failed=2)


def test_a_failed_request_makes_the_answers_no_cheaper() -> None:
    assert cost_each(WHOLE) == cost_each(HALF_FAILED) == CENT
    # What a failed request has cost is part of the price of the answers.
    assert cost_each(ResultTally(asked=2, answered=1, failed=1, cost=2 * CENT)) == 2 * CENT


def test_the_price_of_no_answer_is_not_known() -> None:
    assert COST.text(ALL_FAILED) == "—"
    assert "$0<" not in tally_table("Prompt", [ChartRow("Failed", ALL_FAILED)], billed=True)


def test_what_has_no_answer_is_not_among_the_best() -> None:
    rows = [
        ChartRow(name, tally)
        for name, tally in (("none", ALL_FAILED), ("half", HALF_FAILED), ("whole", WHOLE))
    ]
    assert [row.name for row in sort_best_first(rows)] == ["whole", "half", "none"]
