"""The options of a request: form of the input, system prompt, JSON mode, tools, LoRA adapter, stream and raw."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Any

import streamlit as st

from lib.api.lora_adapters import LoraAdapter
from lib.errors import PaddockError
from lib.jsonkit.schema_form import (
    field_names,
    sample_schemas,
    summarize_schema,
    with_field_names,
)
from lib.model.request_options import Features, InputForm, ResponseFormat
from lib.model.schema_reader import PROMPT
from lib.preflight.conflicts import FORM, FORMAT, LORA, RAW, STREAM, TOOLS, Conflict
from lib.ui.answer import tool_call_cards
from lib.ui.editors import function_editor, schema_editor, tool_editor
from lib.ui.settings import conflict_fix
from lib.ui.settings.chat_actions import SYSTEM_KEY, ChatActions
from lib.ui.shell.registry import registry
from lib.ui.widgets.action_button import draw_action_button
from lib.ui.widgets.bound import Bound, bind, draw_choice, draw_selectbox
from lib.ui.widgets.safe_markdown import escape_markdown
from lib.ui.widgets.short_text import count_of

_FORMS = {InputForm.MESSAGES: "Conversation", InputForm.PROMPT: "Single prompt"}
# In the session's state: the schema that comes back when JSON schema is chosen again, and the list of adapters.
_KEPT_SCHEMA, _ADAPTERS = "schema-kept", "adapters"
_ADAPTERS_SECONDS = 30.0  # for which the list of adapters is kept


class AnswerFormat(StrEnum):
    """The choices of the answer's form; the values are the labels on the page."""

    TEXT = "Text"
    OBJECT = "JSON"
    SCHEMA = "JSON with fields"


def draw_options(
    actions: ChatActions, conflicts: Sequence[Conflict], *, busy: bool, many: bool = False
) -> None:
    """Draw the controls. ``busy``: an answer streams, so no dialog can be opened.

    ``many``: the options are an experiment's, which has its own system prompts, never streams and answers no calls.
    """
    draw_prompt(actions, conflicts, many=many)
    draw_format(actions, conflicts, busy=busy)
    draw_tools(actions, conflicts, busy=busy, many=many)
    draw_switches(actions, conflicts, many=many)


def draw_prompt(actions: ChatActions, conflicts: Sequence[Conflict], *, many: bool = False) -> None:
    """Draw how to ask, if the model takes both, and, except for an experiment, the system prompt."""
    if actions.chat.model.takes(PROMPT):
        draw_choice(
            "How to ask",
            list(_FORMS),
            _bind_option(actions, "form"),
            format_func=_FORMS.__getitem__,
            width="stretch",
            help="Conversation: the model reads the whole conversation each time. Single prompt: it reads one text "
            "only. Adapters (LoRA) work with a single prompt.",
        )
    conflict_fix.draw_conflicts(actions, conflicts, FORM)
    if not many:
        draw_system_prompt(actions)


def draw_system_prompt(actions: ChatActions) -> None:
    """Draw the box of the system prompt, which a conversation has."""
    if actions.chat.settings.features.form is not InputForm.MESSAGES:
        return
    system = bind(actions.key(SYSTEM_KEY), actions.chat.conversation.system, actions.chat.set_system)
    st.text_area(
        "System prompt",
        height=90,
        placeholder="Who the model should be, and how it should answer",
        help="Instructions that the model reads before every message.",
        **system.arguments(),
    )


def draw_tools(
    actions: ChatActions, conflicts: Sequence[Conflict], *, busy: bool, many: bool = False
) -> None:
    """Draw the tools of a conversation, or the adapter of a single prompt."""
    chosen, model = actions.chat.settings.features, actions.chat.model
    if chosen.form is InputForm.MESSAGES and (model.takes("tools") or model.takes("functions")):
        _tools(actions, chosen, busy=busy, many=many)
    conflict_fix.draw_conflicts(actions, conflicts, TOOLS)
    if chosen.form is InputForm.PROMPT and model.takes("lora"):
        _lora(actions, chosen)
    conflict_fix.draw_conflicts(actions, conflicts, LORA)


