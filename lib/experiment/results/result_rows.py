"""Results of a run as rows of a table that can be sorted, filtered and searched."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from lib.chat.answer import call_signatures
from lib.experiment.plan import Plan
from lib.experiment.plan_grid import EXPECTED_VARIABLE, row_values, variants
from lib.experiment.plan_models import ResolvedPlan
from lib.experiment.results.cell_result import Result, Status


class CheckVerdict(Enum):
    """The verdict of one check, or of all together."""

    PASSED = "passed"
    FAILED = "failed"
    OPEN = "not judged"  # a check could not tell, or there is none


@dataclass(frozen=True, slots=True)
class ResultRow:
    """A result with the texts that are shown and searched.

    ``input`` holds the row's values without the expected answer; ``searchable_text`` all texts, case-folded.
    """

    result: Result
    prompt: str
    setting: str
    input: str
    expected: str
    answer: str
    ending: str
    searchable_text: str

    @property
    def number(self) -> int:
        """Return the cell's place in the run, from 0."""
        return self.result.cell.number

    @property
    def verdict(self) -> CheckVerdict:
        return check_verdict(self.result)

    @property
    def tokens_in(self) -> int | None:
        return None if self.result.usage is None else self.result.usage.prompt_tokens

    @property
    def tokens_out(self) -> int | None:
        return None if self.result.usage is None else self.result.usage.completion_tokens


def check_verdict(result: Result, check: int | None = None) -> CheckVerdict:
    """Return the verdict of the check of that index, or of all checks together."""
    if check is None:
        passed = result.passed
    else:
        passed = result.outcomes[check].passed if check < len(result.outcomes) else None
    return CheckVerdict.OPEN if passed is None else CheckVerdict.PASSED if passed else CheckVerdict.FAILED


class ResultColumn(Enum):
    """The columns, in the order in which they are shown: a phone shows the first ones only."""

    NUMBER = "Order asked"
    VERDICT = "Checks"
    RATING = "Rating"
    ANSWER = "Answer"
    INPUT = "Input"
    PROMPT = "Prompt"
    SETTING = "Setting"
    TOKENS_IN = "Read"
    TOKENS_OUT = "Written"
    COST = "Cost"
    SECONDS = "Seconds"
    ENDING = "Ending"


_ORDER = (CheckVerdict.FAILED, CheckVerdict.OPEN, CheckVerdict.PASSED)
# Sort keys. Rows whose key is None come last in both directions.
_KEYS: dict[ResultColumn, Callable[[ResultRow], Any]] = {
    ResultColumn.NUMBER: lambda line: line.number,
    ResultColumn.PROMPT: lambda line: line.result.cell.prompt,
    ResultColumn.SETTING: lambda line: line.result.cell.variant,
    ResultColumn.INPUT: lambda line: line.result.cell.row,
    ResultColumn.ANSWER: lambda line: line.answer.casefold() or None,
    ResultColumn.VERDICT: lambda line: _ORDER.index(line.verdict),
    ResultColumn.RATING: lambda line: line.result.rating,
    ResultColumn.TOKENS_IN: lambda line: line.tokens_in,
    ResultColumn.TOKENS_OUT: lambda line: line.tokens_out,
    ResultColumn.COST: lambda line: line.result.cost,
    ResultColumn.SECONDS: lambda line: line.result.seconds,
    ResultColumn.ENDING: lambda line: line.ending.casefold(),
}


