"""Next token: somebody types a beginning, moves the settings, and sees what they do to what may come next."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping

import streamlit as st

from lib.api.backend import Backend
from lib.api.request import Messages, Prompt, Request, Turn, build_request
from lib.api.token_distribution import TokenDistribution
from lib.errors import PaddockError
from lib.model.model_record import Model, Number, Parameter
from lib.supervisor import Failed, Fetching, Loading, Ready
from lib.ui.model import probability_bars
from lib.ui.shell.registry import registry
from lib.ui.widgets.error_box import draw_error

CONTINUE, ANSWER = "Goes on with the text", "Answers it in a chat"
_TEXT, _FORM, _ALL = "try-text", "try-form", "try-all"
_FEW = 12  # rows at first

BEGINNINGS = {
    "A fact": "The capital of France is",
    "A story": "Once upon a time, there was a",
    "A phrase": "To be, or not to be, that is the",
    "A repetition": "The cat sat on the mat. The cat sat on the mat. The cat sat on the",
}


def draw_next_token(model: Model) -> None:
    """The section: where the twin is up the demonstration, else how it comes up."""
    st.markdown(
        "At every step the model gives each token of its vocabulary a probability; the settings change them and "
        "cut some away; then one is drawn. Here are the real ones."
    )
    supervisor = registry().supervisor
    match supervisor.state:
        case Ready(backend):
            _demonstration(model, backend)
        case Failed(reason, advice):
            draw_error(PaddockError(reason, advice=advice), "The twin is not running")
            _start("Start it again")
        case Fetching() | Loading() if supervisor.is_started:
            _await_twin()
        case _:
            st.info(
                "Cloudflare does not tell these probabilities. The twin on this machine does, whatever your requests "
                "go to: it is free, and fetches its model once (about 100 MB).",
                icon=":material/home_work:",
            )
            _start("Start the twin")


def _start(label: str) -> None:
    st.button(label, key="try-start", icon=":material/play_arrow:", on_click=registry().supervisor.start)


def _await_twin() -> None:
    progress, supervisor = st.empty(), registry().supervisor
    while isinstance(state := supervisor.state, (Fetching, Loading)):
        match state:
            case Fetching(done, total):
                progress.progress(
                    min(done / total, 1.0),
                    text=f"Fetching the model, once: {done / 1e6:.0f} of {total / 1e6:.0f} MB",
                )
            case Loading():
                progress.progress(0.0, text="Starting the model on this machine …")
        time.sleep(0.2)
    st.rerun()


@st.fragment
def _demonstration(model: Model, backend: Backend) -> None:
    """Drawn anew alone when one of its controls is moved."""
    begun = st.session_state.setdefault(_TEXT, next(iter(BEGINNINGS.values())))
    text = (
        st.text_input("A beginning", begun, key=_TEXT, live=True, persist_state="session", max_chars=2000)
        or ""
    )
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        for number, (name, beginning) in enumerate(BEGINNINGS.items()):
            st.button(name, key=f"try-beginning{number}", help=beginning, on_click=_begin, args=(beginning,))
        form = st.segmented_control(
            "The model",
            (CONTINUE, ANSWER),
            key=_FORM,
            required=True,
            default=CONTINUE,
            persist_state="session",
            label_visibility="collapsed",
        )
    shaping = [parameter for parameter in model.parameters if not parameter.effect_beyond_next_token]
    # The picture first: on a phone, where columns are stacked, the controls then stand under it, still in sight.
    picture, controls = st.columns([3, 2], gap="medium")
    with controls, st.container(key="try-controls", gap="small"):
        chosen = _controls(shaping)
    distribution = None
    with picture, st.container(key="try-picture", gap="small"):
        if not text:
            st.caption("Type a beginning, or choose one of those above.")
        else:
            distribution = _picture(model, backend, text, str(form), chosen)
    if distribution is not None:
        _below(backend, text, str(form), distribution)
    st.caption(
        "Without a say here: "
        + " ".join(
            f"**{parameter.label}.** {parameter.effect_beyond_next_token}"
            for parameter in model.parameters
            if parameter.effect_beyond_next_token
        )
    )


def _controls(parameters: list[Parameter]) -> Mapping[str, Number]:
    """A switch and a slider for each, within the documented bounds; what is switched on."""
    chosen: dict[str, Number] = {}
    for parameter in parameters:
        send, slide = _keys(parameter)
        on = st.session_state.setdefault(send, parameter.default is not None)
        at = st.session_state.setdefault(slide, parameter.cast(parameter.start))
        on = st.toggle(parameter.label, on, key=send, help=parameter.about, persist_state="session")
        if not on:
            if parameter.default is not None:
                st.caption(f"Not sent: {parameter.default:g} by default")
            continue
        value = st.slider(
            parameter.label,
            parameter.cast(parameter.minimum),
            parameter.cast(parameter.maximum or 0),
            at,
            key=slide,
            step=parameter.cast(parameter.step),
            format="%d" if parameter.kind == "integer" else "%g",
            label_visibility="collapsed",
            persist_state="session",
        )
        chosen[parameter.name] = parameter.cast(value)
    st.button(
        "Reset",
        key="try-reset",
        type="tertiary",
        icon=":material/restart_alt:",
        help="Back to the model's defaults",
        on_click=_reset,
        args=(parameters,),
    )
    return chosen


def _picture(
    model: Model, backend: Backend, text: str, form: str, chosen: Mapping[str, Number]
) -> TokenDistribution | None:
    """The bars and what they come to; None where there is an error instead."""
    try:
        request = _request(model, text, form, chosen)
        distribution = registry().client.fetch_token_distribution(backend, request)
    except PaddockError as error:
        draw_error(error)
        return None
    count = len(distribution.candidates)
    st.html(probability_bars.probability_table(distribution, count if st.session_state.get(_ALL) else _FEW))
    cut = sum(not one.can_be_sampled for one in distribution.candidates)
    left = (
        "**One token** is left: there is nothing to draw."
        if distribution.sampling_count == 1
        else f"**{distribution.sampling_count:,} of {distribution.vocabulary_size:,} tokens** are left to draw from."
    )
    st.markdown(f"{left} {f'Of the {count} likeliest, {cut} are cut away.' if cut else ''}")
    return distribution


def _below(backend: Backend, text: str, form: str, distribution: TokenDistribution) -> None:
    """What to do with the picture, and how to read it."""
    count = len(distribution.candidates)
    beyond = max(1 - sum(one.sampling_probability for one in distribution.candidates), 0.0)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if form == CONTINUE:
            st.button(
                "Draw one and go on",
                key="try-draw",
                icon=":material/casino:",
                on_click=_draw_one,
                args=(text, distribution),
                help="Draws one of these tokens by their odds, and puts it after the text",
            )
        st.toggle(f"Show all {count}", key=_ALL, persist_state="session")
    st.caption(
        f"{distribution.prompt_tokens:,} tokens in. A dot is a space, ↵ a new line. By the model's own count "
        f"{probability_bars.format_percent(distribution.other_probability)} is with tokens beyond these {count}, "
        f"of what is drawn {probability_bars.format_percent(beyond if beyond > 1e-6 else 0)}. "
        f"Computed by {backend.name}: another model has "
        "other tokens and other odds, but the settings do the same to them."
    )


def _request(model: Model, text: str, form: str, chosen: Mapping[str, Number]) -> Request:
    if form == ANSWER:
        return build_request(model, Messages((Turn("user", text),)), chosen, stream=False)
    return build_request(model, Prompt(text, raw=True), chosen, stream=False)


def _keys(parameter: Parameter) -> tuple[str, str]:
    return f"try-{parameter.name}-send", f"try-{parameter.name}-slide"


def switch_on(parameter: Parameter) -> None:
    """Switch that parameter on, for whoever comes to see what it does."""
    send, slide = _keys(parameter)
    st.session_state[send] = True
    st.session_state.setdefault(slide, parameter.cast(parameter.start))


def _begin(text: str) -> None:
    st.session_state[_TEXT] = text


def _reset(parameters: list[Parameter]) -> None:
    for parameter in parameters:
        send, slide = _keys(parameter)
        st.session_state[send] = parameter.default is not None
        st.session_state[slide] = parameter.cast(parameter.start)


def _draw_one(text: str, distribution: TokenDistribution) -> None:
    odds = [one.sampling_probability for one in distribution.candidates]
    drawn = random.choices(distribution.candidates, odds)[0]  # noqa: S311 (a game, no secret)
    st.session_state[_TEXT] = text + drawn.token
