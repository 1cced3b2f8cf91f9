"""Problems that keep a plan from being run, each with the part of the plan it is about."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from functools import partial

from lib.api.request import Turn, build_input, build_request, require_known
from lib.errors import BadInput
from lib.experiment.check_problems import check_templates, check_variables, find_check_problems
from lib.experiment.inputs.input_table import Inputs
from lib.experiment.inputs.prompt_template import find_written_headings, template_variables
from lib.experiment.plan import Limits, Plan
from lib.experiment.plan_grid import (
    EXPECTED_VARIABLE,
    count_cells,
    format_value,
    sent_templates,
    used_variables,
)
from lib.experiment.plan_models import ResolvedPlan
from lib.model.settings import check_parameter_value, check_parameters

MAX_CELLS = 100_000
MAX_REPETITIONS = 1_000
MAX_CONCURRENCY = 64
MAX_REQUESTS_PER_MINUTE = 100_000
MAX_ATTEMPTS = 10


class PlanPart(Enum):
    PROMPT = "prompt"
    INPUTS = "inputs"
    SETTINGS = "settings"
    CHECKS = "checks"
    LIMITS = "limits"


@dataclass(frozen=True)
class PlanProblem:
    """``number`` is the index of the prompt, axis or check."""

    part: PlanPart
    message: str
    advice: str = ""
    number: int | None = None


prompt_problem = partial(PlanProblem, PlanPart.PROMPT)
input_problem = partial(PlanProblem, PlanPart.INPUTS)
setting_problem = partial(PlanProblem, PlanPart.SETTINGS)
check_problem = partial(PlanProblem, PlanPart.CHECKS)
limit_problem = partial(PlanProblem, PlanPart.LIMITS)


def find_problems(resolved: ResolvedPlan) -> tuple[PlanProblem, ...]:
    """Return everything that blocks a run, in the order of the plan's parts; empty if the plan can be run."""
    plan = resolved.plan
    return (
        *_prompt_problems(plan),
        *_input_problems(plan),
        *_settings_problems(resolved),
        *_check_problems(plan),
        *_limit_problems(plan.limits),
    )


def _duplicates(names: Iterable[str]) -> list[str]:
    return [name for name, times in Counter(names).items() if times > 1]


def _prompt_problems(plan: Plan) -> Iterator[PlanProblem]:
    if not plan.prompts:
        yield prompt_problem("There is no prompt.", "Write one.")
    for number, prompt in enumerate(plan.prompts):
        if not prompt.user.strip():
            yield prompt_problem(
                f"The prompt “{prompt.name}” has no text.", "Write what the model is asked.", number
            )
        if not prompt.name.strip():
            yield prompt_problem(f"Prompt version {number + 1} has no name.", "Give it one.", number)
    for name in _duplicates(prompt.name for prompt in plan.prompts):
        yield prompt_problem(
            f"Two prompt versions are called “{name}”.", "Rename one: results are shown by their names."
        )


def _known_variables(inputs: Inputs) -> set[str]:
    return {*inputs.columns, EXPECTED_VARIABLE} if inputs.expected is not None else set(inputs.columns)


def _input_problems(plan: Plan) -> Iterator[PlanProblem]:
    inputs = plan.inputs
    for name in _duplicates(inputs.columns):
        yield input_problem(f"Two columns are called “{name}”.", "Rename one.")
    for number, row in enumerate(inputs.rows):
        if len(row) != len(inputs.columns):
            yield input_problem(
                f"Row {number + 1:,} has {len(row)} cells for {len(inputs.columns)} columns.", "Correct it."
            )
            break
    if inputs.expected is not None and inputs.expected not in inputs.columns:
        yield input_problem(
            f"The expected answers should be in “{inputs.expected}”, but there is no such column.",
            "Choose one of the columns, or none.",
        )
    elif inputs.expected not in (None, EXPECTED_VARIABLE) and EXPECTED_VARIABLE in inputs.columns:
        yield input_problem(
            f"A column is called “{EXPECTED_VARIABLE}”, but the expected answers are taken from "
            f"“{inputs.expected}”.",
            f"Choose “{EXPECTED_VARIABLE}” for them, or rename it.",
        )
    known_variables = _known_variables(inputs)
    names = used_variables(plan)
    if names and not inputs.rows and known_variables.issuperset(names):
        yield input_problem("The table of inputs has no rows.", "Add a row for each question.")
    for name in names:
        if name not in known_variables:
            users = [owner for owner, text in sent_templates(plan) if name in template_variables(text)]
            quoted = ", ".join(f"“{user}”" for user in dict.fromkeys(users))
            near = next((column for column in inputs.columns if column.casefold() == name.casefold()), None)
            correction = f"Write it as the column is written: {near}."
            yield input_problem(
                f"The variable “{name}” has no column. It is used in {quoted}.",
                correction if near else "Add the column, or remove the variable from the prompt.",
            )
    for owner, text in dict.fromkeys(sent_templates(plan)):
        for written, column in find_written_headings(text, inputs.columns).items():
            yield input_problem(
                f"“{{{{{written}}}}}” in “{owner}” would be sent as it is: the column is called “{column}”.",
                f"Write {{{{{column}}}}}.",
            )


