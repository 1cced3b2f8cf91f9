"""Warnings about a plan that can be run: what has no effect, or costs money for nothing."""

from __future__ import annotations

from collections.abc import Iterator

from lib.experiment.check_problems import check_variables
from lib.experiment.checks.check_kinds import Matches
from lib.experiment.inputs.prompt_template import template_variables
from lib.experiment.model_warnings import find_model_warnings
from lib.experiment.plan import Plan
from lib.experiment.plan_grid import EXPECTED_VARIABLE, format_value, used_variables
from lib.experiment.plan_models import ResolvedPlan
from lib.experiment.plan_problems import PlanProblem, check_problem, input_problem, setting_problem
from lib.model.request_options import InputForm
from lib.model.schema_alternatives import Scalar
from lib.model.settings import Settings


def find_warnings(resolved: ResolvedPlan) -> tuple[PlanProblem, ...]:
    """Return what a person should know before the run, each at the part of the plan it is about."""
    plan = resolved.plan
    return (
        *_input_warnings(plan),
        *_pattern_warnings(plan),
        *_form_warnings(plan),
        *find_model_warnings(resolved),
        *_chance_warnings(resolved),
    )


def ignores_expected_answers(plan: Plan) -> bool:
    """Return True if the inputs have expected answers that neither a prompt nor a check uses."""
    names = set(used_variables(plan)).union(*map(check_variables, plan.checks))
    return plan.inputs.expected is not None and not names & {EXPECTED_VARIABLE, plan.inputs.expected}


def _input_warnings(plan: Plan) -> Iterator[PlanProblem]:
    used = set(used_variables(plan))
    if len(plan.inputs.rows) > 1 and not used & {*plan.inputs.columns, EXPECTED_VARIABLE}:
        yield input_problem(
            "No prompt uses a column, so every row asks the same.",
            f"Write {{{{{plan.inputs.columns[0]}}}}} where its text belongs." if plan.inputs.columns else "",
        )
    elif ignores_expected_answers(plan):
        yield check_problem(
            "The expected answers are not used, because no check compares with them.",
            f"Add a check that compares with {{{{{EXPECTED_VARIABLE}}}}}.",
        )


def _pattern_warnings(plan: Plan) -> Iterator[PlanProblem]:
    known = {*plan.inputs.columns, EXPECTED_VARIABLE}
    for number, check in enumerate(plan.checks):
        if isinstance(check, Matches):
            for name in filter(known.__contains__, template_variables(check.pattern)):
                yield check_problem(
                    f"Check {number + 1}: a pattern has no variables, so {{{{{name}}}}} stands for these characters.",
                    "To compare with a column, use “Contains a text” or “Equals the expected answer”.",
                    number,
                )


def _form_warnings(plan: Plan) -> Iterator[PlanProblem]:
    for name, settings, systems in _settings_with_systems(plan):
        if settings.features.form is InputForm.PROMPT and any(text.strip() for text in systems):
            yield setting_problem(
                f"{name}A single prompt has no system prompt.",
                "Ask in a conversation, or write it into the prompt.",
            )


def _settings_with_systems(plan: Plan) -> Iterator[tuple[str, Settings, tuple[str, ...]]]:
    """Yield each settings value with the prefix of its message and the system prompts it is used with."""
    systems = tuple(prompt.system for prompt in plan.prompts)
    if not plan.variants:
        yield "", plan.base, systems
    for variant in plan.variants:
        yield f"{variant.name}: ", variant.settings, systems if variant.system is None else (variant.system,)


def _chance_warnings(resolved: ResolvedPlan) -> Iterator[PlanProblem]:
    """Warn of repetitions, and of swept sampling parameters, where the likeliest token is always taken."""
    plan, model = resolved.plan, resolved.model
    for parameter in model.parameters:
        if parameter.deterministic_at is None:
            continue
        setting = f"{parameter.label.lower()} {format_value(parameter.deterministic_at)}"
        values = _sent_values(plan, parameter.name)
        if parameter.deterministic_at not in values:
            continue
        if plan.repetitions > 1:
            yield setting_problem(
                f"At {setting} answers barely vary, so repetitions show nothing new.",
                "Use one repetition, or raise it.",
            )
        for number, axis in enumerate(() if plan.variants else plan.axes):
            if axis.name in {other.name for other in model.parameters if other.needs_randomness}:
                yield setting_problem(
                    f"At {setting} answers barely vary, and {resolved.parameter_label(axis.name).lower()} "
                    "has no effect.",
                    "Raise it, or use one value here.",
                    number,
                )


def _sent_values(plan: Plan, name: str) -> set[Scalar | None]:
    """Return all values that the parameter is sent with; None if it is left out."""
    if plan.variants:
        return {variant.settings.sent_values().get(name) for variant in plan.variants}
    for axis in plan.axes:
        if axis.name == name:
            return set(axis.values)
    return {plan.base.sent_values().get(name)}
