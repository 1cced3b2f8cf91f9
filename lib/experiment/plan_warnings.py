"""Warnings about a plan that can be run: what has no effect, or costs money for nothing."""

from __future__ import annotations

from collections.abc import Iterator

from lib.experiment.check_problems import check_templates
from lib.experiment.inputs.prompt_template import template_variables
from lib.experiment.plan import Plan
from lib.experiment.plan_grid import EXPECTED_VARIABLE, format_value, parameter_label, used_variables
from lib.experiment.plan_problems import PlanPart, PlanProblem
from lib.model.model_record import Model, Number
from lib.model.request_options import InputForm
from lib.model.settings import Settings


def find_warnings(plan: Plan, model: Model) -> tuple[PlanProblem, ...]:
    """Return what a person should know before the run, each at the part of the plan it is about."""
    return (*_input_warnings(plan), *_form_warnings(plan), *_chance_warnings(plan, model))


def _input_warnings(plan: Plan) -> Iterator[PlanProblem]:
    names = {
        *used_variables(plan),
        *(name for one in plan.checks for text in check_templates(one) for name in template_variables(text)),
    }
    if len(plan.inputs.rows) > 1 and not set(used_variables(plan)) & {
        *plan.inputs.columns,
        EXPECTED_VARIABLE,
    }:
        yield PlanProblem(
            PlanPart.INPUTS,
            "No prompt uses a column: every row asks the same.",
            f"Write {{{{{plan.inputs.columns[0]}}}}} where its text is to stand."
            if plan.inputs.columns
            else "",
        )
    elif (
        plan.inputs.expected is not None
        and EXPECTED_VARIABLE not in names
        and plan.inputs.expected not in names
    ):
        yield PlanProblem(
            PlanPart.CHECKS,
            "The expected answers are not used: no check compares with them.",
            f"Add one that compares with {{{{{EXPECTED_VARIABLE}}}}}.",
        )


def _form_warnings(plan: Plan) -> Iterator[PlanProblem]:
    for name, settings, system in _settings_with_systems(plan):
        if settings.features.form is InputForm.PROMPT and any(one.strip() for one in system):
            yield PlanProblem(
                PlanPart.SETTINGS,
                f"{name}The prompt form sends no system prompt.",
                "Use the messages form, or write it into the prompt.",
            )


def _settings_with_systems(plan: Plan) -> Iterator[tuple[str, Settings, tuple[str, ...]]]:
    """Yield each settings value with the prefix of its message and the system prompts it is used with."""
    theirs = tuple(one.system for one in plan.prompts)
    if not plan.variants:
        yield "", plan.base, theirs
    for one in plan.variants:
        yield f"{one.name}: ", one.settings, theirs if one.system is None else (one.system,)


def _chance_warnings(plan: Plan, model: Model) -> Iterator[PlanProblem]:
    """Warn of repetitions, and of swept sampling parameters, where the likeliest token is always taken."""
    for parameter in model.parameters:
        if parameter.deterministic_at is None:
            continue
        said = f"{parameter.label.lower()} {format_value(parameter.deterministic_at)}"
        values = _sent_values(plan, parameter.name)
        if parameter.deterministic_at not in values:
            continue
        if plan.repetitions > 1:
            yield PlanProblem(
                PlanPart.SETTINGS,
                f"At {said} an answer is the same each time: repetitions show nothing new there.",
                "Ask once, or raise it.",
            )
        for number, axis in enumerate(() if plan.variants else plan.axes):
            if axis.name in {one.name for one in model.parameters if one.needs_randomness}:
                yield PlanProblem(
                    PlanPart.SETTINGS,
                    f"At {said} the likeliest token is always taken, and "
                    f"{parameter_label(model, axis.name).lower()} does nothing there.",
                    "Raise it, or do not sweep this.",
                    number,
                )


def _sent_values(plan: Plan, name: str) -> set[Number | None]:
    """Return all values that the parameter is sent with; None if it is left out."""
    if plan.variants:
        return {one.settings.sent_values().get(name) for one in plan.variants}
    for axis in plan.axes:
        if axis.name == name:
            return set(axis.values)
    return {plan.base.sent_values().get(name)}
