"""Paths of the page scripts, for the navigation, for links and for switching pages."""

from __future__ import annotations

from pathlib import Path

_PAGES = Path(__file__).resolve().parents[3] / "pages"

CHAT_PAGE = _PAGES / "chat.py"
COMPARE_PAGE = _PAGES / "compare.py"
EXPERIMENT_PAGE = _PAGES / "experiment.py"
HISTORY_PAGE = _PAGES / "history.py"
MODEL_PAGE = _PAGES / "model.py"
