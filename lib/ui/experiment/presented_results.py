"""The Experiment page for an audience: how far the run is, and the overview of its results without costs."""

from __future__ import annotations

import streamlit as st

from lib.runner.experiment_run import ExperimentRun
from lib.ui.experiment import overview
from lib.ui.experiment.experiment_tab import ExperimentTab
from lib.ui.experiment.results_section import REFRESH_SECONDS
from lib.ui.experiment.results_view import current_view
from lib.ui.widgets.auto_refresh import refresh_after
from lib.ui.widgets.safe_markdown import escape_markdown


def draw_presented_results(tab: ExperimentTab, run: ExperimentRun | None) -> None:
    """Draw the experiment's name and the overview of the run, which follows the run while it works."""
    st.markdown(f"## {escape_markdown(tab.draft.name)}")
    if run is None:
        st.caption("It has not been run yet.")
        return
    # In a container of its own: a late refresh of the fragment could overwrite what follows it.
    with st.container(key="presented-results"):
        # Written by the page: the browser may remove a container that is empty between two runs of the fragment.
        st.empty()
        _draw_refreshing(run)


@st.fragment
def _draw_refreshing(run: ExperimentRun) -> None:
    if run.is_working:
        refresh_after("presented", REFRESH_SECONDS)
        progress = run.progress()
        done = progress.answered + progress.failed + progress.doubtful
        st.progress(done / max(progress.cells, 1), text=f"{done:,} of {progress.cells:,} answers")
    view = current_view(run.plan, run.model, run)
    if view.sheet.rows:
        overview.draw_for_audience(view)
