"""Controls for the parameters that only the model's own schema explains, folded under “More”."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import streamlit as st

from lib.chat.chat_session import ChatSession
from lib.model.model_record import Parameter, format_value
from lib.model.schema_alternatives import Scalar
from lib.model.schema_reader import PROMPT
from lib.model.settings import Setting
from lib.ui.settings.chat_actions import ChatActions
from lib.ui.settings.parameter_controls import draw_number
from lib.ui.widgets.bound import Bound, bind, draw_selectbox
from lib.ui.widgets.safe_markdown import escape_markdown

# The options that other models have, by the property of a request, in words.
_FEATURES = {
    PROMPT: "single prompts",
    "response_format": "JSON answers",
    "tools": "tools",
    "functions": "functions",
    "lora": "adapters",
    "raw": "prompts without a template",
}


def draw_other_parameters(actions: ChatActions) -> None:
    """Draw the controls and, below them, what the model documents and Paddock does not offer."""
    model, settings = actions.chat.model, actions.chat.settings
    others = [parameter for parameter in model.parameters if not parameter.is_usual]
    if others:
        sent = sum(settings[parameter.name].is_sent for parameter in others)
        label = f"More: {len(others)}" + (f", {sent} in use" if sent else "")
        with st.expander(label, key=actions.key("more-parameters"), type="compact"):
            for parameter in others:
                draw_parameter(actions, parameter, parameter.label)
    if missing := [label for name, label in _FEATURES.items() if not model.takes(name)]:
        st.caption(f"This model has no {', '.join(missing)}.")
    if not model.parameters and model.is_known:
        st.caption("The service documents no settings for this model.")
    if model.omitted:
        # The name is empty if the whole schema is meant.
        lines = [
            f"- {escape_markdown(item.name)}: {item.reason}" if item.name else f"- {item.reason.capitalize()}"
            for item in model.omitted
        ]
        with st.expander(
            f"Not offered: {len(model.omitted)}", key=actions.key("omitted-parameters"), type="compact"
        ):
            st.caption("The model documents these too:\n\n" + "\n".join(lines))


def draw_parameter(actions: ChatActions, parameter: Parameter, label: str) -> None:
    """Draw the controls of a number, a choice or a switch, which the chat's settings have."""
    if parameter.is_number:
        draw_number(actions, parameter, label)
    else:
        _draw_choice(actions, parameter, label, actions.chat.settings[parameter.name])


def _draw_choice(actions: ChatActions, parameter: Parameter, label: str, setting: Setting) -> None:
    """Draw a box with the values of a choice or a switch, and one that sends none."""
    values: Sequence[Scalar] = parameter.choices or (True, False)
    default = parameter.default
    unset = "Not sent" if default is None else f"Not sent (default: {format_value(default)})"
    value: Any = setting.value if setting.is_sent else None
    bound: Bound[Any] = bind(
        actions.key(f"other-{parameter.name}"), value, partial(_change, actions.chat, parameter)
    )
    draw_selectbox(
        escape_markdown(label),
        [None, *values],
        bound,
        placeholder=unset,
        format_func=lambda value: unset if value is None else format_value(value),
        help=f"{escape_markdown(parameter.help)}\n\n`{parameter.name}`".strip(),
    )


def _change(chat: ChatSession, parameter: Parameter, value: Scalar | None) -> None:
    """Send that value from the next send on; None: none."""
    if value is None:
        old = chat.settings[parameter.name]
        chat.change_settings(lambda settings: settings.with_setting(replace(old, is_sent=False)))
    else:
        chat.change_settings(
            lambda settings: settings.with_value(parameter.name, parameter.cast_value(value))
        )
