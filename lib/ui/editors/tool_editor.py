"""The editor of tools, as a form and as JSON. Tools without a fault are in use at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from enum import StrEnum
from typing import Any, Literal

import streamlit as st

from lib.errors import BadInput
from lib.model.request_options import Function, Tool
from lib.tools.sample_tools import SAMPLE_TOOLS
from lib.tools.tool_draft import ParameterRow, ToolEntry, ToolsDraft, start_draft
from lib.tools.tool_form import ParameterType, ToolParameter
from lib.tools.tool_spec import MAX_NAME_CHARS, MAX_TOOLS
from lib.ui.editors.edit_mode import EditMode
from lib.ui.editors.fault_note import draw_fault
from lib.ui.widgets import code_box
from lib.ui.widgets.bound import bind, draw_choice, draw_selectbox
from lib.ui.widgets.error_box import draw_error
from lib.ui.widgets.safe_markdown import escape_markdown

OnChange = Callable[[tuple[Tool, ...]], None]
Edit = Callable[[ToolsDraft, Any], ToolsDraft]


class ToolShape(StrEnum):
    """The shape of tools in the request; the values are the labels on the page."""

    FLAT = "Flat"
    NESTED = "OpenAI"


_BLANK = Tool("my_tool", "", '{"type": "object", "properties": {}}')
_KINDS = {
    ParameterType.TEXT: "Text",
    ParameterType.NUMBER: "Number",
    ParameterType.WHOLE: "Whole number",
    ParameterType.SWITCH: "Yes or no",
    ParameterType.CHOICE: "One of …",
}


def summarise_tools(tools: Sequence[Tool], functions: Sequence[Function] = ()) -> str:
    """Return the tools and functions of a request, in one line of Markdown."""
    parts = []
    for what, names in (
        ("tool", [tool.name for tool in tools]),
        ("function", [function.name for function in functions]),
    ):
        if names:
            more = f" and {len(names) - 3} more" if len(names) > 3 else ""
            count = f"{len(names)} {what}{'s' if len(names) > 1 else ''}"
            parts.append(f"{count}: {', '.join(map(escape_markdown, names[:3]))}{more}")
    return " · ".join(parts) or "No tools"


def draw_tool_editor(key: str, tools: tuple[Tool, ...], on_change: OnChange) -> None:
    """Draw the editor. ``on_change`` is called in a callback with tools that changed and have no fault.

    Unfinished edits are kept under ``key`` in the session, until the tools are changed elsewhere.
    """
    now = _current_draft(key, tools)
    with st.container(horizontal=True, vertical_alignment="bottom", horizontal_alignment="distribute"):
        _draw_view(key, now, on_change)
        if now.text is None and now.entries:
            _draw_shape(key, now, on_change)
    if (refused := st.session_state.pop(f"{key}-refused", None)) is not None:
        draw_error(refused, "The view stays as it is")
    if now.text is None:
        _draw_form(key, now, on_change)
    else:
        _draw_text(key, now, on_change)


def _current_draft(key: str, tools: tuple[Tool, ...]) -> ToolsDraft:
    now: ToolsDraft | None = st.session_state.get(f"{key}-draft")
    if now is None or (tools != now.last_shown and tools != now.valid_tools):
        now = start_draft(tools)
    now = replace(now, last_shown=tools)
    st.session_state[f"{key}-draft"] = now
    return now


def _apply(key: str, on_change: OnChange, edit: Callable[[ToolsDraft], ToolsDraft]) -> None:
    before: ToolsDraft = st.session_state[f"{key}-draft"]
    try:
        after = edit(before)
    except BadInput as error:
        st.session_state[f"{key}-refused"] = error
        return
    st.session_state[f"{key}-draft"] = after
    if after.valid_tools != before.valid_tools:
        on_change(after.valid_tools)


def _take(key: str, on_change: OnChange, edit: Edit) -> Callable[[Any], None]:
    """Return a callback that applies the edit with the value of a control."""
    return lambda value: _apply(key, on_change, lambda now: edit(now, value))


def _draw_view(key: str, now: ToolsDraft, on_change: OnChange) -> None:
    view = EditMode.FORM if now.text is None else EditMode.JSON
    draw_choice("Edit as", tuple(EditMode), bind(f"{key}-view", view, _take(key, on_change, _switch_view)))


def _switch_view(now: ToolsDraft, view: EditMode) -> ToolsDraft:
    if view == EditMode.JSON:
        return now.as_text() if now.text is None else now
    try:
        return now.as_form()
    except BadInput as error:
        raise BadInput(
            "The form cannot show this text before it is mended.", advice="Mend it, or discard the text."
        ) from error


def _draw_shape(key: str, now: ToolsDraft, on_change: OnChange) -> None:
    shapes = {tool.nested for tool in now.tools}
    common = None if len(shapes) > 1 else ToolShape.NESTED if True in shapes else ToolShape.FLAT
    shape = bind(f"{key}-shape", common, _take(key, on_change, _reshape))
    draw_choice(
        "Shape",
        tuple(ToolShape),
        shape,
        required=False,
        help="How tools are written in the request. The documented schema takes both: flat, "
        '`{"name", "description", "parameters"}`, and OpenAI\'s, `{"type": "function", "function": {…}}`.'
        + (" These are mixed: choose one for all, or leave them so." if len(shapes) > 1 else ""),
    )


def _reshape(now: ToolsDraft, shape: ToolShape | None) -> ToolsDraft:
    if shape is None:
        return now
    for shown in now.entries:
        now = now.change_tool(
            shown.id, lambda entry: replace(entry, tool=replace(entry.tool, nested=shape == ToolShape.NESTED))
        )
    return now


def _draw_text(key: str, now: ToolsDraft, on_change: OnChange) -> None:
    code_box.draw_code_box(
        "Tools as JSON",
        f"{key}-text",
        now.text or "",
        _take(key, on_change, ToolsDraft.with_text),
        height=380,
        help="One tool or a list, flat or in OpenAI's shape, as it stands in a request.",
    )
    if (problem := now.problem) is None:
        st.caption(f":material/check: In use: {summarise_tools(now.valid_tools)}.")
        return
    draw_error(problem, "This text is not in use")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(f"In use until it is mended: {summarise_tools(now.valid_tools)}.", width="stretch")
        st.button(
            "Discard the text",
            key=f"{key}-discard",
            type="tertiary",
            icon=":material/undo:",
            help="Back to the form with the tools that are in use",
            on_click=_apply,
            args=(key, on_change, ToolsDraft.discard_text),
        )


def _draw_form(key: str, now: ToolsDraft, on_change: OnChange) -> None:
    if not now.entries:
        st.caption(
            "A tool is something that the model may ask for instead of answering: it names the tool and its "
            "arguments, you (or a sample, by itself) give the result, and it goes on from there."
        )
    for entry in now.entries:
        _draw_tool(key, now, entry, on_change)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        full = len(now.entries) >= MAX_TOOLS
        st.button(
            "Add a tool",
            key=f"{key}-add",
            icon=":material/add:",
            disabled=full,
            on_click=_apply,
            args=(key, on_change, lambda now: now.add_tool(_BLANK)),
        )
        names = {tool.name for tool in now.tools}
        for sample in SAMPLE_TOOLS:
            st.button(
                sample.tool.name.capitalize(),
                key=f"{key}-sample-{sample.tool.name}",
                type="tertiary",
                icon=":material/add:",
                disabled=full or sample.tool.name in names,
                help=f"A sample that Paddock can run by itself. {sample.tool.description}",
                on_click=_apply,
                args=(key, on_change, lambda now, tool=sample.tool: now.add_tool(_match_shape(now, tool))),
            )
    if now.problem is not None:
        st.caption(
            f":material/error: In use until the faults are mended: {summarise_tools(now.valid_tools)}."
        )


def _match_shape(now: ToolsDraft, tool: Tool) -> Tool:
    """Return the tool in the shape that all others have."""
    return replace(tool, nested=bool(now.tools) and all(other.nested for other in now.tools))


def _draw_tool(key: str, now: ToolsDraft, entry: ToolEntry, on_change: OnChange) -> None:
    faults, prefix = now.entry_faults(entry), f"{key}-{entry.id}"
    wrong_rows = now.find_row_faults(entry)

    def put(field: str) -> Edit:
        return lambda now, value: now.change_tool(
            entry.id, lambda entry: replace(entry, tool=replace(entry.tool, **{field: value}))
        )

    wrong = bool(faults) or any(wrong_rows)
    with st.expander(
        escape_markdown(entry.tool.name) or "A tool without a name",
        key=prefix,
        expanded=True,
        icon=":material/error:" if wrong else ":material/build:",
    ):
        _draw_text_box(
            f"{prefix}-name", "Name", entry.tool.name, put("name"), key, on_change, max_chars=MAX_NAME_CHARS
        )
        draw_fault(faults.get("name"))
        description = bind(
            f"{prefix}-description", entry.tool.description, _take(key, on_change, put("description"))
        )
        st.text_area(
            "Description",
            description.value,
            key=description.key,
            height=68,
            placeholder="What it does and when to use it: the model reads this",
            on_change=description.on_change,
        )
        draw_fault(faults.get("description"))
        if entry.rows is None:
            _draw_beyond(key, entry, faults, put("parameters"), on_change)
        else:
            for number, (row, wrong_row) in enumerate(zip(entry.rows, wrong_rows, strict=True)):
                _draw_row(key, entry, row, wrong_row, on_change, first=number == 0)
            if not any(wrong_rows):
                draw_fault(faults.get("parameters"))
        with st.container(horizontal=True, horizontal_alignment="distribute"):
            if entry.rows is not None:
                st.button(
                    "Add a parameter",
                    key=f"{prefix}-grow",
                    type="tertiary",
                    icon=":material/add:",
                    on_click=_apply,
                    args=(key, on_change, lambda now: now.add_row(entry.id)),
                )
            st.button(
                "Remove the tool",
                key=f"{prefix}-remove",
                type="tertiary",
                icon=":material/delete:",
                on_click=_apply,
                args=(key, on_change, lambda now: now.remove_tool(entry.id)),
            )


def _draw_beyond(key: str, entry: ToolEntry, faults: dict[str, str], put: Edit, on_change: OnChange) -> None:
    """Draw the JSON Schema of parameters that the form cannot show, as text."""
    code_box.draw_code_box(
        "Parameters, as a JSON Schema",
        f"{key}-{entry.id}-parameters",
        entry.tool.parameters,
        _take(key, on_change, put),
        height=200,
        help="These are nested, or say more than a row of the form can show.",
    )
    draw_fault(faults.get("parameters"))


def _draw_row(
    key: str, entry: ToolEntry, row: ParameterRow, wrong: dict[str, str], on_change: OnChange, *, first: bool
) -> None:
    prefix, parameter = f"{key}-{entry.id}-{row.id}", row.parameter
    shown: Literal["visible", "collapsed"] = "visible" if first else "collapsed"

    def put(field: str) -> Edit:
        return lambda now, value: _change_row(now, entry.id, row.id, field, value)

    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key=prefix):
        _draw_text_box(
            f"{prefix}-name", "Parameter", parameter.name, put("name"), key, on_change, width=140, shown=shown
        )
        kinds = tuple(_KINDS)
        kind = bind(f"{prefix}-kind", parameter.kind, _take(key, on_change, put("kind")))
        draw_selectbox(
            "Type",
            kinds,
            kind,
            format_func=_KINDS.__getitem__,
            width=140,
            label_visibility=shown,
            filter_mode=None,
        )
        _draw_text_box(
            f"{prefix}-description",
            "Description",
            parameter.description,
            put("description"),
            key,
            on_change,
            shown=shown,
            placeholder="What to put here",
        )
        with st.container(horizontal=True, vertical_alignment="center", width="content", gap="small"):
            required = bind(f"{prefix}-required", parameter.required, _take(key, on_change, put("required")))
            st.checkbox("Required", required.value, key=required.key, on_change=required.on_change)
            st.button(
                "",
                key=f"{prefix}-remove",
                type="tertiary",
                icon=":material/close:",
                help=f"Remove {escape_markdown(parameter.name) or 'this parameter'}",
                on_click=_apply,
                args=(key, on_change, lambda now: _remove_row(now, entry.id, row.id)),
            )
    if parameter.kind is ParameterType.CHOICE:
        choices = bind(
            f"{prefix}-choices",
            list(parameter.choices),
            _take(key, on_change, lambda now, value: put("choices")(now, tuple(value))),
        )
        st.multiselect(
            f"{parameter.name}: what may be chosen",
            parameter.choices,
            choices.value,
            key=choices.key,
            accept_new_options=True,
            placeholder="Type a choice and press Enter",
            label_visibility="collapsed",
            select_all=False,
            on_change=choices.on_change,
        )
    for message in wrong.values():
        draw_fault(message)


def _draw_text_box(
    name: str,
    label: str,
    value: str,
    put: Edit,
    key: str,
    on_change: OnChange,
    *,
    shown: Literal["visible", "collapsed"] = "visible",
    **options: Any,
) -> None:
    box = bind(name, value, _take(key, on_change, put))
    st.text_input(label, box.value, key=box.key, label_visibility=shown, on_change=box.on_change, **options)


def _change_row(now: ToolsDraft, tool: int, id: int, field: str, value: Any) -> ToolsDraft:
    def changed(row: ParameterRow) -> ParameterRow:
        return replace(row, parameter=_change_parameter(row.parameter, field, value)) if row.id == id else row

    return now.change_tool(tool, lambda entry: entry.with_rows(map(changed, entry.rows or ())))


def _change_parameter(parameter: ToolParameter, field: str, value: Any) -> ToolParameter:
    return replace(parameter, **{field: value})


def _remove_row(now: ToolsDraft, tool: int, id: int) -> ToolsDraft:
    return now.change_tool(
        tool, lambda entry: entry.with_rows(row for row in entry.rows or () if row.id != id)
    )
