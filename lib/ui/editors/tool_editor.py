"""The editor of tools, as a form and as JSON. Tools without a fault are in use at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from typing import Any

import streamlit as st

from lib.errors import BadInput
from lib.jsonkit.schema_form import free_name
from lib.model.request_options import Function, Tool
from lib.tools.sample_tools import SAMPLE_TOOLS
from lib.tools.tool_draft import ParameterRow, ToolEntry, ToolsDraft, start_draft
from lib.tools.tool_form import ParameterType
from lib.tools.tool_spec import MAX_NAME_CHARS, MAX_TOOLS
from lib.ui.editors.edit_mode import EditMode
from lib.ui.editors.field_rows import RowAction, change_rows, numbered, possible_actions
from lib.ui.widgets import code_box
from lib.ui.widgets.bound import Bound, bind, draw_choice, draw_selectbox
from lib.ui.widgets.error_box import draw_error, draw_fault
from lib.ui.widgets.safe_markdown import escape_markdown
from lib.ui.widgets.take_focus import draw_added_focus, focus_added

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
    editor = _ToolEditor(key, on_change)
    now = editor.current_draft(tools)
    with st.container(horizontal=True, vertical_alignment="bottom", horizontal_alignment="distribute"):
        view = EditMode.FORM if now.text is None else EditMode.JSON
        draw_choice("Edit as", tuple(EditMode), editor.bind("view", view, _switch_view))
        if now.text is None and now.entries:
            _draw_shape(editor, now)
    if (refused := st.session_state.pop(f"{key}-refused", None)) is not None:
        draw_error(refused, "The view cannot change yet")
    if now.text is None:
        _draw_form(editor, now)
    else:
        _draw_text(editor, now, now.text)


@dataclass(frozen=True)
class _ToolEditor:
    """The draft under ``key`` in the session's state, and controls that edit it. Their names are within the key."""

    key: str
    on_change: OnChange

    def current_draft(self, tools: tuple[Tool, ...]) -> ToolsDraft:
        now: ToolsDraft | None = st.session_state.get(f"{self.key}-draft")
        if now is None or (tools != now.last_shown and tools != now.valid_tools):
            now = start_draft(tools)
        now = replace(now, last_shown=tools)
        st.session_state[f"{self.key}-draft"] = now
        return now

    def apply(self, edit: Callable[[ToolsDraft], ToolsDraft]) -> None:
        before: ToolsDraft = st.session_state[f"{self.key}-draft"]
        try:
            after = edit(before)
        except BadInput as error:
            st.session_state[f"{self.key}-refused"] = error
            return
        st.session_state[f"{self.key}-draft"] = after
        if after.valid_tools != before.valid_tools:
            self.on_change(after.valid_tools)

    def add_tool(self) -> None:
        self.apply(lambda now: now.add_tool(_BLANK))
        after: ToolsDraft = st.session_state[f"{self.key}-draft"]
        focus_added(f"{self.key}-{after.entries[-1].id}")

    def add_row(self, tool: int) -> None:
        self.apply(lambda now: now.add_row(tool))
        after: ToolsDraft = st.session_state[f"{self.key}-draft"]
        rows = next(entry.rows for entry in after.entries if entry.id == tool)
        if rows:
            focus_added(f"{self.key}-{tool}-{rows[-1].id}")

    def take(self, edit: Edit) -> Callable[[Any], None]:
        """Return a callback that applies the edit with the value of a control."""
        return lambda value: self.apply(lambda now: edit(now, value))

    def bind(self, name: str, value: Any, edit: Edit) -> Bound[Any]:
        return bind(f"{self.key}-{name}", value, self.take(edit))

    def button(
        self, label: str, name: str, edit: Callable[[ToolsDraft], ToolsDraft], icon: str, **options: Any
    ) -> None:
        st.button(label, key=f"{self.key}-{name}", icon=icon, on_click=self.apply, args=(edit,), **options)


def _switch_view(now: ToolsDraft, view: EditMode) -> ToolsDraft:
    if view == EditMode.JSON:
        return now.as_text() if now.text is None else now
    try:
        return now.as_form()
    except BadInput as error:
        raise BadInput(
            "The form cannot show this text until it is corrected.", advice="Correct it, or discard the text."
        ) from error


