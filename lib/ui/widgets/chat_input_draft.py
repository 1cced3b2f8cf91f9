"""The text in the chat input while it is being typed, so that its tokens can be counted before it is sent."""

from __future__ import annotations

import streamlit as st

from lib.ui.widgets.polling_component import define_polling_component

# st.chat_input reports its text only once it is sent. This script polls the box and reports it at a pause in the
# typing. Events of the browser would not do: they say nothing of a text that the page puts into the box or takes out.
_SCRIPT = """
const PAUSE = 300

export default function ({ data, key, setStateValue }) {
  let reported = data?.reported ?? "", last = reported
  const look = () => {
    const box = document.querySelector('[data-testid="stChatInputTextArea"]')
    if (!box) return
    if (box.value === last && last !== reported) setStateValue("text", (reported = last))
    last = box.value
  }
  return tick(key, look, PAUSE)
}
"""

_watch = define_polling_component("paddock_draft", _SCRIPT)
_KEY = "draft"
_SENT = "draft-sent"  # in the session's state: True once the last reported text was sent and the box is empty


def watch() -> None:
    """Watch the chat input. In a fragment, only that fragment runs when its text changes."""
    _watch(key=_KEY, data={"reported": _reported_text()}, default={"text": ""}, on_text_change=_forget_sent)


def text() -> str:
    """Return the text in the chat input at the last pause in the typing."""
    return "" if st.session_state.get(_SENT) else _reported_text()


def mark_sent() -> None:
    """Note that the chat input is empty: the browser reports that late, and never while an answer streams."""
    st.session_state[_SENT] = True


def _forget_sent() -> None:
    st.session_state.pop(_SENT, None)


def _reported_text() -> str:
    state = st.session_state.get(_KEY)
    return str(getattr(state, "text", "") or "")
