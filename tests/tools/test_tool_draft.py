"""Editing tools: form and JSON text agree, faults are kept in the draft, and only valid tools are used."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from lib.errors import BadInput
from lib.model.request_options import Tool
from lib.tools.sample_tools import SAMPLE_TOOLS
from lib.tools.tool_draft import ToolEntry, ToolsDraft, start_draft
from lib.tools.tool_form import ParameterType

CALCULATOR, CLOCK, WEATHER = (one.tool for one in SAMPLE_TOOLS)
NESTED = Tool(
    "book", "Books.", '{"type":"object","properties":{"who":{"type":"array","description":"","items":{}}}}'
)


def rename_tool(draft: ToolsDraft, name: str, number: int = -1) -> ToolsDraft:
    """Return the draft with a tool renamed."""
    id = draft.entries[number].id
    return draft.change_tool(id, lambda entry: replace(entry, tool=replace(entry.tool, name=name)))


def change_row(draft: ToolsDraft, tool: int, at: int, **fields: object) -> ToolsDraft:
    """Return the draft with a row of a tool changed."""

    def changed(entry: ToolEntry) -> ToolEntry:
        assert entry.rows is not None
        rows = list(entry.rows)
        rows[at] = replace(rows[at], parameter=replace(rows[at].parameter, **fields))  # type: ignore[arg-type]
        return entry.with_rows(rows)

    return draft.change_tool(draft.entries[tool].id, changed)


def test_an_added_tool_is_used_at_once() -> None:
    one = start_draft(()).add_tool(CLOCK).add_tool(WEATHER)
    assert one.valid_tools == (CLOCK, WEATHER)
    assert one.problem is None
    assert one.add_tool(CLOCK).valid_tools[-1].name == "clock_2"
    assert one.add_tool(CLOCK).add_tool(CLOCK).valid_tools[-1].name == "clock_3"


def test_a_fault_keeps_the_last_good_tools_in_use() -> None:
    bad = rename_tool(start_draft((CLOCK, WEATHER)), "bad name")
    assert bad.tools[1].name == "bad name"
    assert bad.valid_tools == (CLOCK, WEATHER)
    assert bad.problem is not None
    assert list(bad.entry_faults(bad.entries[1])) == ["name"]
    assert bad.entry_faults(bad.entries[0]) == {}
    mended = rename_tool(bad, "fine")
    assert mended.problem is None
    assert [tool.name for tool in mended.valid_tools] == ["clock", "fine"]


def test_other_tools_stay_the_same() -> None:
    odd = Tool("odd", "", '{ "properties": {}, "type":"object", "required": [] }')
    one = rename_tool(start_draft((odd, NESTED)), "other")
    assert one.valid_tools[0] == odd
    assert one.valid_tools[1] == replace(NESTED, name="other")
    assert one.entries[1].rows is None  # beyond the form


def test_rows_are_edited_added_and_removed() -> None:
    one = start_draft((CLOCK,))
    one = change_row(one, 0, 0, name="zone", kind=ParameterType.WHOLE, required=False)
    assert json.loads(one.valid_tools[0].parameters)["properties"]["zone"]["type"] == "integer"
    assert "required" not in json.loads(one.valid_tools[0].parameters)
    one = one.add_row(one.entries[0].id).add_row(one.entries[0].id)
    assert list(json.loads(one.valid_tools[0].parameters)["properties"]) == ["zone", "value", "value_2"]
    ids = [found.id for found in one.entries[0].rows or ()]
    assert len(set(ids)) == 3
    twice = change_row(one, 0, 2, name="value")
    assert twice.valid_tools == one.valid_tools  # both rows are kept, and neither is used
    assert [found.parameter.name for found in twice.entries[0].rows or ()] == ["zone", "value", "value"]
    assert twice.problem is not None
    with pytest.raises(BadInput, match="JSON cannot hold that"):
        twice.as_text()


def test_form_and_text_agree() -> None:
    one = start_draft((CLOCK, NESTED)).as_text()
    assert one.text is not None
    assert [tool["name"] for tool in json.loads(one.text)] == ["clock", "book"]
    typed = one.with_text(one.text.replace('"book"', '"reserve"'))
    assert [tool.name for tool in typed.valid_tools] == ["clock", "reserve"]
    back = typed.as_form()
    assert back.text is None
    assert [tool.name for tool in back.tools] == ["clock", "reserve"]
    assert [entry.rows is None for entry in back.entries] == [False, True]
    assert not {entry.id for entry in back.entries} & {entry.id for entry in one.entries}  # new widgets


def test_broken_text_is_kept_and_can_be_discarded() -> None:
    one = start_draft((CLOCK,)).as_text().with_text('[{"name": ')
    assert one.text == '[{"name": '
    assert one.valid_tools == (CLOCK,)
    assert one.problem is not None
    assert "line 1, column 11" in one.problem.message
    with pytest.raises(BadInput):
        one.as_form()
    assert one.discard_text().tools == (CLOCK,)
    assert one.discard_text().text is None


def test_faults_of_the_form_are_found_in_the_text_too() -> None:
    one = rename_tool(start_draft((CLOCK,)), "bad name").as_text()
    assert one.text is not None
    assert '"bad name"' in one.text
    assert one.problem is not None
    broken = start_draft((NESTED,))
    broken = broken.change_tool(
        broken.entries[0].id, lambda entry: replace(entry, tool=replace(entry.tool, parameters="{oh"))
    )
    assert broken.valid_tools == (NESTED,)
    assert "{oh" in (broken.as_text().text or "")
    assert broken.as_text().with_text("[]").valid_tools == ()


def test_removing_a_tool() -> None:
    one = start_draft((CLOCK, WEATHER))
    assert one.remove_tool(one.entries[0].id).valid_tools == (WEATHER,)
    bad = rename_tool(one, "bad name")
    assert bad.remove_tool(bad.entries[1].id).valid_tools == (CLOCK,)
    assert start_draft((CALCULATOR,)).remove_tool(0).valid_tools == ()
