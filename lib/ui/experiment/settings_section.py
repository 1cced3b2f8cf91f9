"""The section of the settings: a sweep over parameters or a choice of presets, and the repetitions."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from functools import partial

import streamlit as st

from lib.errors import BadInput, PaddockError
from lib.experiment import plan_grid, sweep
from lib.experiment.plan import Axis, Variant
from lib.experiment.plan_models import model_names
from lib.experiment.plan_problems import MAX_REPETITIONS, PlanPart, PlanProblem
from lib.files import preset_file
from lib.files.preset_file import Preset
from lib.model.model_record import Parameter
from lib.preflight.conflicts import Conflict, NextRequest, find_conflicts
from lib.ui.experiment import problem_notes
from lib.ui.experiment.experiment_tab import ExperimentTab
from lib.ui.experiment.live_text_area import draw_text_box
from lib.ui.experiment.models_choice import draw_models_choice
from lib.ui.settings import conflict_fix, option_controls, parameter_controls
from lib.ui.shell.registry import registry
from lib.ui.widgets.bound import bind, draw_choice
from lib.ui.widgets.error_box import draw_error
from lib.ui.widgets.safe_markdown import escape_markdown
from lib.ui.widgets.short_text import count_of, first_names

MAX_AXES = 4
_MODE, _SWEPT, _CHOSEN = "ways-mode", "ways-swept", "ways-presets"
_SYSTEM, _TIMES = "ways-system", "ways-times"


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
        f"{plan_grid.parameter_label(tab.model, axis.name)} ({len(axis.values)})" for axis in plan.axes
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
        _draw_presets(tab)
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
    model = tab.model
    names = bind(_SWEPT, [axis.name for axis in tab.plan.axes], partial(_set_axes, tab))
    st.multiselect(
        "Try several values of",
        [parameter.name for parameter in model.parameters if parameter.is_number],
        **names.arguments("default"),
        max_selections=MAX_AXES,
        format_func=lambda name: plan_grid.parameter_label(model, name),
        placeholder="Choose settings",
        help="Every combination of their values is asked.",
    )
    for axis in tab.plan.axes:
        parameter = model.parameter(axis.name)
        text = tab.draft.sweeps.get(axis.name) or sweep.format_axis(axis)
        draw_text_box(
            parameter.label,
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


def _find_conflicts(tab: ExperimentTab) -> tuple[Conflict, ...]:
    """Return the conflicts of the settings themselves; the texts of the cells are not checked."""
    if (backend := tab.backend) is None:
        return ()
    request = NextRequest(None, 0, tab.panel.context_window, "", ())
    return tuple(find_conflicts(tab.model, backend, tab.plan.base, request))


def _draw_note(tab: ExperimentTab, conflicts: Sequence[Conflict], name: str, swept: set[str]) -> None:
    if name in swept:
        st.caption("You chose several values above, so this one is not used.")
    else:
        conflict_fix.draw_conflicts(tab.panel, conflicts, name)


def _set_axes(tab: ExperimentTab, names: Sequence[str]) -> None:
    old = {axis.name: axis for axis in tab.plan.axes}
    tab.change_plan(axes=tuple(old.get(name) or _new_axis(tab, name) for name in names))


def _new_axis(tab: ExperimentTab, name: str) -> Axis:
    """Return an axis with the values that were typed for the parameter before, else with its present value."""
    parameter = tab.model.parameter(name)
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
    new = _parse_axis(tab.model.parameter(name), typed)
    tab.change_plan(axes=tuple(new if axis.name == name else axis for axis in tab.plan.axes))


def _draw_presets(tab: ExperimentTab) -> None:
    try:
        available = _available_presets(tab)
    except PaddockError as error:
        draw_error(error, "Your presets cannot be read at the moment")
        available = {preset.name: preset for preset in preset_file.shipped_presets(tab.model)}
    chosen = _variant_names(tab)
    # A preset that was deleted since stays in the plan, which holds its settings.
    names = list(dict.fromkeys([*available, *chosen]))
    set_variants = partial(_set_variants, tab, available)
    presets = bind(_CHOSEN, chosen, lambda names: set_variants(names, _uses_systems(tab)))
    st.multiselect(
        "Presets",
        names,
        **presets.arguments("default"),
        placeholder="Choose two or more",
        help="The presets of the Chat page, with their current settings.",
    )
    if any(available[name].system for name in chosen if name in available):
        systems = bind(_SYSTEM, _uses_systems(tab), lambda on: set_variants(_variant_names(tab), on))
        st.toggle(
            "Use the presets' own system prompts",
            **systems.arguments(),
            help="They replace the system prompts of the prompt versions. Off: only their settings are used.",
        )


def _available_presets(tab: ExperimentTab) -> dict[str, Preset]:
    """Return the presets by name, the first of each name: those that Paddock ships, then the user's.

    Presets of another model than the plan's own settings name are left out.
    """
    saved = registry().store.presets.load_all(tab.owner)
    presets = [
        *preset_file.shipped_presets(tab.model),
        *(preset_file.parse_preset(preset.body | {"name": preset.name}, tab.model) for preset in saved),
    ]
    usable = [preset for preset in presets if preset.settings.model == tab.model.id]
    return {preset.name: preset for preset in reversed(usable)}


def _variant_names(tab: ExperimentTab) -> list[str]:
    return [variant.name for variant in tab.plan.variants]


def _uses_systems(tab: ExperimentTab) -> bool:
    """Return True if the variants have the presets' own system prompts."""
    return any(variant.system is not None for variant in tab.plan.variants)


def _set_variants(
    tab: ExperimentTab, available: dict[str, Preset], names: Sequence[str], with_system: bool
) -> None:
    old = {variant.name: variant for variant in tab.plan.variants}
    tab.change_plan(
        variants=tuple(
            Variant(name, preset.apply_to(tab.plan.base), preset.system if with_system else None)
            if (preset := available.get(name)) is not None
            else old[name]
            for name in names
        )
    )


def _set_source(tab: ExperimentTab, source: str | None) -> None:
    """Switch between sweep and presets. The presets are set aside for a sweep, and come back after it."""
    draft = tab.draft
    draft.uses_presets = source == ComparedSettings.PRESETS
    if draft.uses_presets:
        tab.change_plan(variants=draft.unused_presets)
    else:
        draft.unused_presets = tab.plan.variants
        tab.change_plan(variants=())
