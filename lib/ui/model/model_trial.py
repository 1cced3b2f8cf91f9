"""A trial message to a model of the account, with the settings that its schema documents. Nothing of it is saved."""

from __future__ import annotations

import streamlit as st

from lib.api import wire
from lib.api.backend import Backend
from lib.api.request import Messages, Request, Turn, build_request
from lib.chat.answer_run import AnswerRun
from lib.errors import BadInput
from lib.model.model_record import Model
from lib.model.schema_alternatives import Scalar
from lib.model.schema_reader import MESSAGES, InputSchema
from lib.ui.answer import answer_stats
from lib.ui.model.documented_controls import draw_documented_controls
from lib.ui.shell.registry import registry
from lib.ui.widgets import model_text, raw_text
from lib.ui.widgets.auto_refresh import refresh_after
from lib.ui.widgets.error_box import draw_error

_RUN = "model-trial-run"  # in the session's state: the run of the message that was sent
_MESSAGE = "model-trial-message"
_REFRESH_SECONDS = 0.4


def draw_model_trial(backend: Backend, model: Model | None, read: InputSchema) -> None:
    """Draw the message, the settings and the answer. ``model`` is None if its cost cannot be known."""
    st.subheader("Try it", anchor=False)
    if model is None:
        st.caption(
            "Not possible here: the service does not list its price, so Paddock cannot say what it costs."
        )
        return
    if read.fields and MESSAGES not in read.fields:
        st.caption("Not possible here: this model does not take messages.")
        return
    text = st.text_area("Message", "Hello! What can you do?", key=_MESSAGE, persist_state="session")
    values = draw_documented_controls(f"trial-{model.id}", read.parameters)
    try:
        request = _build(model, text, values)
    except BadInput as error:
        draw_error(error)
        return
    run: AnswerRun | None = st.session_state.get(_RUN)
    st.button(
        "Ask this model",
        key="model-trial-start",
        type="primary",
        icon=":material/send:",
        on_click=_start,
        args=(backend, model, request),
        help="Sends this one message. It is not saved."
        + (" It costs what the list says." if backend.billed else ""),
    )
    with st.expander("The request as JSON", key="model-trial-json"):
        raw_text.draw_json(wire.encode_request(request))
    if run is not None and run.request.model == model.id:
        with st.container(key="model-trial-answer"):
            # Written by the page: the browser may remove a container that is empty for a moment.
            st.empty()
            _draw_answer(run)


def _build(model: Model, text: str, values: dict[str, Scalar]) -> Request:
    """Return the request. Raises BadInput for an empty message."""
    if not text.strip():
        raise BadInput("There is nothing to send.", advice="Write a message.")
    return build_request(model, Messages((Turn("user", text),)), values)


def _start(backend: Backend, model: Model, request: Request) -> None:
    """Send the request; an answer that is still being written is stopped."""
    earlier: AnswerRun | None = st.session_state.get(_RUN)
    if earlier is not None:
        earlier.stop()
    st.session_state[_RUN] = AnswerRun(registry().client, backend, model, request, lambda _: None).start()


@st.fragment
def _draw_answer(run: AnswerRun) -> None:
    if run.is_running:
        with st.container(border=True):
            _draw_text(run)
            st.caption(":material/hourglass: Waiting for the answer …")
            st.button("Stop", key="model-trial-stop", icon=":material/stop_circle:", on_click=run.stop)
        refresh_after("model-trial", _REFRESH_SECONDS)
        return
    answer = run.answer
    with st.container(border=True):
        if answer.error is not None:
            draw_error(answer.error)
        _draw_text(run)
        st.caption(answer_stats.answer_line((answer,)))


def _draw_text(run: AnswerRun) -> None:
    """Draw the text so far, and above it, folded, what the model thought."""
    if reasoning := run.reasoning:
        with st.expander("Thoughts", key="model-trial-thoughts"):
            model_text.draw_plain(reasoning, "model-trial-thoughts")
    if run.text:
        model_text.draw_text(run.text, "model-trial")
