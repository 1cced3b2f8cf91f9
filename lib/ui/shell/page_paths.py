"""Paths of the page scripts, for the navigation, for links and for switching pages; and the page's own path."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

_PAGES = Path(__file__).resolve().parents[3] / "pages"

CHAT_PAGE = _PAGES / "chat.py"
COMPARE_PAGE = _PAGES / "compare.py"
EXPERIMENT_PAGE = _PAGES / "experiment.py"
HISTORY_PAGE = _PAGES / "history.py"
MODEL_PAGE = _PAGES / "model.py"


def base_path() -> str:
    """Return the path under which the server shows the page: ``/``, or ``/lab`` without a final slash."""
    return f"/{(st.get_option('server.baseUrlPath') or '').strip('/')}"


def server_path(path: str) -> str:
    """Return the path under which the server answers for ``path``, which begins with a slash."""
    return base_path().rstrip("/") + path
