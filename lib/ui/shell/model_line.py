"""The state of the models of this computer: each page is drawn again when another model answers.

The browser asks an endpoint, as for the state of the autosave: that costs no run of the page's script.
"""

from __future__ import annotations

import streamlit as st
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from lib.ui.shell.page_paths import server_path
from lib.ui.shell.registry import registry
from lib.ui.shell.save_state import PROCESS
from lib.ui.widgets.polling_component import FOLLOW_STATE, define_polling_component

PATH = "/_paddock/models"
_SCRIPT = """
export default function ({ data, key, setTriggerValue }) {
  return followState(key, data, 1000, number => setTriggerValue("change", number))
}
"""

_watch = define_polling_component("paddock_models", FOLLOW_STATE + _SCRIPT)


def draw_model_line() -> None:
    """Draw the page again within a few seconds of a change. Takes up no space on the page."""
    with st.container(key="model-line"):
        _follow(registry().supervisor.change_count)


@st.fragment
def _follow(drawn: int) -> None:
    if registry().supervisor.change_count != drawn:
        st.rerun()
    data = {"process": PROCESS, "number": str(drawn), "path": server_path(PATH)}
    _watch(key="model-state", data=data, on_change_change=lambda: None)


class ModelStateEndpoint:
    """ASGI middleware that answers with the process's random name and the number of changes, in plain text."""

    def __init__(self, app: ASGIApp) -> None:
        self._app, self._path = app, server_path(PATH)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self._app
        if scope["type"] == "http" and scope["path"] == self._path:
            state = f"{PROCESS} {registry().supervisor.change_count}"
            app = PlainTextResponse(state, headers={"cache-control": "no-store"})
        await app(scope, receive, send)
