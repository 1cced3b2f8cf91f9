"""Choices: what a request carries beside its parameters: the form of its input, JSON mode, tools, an adapter."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import streamlit as st

from lib.api.lora_adapters import LoraAdapter
from lib.errors import PaddockError
from lib.jsonkit.schema_form import sample_schemas, summarize_schema
from lib.model.request_options import Features, Function, InputForm, ResponseFormat, Tool
from lib.preflight.conflicts import FORM, FORMAT, LORA, RAW, STREAM, TOOLS, Conflict
from lib.ui.answer import tool_call_cards
from lib.ui.editors import function_editor, schema_editor, tool_editor
from lib.ui.settings import conflict_fix
from lib.ui.settings.chat_actions import SYSTEM_KEY, ChatActions
from lib.ui.shell.registry import registry
from lib.ui.widgets import echo

_FORMS = {InputForm.MESSAGES: "Messages", InputForm.PROMPT: "Prompt"}
TEXT, OBJECT, SCHEMA = "Text", "JSON", "JSON schema"
_KEPT_SCHEMA = "schema-kept"  # in the session's state: it comes back when JSON schema is chosen again
_ADAPTERS, _FRESH = "adapters", 30.0  # seconds for which the list of adapters is taken as it was


def draw_options(panel: ChatActions, found: Sequence[Conflict], *, busy: bool, many: bool = False) -> None:
    """The controls. ``busy``: an answer is coming, so no dialog can be worked in.

    ``many``: of an experiment, which has its own system prompts, streams nothing and answers no calls.
    """
    chosen = panel.chat.settings.features
    form, system = panel.key("choose-form"), panel.key(SYSTEM_KEY)
    echo.follow(form, chosen.form)
    # What is set is the default too, with which a control starts that the browser draws late: see controls.py.
    st.segmented_control(
        "Input form",
        list(_FORMS),
        default=chosen.form,
        format_func=_FORMS.__getitem__,
        key=form,
        required=True,
        width="stretch",
        on_change=_put,
        args=(panel, "form", form),
        help="Messages: the whole conversation is sent. Prompt: one text alone, which is also the form that takes a "
        "LoRA adapter.",
    )
    conflict_fix.draw_conflicts(panel, found, FORM)
    if chosen.form is InputForm.MESSAGES and not many:
        # Kept while the prompt form has no such box: without that, its coming back counts as a change to no text.
        echo.follow(system, panel.chat.conversation.system)
        st.text_area(
            "System prompt",
            panel.chat.conversation.system,
            key=system,
            height=90,
            placeholder="Who the model should be, and how it should answer",
            on_change=panel.save_system_prompt,
            help="Sent first, with every message.",
            persist_state="session",
        )
    _format(panel, chosen, found, busy=busy)
    if chosen.form is InputForm.MESSAGES:
        _tools(panel, chosen, busy=busy, many=many)
    conflict_fix.draw_conflicts(panel, found, TOOLS)
    if chosen.form is InputForm.PROMPT:
        _lora(panel, chosen)
    conflict_fix.draw_conflicts(panel, found, LORA)
    with st.container(horizontal=True, gap="medium"):
        if not many:
            _toggle(
                panel,
                "Stream",
                "stream",
                chosen.stream,
                "The answer comes as it is written; off: in one piece.",
            )
        _toggle(
            panel,
            "Raw",
            "raw",
            chosen.raw,
            "No chat template is applied: the text is what the model goes on from, special tokens and all.",
        )
    if not many:
        conflict_fix.draw_conflicts(panel, found, STREAM)
    conflict_fix.draw_conflicts(panel, found, RAW)


def _put(panel: ChatActions, name: str, key: str) -> None:
    """Nothing at all is no choice: a control that the browser has not drawn yet may report it."""
    if (value := st.session_state[key]) is not None and not echo.is_echo(key):
        panel.change_options(**{name: value})


def _toggle(panel: ChatActions, name: str, field: str, on: bool, help: str) -> None:
    key = panel.key(f"choose-{field}")
    echo.follow(key, on)
    st.toggle(name, on, key=key, on_change=_put, args=(panel, field, key), help=help)


def _format(panel: ChatActions, chosen: Features, found: Sequence[Conflict], *, busy: bool) -> None:
    format = chosen.response_format
    now = TEXT if format is None else OBJECT if format.schema is None else SCHEMA
    echo.follow(panel.key("choose-format"), now)
    st.segmented_control(
        "Answer",
        (TEXT, OBJECT, SCHEMA),
        default=now,
        key=panel.key("choose-format"),
        required=True,
        width="stretch",
        on_change=_reformat,
        args=(panel,),
        help="JSON mode: the answer is a JSON object, or one that keeps to a JSON Schema. It is checked here too.",
    )
    if format is not None and format.schema is not None:
        st.session_state[panel.key(_KEPT_SCHEMA)] = format.schema
        _line(
            panel,
            summarize_schema(format.schema),
            "Edit schema",
            ":material/schema:",
            lambda: _schema_dialog(panel),
            busy=busy,
        )
    conflict_fix.draw_conflicts(panel, found, FORMAT)


def _reformat(panel: ChatActions) -> None:
    key = panel.key("choose-format")
    if echo.is_echo(key):
        return
    match st.session_state[key]:
        case None:
            return  # no choice, as above
        case "JSON":
            panel.change_options(response_format=ResponseFormat())
        case "JSON schema":
            kept = st.session_state.get(panel.key(_KEPT_SCHEMA)) or sample_schemas()[0].schema
            panel.change_options(response_format=ResponseFormat(kept))
        case _:
            panel.change_options(response_format=None)


def _line(
    panel: ChatActions, said: str, name: str, icon: str, dialog: Callable[[], None], *, busy: bool
) -> None:
    """What is chosen in a few words, and the button that opens its editor."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small", wrap=False):
        st.caption(said, width="stretch")
        if st.button(
            name, key=panel.key(f"open-{name.lower().replace(' ', '-')}"), type="tertiary", icon=icon
        ):
            if busy:  # a dialog's own controls wait for the end of the stream
                st.toast(
                    "An answer is coming: open the editor once it has ended.", icon=":material/hourglass:"
                )
            else:
                dialog()


