"""Held: the key of a control that shows what is kept elsewhere, in the experiment's plan."""

from __future__ import annotations

from typing import Any

import streamlit as st

_NUMBERS = "held"  # in the session's state: how often each control was replaced

# A value that the page puts into a control by its key can be lost on the way: where another drawing follows at once,
# the browser sees that one alone, shows the control's default, and reports that as chosen. So the value is always
# given as the default; and where it was changed by something else than the control, there is another control.


def held(name: str, value: Any) -> str:
    """The key of the control of that name, which is to be made with that value as its default."""
    numbers: dict[str, int] = st.session_state.setdefault(_NUMBERS, {})
    key = f"{name}-{numbers.get(name, 0)}"
    if key in st.session_state and st.session_state[key] != value:
        numbers[name] = numbers.get(name, 0) + 1
        key = f"{name}-{numbers[name]}"
    return key
