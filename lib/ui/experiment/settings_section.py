"""Settings: the ways to ask: a grid over parameters, or presets; and how often each is asked."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from lib.errors import BadInput, PaddockError
from lib.experiment import plan_grid, sweep
from lib.experiment.plan import Axis, Variant
from lib.experiment.plan_problems import MAX_REPETITIONS, PlanPart, PlanProblem
from lib.files import preset_file
from lib.files.preset_file import Preset
from lib.model.model_record import Parameter
from lib.preflight.conflicts import Conflict, NextRequest, find_conflicts
from lib.ui.experiment import live_text_area, problem_notes
from lib.ui.experiment.experiment_tab import ExperimentTab
from lib.ui.settings import conflict_fix, option_controls, parameter_controls
from lib.ui.shell.registry import registry
from lib.ui.widgets.bound import bind
from lib.ui.widgets.error_box import draw_error
from lib.ui.widgets.safe_markdown import escape_markdown

SWEEP, PRESETS = "One setting, or a sweep", "Presets against each other"
MAX_AXES = 4
_MODE, _SWEPT, _CHOSEN, _SYSTEM, _TIMES = (
    "ways-mode",
    "ways-swept",
    "ways-presets",
    "ways-system",
    "ways-times",
)


def summary(desk: ExperimentTab) -> str:
    """The section in one line."""
    plan = desk.plan
    times = "" if plan.repetitions == 1 else f", each {plan.repetitions:,} times"
    if plan.variants:
        names = ", ".join(escape_markdown(one.name) for one in plan.variants[:3])
        more = f" and {len(plan.variants) - 3} more" if len(plan.variants) > 3 else ""
        return f"presets {names}{more}{times}"
    if not plan.axes:
        return f"one way to ask{times}"
    swept = " × ".join(
        f"{plan_grid.parameter_label(desk.model, one.name)} ({len(one.values)})" for one in plan.axes
    )
    return f"{plan_grid.count_variants(plan):,} ways: {swept}{times}"


def draw_settings_section(desk: ExperimentTab, found: Sequence[PlanProblem]) -> None:
    """The section."""
    now = PRESETS if desk.draft.uses_presets else SWEEP
    mode = bind(_MODE, now, lambda chosen: _switch(desk, chosen))
    st.segmented_control(
        "Ways to ask",
        (SWEEP, PRESETS),
        default=mode.value,
        key=mode.key,
        required=True,
        width="stretch",
        label_visibility="collapsed",
        on_change=mode.on_change,
    )
    if desk.draft.uses_presets:
        _presets(desk)
    else:
        _sweeps(desk)
    times = bind(_TIMES, desk.plan.repetitions, lambda value: _times(desk, value))
    st.number_input(
        "Ask each of them this many times",
        value=times.value,
        min_value=1,
        max_value=MAX_REPETITIONS,
        step=1,
        key=times.key,
        on_change=times.on_change,
        help="Answers differ by chance: several tell whether a difference is more than that. A fixed seed is counted "
        "up with each repetition, else all of them would be the same.",
    )
    problem_notes.draw_problems([one for one in found if one.number is None], PlanPart.SETTINGS)


def _sweeps(desk: ExperimentTab) -> None:
    model = desk.model
    names = bind(_SWEPT, [one.name for one in desk.plan.axes], lambda chosen: _sweep(desk, chosen))
    st.multiselect(
        "Try several values of",
        [one.name for one in model.parameters],
        names.value,
        key=names.key,
        max_selections=MAX_AXES,
        format_func=lambda name: model.parameter(name).label,
        placeholder="Choose parameters",
        on_change=names.on_change,
        help="Every combination of their values is asked: the grid.",
    )
    for one in desk.plan.axes:
        parameter = model.parameter(one.name)
        text = desk.draft.sweeps.get(one.name) or sweep.format_axis(one)
        live_text_area.draw_text_input(
            parameter.label,
            f"sweep-{one.name}",
            text,
            _written(desk, one.name),
            placeholder=_example(parameter),
            help="Values with commas between them; a range, such as 0 to 1 step 0.25; “not sent”: left to the model.",
        )
        try:
            values = sweep.parse_axis(parameter, text).values
            shown = ", ".join(plan_grid.format_value(value) for value in values[:12]) + (
                " …" if len(values) > 12 else ""
            )
            st.caption(f"{len(values)} value{'s' if len(values) > 1 else ''}: {shown}")
        except BadInput as error:
            problem_notes.draw_problem(error.message, error.advice)
    swept = {one.name for one in desk.plan.axes}
    with st.expander("The other settings, the same for all", type="compact", key="ways-base"):
        told = _conflicts(desk)
        option_controls.draw_options(desk.panel, told, busy=False, many=True)
        parameter_controls.draw_parameters(desk.panel, lambda name: _below(desk, told, name, swept))


def _conflicts(desk: ExperimentTab) -> tuple[Conflict, ...]:
    """Those of the choices themselves: each cell has a text of its own, which is not looked at."""
    if desk.backend is None:
        return ()
    ahead = NextRequest(None, 0, desk.panel.context_window, "", ())
    return tuple(find_conflicts(desk.model, desk.backend, desk.plan.base, ahead))


def _below(desk: ExperimentTab, found: Sequence[Conflict], name: str, swept: set[str]) -> None:
    if name in swept:
        st.caption("Swept above: this value is not used.")
    else:
        conflict_fix.draw_conflicts(desk.panel, found, name)


def _example(parameter: Parameter) -> str:
    start = plan_grid.format_value(parameter.start)
    return f"such as {start}, not sent"


def _times(desk: ExperimentTab, times: int | None) -> None:
    if times is not None:
        desk.change_plan(repetitions=times)


def _sweep(desk: ExperimentTab, names: Sequence[str]) -> None:
    known = {one.name: one for one in desk.plan.axes}
    desk.change_plan(axes=tuple(known.get(name) or _first(desk, name) for name in names))


def _first(desk: ExperimentTab, name: str) -> Axis:
    """An axis begins with what the parameter is set to, or with what was typed when it was swept before."""
    parameter = desk.model.parameter(name)
    if text := desk.draft.sweeps.get(name):
        return _axis(parameter, text)
    return Axis(name, (desk.plan.base[name].value,))


def _axis(parameter: Parameter, text: str) -> Axis:
    """What cannot be read has no values, which blocks the run; the text itself stays in the box."""
    try:
        return sweep.parse_axis(parameter, text)
    except BadInput:
        return Axis(parameter.name, ())


def _written(desk: ExperimentTab, name: str) -> live_text_area.OnText:
    def take(text: str) -> None:
        desk.draft.sweeps[name] = text
        new = _axis(desk.model.parameter(name), text)
        desk.change_plan(axes=tuple(new if one.name == name else one for one in desk.plan.axes))

    return take


def _presets(desk: ExperimentTab) -> None:
    try:
        known = _known(desk)
    except PaddockError as error:
        draw_error(error, "Your own presets cannot be read at the moment")
        known = {one.name: one for one in preset_file.shipped_presets(desk.model)}
    chosen = [one.name for one in desk.plan.variants]
    # One that was deleted since stays in the plan, which holds its settings.
    names = list(dict.fromkeys([*known, *chosen]))
    presets = bind(_CHOSEN, chosen, lambda names: _choose(desk, known, names))
    st.multiselect(
        "Presets",
        names,
        presets.value,
        key=presets.key,
        placeholder="Choose two or more",
        on_change=presets.on_change,
        help="Those of the chat page: shipped ones and your own. Their settings are taken as they are now.",
    )
    if any(known[name].system for name in chosen if name in known):
        own = any(one.system is not None for one in desk.plan.variants)
        systems = bind(_SYSTEM, own, lambda on: _systems(desk, known, on))
        st.toggle(
            "Use the presets' own system prompts",
            systems.value,
            key=systems.key,
            on_change=systems.on_change,
            help="In the place of the prompt versions' own. Off: only their settings are used.",
        )


def _known(desk: ExperimentTab) -> dict[str, Preset]:
    """The presets by name; of two of one name the first."""
    own = registry().store.presets(desk.owner)
    found = [
        *preset_file.shipped_presets(desk.model),
        *(preset_file.parse_preset(one.body | {"name": one.name}, desk.model) for one in own),
    ]
    return {one.name: one for one in reversed(found)}


def _choose(desk: ExperimentTab, known: dict[str, Preset], names: Sequence[str]) -> None:
    _put(desk, known, names, systems=any(one.system is not None for one in desk.plan.variants))


def _systems(desk: ExperimentTab, known: dict[str, Preset], systems: bool) -> None:
    _put(desk, known, [one.name for one in desk.plan.variants], systems=systems)


def _put(desk: ExperimentTab, known: dict[str, Preset], names: Sequence[str], *, systems: bool) -> None:
    old = {one.name: one for one in desk.plan.variants}
    desk.change_plan(
        variants=tuple(
            Variant(name, one.apply_to(desk.plan.base), one.system if systems else None)
            if (one := known.get(name)) is not None
            else old[name]
            for name in names
        )
    )


def _switch(desk: ExperimentTab, mode: str | None) -> None:
    """The presets step back for a sweep, and come back."""
    draft = desk.draft
    draft.uses_presets = mode == PRESETS
    if draft.uses_presets:
        desk.change_plan(variants=draft.unused_presets)
    else:
        draft.unused_presets = desk.plan.variants
        desk.change_plan(variants=())