def _settings_problems(resolved: ResolvedPlan) -> Iterator[PlanProblem]:
    plan, model = resolved.plan, resolved.model
    if not 1 <= plan.repetitions <= MAX_REPETITIONS:
        yield setting_problem(
            f"Repetitions must be between 1 and {MAX_REPETITIONS:,}; {plan.repetitions:,} is not.",
            "1 asks everything once.",
        )
    if plan.variants:
        for name in _duplicates(variant.name for variant in plan.variants):
            yield setting_problem(f"Two settings are called “{name}”.", "Choose each once, or rename one.")
    else:
        yield from _axis_problems(resolved)
    swept = set() if plan.variants else {axis.name for axis in plan.axes}
    # Each of the other models moves them into its bounds.
    others = resolved.other_parameters.keys()
    named_settings = [(variant.name, variant.settings) for variant in plan.variants] or [("", plan.base)]
    for name, settings in named_settings:
        sent, features = settings.sent_values(), settings.features
        own = resolved.model_of(settings.model)
        if plan.models and not own.is_known:
            own = model  # only the plan's models are asked, with what they have of these settings
        checked_later = {*swept, *others} if own.id == model.id else swept
        try:
            require_known(own)
            check_parameters({key: value for key, value in sent.items() if key not in checked_later}, own)
            input = build_input(features, (Turn("user", "."),))
            build_request(own, input, response_format=features.response_format)
        except BadInput as error:
            yield setting_problem(f"{name}: {error.message}" if name else error.message, error.advice)
    for id in _duplicates(plan.models):
        yield setting_problem(f"The model {id} is listed twice.", "Remove one of them.")
    for id in dict.fromkeys(plan.models):
        try:
            require_known(resolved.model_of(id))
        except BadInput as error:
            yield setting_problem(error.message, error.advice)
    cells = count_cells(plan)
    if cells > MAX_CELLS:
        yield setting_problem(
            f"That is {cells:,} requests, more than the {MAX_CELLS:,} that an experiment may have.",
            "Try fewer values, rows, prompts or repetitions.",
        )


def _axis_problems(resolved: ResolvedPlan) -> Iterator[PlanProblem]:
    plan, model = resolved.plan, resolved.model
    for name in _duplicates(axis.name for axis in plan.axes):
        label = resolved.parameter_label(name)
        yield setting_problem(f"{label} is listed twice.", "Put all its values into one list.")
    for number, axis in enumerate(plan.axes):
        parameter = resolved.find_parameter(axis.name)
        name = resolved.parameter_label(axis.name)
        if not axis.values:
            yield setting_problem(
                f"{name} has no values to try.", "Add some, or remove it from the list.", number
            )
        for shown in _duplicates(map(format_value, axis.values)):
            yield setting_problem(f"{name} has {shown} twice.", "Remove one of them.", number)
        try:
            if parameter is None:  # no model has it, so any value raises
                check_parameters({axis.name: 1}, model)
            for value in axis.values:
                if parameter is not None and value is not None:
                    check_parameter_value(parameter, value)
        except BadInput as error:
            yield setting_problem(error.message, error.advice, number)


def _check_problems(plan: Plan) -> Iterator[PlanProblem]:
    known_variables = _known_variables(plan.inputs)
    for number, check in enumerate(plan.checks):
        for words, advice in find_check_problems(check, plan):
            yield check_problem(f"Check {number + 1}: {words}", advice, number)
        for name in check_variables(check):
            if name not in known_variables:
                is_expected = name == EXPECTED_VARIABLE
                advice = (
                    "Choose the column with the expected answers" if is_expected else f"Add a column “{name}”"
                )
                yield check_problem(
                    f"Check {number + 1} compares with “{name}”, but there is no such column.",
                    f"{advice}, or write what to compare with.",
                    number,
                )
        for text in check_templates(check):
            for written, column in find_written_headings(text, plan.inputs.columns).items():
                yield check_problem(
                    f"Check {number + 1} has “{{{{{written}}}}}”, but the column is called “{column}”.",
                    f"Write {{{{{column}}}}}.",
                    number,
                )


def _limit_problems(limits: Limits) -> Iterator[PlanProblem]:
    if limits.dollars is not None and not (limits.dollars.is_finite() and limits.dollars > 0):
        yield limit_problem("With a budget of 0 dollars nothing can be sent.", "Raise it, or leave it empty.")
    if limits.requests is not None and limits.requests <= 0:
        yield limit_problem(
            "With a budget of 0 requests nothing can be sent.", "Raise it, or leave it empty."
        )
    for words, value, most in (
        ("Requests per minute", limits.per_minute, MAX_REQUESTS_PER_MINUTE),
        ("Requests at the same time", limits.concurrency, MAX_CONCURRENCY),
        ("Attempts", limits.attempts, MAX_ATTEMPTS),
    ):
        if not 1 <= value <= most:
            yield limit_problem(
                f"{words} must be between 1 and {most:,}; {value:,} is not.", "Enter a value in that range."
            )
