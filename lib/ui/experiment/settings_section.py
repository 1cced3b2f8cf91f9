"""The section of the settings: a sweep over parameters or a choice of presets, and the repetitions."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from functools import partial

import streamlit as st

from lib.errors import BadInput
from lib.experiment import plan_grid, sweep
from lib.experiment.plan import Axis
from lib.experiment.plan_models import model_names
from lib.experiment.plan_problems import MAX_REPETITIONS, PlanPart, PlanProblem
from lib.model.model_record import Parameter
from lib.preflight.conflicts import Conflict, NextRequest, find_conflicts
from lib.ui.experiment import problem_notes
from lib.ui.experiment.experiment_tab import ExperimentTab
from lib.ui.experiment.live_text_area import draw_text_box
from lib.ui.experiment.models_choice import draw_models_choice
from lib.ui.experiment.presets_choice import draw_presets
from lib.ui.settings import conflict_fix, option_controls, other_parameters, parameter_controls
from lib.ui.widgets.bound import bind, draw_choice
from lib.ui.widgets.safe_markdown import escape_markdown
from lib.ui.widgets.short_text import count_of, first_names

MAX_AXES = 4
_SWEPT_NOTE = "You chose several values above, so this one is not used."
_MODE, _SWEPT, _TIMES = "ways-mode", "ways-swept", "ways-times"


class ComparedSettings(StrEnum):
    """The two sources of the compared settings, with their labels."""

    SWEEP = "One setting, or several values"
    PRESETS = "Compare presets"


def summary(tab: ExperimentTab) -> str:
    """Summarise the section in one line of Markdown."""
    plan = tab.plan
    times = "" if plan.repetitions == 1 else f", each {plan.repetitions:,} times"
    if len(plan.models) > 1:
        times += f", with each of {count_of(len(plan.models), 'model')}"
    elif plan.models:
        times += f", with {escape_markdown(model_names(plan.models)[0])}"
    if plan.variants:
        names = first_names([escape_markdown(variant.name) for variant in plan.variants])
        return f"presets {names}{times}"
    if not plan.axes:
        return f"one setting{times}"
    swept = " × ".join(
        f"{tab.resolved.parameter_label(axis.name)} ({len(axis.values)})" for axis in plan.axes
    )
    return f"{count_of(plan_grid.count_settings(plan), 'setting')}: {swept}{times}"


def draw(tab: ExperimentTab, problems: Sequence[PlanProblem]) -> None:
    draw_models_choice(tab)
    source = ComparedSettings.PRESETS if tab.draft.uses_presets else ComparedSettings.SWEEP
    mode = bind(_MODE, source, partial(_set_source, tab))
    draw_choice(
        "Settings to compare", tuple(ComparedSettings), mode, width="stretch", label_visibility="collapsed"
    )
    if tab.draft.uses_presets:
        draw_presets(tab)
    else:
        _draw_sweep(tab)
    times = bind(_TIMES, tab.plan.repetitions, lambda count: tab.change_plan(repetitions=count))
    st.number_input(
        "Repetitions of each request",
        **times.arguments(),
        min_value=1,
        max_value=MAX_REPETITIONS,
        step=1,
        help="Answers vary by chance. Repetitions show if a difference is more than chance. A seed goes up by one "
        "with each repetition; otherwise all of them would be the same.",
    )
    problem_notes.draw_problems(
        [problem for problem in problems if problem.number is None], PlanPart.SETTINGS
    )


def _draw_sweep(tab: ExperimentTab) -> None:
    parameters = _swept_parameters(tab)
    names = bind(_SWEPT, [axis.name for axis in tab.plan.axes], partial(_set_axes, tab))
    # A plan from elsewhere may sweep a setting that no model here has.
    foreign = [axis.name for axis in tab.plan.axes if axis.name not in parameters]
    st.multiselect(
        "Try several values of",
        [*parameters, *foreign],
        **names.arguments("default"),
        max_selections=MAX_AXES,
        format_func=lambda name: _label(tab, parameters[name]) if name in parameters else name,
        placeholder="Choose settings",
        help="Every combination of their values is asked.",
    )
    for axis in tab.plan.axes:
        if (parameter := parameters.get(axis.name)) is None:
            st.caption(
                f"None of the chosen models has {escape_markdown(axis.name)} here. Remove it above, or choose a "
                f"model that has it. Its values: {escape_markdown(sweep.format_axis(axis))}"
            )
            continue
        text = tab.draft.sweeps.get(axis.name) or sweep.format_axis(axis)
        draw_text_box(
            _label(tab, parameter),
            f"sweep-{axis.name}",
            text,
            partial(_set_values, tab, axis.name),
            placeholder=f"such as {plan_grid.format_value(parameter.start)}, not sent",
            help="Values with commas between them, or a range such as 0 to 1 step 0.25. “not sent” means the "
            "model's default.",
        )
        try:
            values = sweep.parse_axis(parameter, text).values
            shown = ", ".join(plan_grid.format_value(value) for value in values[:12]) + (
                " …" if len(values) > 12 else ""
            )
            st.caption(f"{count_of(len(values), 'value')}: {shown}")
        except BadInput as error:
            problem_notes.draw_problem(error.message, error.advice)
    swept = {axis.name for axis in tab.plan.axes}
    with st.expander("The other settings, the same for all", type="compact", key="ways-base"):
        conflicts = _find_conflicts(tab)
        option_controls.draw_options(tab.panel, conflicts, busy=False, many=True)
        parameter_controls.draw_parameters(tab.panel, lambda name: _draw_note(tab, conflicts, name, swept))
        for parameter in _further_parameters(tab):
            other_parameters.draw_parameter(tab.panel, parameter, _label(tab, parameter))
            if parameter.name in swept:
                st.caption(_SWEPT_NOTE)


def _further_parameters(tab: ExperimentTab) -> list[Parameter]:
    """Return the parameters that only schemas explain, and those that only other models have."""
    own = [parameter for parameter in tab.model.parameters if not parameter.is_usual]
    others = tab.resolved.other_parameters
    names = {item.name for item in tab.plan.base.items}
    return [parameter for parameter in (*own, *others.values()) if parameter.name in names]


def _swept_parameters(tab: ExperimentTab) -> dict[str, Parameter]:
    """Return the numbers that can be swept, by name: of the base's model, then those that only others have."""
    others = tab.resolved.other_parameters.values()
    return {known.name: known for known in (*tab.model.parameters, *others) if known.is_number}


