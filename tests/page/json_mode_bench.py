"""A page with only the schema editor and the checked answer, for their tests.

``where`` in the address is page, sidebar or dialog; ``schema`` is the schema to begin with.
"""

from __future__ import annotations

import streamlit as st

from lib.jsonkit.schema_form import summarize_schema
from lib.ui.answer import json_answer_view
from lib.ui.editors import schema_editor

st.set_page_config("JSON mode", layout="wide")
where = st.query_params.get("where", "page")
st.session_state.setdefault("used", st.query_params.get("schema", ""))
st.session_state.setdefault("changes", 0)


def take(text: str) -> None:
    """Store the schema that is in use."""
    st.session_state.used = text
    st.session_state.changes += 1


@st.dialog("Schema", width="large", on_dismiss="rerun")
def dialog() -> None:
    """Draw the editor as the chat page opens it."""
    schema_editor.draw_schema_editor("schema", st.session_state.used, take)


match where:
    case "sidebar":
        with st.sidebar:
            schema_editor.draw_schema_editor("schema", st.session_state.used, take)
    case "dialog":
        if st.button("Edit the schema", key="open"):
            dialog()
    case "page":
        schema_editor.draw_schema_editor("schema", st.session_state.used, take)

with st.container(key="summary"):
    st.text(f"{summarize_schema(st.session_state.used)} · {st.session_state.changes} changes")
with st.container(key="used"):
    st.code(st.session_state.used, language=None)
if message := st.chat_input("An answer of the model"):
    st.session_state.answer = message
if answer := st.session_state.get("answer"):
    with st.container(key="answer"):
        schema_text = None if st.query_params.get("any") else st.session_state.used
        json_answer_view.draw_json_answer(answer, schema_text, "shown")
