"""A page with only the tool editors or the cards of calls: a script for ``streamlit run``."""

from __future__ import annotations

import json

import streamlit as st

from lib.api.request import Messages
from lib.model.request_options import Function, Tool, ToolCall
from lib.tools.sample_tools import SAMPLE_TOOLS, answer_calls
from lib.tools.tool_spec import read_tools, write_tools
from lib.ui.answer import tool_call_cards
from lib.ui.editors import function_editor, tool_editor

NESTED = json.dumps(
    {
        "name": "book",
        "description": "Books a table.",
        "parameters": {
            "type": "object",
            "properties": {
                "guests": {"type": "array", "description": "Who comes.", "items": {"type": "string"}}
            },
        },
    }
)
CALLS = (
    ToolCall("call_1", "calculator", '{"expression": "6 * 7"}'),
    ToolCall("call_2", "weather", '{"place": "Lisbon", "unit": "kelvin"}'),
    ToolCall("call_3", "book", '{"guests": ["Ada", "Grace"]}'),
    ToolCall(
        "call_4", "![x](http://127.0.0.1:9/beacon) :red[x]", '{"a": "![x](http://127.0.0.1:9/b) $1$ \\ud800"}'
    ),
    ToolCall("", "shout", '{"text": "hello"}'),
)
FUNCTIONS = (Function("shout", "({ text }) => text.toUpperCase()"),)
OFFERED = (*(sample.tool for sample in SAMPLE_TOOLS), *read_tools(NESTED))
state = st.session_state


def use_tools(tools: tuple[Tool, ...]) -> None:
    state["tools"] = tools


def use_functions(functions: tuple[Function, ...]) -> None:
    state["functions"] = functions


def send(results: tuple[str, ...]) -> None:
    state["results"] = results


@st.dialog("Tools and functions", width="large")
def edit(tools: tuple[Tool, ...]) -> None:
    """Draw the editors in a dialog, as the chat page does: a dialog keeps the arguments that it was opened with."""
    tool_editor.draw_tool_editor("editor", tools, use_tools)
    st.divider()
    function_editor.draw_function_editor(
        "functions-editor", state.get("functions", ()), use_functions, state.get("tools", ())
    )


match st.query_params.get("show"):
    case "calls":
        which = [int(number) for number in st.query_params.get("which", "0,1,2,3").split(",")]
        calls = [CALLS[number] for number in which]
        tool_call_cards.draw_auto_run_switch(
            "auto", state.get("auto-on", False), lambda on: state.update({"auto-on": on})
        )
        given = state.get("results")
        if state.get("auto-on") and given is None and (ready := answer_calls(calls, OFFERED)) is not None:
            given = state["results"] = ready
        tool_call_cards.draw_calls(
            calls,
            Messages((), tools=OFFERED, functions=FUNCTIONS),
            "calls",
            given or [None] * len(calls),
            None if given else send,
            auto=state.get("auto-on", False),
        )
        if given:
            st.code(json.dumps(given), language=None)
    case "dialog":
        st.button("Edit", on_click=lambda: state.update(open=True))
        if state.pop("open", False):
            edit(state.get("tools", ()))
    case "functions":
        function_editor.draw_function_editor(
            "functions-editor", state.get("functions", ()), use_functions, OFFERED
        )
    case _:
        st.button("Elsewhere", key="elsewhere", on_click=use_tools, args=(OFFERED[:1],))
        tool_editor.draw_tool_editor("editor", state.get("tools", ()), use_tools)
st.caption(tool_editor.summarise_tools(state.get("tools", ()), state.get("functions", ())))
with st.container(key="in-use"):
    st.code(write_tools(state.get("tools", ())), language=None)
    st.code(
        json.dumps([vars(function) for function in state.get("functions", ())], ensure_ascii=False, indent=2),
        language=None,
    )
st.chat_input("Message the model")