def draw_switches(actions: ChatActions, conflicts: Sequence[Conflict], *, many: bool = False) -> None:
    """Draw the switches of streaming, of the template and of waiting."""
    model = actions.chat.model
    with st.container(horizontal=True, gap="small"):
        if not many and model.takes("stream"):
            st.toggle(
                "Stream",
                help="The answer appears while it is being written. Off: it appears when it is complete.",
                **_bind_option(actions, "stream").arguments(),
            )
        if model.takes("raw"):
            st.toggle(
                "No template",
                help="For experts: the model continues exactly the text that you type, without its chat format.",
                **_bind_option(actions, "raw").arguments(),
            )
        st.toggle(
            "Refuse if busy",
            help="If the service has no room at the moment, it says so at once (code 3040). Off: your message waits.",
            **_bind_option(actions, "reject_if_busy").arguments(),
        )
    if not many:
        conflict_fix.draw_conflicts(actions, conflicts, STREAM)
    conflict_fix.draw_conflicts(actions, conflicts, RAW)


def _bind_option(actions: ChatActions, name: str) -> Bound[Any]:
    def change(value: Any) -> None:
        if (
            value is not None
        ):  # a control that the browser has not drawn yet may report that nothing is chosen
            actions.change_options(**{name: value})

    return bind(actions.key(f"choose-{name}"), getattr(actions.chat.settings.features, name), change)


def draw_format(actions: ChatActions, conflicts: Sequence[Conflict], *, busy: bool) -> None:
    """Draw the form of the answer, and the fields of a JSON answer, if the model has JSON mode."""
    if not actions.chat.model.takes("response_format"):
        return
    format = actions.chat.settings.features.response_format
    now = AnswerFormat.TEXT
    if format is not None:
        now = AnswerFormat.OBJECT if format.schema is None else AnswerFormat.SCHEMA
    answer = bind(actions.key("choose-format"), now, lambda value: _reformat(actions, value))
    draw_choice(
        "Form of the answer",
        tuple(AnswerFormat),
        answer,
        width="stretch",
        help="Text: as usual. JSON: data for a program, with fields that the model chooses. JSON with fields: "
        "you choose the fields. Paddock checks the answer.",
    )
    if format is not None and format.schema is not None:
        st.session_state[actions.key(_KEPT_SCHEMA)] = format.schema
        if (names := field_names(format.schema)) is not None:
            _draw_field_names(actions, format.schema, names)
        # The box above names them already.
        summary = summarize_schema(format.schema) if names is None else count_of(len(names), "field")
        _line(actions, summary, "Edit fields", "edit-schema", ":material/schema:", _schema_dialog, busy=busy)
    conflict_fix.draw_conflicts(actions, conflicts, FORMAT)


def _draw_field_names(actions: ChatActions, schema: str, names: Sequence[str]) -> None:
    """Draw a box with the names of the answer's fields; the editor has their types and meanings."""

    def change(typed: str) -> None:
        new = [name for part in typed.split(",") if (name := " ".join(part.split()))]
        actions.change_options(response_format=ResponseFormat(with_field_names(schema, new)))

    box = bind(actions.key("choose-fields"), ", ".join(names), change)
    st.text_input(
        "Fields of the answer",
        placeholder="name, age, city",
        help="Names with commas between them. A new field is a text that must be there; “Edit fields” changes that.",
        **box.arguments(),
    )


def _reformat(actions: ChatActions, value: AnswerFormat | None) -> None:
    match value:
        case None:
            return  # no choice, as above
        case AnswerFormat.OBJECT:
            actions.change_options(response_format=ResponseFormat())
        case AnswerFormat.SCHEMA:
            kept = st.session_state.get(actions.key(_KEPT_SCHEMA)) or sample_schemas()[0].schema
            actions.change_options(response_format=ResponseFormat(kept))
        case AnswerFormat.TEXT:
            actions.change_options(response_format=None)


