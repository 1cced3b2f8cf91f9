"""Input tables in every encoding and layout that people bring, and what is refused, naming the line."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from datetime import date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.errors import BadInput
from lib.experiment.inputs.input_reader import read_input_file, read_pasted_inputs
from lib.experiment.inputs.input_records import ImportedInputs
from lib.experiment.inputs.input_table import Inputs
from lib.experiment.inputs.prompt_template import template_variables
from lib.files.xlsx_export import write_xlsx
from lib.jsonkit import file_limits
from tests.files.workbook import make_workbook

PLAIN = Inputs(("text", "label"), (("gut", "ja"), ("schön, groß", "nein")), "label")
CSV = 'text,label\r\ngut,ja\r\n"schön, groß",nein\r\n'


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_encodings(codec: str) -> None:
    imported = read_input_file("a.csv", CSV.encode(codec))
    assert imported.inputs == PLAIN
    assert imported.remarks == ("The column “label” is taken for the expected answers.",)


@pytest.mark.parametrize(
    "cells", [("天空是什么颜色", "蓝色"), ("Какого цвета небо", "синего"), ("Was für ein Tag", "")]
)
def test_utf_16_without_a_mark_in_any_script(cells: tuple[str, str]) -> None:
    text = "问题,答案\n" + f"{','.join(cells)}\n" * 20
    assert read_input_file("a.csv", text.encode("utf-16-le")).inputs.rows[19] == cells


def test_windows_1252_is_said() -> None:
    imported = read_input_file("a.csv", (CSV + "„ü“ – 5 €,ja\n").encode("cp1252"))
    assert imported.inputs.rows[-1][0] == "„ü“ – 5 €"
    assert "not UTF-8 (line 3)" in imported.remarks[0]


@pytest.mark.parametrize(
    "text",
    [
        CSV.replace("\r\n", "\n"),
        CSV.replace("\r\n", "\r"),
        CSV.removesuffix("\r\n"),
        "\n\n" + CSV + "\n,\n",
        "text;label\ngut;ja\nschön, groß;nein\n",
        "text\tlabel\ngut\tja\nschön, groß\tnein\n",
        "text|label\ngut|ja\nschön, groß|nein\n",
        "sep=;\ntext;label\ngut;ja\nschön, groß;nein\n",
        ' text , label,,\n gut,ja,,\n"schön, groß",nein,,\n'.replace(" gut", "gut"),
        '{"text": "gut", "label": "ja"}\n\n{"label": "nein", "text": "schön, groß"}\n',
        '[{"text": "gut", "label": "ja"}, {"label": "nein", "text": "schön, groß"}]',
    ],
)
def test_the_same_table(text: str) -> None:
    assert read_input_file("a", text.encode()).inputs == PLAIN
    assert read_pasted_inputs(text).inputs == PLAIN


def test_one_column_keeps_its_commas() -> None:
    assert read_pasted_inputs("review\nGood, but slow\nBad; late\n").inputs == Inputs(
        ("review",), (("Good, but slow",), ("Bad; late",))
    )


def test_a_cell_of_many_lines_and_quotes_that_do_not_pair_up_in_a_paste() -> None:
    imported = read_pasted_inputs('a\tb\n"one\ntwo"\tx\n').inputs
    assert imported.rows == (("one\ntwo", "x"),)
    found_raw = read_pasted_inputs('a\tb\n"Yes" he said\tx\n')
    assert found_raw.inputs.rows == (('"Yes" he said', "x"),)
    assert found_raw.remarks == (
        "The quotation marks do not come in pairs, so they were read as ordinary characters.",
    )


def test_names_are_made_usable_and_single() -> None:
    imported = read_pasted_inputs("Price ($),,a,a,a 2\n1,2,3,4,5\n")
    assert imported.inputs.columns == ("Price", "column 2", "a", "a 2", "a 2 2")
    assert imported.remarks == (
        "The column “Price ($)” is called “Price” here.",
        "The column without a name at place 2 is called “column 2” here.",
        "The column “a” is called “a 2” here.",
        "The column “a 2” is called “a 2 2” here.",
    )


def test_short_rows_are_filled_and_empty_ones_left_out() -> None:
    imported = read_pasted_inputs("a,b,c\n1,2\n,,\n3,4,5\n6\n")
    assert imported.inputs.rows == (("1", "2", ""), ("3", "4", "5"), ("6", "", ""))
    assert imported.remarks == (
        "1 row without anything in it was left out.",
        "2 rows had fewer cells, first line 2: the rest is empty.",
    )


def test_without_a_header() -> None:
    imported = read_pasted_inputs("Good, but slow\n\nBad\n", header=False)
    assert imported == ImportedInputs(
        Inputs(("column 1", "column 2"), (("Good", " but slow"), ("Bad", ""))),
        ("1 row had fewer cells, first line 3: the rest is empty.",),
    )
    assert read_input_file("a.csv", b"1,a\n2,b\n", header=False).inputs.rows == (("1", "a"), ("2", "b"))


def test_json_values_are_texts() -> None:
    imported = read_input_file(
        "a.jsonl", b'{"a": 1, "b": [1, {"c": "\xc3\xa4"}]}\n{"b": null, "d": true, "a": 1.5}\n'
    ).inputs
    assert imported == Inputs(("a", "b", "d"), (("1", '[1, {"c": "ä"}]', ""), ("1.5", "", "true")))


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("a.csv", b"", "is empty"),
        ("a.csv", b" \r\n\r\n", "is empty"),
        ("a.csv", b"a,b\n", r"header \(a, b\), and no row"),
        ("a.csv", b"a,b\n1,2\n1,2,3\n", "Line 3 has 3 cells, but the header has 2 columns"),
        ("a.csv", b'a,b\n1,2\n"x,2\n3,4\n', "opened in line 3 and never closed"),
        ("a.csv", b'a,b\n1,2\n"x"y,2\n', "In line 3 something follows a closing quote"),
        ("a.csv", b"a,b\n1,\0\n", "line 2 has a NUL character"),
        ("a.csv", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01" * 9, "NUL"),
        ("a.csv", b"\xff\xfea\0,\0b\0\n\0\x00\xd8,\0", "says that it is UTF-16, but in line 2"),
        ("a.csv", b"\xef\xbb\xbfa,b\n\xff,1\n", "says that it is UTF-8, but in line 2"),
        ("a.csv", b"x" * (file_limits.MAX_INPUT_BYTES + 1), "10,000,001 bytes, more than 10,000,000"),
        ("a.csv", ",".join(map(str, range(201))).encode() + b"\n" + b"1," * 200 + b"1\n", "201 columns"),
        ("a.csv", b"a\n" + b"1\n" * 100_001, "more than 100,000 rows"),
        ("a.json", b"[" + b"{}," * 100_001 + b"{}]", "more than 100,000 rows"),
        (
            "a.jsonl",
            "".join(f'{{"k{n}": 1}}\n' for n in range(10_000)).encode(),
            "201 columns, more than 200",
        ),
        ("a.csv", b"a" + b"," * 30_000 + b"\n" + b"," * 30_000 + b"1", "30,001 columns"),
        (
            "a.csv",
            ",".join(map(str, range(200))).encode() + b"\n" + b"1\n" * 50_000,
            "10,000,000 cells, more than",
        ),
        ("a.jsonl", b'{"a": 1}\n{"a": }\n', "Line 2 is not JSON: .* at its character 7"),
        ("a.jsonl", b'{"a": 1}\n[1]\n', "Line 2 is not an object"),
        ("a.jsonl", b'{"a": 1, "a": 2}\n', r"Line 1: \$\.a is there twice"),
        ("a.jsonl", b'{"a": NaN}\n', "Line 1 is not JSON: NaN"),
        ("a.jsonl", b"{}\n", "no fields"),
        ("a.json", b'[{"a": 1},\n3]', "Entry 2 of the list is not an object"),
        ("a.json", b"[" * 200_000, "nested"),
        ("a.xlsx", b"PK\x03\x04 cut off", "is not an Excel file or not complete"),
        ("a.xls", bytes.fromhex("d0cf11e0a1b11ae1") + b"x" * 100, "old Excel file"),
    ],
)
def test_refused(name: str, data: bytes, says: str) -> None:
    with pytest.raises(BadInput, match=says) as refused:
        read_input_file(name, data)
    assert refused.value.advice


def test_a_spreadsheet_is_read_as_it_looks() -> None:
    data = make_workbook(
        ["text", "number", "day", "moment", "clock", "share", "flag", "answer"],
        ["a\nb", 0.1 + 0.2, date(2026, 3, 1), datetime(2026, 3, 1, 14, 30), time(9, 5, 7), 0.125, True, 7],
        [None] * 8,
        ["=1", 12345678901, None, None, None, 0.5],
        formats={"F2": "0.0%", "F4": "0%"},
    )
    imported = read_input_file("a.xlsx", data)
    assert imported.inputs.rows[0] == (
        "a\nb",
        "0.3",
        "2026-03-01",
        "2026-03-01 14:30",
        "09:05:07",
        "12.5%",
        "TRUE",
        "7",
    )
    assert imported.inputs.rows[1] == ("", "12345678901", "", "", "", "50%", "", "")
    assert imported.inputs.expected == "answer"
    assert imported.remarks[0] == "Of 2 sheets, the first one, “Sheet”, was read."
    assert "A formula has no result stored in the file and is empty here, first A4" in imported.remarks[1]


def test_a_spreadsheet_keeps_postal_codes_durations_and_line_ends() -> None:
    data = make_workbook(
        ["code", "share", "literal", "lines", "time", "looks escaped"],
        [1234, 0.5, 50, "a_x000D_\nb_x000D_c_x0009_d_x0007_", timedelta(hours=27), "_x005F_x000D_"],
        [-1, 0, 5, "_x0041_", timedelta(minutes=-90, seconds=-5), "_x005F_"],
        formats={"A2": "00000", "A3": "00000", "B2": "0%;[Red]-0%", "C2": '0"%"', "C3": "0\\%"},
    )
    rows = read_input_file("a.xlsx", data).inputs.rows
    assert rows[0] == ("01234", "50%", "50", "a\nb\nc\td ", "27:00", "_x000D_")
    assert rows[1] == ("-1", "0", "5", "_x0041_", "-1:30:05", "_")


def test_an_exported_text_comes_back_from_xlsx() -> None:
    rows = [["a", "b"], ["_x000D_", "=1+1"], ["x_x005F_x0041_", "-"]]
    assert read_input_file("a.xlsx", write_xlsx(rows, "S")).inputs.rows == tuple(map(tuple, rows[1:]))


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ('q, expected\n"What, or who?", "4"\n"B", "5, or 6"', (("What, or who?", "4"), ("B", "5, or 6"))),
        ('"q"; "expected"\n"a"; 4\n"b";  "5"', (("a", "4"), ("b", "5"))),
        ('q,a\nI said, "Oh" and left\nb,c', (("I said", ' "Oh" and left'), ("b", "c"))),
        ('q,a\n"x"," ""y"""\nb, c', (("x", ' "y"'), ("b", "c"))),
    ],
)
def test_quotes_after_spaces(text: str, rows: tuple[tuple[str, ...], ...]) -> None:
    assert read_pasted_inputs(text).inputs.rows == rows


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ('{"data": [{"a": "1"}, {"a": "2"}], "total": 2}', (("1",), ("2",))),
        ('{\n  "data": [\n    {"a": "1"},\n    {"a": "2"}\n  ]\n}\n', (("1",), ("2",))),
        ('{\n  "a": "1",\n  "b": ["x"]\n}', (("1", '["x"]'),)),
        ('{"a": [{"b": 1}]}\n{"a": [{"b": 2}]}\n', (('[{"b": 1}]',), ('[{"b": 2}]',))),
    ],
)
def test_a_single_json_object(text: str, rows: tuple[tuple[str, ...], ...]) -> None:
    assert read_input_file("a.json", text.encode()).inputs.rows == rows


