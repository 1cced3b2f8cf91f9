"""Tune: prompts × inputs × settings × repetitions, within a budget, judged by checks."""

from __future__ import annotations

import streamlit as st

from lib.experiment.problem import Where, problems
from lib.ui import place
from lib.ui.experiment import bar, before, checks, inputs, prompts, run, saved, settings, typed
from lib.ui.experiment.desk import Desk
from lib.ui.experiment.section import section

st.set_page_config(layout="wide")

where = place.current()
desk = Desk(where.backend)
typed.begin()
found = problems(desk.plan, desk.model)

with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
    place.draw(where, busy=False)
    saved.draw(desk)
saved.title(desk)

section("Prompts", prompts.summary(desk), lambda: prompts.draw(desk, found), found, Where.PROMPT, expanded=True)
section("Inputs", inputs.summary(desk), lambda: inputs.draw(desk, found), found, Where.INPUTS, expanded=True)
section("Settings", settings.summary(desk), lambda: settings.draw(desk, found), found, Where.SETTINGS)
section("Checks", checks.summary(desk), lambda: checks.draw(desk, found), found, Where.CHECKS)
section("Limits", before.summary(desk), lambda: before.draw(desk, found), found, Where.LIMITS)

run.draw(desk)
with st.bottom:
    bar.draw(desk, found)
if where.backend is None:
    place.await_twin(where)
