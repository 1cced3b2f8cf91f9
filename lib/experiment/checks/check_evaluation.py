"""Evaluation of checks: whether an answer passes, with the reason in one line."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping
from decimal import Decimal

from lib.chat.answer import Answer, Ending
from lib.errors import BadInput
from lib.experiment.checks import check_kinds as kinds
from lib.experiment.checks import numbers_in_text, regex_search
from lib.experiment.checks.check_kinds import Check, CheckOutcome, LengthUnit
from lib.experiment.inputs.prompt_template import fill_template, template_variables
from lib.jsonkit import json_answer_check

MAX_QUOTED = 80

# Spaces that look like any other; texts from web pages and word processors hold them.
_NO_BREAK_SPACES = str.maketrans(dict.fromkeys("\u00a0\u2007\u202f", " "))
_INCOMPLETE = (Ending.ERROR, Ending.CUT_OFF, Ending.STOPPED)


def evaluate_check(check: Check, answer: Answer, values: Mapping[str, str]) -> CheckOutcome:
    """Return the check's outcome. ``values`` are the row's, as ``lib.experiment.plan_grid.row_values`` returns them.

    Never raises: if the check cannot tell, ``passed`` is None and the reason says why. A ``Judge`` is not
    evaluated here: ``llm_judge`` builds its request and reads its verdict.
    """
    if answer.ending in _INCOMPLETE:
        return CheckOutcome(None, "The answer did not come whole")
    text = judged_text(answer)
    try:
        match check:
            case kinds.Equals():
                return _equals(check, text, values)
            case kinds.Contains():
                return _contains(check, text, values)
            case kinds.Matches():
                return _matches(check, text)
            case kinds.NumberWithin():
                return _evaluate_number(check, text, values)
            case kinds.ValidJson():
                return _json(text, "true", "Is JSON", allows_remark=False)
            case kinds.MatchesSchema():
                return _schema(check, text, answer)
            case kinds.Length():
                return _length(check, text, answer)
            case kinds.Judge():
                return CheckOutcome(None, "The judge was not asked")
    except BadInput as error:
        return CheckOutcome(None, error.message)


def judged_text(answer: Answer) -> str:
    """Return the text that is judged: the answer's own or, if there is none, its tool calls as JSON."""
    if answer.text.strip() or not answer.calls:
        return answer.text
    calls = [
        f'{{"name": {json.dumps(call.name, ensure_ascii=False)}, "arguments": {call.arguments or "{}"}}}'
        for call in answer.calls
    ]
    return calls[0] if len(calls) == 1 else f"[{', '.join(calls)}]"


def fill_check_text(text: str, values: Mapping[str, str], what: str) -> str:
    """Fill a check's text with the row's values. Raise BadInput if a column is missing or the result is empty.

    ``what`` names the text in the error message.
    """
    missing = [name for name in template_variables(text) if name not in values]
    if missing:
        raise BadInput(f"The inputs have no column “{missing[0]}”, which {what} needs.")
    full = fill_template(text, values)
    if not full.strip():
        raise BadInput(f"In this row {what} is empty.")
    return full


def quote(text: str) -> str:
    """Return the text on one line and in quotation marks; the middle of a long text is left out."""
    line = " ".join(text.split())
    if len(line) > MAX_QUOTED:
        line = f"{line[: MAX_QUOTED // 2].rstrip()} … {line[-MAX_QUOTED // 4 :].lstrip()}"
    return f"“{line}”"


def _comparable(text: str, ignore_case: bool) -> str:
    """Normalise white space around the text, no-break spaces, line endings and the encoding of accents."""
    spaced = text.translate(_NO_BREAK_SPACES).replace("\r\n", "\n").replace("\r", "\n")
    normalised = unicodedata.normalize("NFC", spaced.strip())
    return unicodedata.normalize("NFC", normalised.casefold()) if ignore_case else normalised


def _equals(check: kinds.Equals, text: str, values: Mapping[str, str]) -> CheckOutcome:
    expected = fill_check_text(check.text, values, "the text to compare with")
    if _comparable(text, check.ignore_case) == _comparable(expected, check.ignore_case):
        return CheckOutcome(True, f"Is {quote(expected)}")
    return CheckOutcome(False, _describe_difference(expected, text))