def test_the_line_of_an_error_in_a_single_json_object_is_named() -> None:
    with pytest.raises(BadInput, match="line 3"):
        read_input_file("a.json", b'{\n "data": [\n  {"a": 1,,}\n ]\n}')


def test_long_headings_that_begin_alike_have_names_that_a_variable_can_have() -> None:
    heading = "How much do you agree with this sentence? " * 3
    names = read_pasted_inputs(f"{heading}a\t{heading}b\t{heading}c\n1\t2\t3").inputs.columns
    assert len(set(names)) == 3
    for name in names:
        assert template_variables(f"{{{{{name}}}}}") == (name,)


def test_stored_results_of_formulas_are_read() -> None:
    data = _replaced(make_workbook(["a", "b"], ["x", "=1+1"]), b"<v />", b"<v>2</v>")
    assert read_input_file("a.xlsx", data).inputs.rows == (("x", "2"),)


def test_a_sheet_that_claims_to_be_huge_and_one_that_is() -> None:
    data = make_workbook(["a", "b"], ["x", "y"])
    claims = _replaced(data, b'<dimension ref="A1:B2" />', b'<dimension ref="A1:XFD1048576" />')
    assert claims != data
    assert read_input_file("a.xlsx", claims).inputs.rows == (("x", "y"),)
    far = _replaced(data, b'<row r="2"', b'<row r="999999999"')
    with pytest.raises(BadInput, match="more than 1,048,576 rows"):
        read_input_file("a.xlsx", far)
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("xl/workbook.xml", b"<a/>")
        packed.writestr("xl/worksheets/sheet1.xml", b" " * (file_limits.MAX_SPREADSHEET_BYTES + 1))
    assert len(bomb.getvalue()) < 1_000_000
    with pytest.raises(BadInput, match=r"Unpacked, the spreadsheet has 100,000,005 bytes"):
        read_input_file("a.xlsx", bomb.getvalue())


