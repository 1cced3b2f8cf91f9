"""Tools by form or as JSON text, both in step; what has no fault is in use at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Literal

import streamlit as st

from lib.errors import BadInput
from lib.model.request_options import Function, Tool
from lib.tools.sample_tools import SAMPLE_TOOLS
from lib.tools.tool_draft import ParameterRow, ToolEntry, ToolsDraft, start_draft
from lib.tools.tool_form import ParameterType, ToolParameter
from lib.tools.tool_spec import MAX_NAME_CHARS, MAX_TOOLS
from lib.ui.widgets import code_box
from lib.ui.widgets.error_box import draw_error
from lib.ui.widgets.fill import fill
from lib.ui.widgets.safe_markdown import escape_markdown

OnChange = Callable[[tuple[Tool, ...]], None]
Edit = Callable[[ToolsDraft, Any], ToolsDraft]

FORM, JSON = "Form", "JSON"
FLAT, NESTED = "Flat", "OpenAI"
_BLANK = Tool("my_tool", "", '{"type": "object", "properties": {}}')
_KINDS = {
    ParameterType.TEXT: "Text",
    ParameterType.NUMBER: "Number",
    ParameterType.WHOLE: "Whole number",
    ParameterType.SWITCH: "Yes or no",
    ParameterType.CHOICE: "One of …",
}


def summarise_tools(tools: Sequence[Tool], functions: Sequence[Function] = ()) -> str:
    """What a request offers, in one line of Markdown."""
    parts = []
    for what, names in (("tool", [one.name for one in tools]), ("function", [one.name for one in functions])):
        if names:
            more = f" and {len(names) - 3} more" if len(names) > 3 else ""
            count = f"{len(names)} {what}{'s' if len(names) > 1 else ''}"
            parts.append(f"{count}: {', '.join(map(escape_markdown, names[:3]))}{more}")
    return " · ".join(parts) or "No tools"


def draw_tool_editor(key: str, tools: tuple[Tool, ...], on_change: OnChange) -> None:
    """The editor. ``on_change`` is called in a callback with the tools whenever they changed and have no fault.

    What is half done stays under ``key`` in the session; tools that were changed elsewhere take its place.
    """
    now = _current(key, tools)
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


def _current(key: str, tools: tuple[Tool, ...]) -> ToolsDraft:
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


def _typed(key: str, on_change: OnChange, widget: str, edit: Edit) -> None:
    value = st.session_state[widget]
    _apply(key, on_change, lambda now: edit(now, value))


def _draw_view(key: str, now: ToolsDraft, on_change: OnChange) -> None:
    widget = f"{key}-view"
    view = fill(widget, FORM if now.text is None else JSON)
    st.segmented_control(
        "Edit as",
        (FORM, JSON),
        key=widget,
        default=view,
        required=True,
        on_change=_typed,
        args=(key, on_change, widget, _turn),
    )


def _turn(now: ToolsDraft, view: str) -> ToolsDraft:
    if view == JSON:
        return now.as_text() if now.text is None else now
    try:
        return now.as_form()
    except BadInput as error:
        raise BadInput(
            "The form cannot show this text before it is mended.", advice="Mend it, or discard the text."
        ) from error


def _draw_shape(key: str, now: ToolsDraft, on_change: OnChange) -> None:
    widget = f"{key}-shape"
    shapes = {tool.nested for tool in now.tools}
    shape = fill(widget, None if len(shapes) > 1 else NESTED if True in shapes else FLAT)
    st.segmented_control(
        "Shape",
        (FLAT, NESTED),
        key=widget,
        default=shape,
        help="How tools are written in the request. The documented schema takes both: flat, "
        '`{"name", "description", "parameters"}`, and OpenAI\'s, `{"type": "function", "function": {…}}`.'
        + (" These are mixed: choose one for all, or leave them so." if len(shapes) > 1 else ""),
        on_change=_typed,
        args=(key, on_change, widget, _reshape),
    )


def _reshape(now: ToolsDraft, shape: str | None) -> ToolsDraft:
    if shape is None:
        return now
    for one in now.entries:
        now = now.change_tool(
            one.id, lambda entry: replace(entry, tool=replace(entry.tool, nested=shape == NESTED))
        )
    return now


def _draw_text(key: str, now: ToolsDraft, on_change: OnChange) -> None:
    widget = f"{key}-text"
    code_box.draw_code_box(
        "Tools as JSON",
        now.text or "",
        widget,
        _typed,
        (key, on_change, widget, ToolsDraft.with_text),
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
        for one in SAMPLE_TOOLS:
            st.button(
                one.tool.name.capitalize(),
                key=f"{key}-sample-{one.tool.name}",
                type="tertiary",
                icon=":material/add:",
                disabled=full or one.tool.name in names,
                help=f"A sample that Paddock can run by itself. {one.tool.description}",
                on_click=_apply,
                args=(key, on_change, lambda now, tool=one.tool: now.add_tool(_like(now, tool))),
            )
    if now.problem is not None:
        st.caption(
            f":material/error: In use until the faults are mended: {summarise_tools(now.valid_tools)}."
        )


def _like(now: ToolsDraft, tool: Tool) -> Tool:
    """In the shape that the others have."""
    return replace(tool, nested=bool(now.tools) and all(one.nested for one in now.tools))


def _draw_tool(key: str, now: ToolsDraft, entry: ToolEntry, on_change: OnChange) -> None:
    faults, at = now.entry_faults(entry), f"{key}-{entry.id}"
    wrong_rows = now.find_row_faults(entry)

    def put(field: str) -> Edit:
        return lambda now, value: now.change_tool(
            entry.id, lambda one: replace(one, tool=replace(one.tool, **{field: value}))
        )

    wrong = bool(faults) or any(wrong_rows)
    with st.expander(
        escape_markdown(entry.tool.name) or "A tool without a name",
        key=at,
        expanded=True,
        icon=":material/error:" if wrong else ":material/build:",
    ):
        _box(f"{at}-name", "Name", entry.tool.name, put("name"), key, on_change, max_chars=MAX_NAME_CHARS)
        _fault(faults.get("name"))
        widget = f"{at}-description"
        st.text_area(
            "Description",
            fill(widget, entry.tool.description),
            key=widget,
            height=68,
            placeholder="What it does and when to use it: the model reads this",
            on_change=_typed,
            args=(key, on_change, widget, put("description")),
        )
        _fault(faults.get("description"))
        if entry.rows is None:
            _draw_beyond(key, entry, faults, put("parameters"), on_change)
        else:
            for number, (row, wrong_row) in enumerate(zip(entry.rows, wrong_rows, strict=True)):
                _draw_row(key, entry, row, wrong_row, on_change, first=number == 0)
            if not any(wrong_rows):
                _fault(faults.get("parameters"))
        with st.container(horizontal=True, horizontal_alignment="distribute"):
            if entry.rows is not None:
                st.button(
                    "Add a parameter",
                    key=f"{at}-grow",
                    type="tertiary",
                    icon=":material/add:",
                    on_click=_apply,
                    args=(key, on_change, lambda now: now.add_row(entry.id)),
                )
            st.button(
                "Remove the tool",
                key=f"{at}-remove",
                type="tertiary",
                icon=":material/delete:",
                on_click=_apply,
                args=(key, on_change, lambda now: now.remove_tool(entry.id)),
            )


def _draw_beyond(key: str, entry: ToolEntry, faults: dict[str, str], put: Edit, on_change: OnChange) -> None:
    """Parameters that no row can show: their JSON Schema as text."""
    widget = f"{key}-{entry.id}-parameters"
    code_box.draw_code_box(
        "Parameters, as a JSON Schema",
        entry.tool.parameters,
        widget,
        _typed,
        (key, on_change, widget, put),
        height=200,
        help="These are nested, or say more than a row of the form can show.",
    )
    _fault(faults.get("parameters"))


def _draw_row(
    key: str, entry: ToolEntry, row: ParameterRow, wrong: dict[str, str], on_change: OnChange, *, first: bool
) -> None:
    at, parameter = f"{key}-{entry.id}-{row.id}", row.parameter
    shown: Literal["visible", "collapsed"] = "visible" if first else "collapsed"

    def put(field: str) -> Edit:
        return lambda now, value: _with_row(now, entry.id, row.id, field, value)

    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key=at):
        _box(f"{at}-name", "Parameter", parameter.name, put("name"), key, on_change, width=140, shown=shown)
        widget = f"{at}-kind"
        kinds = tuple(_KINDS)
        st.selectbox(
            "Type",
            kinds,
            kinds.index(fill(widget, parameter.kind)),
            format_func=_KINDS.__getitem__,
            key=widget,
            width=140,
            label_visibility=shown,
            filter_mode=None,
            on_change=_typed,
            args=(key, on_change, widget, put("kind")),
        )
        _box(
            f"{at}-description",
            "Description",
            parameter.description,
            put("description"),
            key,
            on_change,
            shown=shown,
            placeholder="What to put here",
        )
        with st.container(horizontal=True, vertical_alignment="center", width="content", gap="small"):
            widget = f"{at}-required"
            st.checkbox(
                "Required",
                fill(widget, parameter.required),
                key=widget,
                on_change=_typed,
                args=(key, on_change, widget, put("required")),
            )
            st.button(
                "",
                key=f"{at}-remove",
                type="tertiary",
                icon=":material/close:",
                help=f"Remove {escape_markdown(parameter.name) or 'this parameter'}",
                on_click=_apply,
                args=(key, on_change, lambda now: _without_row(now, entry.id, row.id)),
            )
    if parameter.kind is ParameterType.CHOICE:
        widget = f"{at}-choices"
        st.multiselect(
            f"{parameter.name}: what may be chosen",
            parameter.choices,
            fill(widget, list(parameter.choices)),
            key=widget,
            accept_new_options=True,
            placeholder="Type a choice and press Enter",
            label_visibility="collapsed",
            select_all=False,
            on_change=_typed,
            args=(key, on_change, widget, lambda now, value: put("choices")(now, tuple(value))),
        )
    for message in wrong.values():
        _fault(message)


def _box(
    widget: str,
    name: str,
    value: str,
    put: Edit,
    key: str,
    on_change: OnChange,
    *,
    shown: Literal["visible", "collapsed"] = "visible",
    **options: Any,
) -> None:
    st.text_input(
        name,
        fill(widget, value),
        key=widget,
        label_visibility=shown,
        on_change=_typed,
        args=(key, on_change, widget, put),
        **options,
    )


def _fault(message: str | None) -> None:
    if message:
        st.markdown(
            f":small[:red[:material/error: {escape_markdown(message)}]]"
        )  # a caption would be too faint


def _with_row(now: ToolsDraft, tool: int, id: int, field: str, value: Any) -> ToolsDraft:
    def changed(row: ParameterRow) -> ParameterRow:
        return replace(row, parameter=_but(row.parameter, field, value)) if row.id == id else row

    return now.change_tool(tool, lambda entry: entry.with_rows(map(changed, entry.rows or ())))


def _but(parameter: ToolParameter, field: str, value: Any) -> ToolParameter:
    return replace(parameter, **{field: value})


def _without_row(now: ToolsDraft, tool: int, id: int) -> ToolsDraft:
    return now.change_tool(
        tool, lambda entry: entry.with_rows(row for row in entry.rows or () if row.id != id)
    )
