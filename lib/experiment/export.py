"""Export: results as files, one row a cell: CSV for Excel, JSON lines, XLSX. No text becomes a formula."""

from __future__ import annotations

import csv as csv_format
import io
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from itertools import islice
from typing import Any

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter

from lib import wire
from lib.experiment.check import title
from lib.experiment.grid import label, variants, write
from lib.experiment.plan import Plan, Variant
from lib.experiment.result import Result
from lib.experiment.summary import axis_values
from lib.model import Model, Number

Value = str | int | float | Decimal | None

LONGEST = 32_767  # what Excel takes in one cell, in units of UTF-16
_CUT = " … (cut: Excel takes no more)"
_AT_ONCE = 500  # rows in one piece of a CSV file

# What a spreadsheet takes for the beginning of a formula; the wide forms too, for some make narrow ones of them.
_FORMULA = re.compile(r"[=+\-@\t\r＝＋－＠]|\s+[=+\-@＝＋－＠]")
_NUMBER = re.compile(r"[-+]?[0-9]+(?:[.,][0-9]+)?", re.ASCII)
# What no XML and no UTF-8 can hold, and NUL, at which some readers end.
_UNFIT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_LINE_ENDS = re.compile("[\x85\u2028\u2029]")  # line breaks to many who read line by line
_LOOKS_ESCAPED = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)")  # XLSX's own way to write a sign by its number


def csv(plan: Plan, model: Model, results: Iterable[Result]) -> Iterator[bytes]:
    """UTF-8 with the mark that Excel knows it by. A text that could be a formula has an apostrophe before it."""
    rows = table(plan, model, results)
    first = True
    while some := list(islice(rows, _AT_ONCE)):
        out = io.StringIO(newline="")
        # Every text in quotes: where a country's list separator is another, it must not part one cell into two.
        writer = csv_format.writer(out, quoting=csv_format.QUOTE_NONNUMERIC)
        writer.writerows([[_for_csv(value) for value in row] for row in some])
        yield out.getvalue().encode("utf-8-sig" if first else "utf-8")
        first = False


def _for_csv(value: Value) -> Value:
    if not isinstance(value, str):
        return value
    text = _fit(value)
    return f"'{text}" if _FORMULA.match(text) and not _NUMBER.fullmatch(text) else text


def _fit(text: str) -> str:
    """The text with what no file can hold replaced, and one way to break a line."""
    return _UNFIT.sub("\ufffd", text).replace("\r\n", "\n")


def xlsx(plan: Plan, model: Model, results: Iterable[Result]) -> bytes:
    """A workbook with one sheet. Texts are texts whatever they begin with, numbers are numbers."""
    book = Workbook(write_only=True)
    sheet: Any = book.create_sheet("Results")
    rows = table(plan, model, results)
    heads = next(rows)
    sheet.freeze_panes = "A2"
    for number, head in enumerate(heads, 1):
        long = str(head) == "Answer" or str(head).startswith("Input")
        sheet.column_dimensions[get_column_letter(number)].width = (
            48 if long else max(12, min(len(str(head)), 40))
        )
    bold = Font(bold=True)
    count = 1
    sheet.append([_for_xlsx(sheet, head, bold) for head in heads])
    for row in rows:
        sheet.append([_for_xlsx(sheet, value) for value in row])
        count += 1
    sheet.auto_filter.ref = f"A1:{get_column_letter(len(heads))}{count}"
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _for_xlsx(sheet: Any, value: Value, font: Font | None = None) -> Any:
    if not isinstance(value, str):
        return value
    text = _shortened(_LOOKS_ESCAPED.sub("_x005F_", _fit(value).replace("\r", "\n")))
    if font is None and not _FORMULA.match(text) and not text.startswith("#"):
        return text
    cell = WriteOnlyCell(sheet, text)
    cell.data_type = "s"  # or the library makes a formula of what begins with =, an error of #N/A
    if font is None:
        cell.quotePrefix = True  # and Excel would, once somebody has edited the cell
    else:
        cell.font = font
    return cell


def _shortened(text: str) -> str:
    if len(text) <= LONGEST // 2:
        return text
    units = text.encode("utf-16-le")
    if len(units) <= 2 * LONGEST:
        return text
    return units[: 2 * (LONGEST - len(_CUT))].decode("utf-16-le", "ignore") + _CUT


