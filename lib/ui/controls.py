"""Every sampling parameter of the model's record as a control, drawn by one loop."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import streamlit as st

from lib.chat import Chat
from lib.model import Number, Parameter
from lib.settings import Setting, default

# A seed is rolled among numbers that a person can read out.
_MOST_ROLLED = 999_999


def draw(chat: Chat, room: int) -> None:
    """The controls; what they are set to counts from the next send. ``room``: tokens that the context leaves."""
    for parameter in chat.model.parameters:
        most = parameter.maximum if parameter.maximum is not None else max(room, int(parameter.minimum))
        setting = chat.settings[parameter.name]
        if setting.value > most:  # the context has less room than before: what is shown is what is sent
            setting = replace(setting, value=parameter.cast(most))
            chat.settings = chat.settings.put(setting)
        with st.container(key=f"parameter-{parameter.name}", gap="xxsmall"):
            _draw_one(chat, parameter, setting, most)


def _draw_one(chat: Chat, parameter: Parameter, setting: Setting, most: Number) -> None:
    name = parameter.name
    # A slider with another upper bound is another widget; under the same key the browser draws it at its lowest.
    send, slide, number = f"{name}-send", f"{name}-slide-{most}", f"{name}-number"
    for key, value in ((send, setting.sent), (slide, setting.value), (number, setting.value)):
        if st.session_state.get(key) != value:  # only what differs: a hand may be on the control
            st.session_state[key] = value

    with st.container(horizontal=True, vertical_alignment="center", gap="small", wrap=False):
        st.toggle(
            parameter.label, key=send, help=_help(parameter), width="stretch",
            on_change=_switch, args=(chat, name, send),
        )  # fmt: skip
        if not setting.sent:
            st.caption("not sent", width="content")
            return
        if parameter.rolls:
            st.button(
                "Roll", key=f"{name}-roll", type="tertiary", help="Another one, at random",
                on_click=_roll, args=(chat, parameter, int(most)),
            )  # fmt: skip
        start = default(parameter)
        st.button(
            "Reset", key=f"{name}-reset", type="tertiary",
            help="Back to default" if start.sent else "Back to default: leave it to the model",
            disabled=setting == start, on_click=_put, args=(chat, start),
        )  # fmt: skip
    bounds: dict[str, Any] = {
        "label": parameter.label,
        "min_value": parameter.cast(parameter.minimum),
        "max_value": parameter.cast(most),
        "step": parameter.cast(parameter.step),
        "format": "%d" if parameter.kind == "integer" else "%g",
        "on_change": _move,
        "label_visibility": "collapsed",
    }
    with st.container(horizontal=True, vertical_alignment="center", gap="small", wrap=False):
        if parameter.minimum < most:  # a slider needs two ends
            st.slider(key=slide, args=(chat, name, slide), **bounds)
        st.number_input(key=number, args=(chat, name, number), width=108, **bounds)


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


def _switch(chat: Chat, name: str, key: str) -> None:
    _put(chat, replace(chat.settings[name], sent=bool(st.session_state[key])))


def _move(chat: Chat, name: str, key: str) -> None:
    value = st.session_state[key]
    if value is not None:  # an emptied number box
        chat.settings = chat.settings.with_value(name, chat.model.parameter(name).cast(value))


def _roll(chat: Chat, parameter: Parameter, most: int) -> None:
    lowest = int(parameter.minimum)
    rolled = random.randint(lowest, min(most, _MOST_ROLLED))  # noqa: S311 (a seed for sampling, no secret)
    chat.settings = chat.settings.with_value(parameter.name, rolled)


def _put(chat: Chat, setting: Setting) -> None:
    chat.settings = chat.settings.put(setting)
