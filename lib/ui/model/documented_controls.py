"""A control for each parameter that a model's schema documents. What is left empty is not sent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from lib.model.model_record import has_control, parameter_label
from lib.model.schema_alternatives import Scalar
from lib.model.schema_reader import DocumentedParameter, ParameterKind
from lib.ui.widgets.safe_markdown import escape_markdown

# A browser's numbers are exact up to here.
_MAX_EXACT = 2**53 - 1
_SWITCH = (True, False)


def draw_documented_controls(key: str, parameters: Sequence[DocumentedParameter]) -> dict[str, Scalar]:
    """Draw the controls, those without a known name folded under “More”; return the values that are set.

    ``key`` begins the key of each control.
    """
    usual = [parameter for parameter in parameters if has_control(parameter.name)]
    others = [parameter for parameter in parameters if not has_control(parameter.name)]
    values = _draw_grid(key, usual)
    if others:
        with st.expander(f"More: {len(others)}", key=f"{key}-more"):
            values |= _draw_grid(key, others)
    return values


def _draw_grid(key: str, parameters: Sequence[DocumentedParameter]) -> dict[str, Scalar]:
    values: dict[str, Scalar] = {}
    with st.container(horizontal=True, gap="small"):
        for parameter in parameters:
            value = _draw_control(f"{key}-{parameter.name}", parameter)
            if value is not None:
                values[parameter.name] = value
    return values


def _draw_control(key: str, parameter: DocumentedParameter) -> Scalar | None:
    label = escape_markdown(parameter_label(parameter.name))
    common: dict[str, Any] = {
        "key": key,
        "width": 212,  # three in a row
        "help": f"{escape_markdown(parameter.help)}\n\n`{parameter.name}`. Empty: not sent.".strip(),
    }
    match parameter.kind:
        case ParameterKind.CHOICE:
            choice: Scalar | None = st.selectbox(
                label, parameter.choices, index=None, placeholder=_placeholder(parameter), **common
            )
            return choice
        case ParameterKind.SWITCH:
            on: bool | None = st.selectbox(
                label,
                _SWITCH,
                index=None,
                format_func=lambda on: "On" if on else "Off",
                placeholder=_placeholder(parameter),
                **common,
            )
            return on
        case ParameterKind.INTEGER:
            whole: int | None = st.number_input(
                label,
                min_value=int(_limit(parameter.minimum, -_MAX_EXACT)),
                max_value=int(_limit(parameter.maximum, _MAX_EXACT)),
                value=None,
                step=1,
                placeholder=_placeholder(parameter),
                **common,
            )
            return whole
        case ParameterKind.NUMBER:
            number: float | None = st.number_input(
                label,
                min_value=float(_limit(parameter.minimum, -_MAX_EXACT)),
                max_value=float(_limit(parameter.maximum, _MAX_EXACT)),
                value=None,
                step=0.01,
                format="%g",
                placeholder=_placeholder(parameter),
                **common,
            )
            return number


def _limit(documented: int | float | None, otherwise: int) -> int | float:
    """Return the documented bound, moved to where a browser's numbers are exact."""
    return otherwise if documented is None else min(max(documented, -_MAX_EXACT), _MAX_EXACT)


def _placeholder(parameter: DocumentedParameter) -> str:
    match parameter.default:
        case None:
            return "Not sent"
        case bool() as default:
            return f"Default: {'on' if default else 'off'}"
        case int() | float() as default:
            return f"Default: {default:g}"
        case default:
            return f"Default: {default}"
