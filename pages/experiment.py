"""The Experiment page: prompts × inputs × settings × repetitions, within a budget, judged by checks."""

from __future__ import annotations

import streamlit as st

from lib.experiment.plan_problems import PlanPart, find_problems
from lib.ui.experiment import (
    checks_section,
    experiment_list,
    inputs_section,
    limits_section,
    live_text_area,
    presented_results,
    prompts_section,
    results_section,
    run_bar,
    run_status,
    settings_section,
)
from lib.ui.experiment.collapsible_section import draw_setup
from lib.ui.experiment.experiment_tab import ExperimentTab
from lib.ui.shell import backend_picker, page_mode, presenting
from lib.ui.shell.announcement import Announcement
from lib.ui.shell.page_heading import draw_hidden_heading
from lib.ui.shell.page_mode import PageMode
from lib.ui.shell.save_warning import SaveWarning
from lib.ui.widgets.error_box import draw_error

choice = backend_picker.current_choice()
tab = ExperimentTab(choice.backend)
draw_hidden_heading("Experiment", tab.draft.name)
announcement = Announcement()
live_text_area.begin_drawing()
problems = find_problems(tab.resolved)
# An empty plan shows no problems: the user has not begun yet.
shown = () if tab.is_blank else problems

mode = page_mode.current_mode()
if not mode.has_controls:
    presented_results.draw_presented_results(tab, tab.run)
    SaveWarning()
    if mode is PageMode.PRESENTING:
        with st.bottom:
            presenting.PresentingBar()
    st.stop()
with st.container(horizontal=True, vertical_alignment="center", key="page-head-experiment"):
    with st.container(width="stretch"):
        backend_picker.draw_picker(choice, busy=False)
    experiment_list.draw_name(tab)
    experiment_list.draw_experiment_menu(tab)
    presenting.draw_present_button()
experiment_list.draw_notices(tab)
notice = st.container()
SaveWarning()
run = tab.run
if run is not None:
    announcement.report(
        run.id, "The run is working." if run.is_working else "", run_status.describe_state(run)
    )
# While a run is working, the run bar refreshes itself, so an error in it would disappear at once.
if run is not None and run.is_working and (error := tab.pop_error()) is not None:
    with notice:
        draw_error(error)

draw_setup(
    tab,
    shown,
    (
        (("Prompts", PlanPart.PROMPT, prompts_section), ("Inputs", PlanPart.INPUTS, inputs_section)),
        (
            ("Settings", PlanPart.SETTINGS, settings_section),
            ("Checks", PlanPart.CHECKS, checks_section),
            ("Budget", PlanPart.LIMITS, limits_section),
        ),
    ),
)

with st.bottom:
    # Before the results: if drawing these fails, the run can still be stopped.
    run_bar.draw_run_bar(tab, problems)
if run is not None:
    run_status.draw_run_status(tab, run)
    results_section.draw_results(
        run.plan,
        run.model,
        run,
        name=tab.draft.name,
        running=run.is_working,
        others=run_status.other_runs(tab, run),
    )
if choice.backend is None:
    with notice:
        backend_picker.draw_twin_start(choice)
