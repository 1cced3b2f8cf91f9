"""A page with one component that counts in the browser how often it looks, for test_polling_component."""

from __future__ import annotations

import streamlit as st

from lib.ui.widgets.polling_component import define_polling_component

_SCRIPT = """
window.looks = {}
export default function ({ data, key }) {
  window.starts = [...(window.starts ?? []), data.run]
  return tick(key, () => { window.looks[data.run] = (window.looks[data.run] ?? 0) + 1 }, 20)
}
"""

_count = define_polling_component("looks", _SCRIPT)

run = st.session_state["run"] = st.session_state.get("run", 0) + 1
st.button("Draw again", key="again")
_count(key="looks", data={"run": run})
st.chat_input()  # the tests' tabs wait for it
