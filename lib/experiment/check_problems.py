"""Problems of a check itself, found before there is any answer."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from lib.errors import BadInput
from lib.experiment.checks import check_kinds as kinds
from lib.experiment.checks.check_kinds import Check
from lib.experiment.checks.numbers_in_text import are_comparable, last_number
from lib.experiment.checks.regex_search import find_pattern_problem
from lib.experiment.inputs.prompt_template import template_variables
from lib.experiment.plan import Plan
from lib.jsonkit.json_schema import parse_schema

MAX_CHECK_TEXT = 20_000  # characters of one text

CheckProblem = tuple[str, str]  # what is wrong, and what to do


def check_templates(check: Check) -> tuple[str, ...]:
    """Return the check's texts that may hold ``{{variables}}``."""
    match check:
        case kinds.Equals(text) | kinds.Contains(text) | kinds.Judge(text) | kinds.NumberWithin(around=text):
            return (text,)
        case kinds.Matches() | kinds.ValidJson() | kinds.MatchesSchema() | kinds.Length():
            return ()


def check_variables(check: Check) -> tuple[str, ...]:
    """Return the names of the variables in the check's texts, each once."""
    names = (name for text in check_templates(check) for name in template_variables(text))
    return tuple(dict.fromkeys(names))


def find_check_problems(check: Check, plan: Plan) -> Iterator[CheckProblem]:
    """Yield why the check could never give a sensible result."""
    for text in check_templates(check):
        if len(text) > MAX_CHECK_TEXT:
            yield f"its text has {len(text):,} characters, more than {MAX_CHECK_TEXT:,}.", "Make it shorter."
    match check:
        case kinds.Equals(text) | kinds.Contains(text):
            if not text.strip():
                yield "it has nothing to compare with.", "Write the text, or {{expected}}."
        case kinds.Judge(text):
            if not text.strip():
                yield "the judge has no question.", "Write a question that can be answered with yes or no."
        case kinds.Matches(pattern):
            if (wrong := find_pattern_problem(pattern)) is not None:
                yield _from_error(wrong)
        case kinds.NumberWithin():
            yield from _number_problems(check)
        case kinds.MatchesSchema(schema):
            yield from _schema_problems(schema, plan)
        case kinds.Length(least=least, most=most):
            if least is None and most is None:
                yield "it has no limits.", "Enter one of them."
            yield from _bounds_problems(least, most)
        case kinds.ValidJson():
            pass


def _from_error(error: BadInput) -> CheckProblem:
    return error.message[:1].lower() + error.message[1:], error.advice or "Correct it."


def _number_problems(check: kinds.NumberWithin) -> Iterator[CheckProblem]:
    around = check.around
    if check.least is None and check.most is None and not around.strip():
        yield "it has no limits.", "Enter the least, the most, or a number to be close to."
    if not are_comparable(check.least, check.most, check.tolerance):
        yield "a limit is not a number that can be compared.", "Enter a number."
    elif check.tolerance < 0:
        yield f"nothing can pass with a tolerance of {check.tolerance}.", "Enter 0 or more."
    else:
        yield from _bounds_problems(check.least, check.most)
    if around.strip() and not template_variables(around) and last_number(around) is None:
        yield f"“{around[:40]}” is not a number.", "Enter a number, or {{expected}}."


def _bounds_problems(least: Decimal | int | None, most: Decimal | int | None) -> Iterator[CheckProblem]:
    if least is not None and most is not None and least > most:
        yield f"its least, {least}, is above its most, {most}.", "Swap them."


def _schema_problems(schema: str | None, plan: Plan) -> Iterator[CheckProblem]:
    if schema is not None:
        try:
            parse_schema(schema)
        except BadInput as error:
            yield _from_error(error)
        return
    all_settings = [variant.settings for variant in plan.variants] or [plan.base]
    if any(settings.features.response_format is None for settings in all_settings):
        words = "it needs the fields that the request asks for, but a request asks for none."
        yield words, "Enter fields here, or choose JSON with fields under Settings."
