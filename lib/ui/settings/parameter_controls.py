"""A switch, a slider and a number box for each sampling parameter of the model's record."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import streamlit as st

from lib.chat.chat_session import ChatSession
from lib.model.model_record import MAX_EXACT_NUMBER, Number, Parameter, clamp_to_exact, format_value
from lib.model.schema_reader import ParameterKind
from lib.model.settings import Setting, default_setting
from lib.ui.settings.chat_actions import ChatActions
from lib.ui.widgets.bound import bind
from lib.ui.widgets.safe_markdown import escape_markdown

# A rolled seed is short enough to be read out.
_MAX_ROLLED_SEED = 999_999


def draw_parameters(actions: ChatActions, below: Callable[[str], None], *, is_simple: bool = False) -> None:
    """Draw the controls. ``below`` is called with the name of each parameter, to draw notes below its controls.

    ``is_simple``: only those that most people use, under plain names.

    Changes count from the next send. What is left of the context is the maximum of a length without another one.
    """
    # The few that most people use come first: the seed is in sight without scrolling.
    for parameter in sorted(actions.chat.model.parameters, key=lambda parameter: not parameter.simple_label):
        if parameter.is_usual and (parameter.simple_label or not is_simple):
            draw_number(actions, parameter, parameter.simple_label if is_simple else parameter.label, below)


def draw_number(
    actions: ChatActions, parameter: Parameter, label: str, below: Callable[[str], None] = lambda name: None
) -> None:
    """Draw the controls of one number; ``below`` as above."""
    settings = actions.chat.settings
    setting = settings[parameter.name]
    most, end = parameter.maximum, parameter.maximum
    if most is None and parameter.limits_output:
        room = actions.context_left
        setting = settings.capped(actions.chat.model, room)[parameter.name]  # as it is sent
        most, end = max(room, int(parameter.minimum)), actions.context_window
    elif most is None:
        most, end = MAX_EXACT_NUMBER, parameter.slider_end and max(parameter.slider_end, setting.number)
    most, end = clamp_to_exact(most), None if end is None else clamp_to_exact(end)
    with st.container(key=actions.key(f"parameter-{parameter.name}"), gap="xxsmall"):
        _draw_parameter(actions, parameter, label, setting, most, end)
        below(parameter.name)


def _draw_parameter(
    actions: ChatActions, parameter: Parameter, label: str, setting: Setting, most: Number, end: Number | None
) -> None:
    chat, name = actions.chat, parameter.name
    # A slider with another end is another control for Streamlit, and for a moment the browser shows both: so it ends
    # with the window, which stays, and not with what is left of it.
    send = bind(actions.key(f"{name}-send"), setting.is_sent, lambda on: _set_sent(chat, name, on))
    value = parameter.cast(clamp_to_exact(setting.number))
    slider = bind(actions.key(f"{name}-slide-{end}"), value, lambda value: _move(chat, parameter, value))
    number = bind(actions.key(f"{name}-number"), value, lambda value: _move(chat, parameter, value))

    with st.container(horizontal=True, vertical_alignment="center", gap="small", wrap=False):
        st.toggle(escape_markdown(label), help=_help(parameter), width="stretch", **send.arguments())
        if not setting.is_sent:
            st.caption("off", width="content")
            return
        if parameter.is_seed:
            st.button(
                "Random",
                key=actions.key(f"{name}-roll"),
                type="tertiary",
                help="Choose a seed at random",
                on_click=_roll_seed,
                args=(chat, parameter, int(most)),
            )
        start = default_setting(parameter)
        st.button(
            "Reset",
            key=actions.key(f"{name}-reset"),
            type="tertiary",
            help="Back to the default" if start.is_sent else "Back to the default: off",
            disabled=setting == start,
            on_click=_change_setting,
            args=(chat, start),
        )
    bounds: dict[str, Any] = {
        "label": label,
        "min_value": parameter.cast(clamp_to_exact(parameter.minimum)),
        "step": parameter.cast(parameter.step),
        "format": "%d" if parameter.kind is ParameterKind.INTEGER else "%g",
        "label_visibility": "collapsed",
    }
    with st.container(horizontal=True, vertical_alignment="center", gap="small", wrap=False):
        # Without bounds at both ends a slider is of no use.
        has_slider = end is not None and parameter.minimum > -MAX_EXACT_NUMBER
        if has_slider and end is not None:
            st.slider(max_value=parameter.cast(end), **bounds, **slider.arguments())
        width: Any = 108 if has_slider else "stretch"
        st.number_input(max_value=parameter.cast(most), width=width, **bounds, **number.arguments())


def _help(parameter: Parameter) -> str:
    documented = (
        "no documented default" if parameter.default is None else f"default {format_value(parameter.default)}"
    )
    quoted = f"Cloudflare's documentation: “{escape_markdown(parameter.help)}”" if parameter.help else ""
    about = "\n\n".join(filter(None, (parameter.about, quoted)))
    return (
        f"{about}\n\n"
        f"`{parameter.name}`: {parameter.bounds_text}, {documented}. Off: the model uses its own default."
    )


def _set_sent(chat: ChatSession, name: str, on: bool) -> None:
    _change_setting(chat, replace(chat.settings[name], is_sent=on))


def _move(chat: ChatSession, parameter: Parameter, value: Number | None) -> None:
    if value is not None:
        number = parameter.cast(value)
        chat.change_settings(lambda settings: settings.with_value(parameter.name, number))


def _roll_seed(chat: ChatSession, parameter: Parameter, most: int) -> None:
    lowest = int(parameter.minimum)
    rolled = random.randint(lowest, min(most, _MAX_ROLLED_SEED))  # noqa: S311 (a seed for sampling, no secret)
    chat.change_settings(lambda settings: settings.with_value(parameter.name, rolled))


def _change_setting(chat: ChatSession, setting: Setting) -> None:
    chat.change_settings(lambda settings: settings.with_setting(setting))
