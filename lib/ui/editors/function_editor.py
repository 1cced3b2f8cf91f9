"""The editor of functions, each a name and its code, as the documented schema has them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import streamlit as st

from lib.jsonkit.schema_form import free_name
from lib.model.request_options import Function, Tool
from lib.tools.tool_spec import MAX_NAME_CHARS, MAX_TOOLS, find_function_faults
from lib.ui.widgets import code_box
from lib.ui.widgets.bound import bind
from lib.ui.widgets.error_box import draw_fault
from lib.ui.widgets.safe_markdown import escape_markdown
from lib.ui.widgets.take_focus import draw_added_focus, focus_added

OnChange = Callable[[tuple[Function, ...]], None]

EMBEDDED = "https://developers.cloudflare.com/workers-ai/features/function-calling/embedded/"
ABOUT = (
    "A function is a name with program code. Cloudflare lists functions in its documentation but does not say what "
    f"it does with them. [Its helper `runWithTools`]({EMBEDDED}) runs such code in your own program. The practice "
    "model offers each function to the model as a tool, with the parameter names in the code, and you answer the "
    "call. Neither the practice model nor this page runs the code."
)
_BLANK = Function("my_function", "({ text }) => text.toUpperCase()")


@dataclass(frozen=True)
class _FunctionsDraft:
    """Functions in the form, with permanent ids.

    ``valid_functions`` and ``last_shown`` are what they are for tools in ``lib.tools.tool_draft.ToolsDraft``.
    """

    entries: tuple[tuple[int, Function], ...]
    valid_functions: tuple[Function, ...]
    last_shown: tuple[Function, ...]
    next_id: int

    @property
    def functions(self) -> tuple[Function, ...]:
        return tuple(function for _, function in self.entries)

    def add(self) -> _FunctionsDraft:
        name = free_name(_BLANK.name, [function.name for function in self.functions])
        entries = (*self.entries, (self.next_id, replace(_BLANK, name=name)))
        return replace(self, entries=entries, next_id=self.next_id + 1)

    def change(self, id: int, **changes: str) -> _FunctionsDraft:
        changed = (
            (entry_id, replace(function, **changes) if entry_id == id else function)
            for entry_id, function in self.entries
        )
        return replace(self, entries=tuple(changed))

    def remove(self, id: int) -> _FunctionsDraft:
        return replace(self, entries=tuple(entry for entry in self.entries if entry[0] != id))


Edit = Callable[[_FunctionsDraft], _FunctionsDraft]


def draw_function_editor(
    key: str, functions: tuple[Function, ...], on_change: OnChange, tools: Sequence[Tool] = ()
) -> None:
    """Draw the editor. ``on_change`` is called in a callback with functions that changed and have no fault.

    ``tools`` are those of the same request, whose names cannot be used.
    """

    def apply(edit: Edit) -> None:
        before: _FunctionsDraft = st.session_state[f"{key}-draft"]
        after = edit(before)
        if not find_function_faults(after.functions, tools):
            after = replace(after, valid_functions=after.functions)
        st.session_state[f"{key}-draft"] = after
        if after.valid_functions != before.valid_functions:
            on_change(after.valid_functions)

    def add() -> None:
        apply(_FunctionsDraft.add)
        after: _FunctionsDraft = st.session_state[f"{key}-draft"]
        focus_added(f"{key}-{after.entries[-1][0]}")

    now = _current_draft(key, functions)
    st.caption(ABOUT)
    faults = find_function_faults(now.functions, tools)
    for number, (id, function) in enumerate(now.entries):
        messages = {fault.part: fault.message for fault in reversed(faults) if fault.number == number}
        with st.container(border=True, key=f"{key}-{id}", gap="small"):
            _draw_function(f"{key}-{id}", id, function, messages, apply)
    st.button(
        "Add a function",
        key=f"{key}-add",
        icon=":material/add:",
        disabled=len(now.entries) >= MAX_TOOLS,
        on_click=add,
    )
    draw_added_focus(f"{key}-")
    if faults:
        names = ", ".join(escape_markdown(function.name) for function in now.valid_functions) or "none"
        st.caption(f":material/error: Until the errors are corrected, these stay in use: {names}.")


def _draw_function(
    key: str, id: int, function: Function, faults: dict[str, str], apply: Callable[[Edit], None]
) -> None:
    name = bind(f"{key}-name", function.name, lambda text: apply(lambda now: now.change(id, name=text)))
    with st.container(horizontal=True, vertical_alignment="bottom", wrap=False):
        st.text_input("Name", max_chars=MAX_NAME_CHARS, **name.arguments())
        st.button(
            "",
            key=f"{key}-remove",
            type="tertiary",
            icon=":material/delete:",
            help=f"Remove {escape_markdown(function.name) or 'this function'}",
            on_click=apply,
            args=(lambda now: now.remove(id),),
        )
    draw_fault(faults.get("name"))
    code_box.draw_code_box(
        "Code",
        f"{key}-code",
        function.code,
        lambda text: apply(lambda now: now.change(id, code=text)),
        height=140,
    )
    draw_fault(faults.get("code"))


def _current_draft(key: str, functions: tuple[Function, ...]) -> _FunctionsDraft:
    now: _FunctionsDraft | None = st.session_state.get(f"{key}-draft")
    if now is None or (functions != now.last_shown and functions != now.valid_functions):
        start = 0 if now is None else now.next_id  # new ids make new boxes, without the text of the old ones
        entries = tuple(enumerate(functions, start))
        now = _FunctionsDraft(entries, functions, functions, start + len(entries))
    now = replace(now, last_shown=functions)
    st.session_state[f"{key}-draft"] = now
    return now
