"""JSON Lines, or a list of objects, alone or in a field, as records: the keys become columns."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from lib.experiment.inputs import input_records
from lib.experiment.inputs.input_records import BadInputTable
from lib.experiment.inputs.xlsx_reader import Record
from lib.jsonkit import json_text
from lib.jsonkit.file_limits import MAX_INPUT_COLUMNS, MAX_INPUT_DEPTH, MAX_INPUT_ROWS, MAX_TABLE_CELLS
from lib.jsonkit.json_text import Bounds, UnusableJson

_ADVICE = 'Write one object in each line, such as {"text": "…", "expected": "…"}.'


def looks_like_json(text: str) -> bool:
    """Return True if the text begins as an object or a list of objects does, whatever the file's name."""
    start = text[:1000].lstrip()
    return start.startswith('{"') or (start.startswith("[") and start[1:].lstrip().startswith("{"))


def read_records(text: str) -> Iterator[Record]:
    """Yield a record of the keys, in order of first appearance, then one record for each object.

    Values that are not texts are written as JSON; null and missing keys become empty cells. Raise BadInput,
    naming the line.
    """
    objects: list[tuple[int, dict[str, Any]]] = []
    columns: dict[str, None] = {}
    for line, record in _parse_objects(text):
        objects.append((line, record))
        columns |= dict.fromkeys(record)
        if len(objects) > MAX_INPUT_ROWS:
            raise input_records.too_many_rows()
        if len(columns) > MAX_INPUT_COLUMNS:
            raise input_records.too_many_columns(len(columns))
    if not objects:
        return
    if not columns:
        raise BadInputTable("The objects have no fields.", advice=_ADVICE)
    yield 1, list(columns)
    for line, record in objects:
        yield line, [_cell_text(record.get(key)) for key in columns]


def _parse_objects(text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    entries = _parse(text, "The file") if text.lstrip().startswith("[") else _find_entries(text)
    if entries is not None:
        for number, value in enumerate(entries, 1):
            yield number, _require_object(value, f"Entry {number:,} of the list")
        return
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            yield number, _require_object(_parse(line, f"Line {number:,}"), f"Line {number:,}")


def _find_entries(text: str) -> list[Any] | None:
    """Return the objects of a file that is a single object, None if it is not: it then has one in each line.

    Programs put the list of objects into a field: {"data": [{…}, {…}]}.
    """
    first = text.lstrip().partition("\n")[0].strip()
    if first.endswith("}") and text.strip() != first:
        return None
    try:
        value = _parse(text, "The file")
    except BadInputTable:
        if first == "{":  # certainly not one object in each line
            raise
        return None
    if not isinstance(value, dict):
        return None
    lists = [field for field in value.values() if isinstance(field, list) and field]
    if len(lists) == 1 and all(isinstance(entry, dict) for entry in lists[0]):
        return lists[0]
    return [value]


def _parse(text: str, what: str) -> Any:
    try:
        return json_text.parse(
            text, what, Bounds(len(text) * 4 + 1, depth=MAX_INPUT_DEPTH, values=MAX_TABLE_CELLS)
        )
    except UnusableJson as error:
        message = error.message
        if what != "The file":  # each line was parsed on its own, as line 1
            message = message.replace(" in line 1, column ", " at its character ")
            message = message.replace(", in line 1.", ".")
            message = message if message.startswith(what) else f"{what}: {message}"
        raise BadInputTable(message, advice=error.advice or _ADVICE) from None


def _require_object(value: Any, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise BadInputTable(f"{what} is not an object.", advice=_ADVICE)
    return value


def _cell_text(value: Any) -> str:
    match value:
        case None:
            return ""
        case str(text):
            return text
        case _:
            return json.dumps(value, ensure_ascii=False)