def _label(tab: ExperimentTab, parameter: Parameter) -> str:
    """Return the label of a parameter, with the models' names if only some of the plan's models have it."""
    having = tab.resolved.models_with(parameter.name)
    if len(having) == len(tab.plan.models):
        return parameter.label
    return f"{parameter.label} (only {', '.join(having)})"


def _find_conflicts(tab: ExperimentTab) -> tuple[Conflict, ...]:
    """Return the conflicts of the settings themselves; the texts of the cells are not checked."""
    if (backend := tab.backend) is None:
        return ()
    request = NextRequest(None, 0, tab.panel.context_window, "", ())
    return tuple(find_conflicts(tab.model, backend, tab.plan.base, request))


def _draw_note(tab: ExperimentTab, conflicts: Sequence[Conflict], name: str, swept: set[str]) -> None:
    if name in swept:
        st.caption(_SWEPT_NOTE)
    else:
        conflict_fix.draw_conflicts(tab.panel, conflicts, name)


def _set_axes(tab: ExperimentTab, names: Sequence[str]) -> None:
    old = {axis.name: axis for axis in tab.plan.axes}
    tab.change_plan(axes=tuple(old.get(name) or _new_axis(tab, name) for name in names))


def _new_axis(tab: ExperimentTab, name: str) -> Axis:
    """Return an axis with the values that were typed for the parameter before, else with its present value."""
    parameter = _swept_parameters(tab)[name]
    if text := tab.draft.sweeps.get(name):
        return _parse_axis(parameter, text)
    return Axis(name, (tab.plan.base[name].number,))


def _parse_axis(parameter: Parameter, text: str) -> Axis:
    """Return the axis without values, which prevents a run, if the text cannot be parsed."""
    try:
        return sweep.parse_axis(parameter, text)
    except BadInput:
        return Axis(parameter.name, ())


def _set_values(tab: ExperimentTab, name: str, typed: str) -> None:
    tab.draft.sweeps[name] = typed
    new = _parse_axis(_swept_parameters(tab)[name], typed)
    tab.change_plan(axes=tuple(new if axis.name == name else axis for axis in tab.plan.axes))


def _set_source(tab: ExperimentTab, source: str | None) -> None:
    """Switch between sweep and presets. The presets are set aside for a sweep, and come back after it."""
    draft = tab.draft
    draft.uses_presets = source == ComparedSettings.PRESETS
    if draft.uses_presets:
        tab.change_plan(variants=draft.unused_presets)
    else:
        draft.unused_presets = tab.plan.variants
        tab.change_plan(variants=())
