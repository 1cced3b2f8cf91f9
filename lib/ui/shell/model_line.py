"""The line about the models of this computer at the top of each page: the download of one, and the start of another.

The browser asks an endpoint for it, as for the state of the autosave: that costs no run of the page's script, and
works while an answer streams. The page is drawn again when another model answers.
"""

from __future__ import annotations

import streamlit as st
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from lib.ui.shell.access_rules import header_values
from lib.ui.shell.page_paths import server_path
from lib.ui.shell.registry import registry
from lib.ui.shell.save_state import PROCESS
from lib.ui.shell.visitor_cookie import OWNER_HEADER
from lib.ui.widgets.polling_component import FOLLOW_STATE, define_polling_component

PATH = "/_paddock/models"
# The class is for static/paddock.css: without a text, the line takes up no space.
_SCRIPT = """
export default function ({ data, key, parentElement, setTriggerValue }) {
  const show = text => {
    let line = parentElement.querySelector(".model-line-text")
    if (!text) { line?.remove(); return }
    if (!line) {
      line = document.createElement("div")
      line.className = "model-line-text"
      parentElement.append(line)
    }
    if (line.textContent !== text) line.textContent = text
  }
  return followState(key, data, 1000, number => setTriggerValue("change", number), show)
}
"""

_watch = define_polling_component("paddock_models", FOLLOW_STATE + _SCRIPT, isolate_styles=False)


def draw_model_line() -> None:
    """Draw the line. It follows the models by itself."""
    with st.container(key="model-line"):
        _follow(registry().supervisor.change_count)


@st.fragment
def _follow(drawn: int) -> None:
    if registry().supervisor.change_count != drawn:
        st.rerun()
    data = {"process": PROCESS, "number": str(drawn), "path": server_path(PATH)}
    _watch(key="model-state", data=data, on_change_change=lambda: None)


class ModelStateEndpoint:
    """ASGI middleware that answers with the process's random name, a number, and the local owner's line."""

    def __init__(self, app: ASGIApp) -> None:
        self._app, self._path = app, server_path(PATH)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self._app
        if scope["type"] == "http" and scope["path"] == self._path:
            # The front door writes this header, and removes what a browser sends under its name.
            owner = "".join(header_values(scope, OWNER_HEADER))
            line = registry().models.describe(owner)
            state = f"{PROCESS} {registry().supervisor.change_count} {line}"
            app = PlainTextResponse(state, headers={"cache-control": "no-store"})
        await app(scope, receive, send)
