"""Choices: what a request carries beside its parameters: the form of its input, JSON mode, tools, an adapter."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import streamlit as st

from lib.adapter import Adapter
from lib.conflict import FORM, FORMAT, LORA, RAW, STREAM, TOOLS, Conflict
from lib.errors import PaddockError
from lib.features import Features, Form, Function, ResponseFormat, Tool
from lib.schema_form import samples, summary
from lib.ui import echo, function_editor, mend, schema, tool_call, tool_editor
from lib.ui.registry import registry
from lib.ui.tab import SYSTEM, Tab

_FORMS = {Form.MESSAGES: "Messages", Form.PROMPT: "Prompt"}
TEXT, OBJECT, SCHEMA = "Text", "JSON", "JSON schema"
_KEPT_SCHEMA = "schema-kept"  # in the session's state: it comes back when JSON schema is chosen again
_ADAPTERS, _FRESH = "adapters", 30.0  # seconds for which the list of adapters is taken as it was
AUTO = "auto-tools"


def draw(tab: Tab, found: Sequence[Conflict], *, busy: bool) -> None:
    """The controls. ``busy``: an answer is coming, so no dialog can be worked in."""
    chosen = tab.chat.settings.features
    echo.follow("choose-form", chosen.form)
    # What is set is the default too, with which a control starts that the browser draws late: see controls.py.
    st.segmented_control(
        "Input form", list(_FORMS), default=chosen.form, format_func=_FORMS.__getitem__, key="choose-form",
        required=True, width="stretch", on_change=_put, args=(tab, "form", "choose-form"),
        help="Messages: the whole conversation is sent. Prompt: one text alone, which is also the form that takes a "
        "LoRA adapter.",
    )  # fmt: skip
    mend.draw(tab, found, FORM)
    if chosen.form is Form.MESSAGES:
        # Kept while the prompt form has no such box: without that, its coming back counts as a change to no text.
        echo.follow(SYSTEM, tab.chat.conversation.system)
        st.text_area(
            "System prompt", tab.chat.conversation.system, key=SYSTEM, height=90,
            placeholder="Who the model should be, and how it should answer",
            on_change=tab.keep_system, help="Sent first, with every message.", persist_state="session",
        )  # fmt: skip
    _format(tab, chosen, found, busy=busy)
    if chosen.form is Form.MESSAGES:
        _tools(tab, chosen, busy=busy)
    mend.draw(tab, found, TOOLS)
    if chosen.form is Form.PROMPT:
        _lora(tab, chosen)
    mend.draw(tab, found, LORA)
    with st.container(horizontal=True, gap="medium"):
        _toggle(
            tab, "Stream", "stream", chosen.stream, "The answer comes as it is written; off: in one piece."
        )
        _toggle(
            tab, "Raw", "raw", chosen.raw,
            "No chat template is applied: the text is what the model goes on from, special tokens and all.",
        )  # fmt: skip
    mend.draw(tab, found, STREAM)
    mend.draw(tab, found, RAW)


def _put(tab: Tab, name: str, key: str) -> None:
    if (value := st.session_state[key]) is not None and not echo.is_echo(key):
        tab.choose(**{name: value})


def _toggle(tab: Tab, name: str, field: str, on: bool, help: str) -> None:
    key = f"choose-{field}"
    echo.follow(key, on)
    st.toggle(name, on, key=key, on_change=_put, args=(tab, field, key), help=help)


def _format(tab: Tab, chosen: Features, found: Sequence[Conflict], *, busy: bool) -> None:
    format = chosen.response_format
    now = TEXT if format is None else OBJECT if format.schema is None else SCHEMA
    echo.follow("choose-format", now)
    st.segmented_control(
        "Answer", (TEXT, OBJECT, SCHEMA), default=now, key="choose-format", required=True,
        width="stretch", on_change=_reformat, args=(tab,),
        help="JSON mode: the answer is a JSON object, or one that keeps to a JSON Schema. It is checked here too.",
    )  # fmt: skip
    if format is not None and format.schema is not None:
        st.session_state[_KEPT_SCHEMA] = format.schema
        _line(
            summary(format.schema), "Edit schema", ":material/schema:", lambda: _schema_dialog(tab), busy=busy
        )
    mend.draw(tab, found, FORMAT)


def _reformat(tab: Tab) -> None:
    if echo.is_echo("choose-format"):
        return
    match st.session_state["choose-format"]:
        case None:
            return
        case "JSON":
            tab.choose(response_format=ResponseFormat())
        case "JSON schema":
            kept = st.session_state.get(_KEPT_SCHEMA) or samples()[0].schema
            tab.choose(response_format=ResponseFormat(kept))
        case _:
            tab.choose(response_format=None)


def _line(said: str, name: str, icon: str, dialog: Callable[[], None], *, busy: bool) -> None:
    """What is chosen in a few words, and the button that opens its editor."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small", wrap=False):
        st.caption(said, width="stretch")
        if st.button(name, key=f"open-{name.lower().replace(' ', '-')}", type="tertiary", icon=icon):
            if busy:  # a dialog's own controls wait for the end of the stream
                st.toast(
                    "An answer is coming: open the editor once it has ended.", icon=":material/hourglass:"
                )
            else:
                dialog()


