"""The sheet of results: lines, filters and orders; what came again takes its own place."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lib.experiment.results.cell_result import Result, Status
from lib.experiment.results.result_rows import Column, Filter, Sheet, Verdict, arrange, verdict
from lib.model.model_record import default
from tests.experiment import generated_plans

PLAN = generated_plans.plan(480)


@pytest.fixture(scope="module")
def results() -> list[Result]:
    return list(generated_plans.results(PLAN))


@pytest.fixture
def sheet(results: list[Result]) -> Sheet:
    sheet = Sheet(PLAN, default())
    assert not sheet.take(results[:100])
    assert not sheet.take(results[100:])
    return sheet


def test_a_cell_that_comes_again_takes_its_own_place(sheet: Sheet, results: list[Result]) -> None:
    rated = replace(results[7], rating=4)
    assert sheet.take([rated])
    assert [line.result for line in sheet.lines] == [*results[:7], rated, *results[8:]]
    assert [line.number for line in Filter(ratings=(4,)).apply(sheet.lines)] == [7]
    assert len(Filter(ratings=(0,)).apply(sheet.lines)) == len(results) - 1


def test_filters_agree_with_the_results(sheet: Sheet, results: list[Result]) -> None:
    def found(wanted: Filter) -> list[int]:
        return [line.number for line in wanted.apply(sheet.lines)]

    def by_hand(holds: object) -> list[int]:
        return [one.cell.number for one in results if holds(one)]  # type: ignore[operator]

    assert found(Filter()) == by_hand(lambda one: True)
    assert found(Filter(prompts=(1,), variants=(0, 3))) == by_hand(
        lambda one: one.cell.prompt == 1 and one.cell.variant in (0, 3)
    )
    assert found(Filter(verdicts=(Verdict.PASSED,))) == by_hand(lambda one: one.passed is True)
    assert found(Filter(statuses=(Status.FAILED,))) == by_hand(lambda one: one.status is Status.FAILED)
    short = by_hand(lambda one: bool(one.outcomes) and one.outcomes[1].passed is False)
    assert found(Filter(verdicts=(Verdict.FAILED,), check=1)) == short
    assert short
    assert found(Filter(verdicts=(Verdict.OPEN,))) == by_hand(lambda one: one.passed is None)


def test_a_search_is_for_all_words_wherever_they_stand(sheet: Sheet) -> None:
    """In the answer, the input, the expected answer and the checks' reasons; capitals do not count."""
    found = Filter(text="pEru LIMA").apply(sheet.lines)
    assert found
    assert {line.input.split(" (")[0] for line in found} == {"Peru"}
    assert Filter(text="words are more").apply(sheet.lines) == Filter(
        verdicts=(Verdict.FAILED,), check=1
    ).apply(sheet.lines)
    assert Filter(text="capacity reached").apply(sheet.lines) == Filter(statuses=(Status.FAILED,)).apply(
        sheet.lines
    )
    assert Filter(text="zebra").apply(sheet.lines) == []


@pytest.mark.parametrize("column", list(Column))
def test_both_orders_hold_all_and_end_with_what_has_no_value(sheet: Sheet, column: Column) -> None:
    up, down = (arrange(sheet.lines, column, down=down) for down in (False, True))
    assert (
        sorted(line.number for line in up)
        == sorted(line.number for line in down)
        == list(range(len(sheet.lines)))
    )
    if column is Column.TOKENS_OUT:
        known = [line.tokens_out for line in up if line.tokens_out is not None]
        assert known == sorted(known)
        assert [line.tokens_out for line in down] == known[::-1] + [None] * (len(up) - len(known))
    if column is Column.SETTING:  # in the grid's own order, not by its words
        assert [line.result.cell.variant for line in up] == sorted(line.result.cell.variant for line in up)


def test_what_failed_says_so(sheet: Sheet) -> None:
    failed = next(line for line in sheet.lines if line.result.status is Status.FAILED)
    assert (failed.ending, failed.answer) == ("Too many requests", "Capacity reached")
    assert verdict(failed.result) is verdict(failed.result, 0) is Verdict.OPEN
    doubtful = next(line for line in sheet.lines if line.result.status is Status.DOUBTFUL)
    assert (doubtful.ending, doubtful.answer, doubtful.seconds) == ("in doubt", "", None)
