"""A comparison's answers as rows: one for each answer, with what it was asked with; nothing becomes a formula."""

from __future__ import annotations

import csv
import io
from decimal import Decimal

import openpyxl

from lib.compare.comparison_table import comparison_rows
from lib.files.csv_export import write_csv
from lib.files.xlsx_export import write_xlsx
from tests import sample_values
from tests.compare.test_comparison import CAP, MODEL, SEED, column_ids, new_comparison, wait_until_done
from tests.scripted_server import ScriptedServer, refuses, streams


def test_a_row_for_each_answer() -> None:
    held = new_comparison()
    a, b = column_ids(held)
    held.set_repetitions(2)
    held.chat(b).set_system("Be brief.")
    held.chat(b).settings = held.chat(b).settings.with_value(SEED, 7)
    with ScriptedServer(streams("=1+1"), streams("=1+1"), streams("=1+1"), streams("=1+1")) as server:
        held.send("One", sample_values.make_backend(server.url))
        wait_until_done(held)
    comparison, threads = held.comparison, held.conversations()
    first = comparison.answers(comparison.column(a), threads[a], 0)[0]
    held.rate(first.id, 4)
    with ScriptedServer(refuses(400, 5006, "Bad input"), refuses(400, 5006, "Bad input")) as server:
        held.set_repetitions(1)
        held.send("Two", sample_values.make_backend(server.url))
        wait_until_done(held)
    heads, *rows = comparison_rows(MODEL, held.comparison, held.conversations())
    found = [dict(zip(heads, row, strict=True)) for row in rows]
    assert [(one["Round"], one["Input"], one["Column"], one["Repetition"]) for one in found] == [
        (1, "One", "A", 1),
        (1, "One", "A", 2),
        (1, "One", "B", 1),
        (1, "One", "B", 2),
        (2, "Two", "A", 1),
        (2, "Two", "B", 1),
    ]
    assert [one["Stars"] for one in found] == [4, None, None, None, None, None]
    assert [one["Answer"] for one in found] == ["=1+1"] * 4 + ["", ""]
    assert [one["Setting: Seed"] for one in found] == [None, None, 7, 8, None, 7]
    assert [one["Setting: System prompt"] for one in found[:3]] == ["Be kind.", "Be kind.", "Be brief."]
    assert {one["Ending"] for one in found[:4]} == {"finished"}
    assert found[4]["Ending"] == "error"
    assert "Bad input" in str(found[4]["Error"])
    assert isinstance(found[0]["Dollars"], Decimal)
    assert found[0][f"Setting: {MODEL.parameter(CAP).label}"] == MODEL.parameter(CAP).default
    assert "Setting: Schema" not in heads, "nothing was set there"
    text = b"".join(write_csv([heads, *rows])).decode("utf-8-sig")
    assert [row["Answer"] for row in csv.DictReader(io.StringIO(text))][:4] == ["'=1+1"] * 4
    book = openpyxl.load_workbook(io.BytesIO(write_xlsx([heads, *rows], "Comparison")))
    assert [cell.data_type for cell in next(book["Comparison"].iter_cols(5, 5))][1:5] == ["s"] * 4


def test_before_the_first_send_there_are_the_heads_alone() -> None:
    held = new_comparison()
    assert len(comparison_rows(MODEL, held.comparison, held.conversations())) == 1
