"""Exports hold every cell, other programs read them back unchanged, and no text in them is a formula."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import openpyxl
import pytest

from lib.api.wire import encode_request
from lib.chat.answer import Ending
from lib.errors import NoCapacity
from lib.experiment.checks.check_kinds import Contains, Equals
from lib.experiment.inputs.input_table import Inputs
from lib.experiment.plan import Plan, PromptVersion, Variant
from lib.experiment.results import result_export
from lib.experiment.results.cell_result import Result, Status
from lib.files import xlsx_export
from lib.model.request_options import ToolCall
from tests.experiment.plan_fixtures import resolve
from tests.experiment.results.sample_results import MODEL, SWEPT, make_answer, reviews_plan, reviews_results

EVIL = (
    "=1+1",
    "+1+1",
    "-1+1",
    "@SUM(A1)",
    "\t=1+1",
    "\r=1+1",
    " =1+1",
    "\n=1+1",
    "＝1+1",
    "＋1",
    "－1",
    "＠x",
    '=HYPERLINK("http://x.example";"y")',
    "=cmd|' /C calc'!A0",
    "-2+3+cmd|' /C calc'!A0",
)
PLAIN = (
    "-5",
    "+3.5",
    "-1,5",
    "5",
    "a=b",
    "a;=1+1",
    'say "hi", twice',
    "two\nlines",
    "_x0041_",
    "#N/A",
    "ä 日本 😀",
    "",
)


def one_each(texts: tuple[str, ...]) -> tuple[Plan, list[Result]]:
    """Return a plan with these texts as inputs, expected answers and answers."""
    plan = replace(
        reviews_plan((Contains(),), prompts=1, repetitions=1, axes=0),
        inputs=Inputs(("text", "=mood"), tuple((text, "x") for text in texts), "=mood"),
        prompts=(PromptVersion("=1+1", "", "Say it."),),
    )
    return plan, [
        Result(one.cell, one.status, replace(make_answer(), text=texts[one.cell.row]), one.outcomes, one.cost)
        for one in reviews_results(plan, lambda cell, expected: "")
    ]


def read_csv(pieces: Iterator[bytes]) -> list[list[str]]:
    data = b"".join(pieces)
    assert data.startswith(b"\xef\xbb\xbf")
    return list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))


def read_xlsx(data: bytes) -> list[list[Any]]:
    assert b"<f>" not in zipfile.ZipFile(io.BytesIO(data)).read("xl/worksheets/sheet1.xml")
    sheet = openpyxl.load_workbook(io.BytesIO(data)).active
    for row in sheet.iter_rows():
        assert {cell.data_type for cell in row} <= {"s", "n", "inlineStr"}
    return [[cell.value for cell in row] for row in sheet.iter_rows()]


def test_every_column() -> None:
    plan = reviews_plan((Equals(), Contains("no", absent=True)), rows=2, prompts=2, repetitions=2)
    results = list(reviews_results(plan, lambda cell, expected: expected if cell.row else "No."))
    failed = results[1]
    error = NoCapacity("Full.", code=3040)
    results[1] = Result(
        failed.cell, Status.FAILED, make_answer(ending=Ending.ERROR, error=error, usage=None), rating=2
    )
    results[2] = Result(results[2].cell, Status.DOUBTFUL, None)
    heads, *rows = read_csv(result_export.write_csv(resolve(plan), reversed(results)))
    labels = [MODEL.parameter(name).label for name in SWEPT]
    assert heads == [
        "Prompt",
        "Row",
        "Input: review",
        "Input: mood",
        "Setting",
        *labels,
        "Repetition",
        "Status",
        "Answer",
        "Ending",
        "Tokens in",
        "Tokens out",
        "Dollars",
        "Seconds",
        "Passed",
        "Check 1: equals {{expected}}",
        "Check 1: reason",
        "Check 2: does not contain no",
        "Check 2: reason",
        "Rating",
        "Error",
    ]
    assert len(rows) == len(results) == 72
    assert rows[0] == [
        "Short",
        "1",
        "It broke after two days.",
        "negative",
        "Temperature 0 · Top p 0.5",
        "0",
        "0.5",
        "1",
        "answered",
        "No.",
        "finished",
        "40",
        "3",
        "0.0000017",
        "0.3",
        "no",
        "no",
        "Expected “negative”, got “No.”",
        "no",
        "“no” is in the answer",
        "",
        "",
    ]
    assert rows[1][8:] == [
        "failed",
        "",
        "error",
        "",
        "",
        "0",
        "0.5",
        "unclear",
        "",
        "",
        "",
        "",
        "2",
        "Full. (code 3040)",
    ]
    assert rows[2][6:10] == ["not sent", "1", "in doubt", ""]
    assert rows[-1][-4:-2] == ["yes", "“no” is not in “positive”"]
    sheet = read_xlsx(result_export.write_xlsx(resolve(plan), results))
    assert [[("" if value is None else str(value)) for value in row] for row in sheet] == [
        [value.replace("0.0000017", "1.7e-06") for value in row] for row in [heads, *rows]
    ]
    assert isinstance(sheet[1][13], float)
    assert isinstance(sheet[1][5], int)


def test_no_text_becomes_a_formula() -> None:
    plan, results = one_each(EVIL)
    heads, *rows = read_csv(result_export.write_csv(resolve(plan), results))
    column = heads.index("Answer")
    for row, text in zip(rows, EVIL, strict=True):
        assert row[0] == "'=1+1"
        assert row[2] == row[column] == f"'{text}"
    for row, text in zip(read_xlsx(result_export.write_xlsx(resolve(plan), results))[1:], EVIL, strict=True):
        assert row[2] == row[column] == text.replace("\r", "\n")


def test_what_only_looks_odd_stays_as_it_is() -> None:
    plan, results = one_each(PLAIN)
    heads, *rows = read_csv(result_export.write_csv(resolve(plan), results))
    column = heads.index("Answer")
    assert [row[column] for row in rows] == list(PLAIN)
    assert b'"a;=1+1"' in b"".join(
        result_export.write_csv(resolve(plan), results)
    )  # in quotes, where ; parts the cells
    cells = [row[column] or "" for row in read_xlsx(result_export.write_xlsx(resolve(plan), results))[1:]]
    assert cells == [text.replace("_x0041_", "_x005F_x0041_") for text in PLAIN]  # as Excel writes it


def test_what_no_file_can_hold() -> None:
    odd = "a\x00b\x0b\ud800c\uffff"
    plan, results = one_each((odd, "x" * 40_000, "😀" * 20_000))
    heads, *rows = read_csv(result_export.write_csv(resolve(plan), results))
    column = heads.index("Answer")
    assert rows[0][column] == "a\ufffdb\ufffd\ufffdc\ufffd"
    assert len(rows[1][column]) == 40_000
    sheet = read_xlsx(result_export.write_xlsx(resolve(plan), results))
    assert sheet[1][column] == rows[0][column]
    for row in sheet[2:]:
        assert len(row[column].encode("utf-16-le")) <= 2 * xlsx_export.MAX_CELL_UNITS
        assert row[column].endswith("… (cut: Excel takes no more)")
    lines = [json.loads(line) for line in result_export.write_json_lines(resolve(plan), results)]
    assert lines[0]["answer"] == "a\x00b\x0b\ufffdc\uffff"


def test_json_lines_hold_the_request_as_it_was_sent() -> None:
    plan = reviews_plan((Equals(),), rows=2, prompts=1, repetitions=1)
    results = list(reviews_results(plan, lambda cell, expected: "a\u2028b"))
    call = ToolCall("1", "weather", '{"city": "Oslo"}')
    results[-1] = replace(results[-1], answer=make_answer("", calls=(call,)), cost=Decimal("1E-9"), rating=5)
    text = b"".join(result_export.write_json_lines(resolve(plan), results)).decode()
    assert len(text.splitlines()) == len(results)
    lines = [json.loads(line) for line in text.splitlines()]
    for line, result in zip(lines, results, strict=True):
        assert result.answer is not None
        assert line["request"] == encode_request(result.answer.request)
    assert lines[0]["answer"] == "a\u2028b"
    assert lines[0]["inputs"] == {"review": "It broke after two days.", "mood": "negative"}
    assert lines[0]["parameters"] == {SWEPT[0]: 0, SWEPT[1]: 0.5}
    assert lines[2]["parameters"] == {SWEPT[0]: 0, SWEPT[1]: None}
    assert lines[0]["checks"][0]["passed"] is False
    assert lines[-1]["calls"] == [{"name": "weather", "arguments": '{"city": "Oslo"}'}]
    assert (lines[-1]["dollars"], lines[-1]["rating"]) == ("0.000000001", 5)


@pytest.mark.parametrize("count", [0, 1])
def test_presets_have_a_column_for_each_parameter_in_which_they_differ(count: int) -> None:
    plan = reviews_plan((), rows=1, prompts=1, repetitions=1, axes=0)
    variants = (Variant("Bold", plan.base.with_value(SWEPT[0], 1.5)), Variant("Calm", plan.base))
    plan = replace(plan, variants=variants)
    results = list(reviews_results(plan, lambda cell, expected: "x"))[:count]
    heads, *rows = read_csv(result_export.write_csv(resolve(plan), results))
    assert heads[4:6] == ["Setting", MODEL.parameter(SWEPT[0]).label]
    assert [row[4:6] for row in rows] == [["Bold", "1.5"]][:count]
    assert len(read_xlsx(result_export.write_xlsx(resolve(plan), results))) == count + 1