def _describe_difference(expected: str, text: str) -> str:
    """Return what was expected instead of the text, from their first difference if they begin and end alike."""
    if quote(expected) != quote(text):
        return f"Expected {quote(expected)}, got {_quote_answer(text)}"
    lines = " ".join(expected.split()), " ".join(text.split())
    if lines[0] == lines[1]:
        return f"Expected {quote(expected)}, got the same words with other spaces or line ends"
    pairs = enumerate(zip(*lines, strict=False))
    place = next((i for i, (first, second) in pairs if first != second), min(map(len, lines)))
    start = max(place - MAX_QUOTED // 4, 0)
    pieces = [quote(f"… {line[start : start + MAX_QUOTED // 2]} …") for line in lines]
    return f"Expected {pieces[0]}, got {pieces[1]}"


def _quote_answer(text: str) -> str:
    return quote(text) if text.strip() else "an empty answer"


def _contains(check: kinds.Contains, text: str, values: Mapping[str, str]) -> CheckOutcome:
    expected = fill_check_text(check.text, values, "the text to look for")
    is_in_answer = _comparable(expected, check.ignore_case) in _comparable(text, check.ignore_case)
    place = "is in the answer" if is_in_answer else f"is not in {_quote_answer(text)}"
    return CheckOutcome(is_in_answer != check.absent, f"{quote(expected)} {place}")


def _matches(check: kinds.Matches, text: str) -> CheckOutcome:
    match = regex_search.search(check.pattern, text)
    if match is None:
        return CheckOutcome(False, f"The pattern does not match {_quote_answer(text)}")
    return CheckOutcome(True, f"Found {quote(match)}" if match.strip() else "Found")


def _evaluate_number(check: kinds.NumberWithin, text: str, values: Mapping[str, str]) -> CheckOutcome:
    least, most = check.least, check.most
    if not numbers_in_text.are_comparable(least, most, check.tolerance):
        return CheckOutcome(None, "A limit of the check is not a number that can be compared")
    if check.around.strip():
        text_with_number = fill_check_text(check.around, values, "the number to compare with")
        around = numbers_in_text.last_number(text_with_number)
        if around is None:
            return CheckOutcome(None, f"{quote(text_with_number)} has no number to compare with")
        least = numbers_in_text.EXACT_CONTEXT.subtract(around, check.tolerance)
        most = numbers_in_text.EXACT_CONTEXT.add(around, check.tolerance)
    number = numbers_in_text.last_number(text)
    if number is None:
        return CheckOutcome(False, f"There is no number in {_quote_answer(text)}")
    return _compare_with_bounds(number, least, most, _format_number(number), "is")


def _compare_with_bounds(
    size: Decimal | int, least: Decimal | int | None, most: Decimal | int | None, shown: str, verb: str
) -> CheckOutcome:
    """Compare a size or number with the bounds; ``shown`` is how the reason writes it."""
    if least is not None and least == most != size:
        return CheckOutcome(False, f"{shown} {verb} not {_format_number(least)}")
    if least is not None and size < least:
        return CheckOutcome(False, f"{shown} {verb} less than {_format_number(least)}")
    if most is not None and size > most:
        return CheckOutcome(False, f"{shown} {verb} more than {_format_number(most)}")
    return CheckOutcome(True, shown)


def _format_number(value: Decimal | int) -> str:
    """Write a number with thousands separators and without trailing zeros; a very long one in powers of ten."""
    text = f"{value:,f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return text if len(text) <= 40 else f"{value:.6e}"


def _json(text: str, schema: str | None, good: str, *, allows_remark: bool) -> CheckOutcome:
    """Validate the text. A remark says what stands around the JSON, such as a code fence."""
    match json_answer_check.check_answer(text, schema):
        case json_answer_check.Valid(remark=remark):
            return CheckOutcome(allows_remark or not remark, remark or good)
        case json_answer_check.Invalid(failures=failures, more=more):
            rest = len(failures) - 1
            others = f" And {rest}{' or more' if more else ''} more." if rest else ""
            return CheckOutcome(False, f"{failures[0].to_sentence('It')}{others}")
        case json_answer_check.NotJson(message=message):
            return CheckOutcome(False, message)
        case json_answer_check.Unchecked(reason=reason):
            return CheckOutcome(None, reason)


def _schema(check: kinds.MatchesSchema, text: str, answer: Answer) -> CheckOutcome:
    schema = check.schema
    if schema is None:
        format = answer.request.response_format
        if format is None:
            return CheckOutcome(None, "The request asked for no fields")
        # None stands for any object.
        schema = format.schema
    return _json(text, schema, "Has the right fields", allows_remark=True)


def _length(check: kinds.Length, text: str, answer: Answer) -> CheckOutcome:
    match check.unit:
        case LengthUnit.CHARACTERS:
            size = len(text)
        case LengthUnit.WORDS:
            size = len(text.split())
        case LengthUnit.LINES:
            size = len(text.strip().splitlines())
        case LengthUnit.TOKENS:
            if answer.usage is None:
                return CheckOutcome(None, "The answer's tokens were not counted")
            size = answer.usage.completion_tokens
    unit, verb = (check.unit.value.removesuffix("s"), "is") if size == 1 else (check.unit.value, "are")
    return _compare_with_bounds(size, check.least, check.most, f"{size:,} {unit}", verb)
