"""The tool calls of an answer as cards: arguments, faults in them, and the result that the user or a sample gives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import streamlit as st

from lib.api.request import Messages, RequestInput
from lib.errors import BadInput
from lib.jsonkit.json_text import write_literal
from lib.jsonkit.surrogates import replace_lone_surrogates
from lib.model.request_options import Function, Tool, ToolCall
from lib.tools import sample_tools
from lib.tools.tool_call import find_call_faults, find_called_tool, parse_arguments
from lib.ui.widgets import code_box, model_text
from lib.ui.widgets.bound import bind
from lib.ui.widgets.safe_markdown import escape_markdown

OnSend = Callable[[tuple[str, ...]], object]

MAX_ARGUMENT_ROWS = 12  # arguments with a line each; more are shown as JSON
MAX_SHOWN_CHARS = 20_000  # characters of a result or of broken arguments
_CHECKED = "Paddock compared the values with what the tool accepts"
_UNCHECKED = (
    "A function does not say which values it takes, so they were not checked. Paddock does not run its code."
)


def draw_calls(
    calls: Sequence[ToolCall],
    input: RequestInput | None,
    key: str,
    results: Sequence[str | None],
    on_send: OnSend | None,
    *,
    auto: bool = False,
) -> None:
    """Draw a card for each call of one answer, and below them one button that sends all results.

    ``input`` is that of the answer's request. ``results`` has an entry for each call, None while the call has no
    result. ``on_send`` is called in a callback with a text for each call; if it is None, no results can be given.
    ``auto`` fills in the results of sample tools. What is typed is kept under ``key``.
    """
    tools, functions = (input.tools, input.functions) if isinstance(input, Messages) else ((), ())
    for number, (call, result) in enumerate(zip(calls, results, strict=True)):
        card_key = f"{key}-{number}"
        with st.container(border=True, key=card_key, gap="small"):
            _draw_call(call, tools, functions, card_key)
            if result is not None:
                st.caption("Result")
                _draw_plain_text(result)
            elif on_send is not None:
                _draw_box(call, card_key, sample_tools.find_sample_tool(call, tools), auto=auto)
    missing = results.count(None)
    if on_send is None or not missing:
        return
    st.button(
        "Send results" if missing > 1 else "Send result",
        key=f"{key}-send",
        type="primary",
        icon=":material/send:",
        help="The model continues with what you send",
        on_click=_send,
        args=(tuple(results), key, on_send),
    )


def draw_auto_run_switch(key: str, on: bool, on_change: Callable[[bool], None]) -> None:
    """Draw the switch that lets sample tools answer by themselves."""
    st.toggle(
        "Run sample tools automatically",
        **bind(key, on, on_change).arguments(),
        help="The calculator, the clock and the weather answer the model without you. They run on this computer, use "
        "no network and change nothing. Every other tool waits for you.",
    )


def _draw_call(call: ToolCall, tools: Sequence[Tool], functions: Sequence[Function], key: str) -> None:
    name = escape_markdown(call.name[:64]) or "a tool without a name"
    faults = find_call_faults(call, tools, functions)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f":material/build: **{name}**", width="content")
        if faults:
            st.badge("Does not fit the tool", icon=":material/error:", color="red", help=_CHECKED)
        elif find_called_tool(call, tools) is None:
            st.badge("A function", icon=":material/code:", color="gray", help=_UNCHECKED)
        else:
            st.badge("Fits the tool", icon=":material/check:", color="green", help=_CHECKED)
    for sentence in faults:
        st.markdown(f":small[:red[{escape_markdown(sentence)}]]")
    try:
        values = parse_arguments(call)
    except BadInput:
        _draw_plain_text(call.arguments)
        return
    if not values:
        st.caption("No values")
    elif len(values) > MAX_ARGUMENT_ROWS or any(isinstance(value, (dict, list)) for value in values.values()):
        model_text.draw_json_tree(values, f"{key}-arguments", expanded=2)
    else:
        with st.container(gap="xxsmall"):
            for number, (name, value) in enumerate(values.items()):
                with st.container(horizontal=True, gap="small"):
                    st.caption(escape_markdown(name[:64]), width=120)
                    model_text.draw_plain(_argument_text(value), f"{key}-argument-{number}")


def _draw_plain_text(text: str) -> None:
    st.code(replace_lone_surrogates(text)[:MAX_SHOWN_CHARS], language=None, wrap_lines=True)


def _draw_box(call: ToolCall, key: str, sample: sample_tools.SampleTool | None, *, auto: bool) -> None:
    state_key, filled_key = f"{key}-kept", f"{key}-filled"
    is_empty = not st.session_state.setdefault(state_key, "")
    if auto and sample is not None and is_empty and filled_key not in st.session_state:
        st.session_state[filled_key] = True  # only once: a user who empties the box wants it empty
        _run(call, state_key)
    code_box.draw_code_box(
        "Result",
        f"{key}-result",
        st.session_state[state_key],
        partial(_keep, state_key),
        height=80,
        placeholder="The result of the tool, as text or JSON. The model reads it.",
    )
    if sample is not None:
        st.button(
            "Run",
            key=f"{key}-run",
            icon=":material/play_arrow:",
            help="A sample tool: it runs on this computer, uses no network and changes nothing",
            on_click=_run,
            args=(call, state_key),
        )
    if st.session_state.pop(f"{key}-missing", False):
        first = "Type a result first, or run the tool." if sample is not None else "Type a result first."
        st.markdown(f":small[:red[:material/error: {first}]]")


def _keep(state_key: str, text: str) -> None:
    st.session_state[state_key] = text


def _run(call: ToolCall, state_key: str) -> None:
    st.session_state[state_key] = sample_tools.run_sample_tool(call)


def _send(results: tuple[str | None, ...], key: str, on_send: OnSend) -> None:
    texts = [
        st.session_state.get(f"{key}-{number}-kept", "") if result is None else result
        for number, result in enumerate(results)
    ]
    for number, text in enumerate(texts):
        if not text.strip():
            st.session_state[f"{key}-{number}-missing"] = True
    if all(text.strip() for text in texts):
        on_send(tuple(texts))


def _argument_text(value: Any) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case None:
            return "nothing"
    return (value if isinstance(value, str) else write_literal(value))[:MAX_SHOWN_CHARS]
