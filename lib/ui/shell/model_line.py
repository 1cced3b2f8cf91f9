"""The line about the models of this computer at the top of each page: the download of one, and the start of another.

The browser asks the server for it, also while an answer streams. The page is drawn again when another model answers.
"""

from __future__ import annotations

import streamlit as st

from lib.ui.shell.registry import registry
from lib.ui.shell.server_state import FOLLOW_STATE, StatePart, follow_data
from lib.ui.shell.visitor_cookie import current_owner
from lib.ui.widgets.polling_component import define_polling_component

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
  show(data.line)
  return followState(key, data, number => setTriggerValue("change", number), show)
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
    # With the line of now: if it came with the first reply of the server, it would move the page.
    data = follow_data(StatePart.MODELS, drawn) | {"line": registry().models.describe(current_owner())}
    _watch(key="model-state", data=data, on_change_change=lambda: None)
