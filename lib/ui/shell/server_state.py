"""The state that pages ask the server for without running their script: of the autosave, and of the models.

A page that asked by running its script would cost some milliseconds of the server each time, for each open tab, and
would have to wait while an answer streams. The endpoint holds no secret: only the local owner sees a download.
"""

from __future__ import annotations

import secrets
from enum import StrEnum
from typing import Any

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from lib.ui.shell.access_rules import header_values
from lib.ui.shell.page_paths import server_path
from lib.ui.shell.registry import registry
from lib.ui.shell.visitor_cookie import OWNER_HEADER
from lib.ui.widgets.polling_component import RERUN_POLITELY

PATH = "/_paddock/state"
PROCESS = secrets.token_hex(4)

# For polling components. ``followState(key, data, change, show)`` calls ``change`` with a number that is not the one
# of follow_data, and ``show`` with each line about the models. The components of a page share their requests.
FOLLOW_STATE = (
    RERUN_POLITELY
    + """
const askServer = path => {
  const shared = window.paddockState ??= { asked: 0 }
  if (Date.now() - shared.asked > 900) {
    shared.asked = Date.now()
    shared.reply = fetch(path).then(reply => reply.json())
  }
  return shared.reply
}

const followState = (key, data, change, show) => {
  let sent = 0, gone = false, asking = false
  const look = async () => {
    if (asking || document.hidden) return
    asking = true
    try {
      const state = await askServer(data.path)
      // Of a server that has started again the page is drawn anyway, once it is connected.
      if (gone || state.process !== data.process) return
      show?.(state.line)
      if (state[data.part] === data.number || !mayRerun(sent)) return
      sent = Date.now()
      change(state[data.part])
    } catch {
      // The server is away. Streamlit says so.
    } finally {
      asking = false
    }
  }
  const stop = tick(key, look, 500)
  return () => { gone = true; stop() }
}
"""
)


class StatePart(StrEnum):
    """The numbers in the state. Each changes with what it stands for."""

    SAVING = "saving"
    MODELS = "models"


def follow_data(part: StatePart, number: int) -> dict[str, Any]:
    """Return the data of a component that follows a number; ``number`` is the one that the page shows."""
    return {"process": PROCESS, "path": server_path(PATH), "part": part.value, "number": number}


class StateEndpoint:
    """ASGI middleware that answers with the process's random name, both numbers, and the owner's line."""

    def __init__(self, app: ASGIApp) -> None:
        self._app, self._path = app, server_path(PATH)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self._app
        if scope["type"] == "http" and scope["path"] == self._path:
            # The front door writes this header, and removes what a browser sends under its name.
            owner = "".join(header_values(scope, OWNER_HEADER))
            state = {
                "process": PROCESS,
                StatePart.SAVING.value: registry().autosave.state_number,
                StatePart.MODELS.value: registry().supervisor.change_count,
                "line": registry().models.describe(owner),
            }
            app = JSONResponse(state, headers={"cache-control": "no-store"})
        await app(scope, receive, send)