@st.dialog("JSON schema", width="medium", icon=":material/schema:", on_dismiss="rerun")
def _schema_dialog(panel: ChatActions) -> None:
    st.caption("What the answer must look like. Every change counts from the next send.")
    format = panel.chat.settings.features.response_format
    text = format.schema if format is not None and format.schema is not None else sample_schemas()[0].schema
    schema_editor.draw_schema_editor(
        f"schema-{panel.chat.id}", text, lambda new: panel.change_options(response_format=ResponseFormat(new))
    )


def _tools(panel: ChatActions, chosen: Features, *, busy: bool, many: bool) -> None:
    _line(
        panel,
        tool_editor.summarise_tools(chosen.tools, chosen.functions),
        "Edit tools",
        ":material/build:",
        lambda: _tools_dialog(panel),
        busy=busy,
    )
    if chosen.tools and not many:
        tool_call_cards.draw_auto_run_switch(
            panel.key("choose-auto"), panel.runs_sample_tools, panel.set_runs_sample_tools
        )


@st.dialog("Tools and functions", width="medium", icon=":material/build:", on_dismiss="rerun")
def _tools_dialog(panel: ChatActions) -> None:
    def take_tools(tools: tuple[Tool, ...]) -> None:
        panel.change_options(tools=tools)

    def take_functions(functions: tuple[Function, ...]) -> None:
        panel.change_options(functions=functions)

    tools, functions = st.tabs(["Tools", "Functions"])
    chosen = panel.chat.settings.features
    with tools:
        tool_editor.draw_tool_editor(f"tools-{panel.chat.id}", chosen.tools, take_tools)
    with functions:
        function_editor.draw_function_editor(
            f"functions-{panel.chat.id}", chosen.functions, take_functions, chosen.tools
        )


def _lora(panel: ChatActions, chosen: Features) -> None:
    listed, problem = _adapters(panel)
    about = {one.name: one for one in listed}
    names = list(dict.fromkeys([*about, *([chosen.lora] if chosen.lora else [])]))
    key = panel.key("choose-lora")
    echo.follow(key, chosen.lora or None)
    st.selectbox(
        "LoRA adapter",
        names,
        index=names.index(chosen.lora) if chosen.lora else None,
        key=key,
        placeholder="None: choose one, or type a name",
        accept_new_options=True,
        on_change=_choose_lora,
        args=(panel,),
        help="Fine-tunes the model for this request. The account's own and the public ones are listed; any name or "
        "id can be typed.",
    )
    if (one := about.get(chosen.lora)) is not None:
        st.caption(f"{'Public' if one.is_public else 'Yours'}. {one.description}".strip())
    elif chosen.lora and problem is None:
        st.caption("Not in the list: it is sent as it is.")
    if problem is not None:
        st.caption(f":material/warning: The list of adapters cannot be had: {problem.title}.")


def _choose_lora(panel: ChatActions) -> None:
    key = panel.key("choose-lora")
    if not echo.is_echo(key):
        panel.change_options(lora=(st.session_state[key] or "").strip())


def _adapters(panel: ChatActions) -> tuple[tuple[LoraAdapter, ...], PaddockError | None]:
    """The list as it was a moment ago, else asked for anew; and why it cannot be had."""
    if panel.backend is None:
        return (), None
    place = (panel.backend.base_url, panel.backend.account_id)
    known = st.session_state.get(_ADAPTERS)
    if known is not None and known[0] == place and time.monotonic() < known[1]:
        listed, problem = known[2], known[3]
    else:
        listed, problem = (), None
        try:
            listed = registry().client.list_adapters(panel.backend)
        except PaddockError as error:
            problem = error
        st.session_state[_ADAPTERS] = (place, time.monotonic() + _FRESH, listed, problem)
    return listed, problem
