"""Tables in JSON values, and their CSV files."""

from __future__ import annotations

from typing import Any

import pytest

from lib.jsonkit.json_table import JsonTable, find_table


def test_columns_in_order_of_appearance() -> None:
    table = find_table([{"b": 1, "a": "x"}, {"c": None, "a": True}, {}])
    assert table == JsonTable(("b", "a", "c"), ((1, "x", ""), ("", True, None), ("", "", "")))


def test_an_object_with_exactly_one_list() -> None:
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
def test_values_without_a_table(value: Any) -> None:
    assert find_table(value) is None
