"""Saved: the list of experiments: open, duplicate, rename, delete one; begin another, or with a sample."""

from __future__ import annotations

import streamlit as st

from lib.errors import PaddockError
from lib.store import ExperimentEntry
from lib.ui.experiment.desk import Desk
from lib.ui.experiment.draft import Drafts
from lib.ui.markdown import label
from lib.ui.registry import registry
from lib.ui.trouble import trouble

DUPLICATE, DELETE = "Duplicate", "Delete"
MOST_NAME, MOST_LISTED = 120, 50
_GONE = "experiment-gone"  # in the session's state: what was deleted last