def _draw_shape(editor: _ToolEditor, now: ToolsDraft) -> None:
    shapes = {tool.nested for tool in now.tools}
    common = None if len(shapes) > 1 else ToolShape.NESTED if True in shapes else ToolShape.FLAT
    draw_choice(
        "Format",
        tuple(ToolShape),
        editor.bind("shape", common, _reshape),
        required=False,
        help="How tools are written in the request. Cloudflare accepts both. Flat: "
        '`{"name", "description", "parameters"}`. OpenAI: `{"type": "function", "function": {…}}`.'
        + (" Your tools use both: choose one for all, or leave them." if len(shapes) > 1 else ""),
    )


def _reshape(now: ToolsDraft, shape: ToolShape | None) -> ToolsDraft:
    if shape is None:
        return now
    for shown in now.entries:
        now = now.change_tool(
            shown.id, lambda entry: replace(entry, tool=replace(entry.tool, nested=shape == ToolShape.NESTED))
        )
    return now


def _draw_text(editor: _ToolEditor, now: ToolsDraft, text: str) -> None:
    code_box.draw_code_box(
        "Tools as JSON",
        f"{editor.key}-text",
        text,
        editor.take(ToolsDraft.with_text),
        height=380,
        help="One tool or a list of tools, in either format.",
    )
    if (problem := now.problem) is None:
        st.caption(f":material/check: In use: {summarise_tools(now.valid_tools)}.")
        return
    draw_error(problem, "This text is not in use")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(
            f"Until it is corrected, these stay in use: {summarise_tools(now.valid_tools)}.", width="stretch"
        )
        editor.button(
            "Discard the text",
            "discard",
            ToolsDraft.discard_text,
            ":material/undo:",
            type="tertiary",
            help="Back to the form, with the tools that are in use",
        )


def _draw_form(editor: _ToolEditor, now: ToolsDraft) -> None:
    if not now.entries:
        st.caption(
            "A tool is something that the model can ask for instead of answering. It names the tool and the values; "
            "you, or a sample tool automatically, send back the result, and the model continues."
        )
    for number, entry in enumerate(now.entries, 1):
        _draw_tool(editor, now, entry, f"tool {number}" if len(now.entries) > 1 else "")
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        full = len(now.entries) >= MAX_TOOLS
        st.button(
            "Add a tool",
            key=f"{editor.key}-add",
            icon=":material/add:",
            on_click=editor.add_tool,
            disabled=full,
        )
        names = {tool.name for tool in now.tools}
        for sample in SAMPLE_TOOLS:
            tool = sample.tool
            editor.button(
                tool.name.capitalize(),
                f"sample-{tool.name}",
                partial(_add_in_shape, tool=tool),
                ":material/add:",
                type="tertiary",
                disabled=full or tool.name in names,
                help=f"A sample that Paddock can run automatically. {tool.description}",
            )
    draw_added_focus(f"{editor.key}-")
    if now.problem is not None:
        st.caption(
            f":material/error: Until the errors are corrected, these stay in use: {summarise_tools(now.valid_tools)}."
        )


def _add_in_shape(now: ToolsDraft, tool: Tool) -> ToolsDraft:
    """Add the tool in the shape that all others have."""
    nested = bool(now.tools) and all(other.nested for other in now.tools)
    return now.add_tool(replace(tool, nested=nested))


