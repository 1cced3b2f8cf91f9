"""The Model page: the documented model's parameters, next token, price, capabilities, schemas and endpoints."""

from __future__ import annotations

from decimal import Decimal

import streamlit as st

from lib.model.model_record import Parameter, default_model
from lib.model.pricing import format_exact
from lib.ui.answer import answer_stats
from lib.ui.model import account_models, cost_calculator, model_reference, next_token, parameter_help
from lib.ui.model.model_section import ModelSection
from lib.ui.shell import backend_picker
from lib.ui.shell.page_heading import set_browser_title
from lib.ui.shell.save_warning import SaveWarning

SECTION = "section"  # the key, and the name in the URL

model = default_model()
choice = backend_picker.current_choice()


def try_it(parameter: Parameter) -> None:
    """Show the effect of a parameter on the next token."""
    next_token.switch_on(parameter)
    st.session_state[SECTION] = ModelSection.PROBABILITIES


def neurons_text(neurons: Decimal) -> str:
    """Return a number of neurons with their price, as Markdown."""
    dollars = neurons * price.per_thousand_neurons / 1000
    return f"{neurons:,} neurons, which are billed: \\${format_exact(dollars)}"


price = model.price
with st.sidebar:
    st.metric("Context window", f"{model.context_window:,} tokens")
    window = choice.backend and choice.backend.context_window
    if window and window != model.context_window:
        st.caption(answer_stats.context_window_note(window, model))
    st.metric("Reading, per million tokens", f"${price.input_per_million}")
    st.caption(neurons_text(price.neurons_per_million_input))
    st.metric("Writing, per million tokens", f"${price.output_per_million}")
    st.caption(neurons_text(price.neurons_per_million_output))
    st.metric("Free each day", f"{price.free_neurons_a_day:,} neurons")
    st.caption(f"then \\${price.per_thousand_neurons} per 1,000; renewed at 00:00 UTC")

set_browser_title("Model", model.name)
st.title(model.name, anchor=False)
SaveWarning()
st.markdown(
    f"`{model.id}` · {model.task} · {model.maker} · [Documentation]({model.source}) · "
    f"[Terms and licence]({model.terms})"
)
st.caption(f"{model.description} As documented on {model.read_on}.")

section = st.segmented_control(
    "Section",
    tuple(ModelSection),
    key=SECTION,
    required=True,
    default=ModelSection.PARAMETERS,
    label_visibility="collapsed",
    bind="query-params",
)
with st.container(key=f"section-{list(ModelSection).index(section)}"):
    match section:
        case ModelSection.PARAMETERS:
            parameter_help.draw_parameter_help(model, try_it)
        case ModelSection.PROBABILITIES:
            next_token.draw_next_token(model)
        case ModelSection.PRICE:
            cost_calculator.draw_cost_calculator(model)
        case ModelSection.CAPABILITIES:
            model_reference.draw_capabilities(model)
        case ModelSection.SCHEMAS:
            model_reference.draw_schemas(model)
        case ModelSection.ENDPOINTS:
            model_reference.draw_endpoints(model, choice)
        case _:
            account_models.draw_account_models(choice.backend)
