"""Counts, comparisons and the winner agree with the results, and differences by chance are called so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest

from lib.experiment.checks.check_kinds import CheckOutcome, Contains, Equals
from lib.experiment.plan import Axis, Cell, Plan, PromptVersion
from lib.experiment.plan_grid import variants
from lib.experiment.results.cell_result import Result, Status
from lib.experiment.results.paired_comparison import (
    PairChange,
    compare_prompts,
    compare_runs,
    compare_variants,
)
from lib.experiment.results.pass_statistics import wilson_interval
from lib.experiment.results.result_summary import ResultSummary, build_heatmap, summarise_results
from lib.experiment.results.winner import GroupedBy, find_winner, format_share
from tests.experiment.plan_fixtures import resolve
from tests.experiment.results.sample_results import SWEPT, reviews_plan, reviews_results

HIGH = 3  # of three temperatures, the first three variants are the lowest one's


def right_when(good: Callable[[Cell], bool]) -> Callable[[Cell, str], str]:
    return lambda cell, expected: expected if good(cell) else "no idea"


def test_counts() -> None:
    plan = reviews_plan((Equals(), Contains("idea", absent=True)), rows=5, prompts=2, repetitions=2)
    results = [
        replace(one, rating=4 if one.cell.row == 0 else None)
        for one in reviews_results(plan, right_when(lambda cell: cell.variant < HIGH))
    ]
    failed, doubtful = results[-1], results[-2]
    results[-1] = Result(failed.cell, Status.FAILED, None, cost=Decimal("0.5"), attempts=3)
    results[-2] = Result(doubtful.cell, Status.DOUBTFUL, None)
    summary = summarise_results(plan, results)
    whole = summary.total
    assert (whole.asked, whole.answered, whole.failed, whole.in_doubt) == (180, 178, 1, 1)
    assert (whole.passed, whole.judged) == (60, 178)
    assert whole.interval == wilson_interval(60, 178)
    assert whole.cost == 178 * Decimal("0.0000017") + Decimal("0.5")
    assert whole.tokens_out == 178 * 3
    assert (whole.rated, whole.mean_rating) == (36, 4)
    assert whole.median_seconds == pytest.approx(0.6)
    assert {n: (t.passed, t.judged) for n, t in summary.variants.items()} == {
        n: (20 if n < HIGH else 0, 20 - (n > 6)) for n in range(9)
    }
    assert {n: t.passed for n, t in summary.prompts.items()} == {0: 30, 1: 30}
    assert [(t.passed, t.failed, t.unclear) for t in summary.checks] == [(60, 118, 0), (60, 118, 0)]


def test_nothing_yet_and_what_is_unclear() -> None:
    plan = reviews_plan()
    summary = ResultSummary(plan)
    assert (summary.total.pass_rate, summary.total.median_seconds, summary.total.mean_rating) == (
        None,
        None,
        None,
    )
    one = next(iter(reviews_results(plan, right_when(lambda cell: True))))
    summary.add(replace(one, outcomes=(CheckOutcome(None, "?"),)))
    assert (summary.total.judged, summary.checks[0].unclear) == (0, 1)
    assert find_winner([], summary.variants, ["a"], GroupedBy.VARIANTS) is None


def test_the_heatmap() -> None:
    plan = reviews_plan(rows=5, prompts=1, repetitions=1)
    heatmap = build_heatmap(
        plan, reviews_results(plan, right_when(lambda cell: cell.variant == 5)), SWEPT[1], SWEPT[0]
    )
    assert heatmap.columns == (0.5, 0.9, None)
    assert heatmap.rows == (0, 0.7, 1.5)
    assert {key: tally.passed for key, tally in heatmap.cells.items() if tally.passed} == {(None, 0.7): 5}
    with pytest.raises(KeyError):
        build_heatmap(plan, [], "nothing", SWEPT[0])


def names(plan: Plan) -> list[str]:
    return [variant.name for variant in variants(resolve(plan))]


@pytest.mark.parametrize(
    ("of_first", "of_second", "said", "certain"),
    [
        (
            46,
            41,
            "Temperature 0 passes 46 of 50 (81–97 %), the next, Temperature 0.7, 41 of 50 (69–90 %): "
            "too close to call.",
            False,
        ),
        (
            46,
            20,
            "Temperature 0 passes 46 of 50 (81–97 %), the next, Temperature 0.7, 20 of 50 (28–54 %): "
            "clearly better.",
            True,
        ),
        (
            20,
            20,
            "Temperature 0 passes 20 of 50 (28–54 %), the next, Temperature 0.7, 20 of 50 (28–54 %): "
            "they are equally good.",
            False,
        ),
        (0, 0, "No answer passes with any of the 2 settings: 0 of 100.", False),
    ],
)
def test_the_winner(of_first: int, of_second: int, said: str, certain: bool) -> None:
    """Whatever the second passes, the first passes too."""
    limits = (of_first, of_second)
    plan = replace(reviews_plan(rows=50, prompts=1, repetitions=1), axes=(Axis(SWEPT[0], (0, 0.7)),))
    results = list(reviews_results(plan, right_when(lambda cell: cell.row < limits[cell.variant])))
    best = find_winner(results, summarise_results(plan, results).variants, names(plan), GroupedBy.VARIANTS)
    assert best is not None
    assert (best.best, best.runner_up, best.text, best.is_certain) == (0, 1, said, certain)


def test_the_leader_that_is_behind_on_the_same_inputs_is_not_called_better() -> None:
    """The first was judged on 20 inputs, of which it passes 14; the second passes all these, and few others."""
    plan = replace(reviews_plan(rows=100, prompts=1, repetitions=1), axes=(Axis(SWEPT[0], (0, 0.7)),))

    def passes(cell: Cell) -> bool:
        return cell.row < 14 if cell.variant == 0 else cell.row < 60

    results = [
        result
        for result in reviews_results(plan, right_when(passes))
        if result.cell.variant == 1 or result.cell.row < 20
    ]
    best = find_winner(results, summarise_results(plan, results).variants, names(plan), GroupedBy.VARIANTS)
    assert best is not None
    assert (best.best, best.is_certain, best.test_text) == (0, False, "")
    assert best.text.endswith("60 of 100 (50–69 %): but of the 20 pairs on the same inputs, 14 and 20 pass.")


def test_what_cannot_be_paired_is_not_called_better() -> None:
    plan = replace(reviews_plan(rows=50, prompts=1, repetitions=1), axes=(Axis(SWEPT[0], (0, 0.7)),))
    results = [
        one
        for one in reviews_results(plan, right_when(lambda cell: cell.variant == 0))
        if (one.cell.row < 25) == (one.cell.variant == 0)
    ]
    best = find_winner(results, summarise_results(plan, results).variants, names(plan), GroupedBy.VARIANTS)
    assert best is not None
    assert (best.is_certain, best.p_value) == (False, None)


def test_two_settings_and_two_prompts_cell_by_cell() -> None:
    plan = reviews_plan(rows=5, prompts=2, repetitions=2)
    results = list(
        reviews_results(plan, right_when(lambda cell: cell.variant == 8 or cell.row == 0 or cell.prompt == 1))
    )
    results = [row for row in results if row.cell.number != 0]
    settings = compare_variants(results, 0, 8)
    assert settings.counts == {PairChange.BETTER: 8, PairChange.SAME: 11}
    assert settings.unmatched == 1
    assert settings.p_value == pytest.approx(2 / 2**8)
    assert settings.passed == (11, 19)
    for pair in settings.pairs:
        one, other = pair.first.cell, pair.second.cell
        assert (one.prompt, one.row, one.repetition) == (other.prompt, other.row, other.repetition)
    prompts = compare_prompts(results, 1, 0)
    assert prompts.counts == {PairChange.WORSE: 2 * 4 * 8, PairChange.SAME: 2 * 4 + 2 * 9 - 1}
    unclear = [replace(row, outcomes=()) for row in results]
    assert compare_variants(unclear, 0, 8).p_value is None


def test_a_run_and_the_next_with_another_prompt_other_rows_and_another_order() -> None:
    old = reviews_plan(rows=5, prompts=1, repetitions=1)
    new = replace(
        old,
        prompts=(PromptVersion("New", "", "{{review}}?"),),
        inputs=replace(
            old.inputs,
            columns=("id", "mood", "review"),
            rows=(
                ("9", "neutral", "Not there before."),
                *((str(n), mood, text) for n, (text, mood) in enumerate(old.inputs.rows[::-1])),
            ),
        ),
        axes=(Axis(SWEPT[0], (1.5, 0)), old.axes[1]),
    )
    before = list(reviews_results(old, right_when(lambda cell: cell.row == 0)))
    after = list(reviews_results(new, right_when(lambda cell: cell.row == 2)))
    found = compare_runs((resolve(old), before), (resolve(new), after))
    assert len(found.pairs) == 5 * 2 * 3
    assert found.unmatched == 5 * 3 + 6
    assert found.counts == {PairChange.BETTER: 6, PairChange.WORSE: 6, PairChange.SAME: 18}
    for pair in found.pairs:
        one, other = pair.first, pair.second
        assert one.answer is not None and other.answer is not None  # noqa: PT018
        assert old.inputs.rows[one.cell.row][0] == new.inputs.rows[other.cell.row][2]
        assert one.answer.request.parameters == other.answer.request.parameters


def test_rows_that_are_there_twice_are_each_matched_once() -> None:
    plan = reviews_plan(rows=10, prompts=1, repetitions=1, axes=0)
    results = list(reviews_results(plan, right_when(lambda cell: cell.row == 7)))
    again = compare_runs((resolve(plan), results), (resolve(plan), results))
    assert again.counts == {PairChange.SAME: 10}
    assert all(pair.first.cell == pair.second.cell for pair in again.pairs)


def test_shares_that_are_not_all_or_nothing_are_not_called_so() -> None:
    assert format_share(1 / 200) == "< 1 %"
    assert format_share(199 / 200) == "> 99 %"
    assert [format_share(share) for share in (0, 0.001, 0.5, 0.999, 1)] == [
        "0 %",
        "< 1 %",
        "50 %",
        "> 99 %",
        "100 %",
    ]