def _draw_tool(editor: _ToolEditor, now: ToolsDraft, entry: ToolEntry, place: str) -> None:
    """Draw a tool. ``place`` names it in its labels, such as "tool 2"; empty if there is no other."""
    faults, wrong_rows, name = now.entry_faults(entry), now.find_row_faults(entry), str(entry.id)

    def put(field: str) -> Edit:
        return lambda now, value: now.change_tool(
            entry.id, lambda entry: replace(entry, tool=replace(entry.tool, **{field: value}))
        )

    wrong = bool(faults) or any(wrong_rows)
    with st.expander(
        escape_markdown(entry.tool.name) or "A tool without a name",
        key=f"{editor.key}-{name}",
        expanded=True,
        icon=":material/error:" if wrong else ":material/build:",
    ):
        box = editor.bind(f"{name}-name", entry.tool.name, put("name"))
        st.text_input(numbered("Name", place), max_chars=MAX_NAME_CHARS, **box.arguments())
        draw_fault(faults.get("name"))
        box = editor.bind(f"{name}-description", entry.tool.description, put("description"))
        st.text_area(
            numbered("Description", place),
            height=68,
            placeholder="What it does and when to use it: the model reads this",
            **box.arguments(),
        )
        draw_fault(faults.get("description"))
        if entry.rows is None:
            code_box.draw_code_box(
                numbered("Parameters, as a JSON Schema", place),
                f"{editor.key}-{name}-parameters",
                entry.tool.parameters,
                editor.take(put("parameters")),
                height=200,
                help="These parameters are too complex for the form.",
            )
        for number, (row, wrong_row) in enumerate(zip(entry.rows or (), wrong_rows, strict=True)):
            with st.container(border=True, gap="xsmall", key=f"{editor.key}-{name}-{row.id}"):
                _draw_row(editor, entry, number, row, numbered(f"parameter {number + 1}", place))
                for message in wrong_row.values():
                    draw_fault(message)
        if not any(wrong_rows):
            draw_fault(faults.get("parameters"))
        with st.container(horizontal=True, horizontal_alignment="distribute"):
            if entry.rows is not None:
                st.button(
                    "Add a parameter",
                    key=f"{editor.key}-{name}-grow",
                    icon=":material/add:",
                    on_click=editor.add_row,
                    args=(entry.id,),
                )
            editor.button(
                "Remove the tool",
                f"{name}-remove",
                lambda now: now.remove_tool(entry.id),
                ":material/delete:",
                type="tertiary",
            )


def _draw_row(editor: _ToolEditor, entry: ToolEntry, number: int, row: ParameterRow, place: str) -> None:
    """Draw a parameter as the editor of schemas draws a field. ``place`` names it in its labels."""
    name, parameter = f"{entry.id}-{row.id}", row.parameter

    def bind_field(field: str, value: Any, convert: Callable[[Any], Any] = lambda new: new) -> Bound[Any]:
        return editor.bind(
            f"{name}-{field}",
            value,
            lambda now, new: _change_row(now, entry.id, row.id, **{field: convert(new)}),
        )

    def draw_text(field: str, words: str, value: str) -> None:
        st.text_input(
            numbered(words, place),
            placeholder=words,
            label_visibility="collapsed",
            **bind_field(field, value).arguments(),
        )

    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        draw_text("name", "Name", parameter.name)
        draw_selectbox(
            numbered("Type", place),
            tuple(_KINDS),
            bind_field("kind", parameter.kind),
            format_func=_KINDS.__getitem__,
            width=156,
            label_visibility="collapsed",
            filter_mode=None,
        )
        st.checkbox("Required", width="content", **bind_field("required", parameter.required).arguments())
    with st.container(horizontal=True, vertical_alignment="center", gap="small", wrap=False):
        draw_text("description", "What it means (the model reads it)", parameter.description)
        menu = f"{editor.key}-menu-{name}"
        st.menu_button(
            f"Actions for {place}",
            possible_actions(number, len(entry.rows or ())),
            icon=":material/more_horiz:",
            key=menu,
            type="tertiary",
            help="Move, duplicate, remove",
            on_click=lambda: editor.apply(
                lambda now: _apply_row_action(now, entry.id, number, st.session_state[menu])
            ),
        )
    if parameter.kind is ParameterType.CHOICE:
        st.multiselect(
            numbered("Allowed values", place),
            parameter.choices,
            accept_new_options=True,
            placeholder="Allowed values: type one and press Enter",
            label_visibility="collapsed",
            select_all=False,
            **bind_field("choices", list(parameter.choices), tuple).arguments("default"),
        )


def _change_row(now: ToolsDraft, tool: int, id: int, **changes: Any) -> ToolsDraft:
    def changed(row: ParameterRow) -> ParameterRow:
        return replace(row, parameter=replace(row.parameter, **changes)) if row.id == id else row

    return now.change_tool(tool, lambda entry: entry.with_rows(map(changed, entry.rows or ())))


def _apply_row_action(now: ToolsDraft, tool: int, number: int, action: RowAction) -> ToolsDraft:
    rows = next(entry.rows or () for entry in now.entries if entry.id == tool)
    name = free_name(rows[number].parameter.name, [row.parameter.name for row in rows])
    copy = ParameterRow(now.next_id, replace(rows[number].parameter, name=name))
    return replace(now, next_id=now.next_id + 1).change_tool(
        tool, lambda entry: entry.with_rows(change_rows(rows, number, action, copy))
    )
