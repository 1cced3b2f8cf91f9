"""The documented model: parameters, price, context window, and the address that requests go to."""

from __future__ import annotations

import streamlit as st

from lib.model import Number, default
from lib.ui import place

model = default()
where = place.current()


def shown(value: Number | None, nothing: str) -> str:
    return nothing if value is None else f"{value:,}" if isinstance(value, int) else f"{value:g}"


price = model.price
with st.sidebar:
    st.metric("Context window", f"{model.context_window:,} tokens")
    st.metric("Input, per million tokens", f"${price.input_per_million}")
    st.caption(f"{price.neurons_per_million_input:,} neurons")
    st.metric("Output, per million tokens", f"${price.output_per_million}")
    st.caption(f"{price.neurons_per_million_output:,} neurons")
    st.metric("Free each day", f"{price.free_neurons_a_day:,} neurons")
    st.caption(f"then \\${price.per_thousand_neurons} per 1,000, back at 00:00 UTC")

st.title(model.name)
st.markdown(f"`{model.id}` · {model.task} · {model.maker}\n\n{model.description}")
st.markdown(f"[Documentation]({model.source}) · [Terms and licence]({model.terms}) · as read on {model.read}")

st.subheader("Parameters")
rows = [
    f"| `{parameter.name}` | {shown(parameter.minimum, '—')} | {shown(parameter.maximum, 'context window')} "
    f"| {shown(parameter.default, '—')} | {parameter.help} |"
    for parameter in model.parameters
]
st.markdown("\n".join(["| Parameter | Min | Max | Default | What it does |", "|---|--:|--:|--:|---|", *rows]))

st.subheader("Where requests go")
st.markdown(f"**{where.name}**")
if where.backend is not None:
    backend = where.backend
    st.code(
        f"POST {backend.base_url}/accounts/{backend.account_id}/ai/run/{model.id}",
        language=None,
        wrap_lines=True,
    )
