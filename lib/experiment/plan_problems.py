"""Problem: what keeps a plan from being run, said at the part of it that is to be changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum

from lib.api.request import Turn, build, lay_out
from lib.errors import BadInput
from lib.experiment.check_problems import flaws, templates
from lib.experiment.plan import Inputs, Limits, Plan
from lib.experiment.plan_grid import EXPECTED, count, label, texts_sent, used, write
from lib.experiment.prompt_template import variables
from lib.model.model_record import Model
from lib.model.settings import check

MOST_CELLS = 100_000
MOST_REPETITIONS = 1_000
MOST_CONCURRENCY = 64
MOST_PER_MINUTE = 100_000
MOST_ATTEMPTS = 10


class Where(Enum):
    """The part of a plan that a problem is about."""

    PROMPT = "prompt"
    INPUTS = "inputs"
    SETTINGS = "settings"
    CHECKS = "checks"
    LIMITS = "limits"


@dataclass(frozen=True)
class Problem:
    """``message`` says what is wrong, ``advice`` what to do. ``number``: which prompt, axis or check, from 0."""

    where: Where
    message: str
    advice: str = ""
    number: int | None = None


def problems(plan: Plan, model: Model) -> tuple[Problem, ...]:
    """All that blocks a run, in the order of the parts; none: it can be run."""
    return (
        *_of_prompts(plan),
        *_of_inputs(plan),
        *_of_settings(plan, model),
        *_of_checks(plan),
        *_of_limits(plan.limits),
    )


def _twice(names: Iterable[str]) -> list[str]:
    return [name for name, times in Counter(names).items() if times > 1]


def _of_prompts(plan: Plan) -> Iterator[Problem]:
    if not plan.prompts:
        yield Problem(Where.PROMPT, "There is no prompt.", "Write one.")
    for number, prompt in enumerate(plan.prompts):
        if not prompt.user.strip():
            yield Problem(
                Where.PROMPT,
                f"The prompt “{prompt.name}” has no text.",
                "Write what the model is asked.",
                number,
            )
        if not prompt.name.strip():
            yield Problem(Where.PROMPT, f"Prompt version {number + 1} has no name.", "Give it one.", number)
    for name in _twice(prompt.name for prompt in plan.prompts):
        yield Problem(
            Where.PROMPT,
            f"Two prompt versions are called “{name}”.",
            "Rename one: results are shown by their names.",
        )


def _known(inputs: Inputs) -> set[str]:
    return {*inputs.columns, EXPECTED} if inputs.expected is not None else set(inputs.columns)


def _of_inputs(plan: Plan) -> Iterator[Problem]:
    inputs = plan.inputs
    for name in _twice(inputs.columns):
        yield Problem(Where.INPUTS, f"Two columns are called “{name}”.", "Rename one.")
    for number, row in enumerate(inputs.rows):
        if len(row) != len(inputs.columns):
            yield Problem(
                Where.INPUTS,
                f"Row {number + 1:,} has {len(row)} cells for {len(inputs.columns)} columns.",
                "Mend it.",
            )
            break
    if inputs.expected is not None and inputs.expected not in inputs.columns:
        yield Problem(
            Where.INPUTS,
            f"The expected answers are said to be in “{inputs.expected}”, which is no column.",
            "Choose one of the columns, or none.",
        )
    elif inputs.expected not in (None, EXPECTED) and EXPECTED in inputs.columns:
        yield Problem(
            Where.INPUTS,
            f"A column is called “{EXPECTED}”, but the expected answers are said to be in "
            f"“{inputs.expected}”.",
            f"Choose “{EXPECTED}” for them, or rename it.",
        )
    known = _known(inputs)
    names = used(plan)
    if names and not inputs.rows and known.issuperset(names):
        yield Problem(Where.INPUTS, "The table of inputs has no rows.", "Add one for each question to ask.")
    for name in names:
        if name not in known:
            where = dict.fromkeys(owner for owner, text in texts_sent(plan) if name in variables(text))
            near = next((one for one in inputs.columns if one.casefold() == name.casefold()), None)
            yield Problem(
                Where.INPUTS,
                f"The variable “{name}” has no column. It is used in {', '.join(f'“{one}”' for one in where)}.",
                f"Write it as the column is written: {near}."
                if near
                else "Add the column, or take it out of the prompt.",
            )


def _of_settings(plan: Plan, model: Model) -> Iterator[Problem]:
    if not 1 <= plan.repetitions <= MOST_REPETITIONS:
        yield Problem(
            Where.SETTINGS,
            f"Repetitions must be between 1 and {MOST_REPETITIONS:,}; {plan.repetitions:,} is not.",
            "1 asks everything once.",
        )
    if plan.variants:
        for name in _twice(one.name for one in plan.variants):
            yield Problem(
                Where.SETTINGS, f"Two settings are called “{name}”.", "Choose each once, or rename one."
            )
    else:
        yield from _of_axes(plan, model)
    swept = set() if plan.variants else {axis.name for axis in plan.axes}
    for name, settings in [(one.name, one.settings) for one in plan.variants] or [("", plan.base)]:
        features = settings.features
        try:
            check({one: value for one, value in settings.sent().items() if one not in swept}, model)
            build(model, lay_out(features, (Turn("user", "."),)), response_format=features.response_format)
        except BadInput as error:
            yield Problem(Where.SETTINGS, f"{name}: {error.message}" if name else error.message, error.advice)
    cells = count(plan)
    if cells > MOST_CELLS:
        yield Problem(
            Where.SETTINGS,
            f"That is {cells:,} requests, more than the {MOST_CELLS:,} that an experiment may have.",
            "Try fewer values, rows, prompts or repetitions.",
        )


def _of_axes(plan: Plan, model: Model) -> Iterator[Problem]:
    for name in _twice(axis.name for axis in plan.axes):
        yield Problem(Where.SETTINGS, f"{label(model, name)} is swept twice.", "Put all its values into one.")
    for number, axis in enumerate(plan.axes):
        name = label(model, axis.name)
        if not axis.values:
            yield Problem(
                Where.SETTINGS, f"{name} has no values to try.", "Add some, or do not sweep it.", number
            )
        for value in _twice(map(write, axis.values)):
            yield Problem(Where.SETTINGS, f"{name} has {value} twice.", "Take one of them out.", number)
        try:
            if name == axis.name:  # a name that the model does not have is refused whatever the value
                check({name: 1}, model)
            for one in axis.values:
                check({} if one is None else {axis.name: one}, model)
        except BadInput as error:
            yield Problem(Where.SETTINGS, error.message, error.advice, number)


def _of_checks(plan: Plan) -> Iterator[Problem]:
    known = _known(plan.inputs)
    for number, one in enumerate(plan.checks):
        for words, advice in flaws(one, plan):
            yield Problem(Where.CHECKS, f"Check {number + 1}: {words}", advice, number)
        for name in dict.fromkeys(name for text in templates(one) for name in variables(text)):
            if name in known:
                continue
            advice = (
                "Mark the column with the expected answers" if name == EXPECTED else f"Add a column “{name}”"
            )
            yield Problem(
                Where.CHECKS,
                f"Check {number + 1} compares with “{name}”, which no column holds.",
                f"{advice}, or write what to compare with.",
                number,
            )


def _of_limits(limits: Limits) -> Iterator[Problem]:
    if limits.dollars is not None and not (limits.dollars.is_finite() and limits.dollars > 0):
        yield Problem(Where.LIMITS, "A budget of no dollars buys nothing.", "Raise it above 0, or set none.")
    if limits.requests is not None and limits.requests <= 0:
        yield Problem(Where.LIMITS, "A budget of no requests asks nothing.", "Raise it above 0, or set none.")
    for words, value, most in (
        ("Requests a minute", limits.per_minute, MOST_PER_MINUTE),
        ("Requests at the same time", limits.concurrency, MOST_CONCURRENCY),
        ("Attempts", limits.attempts, MOST_ATTEMPTS),
    ):
        if not 1 <= value <= most:
            yield Problem(
                Where.LIMITS,
                f"{words} must be between 1 and {most:,}; {value:,} is not.",
                "Move it back.",
            )
