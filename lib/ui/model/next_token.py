"""Probabilities of the next token: type a text, change the settings, and see their effect."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping
from enum import StrEnum

import streamlit as st

from lib.api.backend import Backend
from lib.api.inspection import TokenCandidate, TokenDistribution
from lib.api.request import Messages, Prompt, RequestInput, Turn, build_request
from lib.errors import PaddockError
from lib.local_models.supervised_twin import Failed, Fetching, Loading, Ready
from lib.model.model_record import Model, Number, Parameter
from lib.model.schema_alternatives import Scalar
from lib.model.schema_reader import ParameterKind
from lib.ui.model import chosen_word, probability_bars
from lib.ui.shell import backend_picker
from lib.ui.shell.registry import registry
from lib.ui.widgets.error_box import draw_error

# Keys of the text, and of the switch that shows all candidates. The text is set by key, not bound: the box that takes
# another's place would stand beside it for a moment, while the chart is computed.
_TEXT, _ALL = "try-text", "try-all"
_FIRST_ROWS = 12


class TokenTask(StrEnum):
    """The tasks for the typed text, with their labels."""

    CONTINUE = "Continue the text"
    ANSWER = "Answer it as a chat"


BEGINNINGS = {
    "A fact": "The capital of France is",
    "A story": "Once upon a time, there was a",
    "A phrase": "To be, or not to be, that is the",
    "A repetition": "The cat sat on the mat. The cat sat on the mat. The cat sat on the",
}


def draw_next_token(model: Model) -> None:
    """Draw the section: the demonstration if the twin is running, else how to start it."""
    st.markdown(
        "A model writes one token, a word or a part of a word, at a time. For each token that it knows it computes "
        "how likely it is to come next. Your settings change these chances and remove some tokens; then one is "
        "picked. These are the real chances."
    )
    supervisor = registry().supervisor
    match supervisor.state:
        case Ready(backend):
            _draw_demonstration(model, backend)
        case Failed(reason, advice):
            draw_error(PaddockError(reason, advice=advice), "The model on this computer is not running")
            _draw_start_button("Start it again")
        case Fetching() | Loading() if supervisor.is_started:
            _wait_for_twin()
        case _:
            st.info(
                "Cloudflare does not show these chances. The practice model on this computer does. It is free, and "
                "is downloaded once (about 100 MB).",
                icon=":material/home_work:",
            )
            _draw_start_button("Start the practice model")


def _draw_start_button(label: str) -> None:
    st.button(label, key="try-start", icon=":material/play_arrow:", on_click=registry().supervisor.start)


def _wait_for_twin() -> None:
    progress, supervisor = st.empty(), registry().supervisor
    while isinstance(state := supervisor.state, (Fetching, Loading)):
        with progress:
            backend_picker.draw_twin_progress(state)
        time.sleep(0.2)
    st.rerun()


@st.fragment
def _draw_demonstration(model: Model, drawn_backend: Backend) -> None:
    # Another model may have taken over since the page was drawn.
    if (backend := registry().supervisor.up_to_date(drawn_backend)) is None:
        st.rerun()
    view = chosen_word.current_answer()
    word, growing = 0, None
    input: RequestInput | None
    if view is None:
        input = _draw_beginning()
        growing = input.text if isinstance(input, Prompt) else None
    else:
        word = chosen_word.draw_words(view)
        input = view.answer.input_before(word)
    parameters = [parameter for parameter in model.parameters if not parameter.effect_beyond_next_token]
    # The chart first: a phone stacks the columns, and the controls then stand below the chart, still in sight.
    chart, controls = st.columns([3, 2], gap="medium")
    with controls, st.container(key="try-controls", gap="small"):
        values = _draw_controls(parameters)
    distribution = None
    with chart, st.container(key="try-picture", gap="small"):
        if input is None:
            st.caption("Type a beginning, or choose one above.")
        elif (distribution := _fetch_distribution(model, backend, input, values)) is not None:
            written = None
            if view is not None:
                written = chosen_word.find_written_token(view, word, distribution)
                st.markdown(chosen_word.describe_written_token(written, distribution))
            _draw_chart(distribution, written)
    if distribution is not None:
        _draw_notes(backend, growing, distribution)
    st.caption(
        "Not shown here: "
        + " ".join(
            f"**{parameter.label}.** {parameter.effect_beyond_next_token}"
            for parameter in model.parameters
            if parameter.effect_beyond_next_token
        )
    )


def _draw_beginning() -> RequestInput | None:
    """Draw the box with a text, the samples for it and what to do with it; return the input, None without a text."""
    start = st.session_state.setdefault(_TEXT, BEGINNINGS["A fact"])
    text = st.text_input("A beginning", start, key=_TEXT, live=True, persist_state="session", max_chars=2000)
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        for number, (name, beginning) in enumerate(BEGINNINGS.items()):
            st.button(
                name, key=f"try-beginning{number}", help=beginning, on_click=_set_text, args=(beginning,)
            )
        task = st.segmented_control(
            "The model",
            tuple(TokenTask),
            key="try-form",
            required=True,
            default=TokenTask.CONTINUE,
            persist_state="session",
            label_visibility="collapsed",
        )
    if not text:
        return None
    return Messages((Turn("user", text),)) if task == TokenTask.ANSWER else Prompt(text, raw=True)


def _draw_controls(parameters: list[Parameter]) -> Mapping[str, Number]:
    """Draw a switch and a slider for each parameter; return the values of those that are switched on."""
    values: dict[str, Number] = {}
    for parameter in parameters:
        switch_key, slider_key = _keys(parameter)
        is_on = st.session_state.setdefault(switch_key, parameter.default is not None)
        value = st.session_state.setdefault(slider_key, parameter.cast(parameter.start_number))
        is_on = st.toggle(
            parameter.label, is_on, key=switch_key, help=parameter.about, persist_state="session"
        )
        if not is_on:
            if parameter.default is not None:
                st.caption(f"Off: the default is {parameter.default:g}")
            continue
        value = st.slider(
            parameter.label,
            parameter.cast(parameter.minimum),
            parameter.cast(parameter.maximum or 0),
            value,
            key=slider_key,
            step=parameter.cast(parameter.step),
            format="%d" if parameter.kind is ParameterKind.INTEGER else "%g",
            label_visibility="collapsed",
            persist_state="session",
        )
        values[parameter.name] = parameter.cast(value)
    st.button(
        "Reset",
        key="try-reset",
        type="tertiary",
        icon=":material/restart_alt:",
        help="Back to the model's defaults",
        on_click=_reset,
        args=(parameters,),
    )
    return values


def _fetch_distribution(
    model: Model, backend: Backend, input: RequestInput, values: Mapping[str, Number]
) -> TokenDistribution | None:
    """Return the distribution; draw the error and return None if there is none."""
    try:
        request = build_request(model, input, values, stream=False)
        return registry().client.fetch_token_distribution(backend, request)
    except PaddockError as error:
        draw_error(error)
        return None


def _draw_chart(distribution: TokenDistribution, marked: TokenCandidate | None) -> None:
    """Draw the bars with a summary. ``marked`` is the token that stands out."""
    count = len(distribution.candidates)
    shown_count = count if st.session_state.get(_ALL) else _FIRST_ROWS
    st.html(probability_bars.probability_table(distribution, shown_count, marked))
    cut = sum(not candidate.can_be_sampled for candidate in distribution.candidates)
    left = (
        "**Only one token** is left, so it always comes next."
        if distribution.sampling_count == 1
        else f"**{distribution.sampling_count:,} of {distribution.vocabulary_size:,} tokens** can come next."
    )
    st.markdown(f"{left} {f'Of the {count} most likely, {cut} are removed.' if cut else ''}")


def _draw_notes(backend: Backend, growing: str | None, distribution: TokenDistribution) -> None:
    """Draw what can be done with the chart, and how to read it. A token may be added to the ``growing`` text."""
    count = len(distribution.candidates)
    beyond = max(1 - sum(candidate.sampling_probability for candidate in distribution.candidates), 0.0)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if growing is not None:
            st.button(
                "Pick one and continue",
                key="try-draw",
                icon=":material/casino:",
                on_click=_append_sampled_token,
                args=(growing, distribution),
                help="Picks one of these tokens by its chance and adds it to the text",
            )
        st.toggle(f"Show all {count}", key=_ALL, persist_state="session")
    st.caption(
        f"{distribution.prompt_tokens:,} tokens read. A dot is a space, ↵ a new line. All tokens beyond these "
        f"{count} together have {probability_bars.format_percent(distribution.other_probability)} in the model, and "
        f"{probability_bars.format_percent(beyond if beyond > 1e-6 else 0)} with your settings. Computed by "
        f"{backend.label}. Another model has other tokens and other chances, but the settings change them in the "
        "same way."
    )


def _keys(parameter: Parameter) -> tuple[str, str]:
    return f"try-{parameter.name}-send", f"try-{parameter.name}-slide"


def load_parameters(model: Model, values: Mapping[str, Scalar]) -> None:
    """Set the controls to the parameters that a request sent, before the section is drawn."""
    for parameter in model.parameters:
        switch_key, slider_key = _keys(parameter)
        st.session_state[switch_key] = parameter.name in values
        st.session_state[slider_key] = parameter.cast_value(values.get(parameter.name, parameter.start))


def switch_on(parameter: Parameter) -> None:
    """Switch a parameter on before the section is drawn."""
    switch_key, slider_key = _keys(parameter)
    st.session_state[switch_key] = True
    st.session_state.setdefault(slider_key, parameter.cast(parameter.start_number))


def _set_text(text: str) -> None:
    st.session_state[_TEXT] = text


def _reset(parameters: list[Parameter]) -> None:
    for parameter in parameters:
        switch_key, slider_key = _keys(parameter)
        st.session_state[switch_key] = parameter.default is not None
        st.session_state[slider_key] = parameter.cast(parameter.start_number)


def _append_sampled_token(text: str, distribution: TokenDistribution) -> None:
    weights = [candidate.sampling_probability for candidate in distribution.candidates]
    sampled = random.choices(distribution.candidates, weights)[0]  # noqa: S311 (a game, no secret)
    _set_text(text + sampled.token)
