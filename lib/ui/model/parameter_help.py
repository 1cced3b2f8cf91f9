"""The help on each parameter: its documentation, our explanation, and its bounds."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from lib.model.model_record import Model, Parameter, format_value
from lib.model.schema_reader import ParameterKind


def draw_parameter_help(model: Model, try_it: Callable[[Parameter], None]) -> None:
    """Draw all parameters. ``try_it`` is called in a callback with the parameter that the user wants to try."""
    st.caption(
        "What each setting does, in our words, and then Cloudflare's documentation, word for word. A setting without "
        "a default is sent only if you turn it on."
    )
    for parameter in model.parameters:
        with st.container(key=f"about-{parameter.name}", border=True, gap="xsmall"):
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                st.markdown(f"**{parameter.label}** &nbsp; `{parameter.name}`", width="stretch")
                if not parameter.effect_beyond_next_token:
                    st.button(
                        "See what it does",
                        key=f"see-{parameter.name}",
                        type="tertiary",
                        icon=":material/bar_chart:",
                        on_click=try_it,
                        args=(parameter,),
                    )
            about = " ".join(filter(None, (parameter.about, parameter.effect_beyond_next_token)))
            st.markdown(f"{about}\n\n> {parameter.help}\n\n:small[{_bounds(parameter)}]")


def _bounds(parameter: Parameter) -> str:
    kind = "Whole number" if parameter.kind is ParameterKind.INTEGER else "Number"
    default = (
        "no documented default"
        if parameter.default is None
        else f"default **{format_value(parameter.default)}**"
    )
    return f"{kind} · {parameter.bounds_text} · {default}"
