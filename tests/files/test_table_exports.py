"""CSV and XLSX files: what stands in a cell stays text, whatever a spreadsheet would make of it."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable

import openpyxl
import pytest

from lib.files.csv_export import CellValue, write_csv
from lib.files.xlsx_export import write_xlsx
from lib.jsonkit.json_table import find_table

HEADS = ("a", "b")


def read_csv(*rows: tuple[CellValue, ...]) -> list[list[str]]:
    """Write the rows below HEADS and read them back, without HEADS."""
    text = b"".join(write_csv([HEADS, *rows])).decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text, newline="")))[1:]


def read_json_table(*rows: tuple[CellValue, ...]) -> list[list[str]]:
    """Do the same for the table in a JSON answer."""
    table = find_table([dict(zip(HEADS, row, strict=True)) for row in rows])
    assert table is not None
    text = b"".join(write_csv([table.columns, *table.rows])).decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text, newline="")))[1:]


FORMULAS = [
    *(f"{sign}1+1" for sign in "=+-@＝＋－＠"),
    *(f"  {sign}1+1" for sign in "=+-@＝＋－＠"),
    "\t=1",
    "\ttext",
    "\rtext",
    "\n=1",
    "\u00a0=1",
    "-1+cmd|' /C calc'!A0",
]
HARMLESS = ["", "text", "a=b", "-3", "+4.5", "-3,5", "  text", "2-1", "'=1"]


@pytest.mark.parametrize("read", [read_csv, read_json_table])
@pytest.mark.parametrize("text", FORMULAS)
def test_csv_has_an_apostrophe_before_a_formula(read: Callable[..., list[list[str]]], text: str) -> None:
    assert read((text, 1)) == [[f"'{text}", "1"]]


@pytest.mark.parametrize("read", [read_csv, read_json_table])
@pytest.mark.parametrize("text", HARMLESS)
def test_csv_leaves_other_texts_as_they_are(read: Callable[..., list[list[str]]], text: str) -> None:
    assert read((text, -3)) == [[text, "-3"]]


def test_csv_guards_the_names_of_columns() -> None:
    text = b"".join(write_csv([("=1+1", "b")])).decode("utf-8-sig")
    assert text == '"\'=1+1","b"\r\n'


def test_csv_quotes_texts_and_replaces_what_it_cannot_hold() -> None:
    (row,) = read_csv(('say "x",\r\ny', "\x00\ud800"))
    assert row == ['say "x",\ny', "\ufffd\ufffd"]


def test_csv_in_chunks_is_one_file() -> None:
    rows = [(str(number), number) for number in range(1200)]
    chunks = list(write_csv([HEADS, *rows]))
    assert len(chunks) == 3
    assert [chunk.startswith(b"\xef\xbb\xbf") for chunk in chunks] == [True, False, False]
    assert read_csv(*rows) == [[text, str(number)] for text, number in rows]


@pytest.mark.parametrize("text", [*FORMULAS, "#N/A", "_x0041_"])
def test_xlsx_keeps_a_formula_as_text(text: str) -> None:
    book = openpyxl.load_workbook(io.BytesIO(write_xlsx([HEADS, (text, 1)], "Sheet")))
    cell = book["Sheet"]["A2"]
    assert cell.data_type == "s"
    # openpyxl returns the escaped underscore as it stands in the file.
    assert cell.value.replace("_x005F_", "_") == text.replace("\r", "\n")
    assert book["Sheet"]["B2"].value == 1
