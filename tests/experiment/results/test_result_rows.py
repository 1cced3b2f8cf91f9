"""Result rows are filtered and sorted; a newer result of a cell replaces the older one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lib.experiment.plan import Axis
from lib.experiment.results.cell_result import Result, Status
from lib.experiment.results.result_rows import (
    CheckVerdict,
    ResultColumn,
    ResultFilter,
    ResultTable,
    check_verdict,
    sort_rows,
)
from tests.experiment import generated_plans
from tests.experiment.plan_fixtures import resolve, small_plan
from tests.model.listed_models import MISTRAL, QWEN

PLAN = generated_plans.capitals_plan(480)


@pytest.fixture(scope="module")
def results() -> list[Result]:
    return list(generated_plans.capitals_results(PLAN))


@pytest.fixture
def sheet(results: list[Result]) -> ResultTable:
    sheet = ResultTable(resolve(PLAN))
    assert not sheet.add_results(results[:100])
    assert not sheet.add_results(results[100:])
    return sheet


def test_a_cell_that_comes_again_takes_its_own_place(sheet: ResultTable, results: list[Result]) -> None:
    rated = replace(results[7], rating=4)
    assert sheet.add_results([rated])
    assert [line.result for line in sheet.rows] == [*results[:7], rated, *results[8:]]
    assert [line.number for line in ResultFilter(ratings=(4,)).apply(sheet.rows)] == [7]
    assert len(ResultFilter(ratings=(0,)).apply(sheet.rows)) == len(results) - 1


def test_a_setting_that_only_another_model_has_is_in_the_names() -> None:
    sheet = ResultTable(resolve(small_plan(models=(MISTRAL, QWEN), axes=(Axis("top_logprobs", (1, 2)),))))
    assert [name.split(" · ")[1] for name in sheet.setting_names] == ["Top logprobs 1"] * 2 + [
        "Top logprobs 2"
    ] * 2


def test_filters_agree_with_the_results(sheet: ResultTable, results: list[Result]) -> None:
    def found(wanted: ResultFilter) -> list[int]:
        return [line.number for line in wanted.apply(sheet.rows)]

    def by_hand(holds: object) -> list[int]:
        return [result.cell.number for result in results if holds(result)]  # type: ignore[operator]

    assert found(ResultFilter()) == by_hand(lambda one: True)
    assert found(ResultFilter(prompts=(1,), variants=(0, 3))) == by_hand(
        lambda one: one.cell.prompt == 1 and one.cell.variant in (0, 3)
    )
    assert found(ResultFilter(verdicts=(CheckVerdict.PASSED,))) == by_hand(lambda one: one.passed is True)
    assert found(ResultFilter(statuses=(Status.FAILED,))) == by_hand(lambda one: one.status is Status.FAILED)
    short = by_hand(lambda one: bool(one.outcomes) and one.outcomes[1].passed is False)
    assert found(ResultFilter(verdicts=(CheckVerdict.FAILED,), check=1)) == short
    assert short
    assert found(ResultFilter(verdicts=(CheckVerdict.OPEN,))) == by_hand(lambda one: one.passed is None)


def test_a_search_is_for_all_words_wherever_they_stand(sheet: ResultTable) -> None:
    """The search covers the answer, the input, the expected answer and the checks' reasons, without regard to
    case.
    """
    rows = ResultFilter(text="pEru LIMA").apply(sheet.rows)
    assert rows
    assert {line.input.split(" (")[0] for line in rows} == {"Peru"}
    assert ResultFilter(text="words are more").apply(sheet.rows) == ResultFilter(
        verdicts=(CheckVerdict.FAILED,), check=1
    ).apply(sheet.rows)
    assert ResultFilter(text="capacity reached").apply(sheet.rows) == ResultFilter(
        statuses=(Status.FAILED,)
    ).apply(sheet.rows)
    assert ResultFilter(text="zebra").apply(sheet.rows) == []


@pytest.mark.parametrize("column", list(ResultColumn))
def test_both_orders_hold_all_and_end_with_what_has_no_value(
    sheet: ResultTable, column: ResultColumn
) -> None:
    up, down = (sort_rows(sheet.rows, column, down=down) for down in (False, True))
    assert (
        sorted(line.number for line in up)
        == sorted(line.number for line in down)
        == list(range(len(sheet.rows)))
    )
    if column is ResultColumn.TOKENS_OUT:
        known = [line.tokens_out for line in up if line.tokens_out is not None]
        assert known == sorted(known)
        assert [line.tokens_out for line in down] == known[::-1] + [None] * (len(up) - len(known))
    if column is ResultColumn.SETTING:  # in the grid's own order, not by its words
        assert [line.result.cell.variant for line in up] == sorted(line.result.cell.variant for line in up)


def test_what_failed_says_so(sheet: ResultTable) -> None:
    failed = next(line for line in sheet.rows if line.result.status is Status.FAILED)
    assert (failed.ending, failed.answer) == ("Too many requests", "Capacity reached")
    assert check_verdict(failed.result) is check_verdict(failed.result, 0) is CheckVerdict.OPEN
    doubtful = next(line for line in sheet.rows if line.result.status is Status.DOUBTFUL)
    assert (doubtful.ending, doubtful.answer, doubtful.result.seconds) == ("in doubt", "", None)
