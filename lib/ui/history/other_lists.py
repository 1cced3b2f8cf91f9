"""The lists of saved comparisons and experiments: links that open them on their pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

import streamlit as st

from lib.store.stored_values import ExperimentEntry, SavedComparison
from lib.ui.shell.page_paths import COMPARE_PAGE, EXPERIMENT_PAGE
from lib.ui.widgets.local_time import format_local_time
from lib.ui.widgets.safe_markdown import escape_markdown
from lib.ui.widgets.short_text import count_of


def draw_comparisons(comparisons: Sequence[SavedComparison], search: str) -> None:
    """Draw the comparisons whose first input or column names contain the text."""
    found = [comparison for comparison in comparisons if _matches(comparison.title, search)]
    _draw_count(len(found), search, "A comparison is saved with its first message.")
    for comparison in found:
        rounds, columns = comparison.body.get("rounds", ()), comparison.body.get("columns", ())
        facts = [count_of(len(columns), "column"), count_of(len(rounds), "input")]
        _draw_entry(COMPARE_PAGE, {"k": comparison.id}, comparison.title, comparison.updated, facts)


def draw_experiments(experiments: Sequence[ExperimentEntry], search: str) -> None:
    """Draw the experiments whose name contains the text."""
    found = [experiment for experiment in experiments if _matches(experiment.name, search)]
    _draw_count(len(found), search, "An experiment is saved as soon as you change it.")
    for experiment in found:
        facts = [count_of(experiment.run_count, "run")]
        _draw_entry(EXPERIMENT_PAGE, {"e": experiment.id}, experiment.name, experiment.updated, facts)


def _matches(title: str, search: str) -> bool:
    return all(word in title.casefold() for word in search.casefold().split())


def _draw_count(count: int, search: str, hint: str) -> None:
    if not count:
        st.caption("Nothing found." if search.strip() else f"Nothing here yet. {hint}")


def _draw_entry(
    page: Path, query: Mapping[str, str], title: str, updated: datetime | None, facts: Sequence[str]
) -> None:
    (id,) = query.values()
    with st.container(key=f"entry-{id}", border=True, gap="xxsmall"):
        st.page_link(page, label=escape_markdown(title or "Untitled"), query_params=query, width="stretch")
        times = [] if updated is None else [format_local_time(updated)]
        st.caption(" · ".join([*times, *facts]))
