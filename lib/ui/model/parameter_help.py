"""Parameters: what each one does, in the documented words and in ours, with its bounds."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from lib.model.model_record import Model, Number, Parameter


def draw_parameter_help(model: Model, try_it: Callable[[Parameter], None]) -> None:
    """All of them; ``try_it`` is called for one that somebody wants to see at work."""
    st.caption(
        "The quotation is Cloudflare's documentation, word for word; what stands under it is ours. A parameter "
        "without a default is sent only where you switch it on."
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
            st.markdown(f":small[{_bounds(parameter)}]\n\n> {parameter.help}\n\n{about}")


def _bounds(parameter: Parameter) -> str:
    kind = "Whole number" if parameter.kind == "integer" else "Number"
    upper = "what the context window leaves" if parameter.maximum is None else _shown(parameter.maximum)
    default = (
        "no documented default" if parameter.default is None else f"default **{_shown(parameter.default)}**"
    )
    return f"{kind} · {_shown(parameter.minimum)} to {upper} · {default}"


def _shown(value: Number) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"