def table(plan: Plan, model: Model, results: Iterable[Result]) -> Iterator[list[Value]]:
    """The rows of the file, in the order of the cells, the first with the columns' names."""
    ways = variants(plan, model)
    swept = _swept(plan, model, ways)
    yield [
        "Prompt", "Row", *(f"Input: {name}" for name in plan.inputs.columns), "Setting",
        *(label(model, name) for name in swept), "Repetition", "Status", "Answer", "Ending",
        "Tokens in", "Tokens out", "Dollars", "Seconds", "Passed",
        *(head for number, check in enumerate(plan.checks, 1)
          for head in (f"Check {number}: {title(check)}", f"Check {number}: reason")),
        "Rating", "Error",
    ]  # fmt: skip
    for result in _in_order(results):
        cell, answer = result.cell, result.answer
        usage = None if answer is None else answer.usage
        yield [
            plan.prompts[cell.prompt].name, cell.row + 1, *_inputs(plan, cell.row), ways[cell.variant].name,
            *(_said(value) for value in _values(plan, ways, swept, cell.variant)),
            cell.repetition + 1, result.status.value,
            None if answer is None else _text(result),
            None if answer is None else answer.ending.value,
            None if usage is None else usage.prompt_tokens,
            None if usage is None else usage.completion_tokens,
            result.cost,
            None if answer is None else round(answer.timings.total, 3),
            _verdict(result.passed) if plan.checks else None,
            *_outcomes(plan, result),
            result.rating,
            _error(result),
        ]  # fmt: skip


def _in_order(results: Iterable[Result]) -> list[Result]:
    return sorted(results, key=lambda result: result.cell.number)


def _inputs(plan: Plan, row: int) -> Sequence[str]:
    return plan.inputs.rows[row] if plan.inputs.rows else ("",) * len(plan.inputs.columns)


def _swept(plan: Plan, model: Model, ways: Sequence[Variant]) -> tuple[str, ...]:
    """The parameters that are not the same in every variant."""
    if not plan.variants:
        return tuple(axis.name for axis in plan.axes)
    names = [parameter.name for parameter in model.parameters]
    return tuple(name for name in names if len({one.settings.sent().get(name) for one in ways}) > 1)


def _values(
    plan: Plan, ways: Sequence[Variant], swept: Sequence[str], variant: int
) -> Sequence[Number | None]:
    if not plan.variants:
        return axis_values(plan, variant)
    sent = ways[variant].settings.sent()
    return [sent.get(name) for name in swept]


def _said(value: Number | None) -> Value:
    return write(None) if value is None else value


def _text(result: Result) -> str:
    """The answer, or, where it has no text, the calls in it as JSON."""
    answer = result.answer
    if answer is None:
        return ""
    if answer.text.strip() or not answer.calls:
        return answer.text
    return json.dumps(_calls(result), ensure_ascii=False)


def _calls(result: Result) -> list[dict[str, str]]:
    calls = () if result.answer is None else result.answer.calls
    return [{"name": call.name, "arguments": call.arguments} for call in calls]


def _verdict(passed: bool | None) -> str:
    return {True: "yes", False: "no", None: "unclear"}[passed]


def _outcomes(plan: Plan, result: Result) -> Iterator[Value]:
    for number in range(len(plan.checks)):
        if number < len(result.outcomes):
            outcome = result.outcomes[number]
            yield from (_verdict(outcome.passed), outcome.reason)
        else:
            yield from (None, None)


def _error(result: Result) -> str | None:
    error = None if result.answer is None else result.answer.error
    if error is None:
        return None
    return error.message if error.code is None else f"{error.message} (code {error.code})"


def jsonl(plan: Plan, model: Model, results: Iterable[Result]) -> Iterator[bytes]:
    """One JSON object a line, with the request's body as it was sent. Dollars are a text: no reader rounds them."""
    ways = variants(plan, model)
    swept = _swept(plan, model, ways)
    for result in _in_order(results):
        cell, answer = result.cell, result.answer
        usage = None if answer is None else answer.usage
        line: dict[str, Any] = {
            "prompt": plan.prompts[cell.prompt].name,
            "row": cell.row + 1,
            "inputs": dict(zip(plan.inputs.columns, _inputs(plan, cell.row), strict=True)),
            "setting": ways[cell.variant].name,
            "parameters": dict(zip(swept, _values(plan, ways, swept, cell.variant), strict=True)),
            "repetition": cell.repetition + 1,
            "status": result.status.value,
            "attempts": result.attempts,
            "stored": result.stored,
            "request": None if answer is None else wire.encode(answer.request),
            "answer": None if answer is None else answer.text,
            "calls": _calls(result),
            "ending": None if answer is None else answer.ending.value,
            "tokens_in": None if usage is None else usage.prompt_tokens,
            "tokens_out": None if usage is None else usage.completion_tokens,
            "estimated": None if usage is None else usage.estimated,
            "dollars": format(result.cost, "f"),
            "seconds": None if answer is None else answer.timings.total,
            "passed": result.passed,
            "checks": [
                {"check": title(check), "passed": outcome.passed, "reason": outcome.reason}
                for check, outcome in zip(plan.checks, result.outcomes, strict=False)
            ],
            "rating": result.rating,
            "error": _error(result),
        }
        yield _line(line)


def _line(value: Any) -> bytes:
    text = json.dumps(value, ensure_ascii=False)
    text = _LINE_ENDS.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
    # Half a character inside of a text: UTF-8 cannot hold it, and many readers refuse its escape.
    return re.sub("[\ud800-\udfff]", "\ufffd", text).encode() + b"\n"
