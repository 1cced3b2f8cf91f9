"""The documented model: parameters, price, context window, and the address that requests go to."""

from __future__ import annotations

import streamlit as st

from lib.model import Number, default
from lib.ui import place

model = default()
where = place.current()


def shown(value: Number | None, nothing: str) -> str:
    return nothing if value is None else f"{value:,}" if isinstance(value, int) else f"{value:g}"


st.title(model.name)
st.markdown(f"`{model.id}` · {model.task} · {model.maker}\n\n{model.description}")
st.markdown(f"[Documentation]({model.source}) · [Terms and licence]({model.terms}) · as read on {model.read}")

price = model.price
st.markdown(
    f"""
| | |
|---|---|
| Context window | {model.context_window:,} tokens |
| Input | \\${price.input_per_million} per million tokens · {price.neurons_per_million_input:,} neurons |
| Output | \\${price.output_per_million} per million tokens · {price.neurons_per_million_output:,} neurons |
| Free each day | {price.free_neurons_a_day:,} neurons, then \\${price.per_thousand_neurons} per 1,000 |
"""
)

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
