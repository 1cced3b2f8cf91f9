"""The models of this computer in the dialog “Where answers come from”, for its local owner."""

from __future__ import annotations

import os
from collections.abc import Callable

import streamlit as st

from lib.errors import PaddockError
from lib.local_models.listed_models import ListedModel, list_models
from lib.supervised_twin import Ready
from lib.ui.shell.registry import registry
from lib.ui.shell.visitor_cookie import current_owner
from lib.ui.widgets.auto_refresh import refresh_after
from lib.ui.widgets.error_box import draw_error, draw_kept_error, keep_error
from lib.ui.widgets.safe_markdown import escape_markdown

_PROBLEM = "model-problem"  # in the session's state: the error of the last action
_USED = "model-used"  # in the session's state: a model was chosen in the last click


def draw_models(is_used: bool, choose: Callable[[], None]) -> None:
    """Draw the models, inside a fragment. ``is_used``: this session asks them; ``choose`` lets it do so."""
    supervisor = registry().supervisor
    st.markdown("**Models on this computer**")
    draw_kept_error(_PROBLEM)
    if (problem := supervisor.problem) is not None:
        draw_error(PaddockError(problem.reason, advice=problem.advice), "The other model could not start")
    try:
        models = list_models()
    except PaddockError as error:
        draw_error(error)
        return
    known = {model.key for model in models}
    if supervisor.model not in known:
        # The one that the server was started with, or a file that was named.
        models.append(ListedModel(supervisor.model, supervisor.model, is_here=True))
    for number, model in enumerate(models):
        if model.is_here:
            _draw_model(number, model, is_used=is_used, choose=choose)
    if os.environ.get("PADDOCK_MODEL"):
        st.caption(
            "This server was started with a model of its own (PADDOCK_MODEL). After a restart that one answers."
        )
    if supervisor.next_model:
        refresh_after("models", 1.0)
    elif st.session_state.pop(_USED, False):
        # It answers already. Otherwise the page is drawn again as soon as it does.
        st.rerun()


def _draw_model(number: int, model: ListedModel, *, is_used: bool, choose: Callable[[], None]) -> None:
    supervisor = registry().supervisor
    with st.container(horizontal=True, vertical_alignment="center", key=f"model-{number}"):
        name = f"**{escape_markdown(model.name)}**"
        size = f" :small[{model.size / 1e6:,.0f} MB]" if model.size else ""
        st.markdown(f"{name}{size}", width="stretch")
        if model.key == supervisor.next_model:
            is_first = not isinstance(supervisor.state, Ready)
            until = "" if is_first else " The other model answers until this one does."
            st.caption(f"Starting …{until}", width="content")
        elif model.key == supervisor.model and is_used and not supervisor.next_model:
            st.caption(":material/check: answers now", width="content")
        else:
            st.button("Use", key=f"model-use-{number}", on_click=_use, args=(model.key, choose))


def _use(model: str, choose: Callable[[], None]) -> None:
    with keep_error(_PROBLEM):
        # Not the owner of the last drawing: whoever asks now must be the local one.
        registry().models.use(current_owner(), model)
        choose()
        st.session_state[_USED] = True
