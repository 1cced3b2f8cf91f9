"""Draft: what stands in the message box while somebody writes, so that it can be counted before it is sent."""

from __future__ import annotations

import streamlit as st

# st.chat_input tells its text only once it is sent. This looks at the box itself, and tells a pause in the typing.
_SCRIPT = """
const PAUSE = 350

export default function ({ setStateValue, parentElement }) {
  let timer, told
  const box = () => document.querySelector('[data-testid="stChatInputTextArea"]')
  const tell = () => {
    const text = box()?.value ?? ""
    if (text !== told) setStateValue("text", (told = text))
  }
  const heard = (event) => {
    if (event.target !== box()) return
    clearTimeout(timer)
    timer = setTimeout(tell, PAUSE)
  }
  document.addEventListener("input", heard, true)
  return () => {
    clearTimeout(timer)
    document.removeEventListener("input", heard, true)
  }
}
"""

_watch = st.components.v2.component("paddock_draft", js=_SCRIPT)
_KEY = "draft"


def watch() -> str:
    """The text in the box, at its last pause. Inside a fragment only that fragment runs when it changes."""
    told = _watch(key=_KEY, default={"text": ""}, on_text_change=lambda: None)
    return str(told.text or "")


def text() -> str:
    """The same, for whoever does not watch: as it was told last."""
    told = st.session_state.get(_KEY)
    return str(getattr(told, "text", "") or "")
