"""Functions, each a name and its code, as the documented schema has them; and what becomes of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import streamlit as st

from lib.model.request_options import Function, Tool
from lib.tools.tool_spec import MAX_NAME_CHARS, MAX_TOOLS, find_function_faults
from lib.ui.widgets import code_box
from lib.ui.widgets.fill import fill
from lib.ui.widgets.safe_markdown import escape_markdown

OnChange = Callable[[tuple[Function, ...]], None]

EMBEDDED = "https://developers.cloudflare.com/workers-ai/features/function-calling/embedded/"
ABOUT = (
    "The documented schema has `functions`, each with a name and its code, and does not say what the server does "
    f"with them. Where Cloudflare runs code for a model, [its helper `runWithTools`]({EMBEDDED}) does so on the "
    "caller's side, in your own Worker. The twin offers each function to the model as a tool, with the parameter "
    "names that stand in the code, and gives the call back to you. Neither it nor this page runs the code."
)
_BLANK = Function("my_function", "({ text }) => text.toUpperCase()")


@dataclass(frozen=True)
class _FunctionsDraft:
    """Functions in the form by ids that stay; ``good`` and ``seen`` as in ``lib.tools.tool_draft.ToolsDraft``."""

    entries: tuple[tuple[int, Function], ...]
    good: tuple[Function, ...]
    seen: tuple[Function, ...]
    next: int


def draw_function_editor(
    key: str, functions: tuple[Function, ...], on_change: OnChange, tools: Sequence[Tool] = ()
) -> None:
    """The editor. ``on_change`` is called in a callback with functions that changed and have no fault.

    ``tools`` are those of the same request, whose names are taken.
    """
    now = _current(key, functions)
    st.caption(ABOUT)
    faults = find_function_faults([one for _, one in now.entries], tools)
    for number, (id, one) in enumerate(now.entries):
        wrong = {fault.part: fault.message for fault in reversed(faults) if fault.number == number}
        with st.container(border=True, key=f"{key}-{id}", gap="small"):
            _draw_one(key, id, one, wrong, on_change, tuple(tools))
    st.button(
        "Add a function",
        key=f"{key}-add",
        icon=":material/add:",
        disabled=len(now.entries) >= MAX_TOOLS,
        on_click=_apply,
        args=(key, on_change, tuple(tools), _grown),
    )
    if faults:
        names = ", ".join(escape_markdown(one.name) for one in now.good) or "none"
        st.caption(f":material/error: In use until the faults are mended: {names}.")


def _draw_one(
    key: str, id: int, one: Function, wrong: dict[str, str], on_change: OnChange, tools: tuple[Tool, ...]
) -> None:
    name, code = f"{key}-{id}-name", f"{key}-{id}-code"
    with st.container(horizontal=True, vertical_alignment="bottom", wrap=False):
        st.text_input(
            "Name",
            fill(name, one.name),
            key=name,
            max_chars=MAX_NAME_CHARS,
            on_change=_typed,
            args=(key, on_change, tools, id, "name", name),
        )
        st.button(
            "",
            key=f"{key}-{id}-remove",
            type="tertiary",
            icon=":material/delete:",
            help=f"Remove {escape_markdown(one.name) or 'this function'}",
            on_click=_apply,
            args=(key, on_change, tools, lambda now: _without(now, id)),
        )
    _fault(wrong.get("name"))
    code_box.draw_code_box(
        "Code", one.code, code, _typed, (key, on_change, tools, id, "code", code), height=140
    )
    _fault(wrong.get("code"))


def _current(key: str, functions: tuple[Function, ...]) -> _FunctionsDraft:
    now: _FunctionsDraft | None = st.session_state.get(f"{key}-draft")
    if now is None or (functions != now.seen and functions != now.good):
        start = 0 if now is None else now.next  # a new id is a new box: the old one's text does not come back
        entries = tuple(enumerate(functions, start))
        now = _FunctionsDraft(entries, functions, functions, start + len(entries))
    now = replace(now, seen=functions)
    st.session_state[f"{key}-draft"] = now
    return now


def _typed(key: str, on_change: OnChange, tools: tuple[Tool, ...], id: int, field: str, widget: str) -> None:
    value = st.session_state[widget]

    def put(now: _FunctionsDraft) -> _FunctionsDraft:
        changed = (
            (at, Function(**(vars(one) | {field: value}))) if at == id else (at, one)
            for at, one in now.entries
        )
        return replace(now, entries=tuple(changed))

    _apply(key, on_change, tools, put)


def _apply(
    key: str, on_change: OnChange, tools: tuple[Tool, ...], edit: Callable[[_FunctionsDraft], _FunctionsDraft]
) -> None:
    before: _FunctionsDraft = st.session_state[f"{key}-draft"]
    after = edit(before)
    now = tuple(one for _, one in after.entries)
    if not find_function_faults(now, tools):
        after = replace(after, good=now)
    st.session_state[f"{key}-draft"] = after
    if after.good != before.good:
        on_change(after.good)


def _grown(now: _FunctionsDraft) -> _FunctionsDraft:
    names, number, name = {one.name for _, one in now.entries}, 2, _BLANK.name
    while name in names:
        name, number = f"{_BLANK.name}_{number}", number + 1
    return replace(now, entries=(*now.entries, (now.next, replace(_BLANK, name=name))), next=now.next + 1)


def _without(now: _FunctionsDraft, id: int) -> _FunctionsDraft:
    return replace(now, entries=tuple((at, one) for at, one in now.entries if at != id))


def _fault(message: str | None) -> None:
    if message:
        st.markdown(
            f":small[:red[:material/error: {escape_markdown(message)}]]"
        )  # a caption would be too faint