@dataclass(frozen=True)
class ResultFilter:
    """Which rows are wanted; an empty field wants all.

    ``prompts``, ``variants`` and ``rows`` are indexes. ``verdicts`` are of the check of index ``check``, or
    of all checks together. A rating of 0 means not rated. All words of ``text`` must occur in the row.
    """

    prompts: tuple[int, ...] = ()
    variants: tuple[int, ...] = ()
    rows: tuple[int, ...] = ()
    statuses: tuple[Status, ...] = ()
    verdicts: tuple[CheckVerdict, ...] = ()
    check: int | None = None
    ratings: tuple[int, ...] = ()
    text: str = ""

    def apply(self, all_rows: Sequence[ResultRow]) -> list[ResultRow]:
        """Return the wanted rows, in their order."""
        rows = list(all_rows)
        if self.prompts:
            rows = [row for row in rows if row.result.cell.prompt in self.prompts]
        if self.variants:
            rows = [row for row in rows if row.result.cell.variant in self.variants]
        if self.rows:
            rows = [row for row in rows if row.result.cell.row in self.rows]
        if self.statuses:
            rows = [row for row in rows if row.result.status in self.statuses]
        if self.verdicts:
            rows = [row for row in rows if check_verdict(row.result, self.check) in self.verdicts]
        if self.ratings:
            rows = [row for row in rows if (row.result.rating or 0) in self.ratings]
        for word in self.text.casefold().split():
            rows = [row for row in rows if word in row.searchable_text]
        return rows


def sort_rows(rows: Sequence[ResultRow], by: ResultColumn, *, down: bool = False) -> list[ResultRow]:
    """Sort the rows; equal ones keep their order, those without a value come last."""
    keyed = [(_KEYS[by](row), row) for row in rows]
    with_value = [pair for pair in keyed if pair[0] is not None]
    with_value.sort(key=lambda pair: pair[0], reverse=down)
    return [row for _, row in with_value] + [row for key, row in keyed if key is None]


class ResultTable:
    """The rows of one run, one for each cell with a result, in the order in which they first came."""

    def __init__(self, resolved: ResolvedPlan) -> None:
        self.plan = plan = resolved.plan
        self.rows: list[ResultRow] = []
        self.setting_names = tuple(variant.name for variant in variants(resolved))
        self.input_texts = tuple(describe_inputs(plan, row) for row in range(len(plan.inputs.rows)))
        self._places: dict[int, int] = {}  # by the cell's number

    def add_results(self, results: Iterable[Result]) -> bool:
        """Add results; a result of the same cell replaces the earlier one. Return True if any was replaced."""
        was_replaced = False
        for result in results:
            place = self._places.setdefault(result.cell.number, len(self.rows))
            if place < len(self.rows):
                self.rows[place] = self._build_row(result)
                was_replaced = True
            else:
                self.rows.append(self._build_row(result))
        return was_replaced

    def _build_row(self, result: Result) -> ResultRow:
        cell, answer = result.cell, result.answer
        input = self.input_texts[cell.row] if cell.row < len(self.input_texts) else ""
        expected = ""
        if self.plan.inputs.expected is not None:
            expected = row_values(self.plan, cell.row).get(EXPECTED_VARIABLE, "")
        text = "" if answer is None else answer.text
        calls = "" if answer is None else " ".join(call_signatures(answer.calls))
        error = "" if result.error is None else result.error.message
        shown = text or calls or error
        reasons = [outcome.reason for outcome in result.outcomes]
        sought = " ".join([shown, calls, error, input, expected, *reasons])
        return ResultRow(
            result,
            self.plan.prompts[cell.prompt].name,
            self.setting_names[cell.variant],
            input,
            expected,
            shown,
            describe_ending(result),
            sought.casefold(),
        )


def describe_inputs(plan: Plan, row: int) -> str:
    """Return the row's values but the expected answer in one line; several have their columns' names."""
    values = [
        (name, value)
        for name, value in zip(plan.inputs.columns, plan.inputs.rows[row], strict=True)
        if name != plan.inputs.expected
    ]
    return values[0][1] if len(values) == 1 else " · ".join(f"{name}: {value}" for name, value in values)


def describe_ending(result: Result) -> str:
    """Return how the cell ended, in a few words."""
    if result.status is Status.ANSWERED and result.answer is not None:
        return result.answer.ending.label
    if result.status is Status.FAILED and result.error is not None:
        return result.error.title
    return result.status.value
