"""The Compare page before its first input: what to do, and prompts to start with."""

from __future__ import annotations

import streamlit as st

from lib.compare.comparison import MAX_COLUMNS, MIN_COLUMNS
from lib.ui.chat.starter_prompts import starter_prompts
from lib.ui.compare.comparison_tab import VALUES_KEY, ComparisonTab
from lib.ui.settings import model_picker
from lib.ui.shell.account_catalogue import listed_entries
from lib.ui.widgets.bound import bind_choice, draw_selectbox

MODELS_KEY = "compare-models"  # the key of the choice of models
STARTERS = (
    "Explain what a rainbow is to a child of six.",
    "Name three uses of a paperclip, one line each.",
    "Is a tomato a fruit? Answer in one sentence.",
)


def draw_compare_welcome(tab: ComparisonTab) -> None:
    """Draw the welcome with prompts to start with."""
    st.markdown("### What shall we compare?")
    st.caption(
        "Change one setting in a column, then send the same message to all. You can have up to four columns."
    )
    _draw_values(tab)
    _draw_models(tab)
    for number, starter in enumerate(_starters(tab)):
        st.button(
            starter,
            key=f"compare-starter-{number}",
            width="stretch",
            disabled=tab.backend is None,
            on_click=tab.send,
            args=(starter,),
        )


def _draw_values(tab: ComparisonTab) -> None:
    """Draw a box whose values become a column each."""
    model = tab.model
    names = [parameter.name for parameter in model.parameters if parameter.is_number]
    if not names:
        return
    first = next((name for name in names if not model.parameter(name).limits_output), names[0])
    with st.container(horizontal=True, vertical_alignment="bottom", key="compare-values"):
        name = draw_selectbox(
            "Setting to compare",
            names,
            bind_choice("compare-values-of", names, first),
            format_func=lambda name: model.parameter(name).label,
            width=220,
        )
        st.text_input(
            "One value for each column",
            key=VALUES_KEY,
            placeholder="such as 0, 0.5, 1, 1.5",
            on_change=tab.compare_values,
            args=(name,),
        )


def _draw_models(tab: ComparisonTab) -> None:
    """Draw a choice of models that become a column each, if the models of the account are listed."""
    panel = tab.panels[tab.selected_column.id]
    if not (entries := listed_entries(panel.backend)):
        return
    st.multiselect(
        "Models to compare",
        sorted(entries),
        key=MODELS_KEY,
        max_selections=MAX_COLUMNS,
        format_func=lambda id: model_picker.option_label(panel.backend, id, entries.get(id)),
        placeholder="Choose two to four: each becomes a column",
        on_change=_compare_models,
        args=(tab,),
    )


def _compare_models(tab: ComparisonTab) -> None:
    ids = st.session_state[MODELS_KEY]
    if len(ids) < MIN_COLUMNS:
        return  # more are to be chosen
    with tab.errors():
        backend = tab.require_backend()
        tab.compare_models([model_picker.fetch_model(backend, id) for id in ids])


def _starters(tab: ComparisonTab) -> tuple[str, ...]:
    """Return prompts that suit the form of the answer that the first column asks for."""
    features = tab.panels[tab.comparison.columns[0].id].chat.settings.features
    if features.response_format is None:
        return STARTERS
    return tuple(text for _, text in starter_prompts(features))
