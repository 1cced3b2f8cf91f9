"""A comparison's table: one row for each answer, with its settings, and no formulas."""

from __future__ import annotations

import csv
import io
from decimal import Decimal

import openpyxl

from lib.compare.comparison_table import comparison_rows
from lib.files.csv_export import write_csv
from lib.files.xlsx_export import write_xlsx
from lib.model.known_models import find_record
from tests import sample_values
from tests.compare.test_comparison import CAP, MODEL, SEED, column_ids, new_comparison, wait_until_done
from tests.scripted_server import ScriptedServer, refuses, streams


def test_a_row_for_each_answer() -> None:
    session = new_comparison()
    a, b = column_ids(session)
    session.set_repetitions(2)
    session.chat(b).set_system("Be brief.")
    session.chat(b).settings = session.chat(b).settings.with_value(SEED, 7)
    with ScriptedServer(streams("=1+1"), streams("=1+1"), streams("=1+1"), streams("=1+1")) as server:
        session.send("One", sample_values.make_backend(server.url))
        wait_until_done(session)
    comparison, threads = session.comparison, session.conversations()
    first = comparison.answers(comparison.column(a), threads[a], 0)[0]
    session.rate(first.id, 4)
    with ScriptedServer(refuses(400, 5006, "Bad input"), refuses(400, 5006, "Bad input")) as server:
        session.set_repetitions(1)
        session.send("Two", sample_values.make_backend(server.url))
        wait_until_done(session)
    heads, *rows = comparison_rows(find_record, session.comparison, session.conversations())
    cells = [dict(zip(heads, row, strict=True)) for row in rows]
    assert [(row["Round"], row["Input"], row["Column"], row["Repetition"]) for row in cells] == [
        (1, "One", "A", 1),
        (1, "One", "A", 2),
        (1, "One", "B", 1),
        (1, "One", "B", 2),
        (2, "Two", "A", 1),
        (2, "Two", "B", 1),
    ]
    assert [row["Stars"] for row in cells] == [4, None, None, None, None, None]
    assert [row["Answer"] for row in cells] == ["=1+1"] * 4 + ["", ""]
    assert [row["Setting: Seed"] for row in cells] == [None, None, 7, 8, None, 7]
    assert [row["Setting: System prompt"] for row in cells[:3]] == ["Be kind.", "Be kind.", "Be brief."]
    assert {row["Ending"] for row in cells[:4]} == {"finished"}
    assert cells[4]["Ending"] == "error"
    assert "Bad input" in str(cells[4]["Error"])
    assert isinstance(cells[0]["Dollars"], Decimal)
    assert cells[0][f"Setting: {MODEL.parameter(CAP).label}"] == MODEL.parameter(CAP).default
    assert "Setting: Schema" not in heads, "nothing was set there"
    text = b"".join(write_csv([heads, *rows])).decode("utf-8-sig")
    assert [row["Answer"] for row in csv.DictReader(io.StringIO(text))][:4] == ["'=1+1"] * 4
    book = openpyxl.load_workbook(io.BytesIO(write_xlsx([heads, *rows], "Comparison")))
    assert [cell.data_type for cell in next(book["Comparison"].iter_cols(5, 5))][1:5] == ["s"] * 4


def test_before_the_first_send_there_are_the_heads_alone() -> None:
    session = new_comparison()
    assert len(comparison_rows(find_record, session.comparison, session.conversations())) == 1
