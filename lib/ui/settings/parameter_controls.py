"""Every sampling parameter of the model's record as a control, drawn by one loop."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import streamlit as st

from lib.chat.chat_session import ChatSession
from lib.model.model_record import Number, Parameter
from lib.model.settings import Setting, default_setting
from lib.ui.settings.chat_actions import ChatActions
from lib.ui.widgets import echo

# A seed is rolled among numbers that a person can read out.
_MAX_ROLLED_SEED = 999_999


def draw_parameters(panel: ChatActions, below: Callable[[str], None]) -> None:
    """The controls; what they are set to counts from the next send. ``below`` draws what is to be said of each.

    A parameter without a maximum is bounded by what is left of the context.
    """
    chat, room, window = panel.chat, panel.context_left, panel.context_window
    for parameter in chat.model.parameters:
        most, end = parameter.maximum, parameter.maximum
        if most is None or end is None:
            most, end = max(room, int(parameter.minimum)), window
        setting = chat.settings[parameter.name]
        if setting.value > most:  # the context has less room than before: what is shown is what is sent
            setting = replace(setting, value=parameter.cast(most))
            _put(chat, setting)
        with st.container(key=panel.key(f"parameter-{parameter.name}"), gap="xxsmall"):
            _draw_one(panel, parameter, setting, most, end)
            below(parameter.name)


def _draw_one(panel: ChatActions, parameter: Parameter, setting: Setting, most: Number, end: Number) -> None:
    chat, name = panel.chat, parameter.name
    # What is set is the default too: a control whose code the browser fetches late starts with its default, not with
    # what was put into an earlier drawing of it, and would report the least of its values as chosen.
    # A slider with another end is another widget, and for a moment the browser shows both: so it ends with the
    # window, which stays, and not with the room in it. What is set beyond the room is taken back when it is drawn.
    send, slide, number = (panel.key(f"{name}-{part}") for part in ("send", f"slide-{end}", "number"))
    echo.follow(send, setting.is_sent)
    echo.follow(slide, setting.value)
    echo.follow(number, setting.value)

    with st.container(horizontal=True, vertical_alignment="center", gap="small", wrap=False):
        st.toggle(
            parameter.label,
            setting.is_sent,
            key=send,
            help=_help(parameter),
            width="stretch",
            on_change=_switch,
            args=(chat, name, send),
        )
        if not setting.is_sent:
            st.caption("not sent", width="content")
            return
        if parameter.is_seed:
            st.button(
                "Roll",
                key=panel.key(f"{name}-roll"),
                type="tertiary",
                help="Another one, at random",
                on_click=_roll,
                args=(chat, parameter, int(most)),
            )
        start = default_setting(parameter)
        st.button(
            "Reset",
            key=panel.key(f"{name}-reset"),
            type="tertiary",
            help="Back to default" if start.is_sent else "Back to default: leave it to the model",
            disabled=setting == start,
            on_click=_put,
            args=(chat, start),
        )
    bounds: dict[str, Any] = {
        "label": parameter.label,
        "value": parameter.cast(setting.value),
        "min_value": parameter.cast(parameter.minimum),
        "step": parameter.cast(parameter.step),
        "format": "%d" if parameter.kind == "integer" else "%g",
        "on_change": _move,
        "label_visibility": "collapsed",
    }
    with st.container(horizontal=True, vertical_alignment="center", gap="small", wrap=False):
        st.slider(key=slide, max_value=parameter.cast(end), args=(chat, name, slide), **bounds)
        st.number_input(
            key=number, max_value=parameter.cast(most), args=(chat, name, number), width=108, **bounds
        )


def _help(parameter: Parameter) -> str:
    upper = "what the context window leaves" if parameter.maximum is None else f"{parameter.maximum:g}"
    if parameter.maximum is not None and parameter.kind == "integer":
        upper = f"{parameter.maximum:,}"
    documented = (
        f"default {parameter.default:g}" if parameter.default is not None else "no documented default"
    )
    return (
        f"{parameter.help}\n\n`{parameter.name}`: {parameter.minimum:g} to {upper}, {documented}. "
        "The switch sends it, or leaves it to the model."
    )


def _switch(chat: ChatSession, name: str, key: str) -> None:
    if not echo.is_echo(key):
        _put(chat, replace(chat.settings[name], is_sent=bool(st.session_state[key])))


def _move(chat: ChatSession, name: str, key: str) -> None:
    value = st.session_state[key]
    if value is not None and not echo.is_echo(key):
        number = chat.model.parameter(name).cast(value)
        chat.change_settings(lambda settings: settings.with_value(name, number))


def _roll(chat: ChatSession, parameter: Parameter, most: int) -> None:
    lowest = int(parameter.minimum)
    rolled = random.randint(lowest, min(most, _MAX_ROLLED_SEED))  # noqa: S311 (a seed for sampling, no secret)
    chat.change_settings(lambda settings: settings.with_value(parameter.name, rolled))


def _put(chat: ChatSession, setting: Setting) -> None:
    chat.change_settings(lambda settings: settings.with_setting(setting))
