"""The documented model: parameters and what they do, price, capabilities, schemas, and the API's addresses."""

from __future__ import annotations

import streamlit as st

from lib.model.model_record import Parameter, default_model
from lib.ui.model import cost_calculator, model_reference, next_token, parameter_help
from lib.ui.shell import backend_picker

PARAMETERS, NEXT_TOKEN, PRICE, CAPABILITIES, SCHEMAS, ENDPOINTS = SECTIONS = (
    "Parameters",
    "Next token",
    "Price",
    "Capabilities",
    "Schemas",
    "Endpoints",
)
SECTION = "section"  # also its name in the page's address

model = default_model()
where = backend_picker.current_choice()


def try_it(parameter: Parameter) -> None:
    """Show what that parameter does to the next token."""
    next_token.switch_on(parameter)
    st.session_state[SECTION] = NEXT_TOKEN


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
st.markdown(
    f"`{model.id}` · {model.task} · {model.maker} · [Documentation]({model.source}) · "
    f"[Terms and licence]({model.terms})"
)
st.caption(f"{model.description} As documented on {model.read_on}.")

section = st.segmented_control(
    "Section",
    SECTIONS,
    key=SECTION,
    required=True,
    default=PARAMETERS,
    label_visibility="collapsed",
    bind="query-params",
)
with st.container(key=f"section-{SECTIONS.index(str(section))}"):
    if section == PARAMETERS:
        parameter_help.draw_parameter_help(model, try_it)
    elif section == NEXT_TOKEN:
        next_token.draw_next_token(model)
    elif section == PRICE:
        cost_calculator.draw_cost_calculator(model)
    elif section == CAPABILITIES:
        model_reference.draw_capabilities(model)
    elif section == SCHEMAS:
        model_reference.draw_schemas(model)
    else:
        model_reference.draw_endpoints(model, where)