def test_broken_spreadsheets() -> None:
    data = make_workbook(["a"], ["x"])
    with pytest.raises(BadInput, match="is broken"):
        read_input_file("a.xlsx", _replaced(data, b"<sheetData>", b"<sheetData><row"))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        packed.writestr("a.txt", "x")
    with pytest.raises(BadInput, match=r"not an Excel file"):
        read_input_file("a.xlsx", out.getvalue())
    for end in range(0, len(data), 97):
        with pytest.raises(BadInput):
            read_input_file("a.xlsx", data[:end])


def _replaced(data: bytes, old: bytes, new: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as before, zipfile.ZipFile(out, "w") as after:
        for name in before.namelist():
            content = before.read(name)
            after.writestr(name, content.replace(old, new) if name == "xl/worksheets/sheet1.xml" else content)
    return out.getvalue()


CELLS = st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from('\n",;\t|'), max_size=20)
ROWS = st.lists(st.tuples(st.just("x"), CELLS, CELLS), min_size=1, max_size=8)


@given(ROWS, st.sampled_from([",", ";", "\t", "|"]), st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]))
def test_what_is_written_is_read(rows: list[tuple[str, str, str]], delimiter: str, codec: str) -> None:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter)
    writer.writerows([("id", "text", "other"), *rows])
    assert read_input_file("a.csv", out.getvalue().encode(codec)).inputs.rows == tuple(rows)
    lines = "\n".join(json.dumps(dict(zip(("id", "text", "other"), row, strict=True))) for row in rows)
    assert read_input_file("a.jsonl", lines.encode()).inputs.rows == tuple(rows)


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    for name in ("a.csv", "a.tsv", "a.jsonl", "a.xlsx"):
        try:
            imported = read_input_file(name, data).inputs
        except BadInput:
            continue
        assert all(len(row) == len(imported.columns) for row in imported.rows)
