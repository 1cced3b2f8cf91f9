"""Words of an experiment's page that once said something wrong."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from lib.experiment.results.result_rows import CheckVerdict
from lib.experiment.results.result_summary import ResultTally
from lib.store.stored_values import RunEntry
from lib.ui.answer.answer_stats import cost_text
from lib.ui.experiment import run_status
from lib.ui.experiment.answer_filters import STATUS_LABELS
from lib.ui.experiment.charts import ChartRow, tally_table

ENTRY = RunEntry(
    "r", "e", "m", "Cloudflare", True, "running", 200, datetime(2026, 3, 1, tzinfo=UTC), answered=64
)


def test_no_two_filters_have_one_name() -> None:
    labels = [*STATUS_LABELS.values(), *(verdict.value for verdict in CheckVerdict)]
    assert len({label.casefold() for label in labels}) == len(labels)


@pytest.mark.parametrize(("working", "count"), [(True, "running"), (False, "64 of 200")])
def test_a_run_that_works_has_no_count_of_before(
    monkeypatch: pytest.MonkeyPatch, working: bool, count: str
) -> None:
    registry = SimpleNamespace(is_experiment_run_working=lambda owner, id: working)
    monkeypatch.setattr(run_status, "registry", lambda: registry)
    monkeypatch.setattr(run_status, "format_local_time", lambda moment: "12:00")
    tab: Any = SimpleNamespace(owner="")
    assert run_status._title(tab, 1, ENTRY) == f"Run 1 · 12:00 · {count}"


def test_what_the_practice_model_answers_would_cost() -> None:
    rows = [ChartRow("A", ResultTally(asked=1, answered=1, cost=Decimal("0.001")))]
    assert "1,000 answers would cost" in tally_table("Prompt", rows, billed=False)
    assert "would" not in tally_table("Prompt", rows, billed=True)
    assert cost_text(Decimal(0), Decimal(1), billed=False).startswith("would cost ")
