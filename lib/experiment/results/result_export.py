"""Export of results as files with one row per cell: CSV, XLSX and JSON Lines."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from typing import Any

from lib.api import wire
from lib.chat.answer import text_or_calls, tool_calls_as_json
from lib.experiment.checks.check_kinds import check_wording
from lib.experiment.plan import Plan, Variant
from lib.experiment.plan_grid import axis_values, format_value, variants
from lib.experiment.plan_models import ResolvedPlan, asked_models
from lib.experiment.results.cell_result import Result
from lib.files import csv_export, xlsx_export
from lib.files.csv_export import CellValue, SheetRow
from lib.jsonkit.surrogates import encode_utf8
from lib.model.model_record import DEFAULT_MODEL_ID, Model
from lib.model.schema_alternatives import Scalar

_LINE_ENDS = re.compile("[\x85\u2028\u2029]")  # many line-by-line readers break here


def write_csv(resolved: ResolvedPlan, results: Iterable[Result]) -> Iterator[bytes]:
    """Yield the CSV file in pieces."""
    return csv_export.write_csv(export_rows(resolved, results))


def write_xlsx(resolved: ResolvedPlan, results: Iterable[Result]) -> bytes:
    return xlsx_export.write_xlsx(export_rows(resolved, results), "Results")


def export_rows(resolved: ResolvedPlan, results: Iterable[Result]) -> Iterator[SheetRow]:
    """Yield the rows of the file in the order of the cells, after a row of column names.

    If another model than the default one is asked, a column holds the models' IDs.
    """
    plan, settings = resolved.plan, variants(resolved)
    has_models = asked_models(plan) != (DEFAULT_MODEL_ID,)
    variant_at = cache(settings.__getitem__)
    swept = _varied_parameters(plan, resolved.model, settings)
    yield [
        "Prompt",
        "Row",
        *(f"Input: {name}" for name in plan.inputs.columns),
        *(("Model",) if has_models else ()),
        "Setting",
        *(resolved.parameter_label(name) for name in swept),
        "Repetition",
        "Status",
        "Answer",
        "Ending",
        "Tokens in",
        "Tokens out",
        "Dollars",
        "Seconds",
        "Passed",
        *(
            head
            for number, check in enumerate(plan.checks, 1)
            for head in (f"Check {number}: {check_wording(check).title}", f"Check {number}: reason")
        ),
        "Rating",
        "Error",
    ]
    for result in _sort_by_cell(results):
        cell, answer, usage = result.cell, result.answer, result.usage
        yield [
            plan.prompts[cell.prompt].name,
            cell.row + 1,
            *_input_cells(plan, cell.row),
            *((variant_at(cell.variant).settings.model,) if has_models else ()),
            variant_at(cell.variant).name,
            *(_parameter_cell(value) for value in _parameter_values(plan, variant_at, swept, cell.variant)),
            cell.repetition + 1,
            result.status.value,
            None if answer is None else text_or_calls(answer.text, answer.calls),
            None if answer is None else answer.ending.value,
            None if usage is None else usage.prompt_tokens,
            None if usage is None else usage.completion_tokens,
            result.cost,
            None if result.seconds is None else round(result.seconds, 3),
            _verdict_word(result.passed) if plan.checks else None,
            *_outcomes(plan, result),
            result.rating,
            _error(result),
        ]


def _sort_by_cell(results: Iterable[Result]) -> list[Result]:
    return sorted(results, key=lambda result: result.cell.number)


def _input_cells(plan: Plan, row: int) -> Sequence[str]:
    return plan.inputs.rows[row] if plan.inputs.rows else ("",) * len(plan.inputs.columns)


def _varied_parameters(plan: Plan, model: Model, all_variants: Sequence[Variant]) -> tuple[str, ...]:
    """Return the parameters that are not the same in every variant."""
    if not plan.variants:
        return tuple(axis.name for axis in plan.axes)
    names = [parameter.name for parameter in model.parameters]
    sent = [variant.settings.sent_values() for variant in all_variants]
    return tuple(name for name in names if len({values.get(name) for values in sent}) > 1)


def _parameter_values(
    plan: Plan, variant_at: Callable[[int], Variant], swept: Sequence[str], variant: int
) -> Sequence[Scalar | None]:
    if not plan.variants:
        return axis_values(plan, variant)
    sent = variant_at(variant).settings.sent_values()
    return [sent.get(name) for name in swept]


def _parameter_cell(value: Scalar | None) -> CellValue:
    return format_value(None) if value is None else value


def _verdict_word(passed: bool | None) -> str:
    return {True: "yes", False: "no", None: "unclear"}[passed]


def _outcomes(plan: Plan, result: Result) -> Iterator[CellValue]:
    for number in range(len(plan.checks)):
        if number < len(result.outcomes):
            outcome = result.outcomes[number]
            yield from (_verdict_word(outcome.passed), outcome.reason)
        else:
            yield from (None, None)


def _error(result: Result) -> str | None:
    if (error := result.error) is None:
        return None
    return error.message if error.code is None else f"{error.message} (code {error.code})"


def write_json_lines(resolved: ResolvedPlan, results: Iterable[Result]) -> Iterator[bytes]:
    """Yield one JSON object a line, with the request's body as sent. Dollars are a text: no reader rounds it."""
    plan, all_variants = resolved.plan, variants(resolved)
    variant_at = cache(all_variants.__getitem__)
    swept = _varied_parameters(plan, resolved.model, all_variants)
    for result in _sort_by_cell(results):
        cell, answer, usage = result.cell, result.answer, result.usage
        line: dict[str, Any] = {
            "prompt": plan.prompts[cell.prompt].name,
            "row": cell.row + 1,
            "inputs": dict(zip(plan.inputs.columns, _input_cells(plan, cell.row), strict=True)),
            "model": variant_at(cell.variant).settings.model,
            "setting": variant_at(cell.variant).name,
            "parameters": dict(
                zip(swept, _parameter_values(plan, variant_at, swept, cell.variant), strict=True)
            ),
            "repetition": cell.repetition + 1,
            "status": result.status.value,
            "attempts": result.attempts,
            "stored": result.stored,
            "request": None if answer is None else wire.encode_request(answer.request),
            "answer": None if answer is None else answer.text,
            "calls": [] if answer is None else tool_calls_as_json(answer.calls),
            "ending": None if answer is None else answer.ending.value,
            "tokens_in": None if usage is None else usage.prompt_tokens,
            "tokens_out": None if usage is None else usage.completion_tokens,
            "estimated": None if usage is None else usage.estimated,
            "dollars": format(result.cost, "f"),
            "seconds": result.seconds,
            "passed": result.passed,
            "checks": [
                {"check": check_wording(check).title, "passed": outcome.passed, "reason": outcome.reason}
                for check, outcome in zip(plan.checks, result.outcomes, strict=False)
            ],
            "rating": result.rating,
            "error": _error(result),
        }
        yield _encode_line(line)


def _encode_line(value: Any) -> bytes:
    text = json.dumps(value, ensure_ascii=False)
    text = _LINE_ENDS.sub(lambda line_end: f"\\u{ord(line_end[0]):04x}", text)
    # Many readers refuse the escapes of lone surrogates.
    return encode_utf8(text) + b"\n"