@st.dialog("JSON schema", width="medium", icon=":material/schema:", on_dismiss="rerun")
def _schema_dialog(tab: Tab) -> None:
    st.caption("What the answer must look like. Every change counts from the next send.")
    format = tab.chat.settings.features.response_format
    text = format.schema if format is not None and format.schema is not None else samples()[0].schema
    schema.draw(f"schema-{tab.chat.id}", text, lambda new: tab.choose(response_format=ResponseFormat(new)))


def _tools(tab: Tab, chosen: Features, *, busy: bool) -> None:
    _line(
        tool_editor.summary(chosen.tools, chosen.functions), "Edit tools", ":material/build:",
        lambda: _tools_dialog(tab), busy=busy,
    )  # fmt: skip
    if chosen.tools:
        tool_call.auto_switch("choose-auto", tab.auto, tab.set_auto)


@st.dialog("Tools and functions", width="medium", icon=":material/build:", on_dismiss="rerun")
def _tools_dialog(tab: Tab) -> None:
    def take_tools(tools: tuple[Tool, ...]) -> None:
        tab.choose(tools=tools)

    def take_functions(functions: tuple[Function, ...]) -> None:
        tab.choose(functions=functions)

    tools, functions = st.tabs(["Tools", "Functions"])
    chosen = tab.chat.settings.features
    with tools:
        tool_editor.draw(f"tools-{tab.chat.id}", chosen.tools, take_tools)
    with functions:
        function_editor.draw(f"functions-{tab.chat.id}", chosen.functions, take_functions, chosen.tools)


def _lora(tab: Tab, chosen: Features) -> None:
    listed, problem = _adapters(tab)
    about = {one.name: one for one in listed}
    names = list(dict.fromkeys([*about, *([chosen.lora] if chosen.lora else [])]))
    echo.follow("choose-lora", chosen.lora or None)
    st.selectbox(
        "LoRA adapter", names, index=names.index(chosen.lora) if chosen.lora else None, key="choose-lora",
        placeholder="None: choose one, or type a name",
        accept_new_options=True, on_change=_choose_lora, args=(tab,),
        help="Fine-tunes the model for this request. The account's own and the public ones are listed; any name or "
        "id can be typed.",
    )  # fmt: skip
    if (one := about.get(chosen.lora)) is not None:
        st.caption(f"{'Public' if one.public else 'Yours'}. {one.description}".strip())
    elif chosen.lora and problem is None:
        st.caption("Not in the list: it is sent as it is.")
    if problem is not None:
        st.caption(f":material/warning: The list of adapters cannot be had: {problem.title}.")


def _choose_lora(tab: Tab) -> None:
    if not echo.is_echo("choose-lora"):
        tab.choose(lora=(st.session_state["choose-lora"] or "").strip())


def _adapters(tab: Tab) -> tuple[tuple[Adapter, ...], PaddockError | None]:
    """The list as it was a moment ago, else asked for anew; and why it cannot be had."""
    if tab.backend is None:
        return (), None
    place = (tab.backend.base_url, tab.backend.account_id)
    known = st.session_state.get(_ADAPTERS)
    if known is not None and known[0] == place and time.monotonic() < known[1]:
        listed, problem = known[2], known[3]
    else:
        listed, problem = (), None
        try:
            listed = registry().client.adapters(tab.backend)
        except PaddockError as error:
            problem = error
        st.session_state[_ADAPTERS] = (place, time.monotonic() + _FRESH, listed, problem)
    return listed, problem
