"""Draft: what stands in the message box while somebody writes, so that it can be counted before it is sent."""

from __future__ import annotations

import streamlit as st

from lib.ui.widgets.polling_component import define_polling_component

# st.chat_input tells its text only once it is sent. This looks at the box itself, and tells a pause in the typing;
# it also sees a text that the page put there or took away, of which the browser's events say nothing.
_SCRIPT = """
const PAUSE = 300

export default function ({ data, key, setStateValue }) {
  let told = data?.told ?? "", seen = told
  const look = () => {
    const box = document.querySelector('[data-testid="stChatInputTextArea"]')
    if (!box) return
    if (box.value === seen && seen !== told) setStateValue("text", (told = seen))
    seen = box.value
  }
  return tick(key, look, PAUSE)
}
"""

_watch = define_polling_component("paddock_draft", _SCRIPT)
_KEY = "draft"
_SENT = "draft-sent"  # in the session's state: what was told last is sent, and the box is empty


def watch() -> None:
    """Keep looking at the box. Inside a fragment only that fragment runs when its text changes."""
    _watch(key=_KEY, data={"told": _told()}, default={"text": ""}, on_text_change=_changed)


def text() -> str:
    """The text in the box, at its last pause."""
    return "" if st.session_state.get(_SENT) else _told()


def mark_sent() -> None:
    """The box is empty now, which the browser tells only in a moment, and while an answer comes not at all."""
    st.session_state[_SENT] = True


def _changed() -> None:
    st.session_state.pop(_SENT, None)


def _told() -> str:
    told = st.session_state.get(_KEY)
    return str(getattr(told, "text", "") or "")