def _line(
    actions: ChatActions,
    text: str,
    label: str,
    name: str,
    icon: str,
    dialog: Callable[[ChatActions], None],
    *,
    busy: bool,
) -> None:
    """Draw a short text about the choice, and the button that opens its editor in a dialog."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small", wrap=False):
        st.caption(text, width="stretch")
        if draw_action_button(label, key=actions.key(f"open-{name}"), type="tertiary", icon=icon):
            if busy:  # the controls of a dialog would wait for the end of the stream
                st.toast(
                    "Wait until the answer has ended, then open the editor.", icon=":material/hourglass:"
                )
            else:
                dialog(actions)


@st.dialog("Fields of the answer", width="medium", icon=":material/schema:", on_dismiss="rerun")
def _schema_dialog(actions: ChatActions) -> None:
    st.caption("What the answer must contain. Changes apply to your next message.")
    format = actions.chat.settings.features.response_format
    text = format.schema if format is not None and format.schema is not None else sample_schemas()[0].schema
    schema_editor.draw_schema_editor(
        f"schema-{actions.chat.id}",
        text,
        lambda new: actions.change_options(response_format=ResponseFormat(new)),
    )
    _draw_done("schema-done")


def _draw_done(key: str) -> None:
    """Draw the button that closes a dialog. Its changes are in use already."""
    if draw_action_button("Done", key=key, type="primary"):
        st.rerun()


def _tools(actions: ChatActions, chosen: Features, *, busy: bool, many: bool) -> None:
    summary = tool_editor.summarise_tools(chosen.tools, chosen.functions)
    _line(actions, summary, "Edit tools", "edit-tools", ":material/build:", _tools_dialog, busy=busy)
    if chosen.tools and not many:
        tool_call_cards.draw_auto_run_switch(
            actions.key("choose-auto"), actions.runs_sample_tools, actions.set_runs_sample_tools
        )


@st.dialog("Tools and functions", width="medium", icon=":material/build:", on_dismiss="rerun")
def _tools_dialog(actions: ChatActions) -> None:
    tools, functions = st.tabs(["Tools", "Functions"])
    chosen = actions.chat.settings.features
    with tools:
        tool_editor.draw_tool_editor(
            f"tools-{actions.chat.id}", chosen.tools, lambda new: actions.change_options(tools=new)
        )
    with functions:
        function_editor.draw_function_editor(
            f"functions-{actions.chat.id}",
            chosen.functions,
            lambda new: actions.change_options(functions=new),
            chosen.tools,
        )
    _draw_done("tools-done")


def _lora(actions: ChatActions, chosen: Features) -> None:
    listed, problem = _adapters(actions)
    model = actions.chat.model.id
    # One name may stand in the list for several models. Those of this one come first.
    by_name: dict[str, LoraAdapter] = {}
    for adapter in sorted(listed, key=lambda adapter: adapter.model != model):
        by_name.setdefault(adapter.name, adapter)
    names = list(dict.fromkeys([*by_name, *([chosen.lora] if chosen.lora else [])]))
    box = bind(
        actions.key("choose-lora"),
        chosen.lora or None,
        lambda value: actions.change_options(lora=(value or "").strip()),
    )
    draw_selectbox(
        "Adapter (LoRA)",
        names,
        box,
        placeholder="None. Choose one, or type a name",
        accept_new_options=True,
        help="Changes how the model writes, such as its style. The list has your account's adapters and the public "
        "ones; you can also type a name or ID.",
    )
    if (shown := by_name.get(chosen.lora)) is not None:
        other = f"Made for {escape_markdown(shown.model)}." if shown.model not in ("", model) else ""
        whose = "Public" if shown.is_public else "Yours"
        st.caption(" ".join(filter(None, (f"{whose}.", shown.description, other))))
    elif chosen.lora and problem is None:
        st.caption("Not in the list. The name is sent as you typed it.")
    if problem is not None:
        st.caption(f":material/warning: The list of adapters cannot be loaded: {problem.title}.")


def _adapters(actions: ChatActions) -> tuple[tuple[LoraAdapter, ...], PaddockError | None]:
    """Return the adapters of the backend, cached for a while, and the error if they cannot be listed."""
    if actions.backend is None:
        return (), None
    account = (actions.backend.base_url, actions.backend.account_id)
    cached = st.session_state.get(_ADAPTERS)
    if cached is None or cached[0] != account or time.monotonic() >= cached[1]:
        listed: tuple[LoraAdapter, ...] = ()
        problem: PaddockError | None = None
        try:
            listed = registry().client.list_adapters(actions.backend)
        except PaddockError as error:
            problem = error
        cached = (account, time.monotonic() + _ADAPTERS_SECONDS, listed, problem)
        st.session_state[_ADAPTERS] = cached
    return cached[2], cached[3]
