"""Tables in values, and their files."""

from __future__ import annotations

from typing import Any

import pytest

from lib.jsonkit.json_table import JsonTable, find_table


def test_columns_are_in_the_order_in_which_they_come() -> None:
    found = find_table([{"b": 1, "a": "x"}, {"c": None, "a": True}, {}])
    assert found == JsonTable(("b", "a", "c"), ((1, "x", ""), ("", True, None), ("", "", "")))


def test_the_one_list_of_an_object() -> None:
    assert find_table({"k": 1, "rows": [{"a": 1}], "empty": []}) == JsonTable(("a",), ((1,),))
    assert find_table([{"tags": ["x", 1, None]}]) == JsonTable(("tags",), (("x, 1, null",),))


@pytest.mark.parametrize(
    "value",
    [
        None,
        1,
        "x",
        {},
        [],
        [1],
        [{}],
        [{"a": 1}, 2],
        [{"a": {"b": 1}}],
        [{"a": [[1]]}],
        {"a": [{"x": 1}], "b": [{"x": 1}]},
    ],
)
def test_what_is_no_table(value: Any) -> None:
    assert find_table(value) is None


def test_a_file_that_a_spreadsheet_does_not_run() -> None:
    found = find_table([{"a": "=1+1", "b": 'say "x", y'}, {"a": "@x", "b": -3}])
    assert found is not None
    assert found.to_csv() == 'a,b\r\n\'=1+1,"say ""x"", y"\r\n\'@x,-3\r\n'
