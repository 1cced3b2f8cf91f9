"""Each check passes, fails or cannot tell, with a reason; no answer and no pattern makes a run hang."""

from __future__ import annotations

import threading
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.chat.answer import Ending
from lib.experiment.checks import numbers_in_text, regex_search
from lib.experiment.checks.check_evaluation import evaluate_check
from lib.experiment.checks.check_kinds import (
    Check,
    Contains,
    Equals,
    Judge,
    Length,
    LengthUnit,
    Matches,
    MatchesSchema,
    NumberWithin,
    ValidJson,
)
from lib.model.request_options import ToolCall
from tests.experiment.results.sample_results import make_answer

ROW = {"review": "Fine.", "expected": "positive", "sum": "1,234.5", "empty": " "}
SCHEMA = '{"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}'
D = Decimal


@pytest.mark.parametrize(
    ("check", "text", "passed", "reason"),
    [
        (Equals(), "Negative.", False, "Expected “positive”, got “Negative.”"),
        (Equals(), " Positive\n", True, "Is “positive”"),
        (Equals(ignore_case=False), "Positive", False, "Expected “positive”, got “Positive”"),
        (Equals("Cafe\u0301"), "CAFÉ", True, "Is “Cafe\u0301”"),
        (Equals("STRASSE"), "straße", True, "Is “STRASSE”"),
        (Equals("a\r\nb"), "a\nb", True, "Is “a b”"),
        (Equals(), "", False, "Expected “positive”, got an empty answer"),
        (Equals("{{empty}}"), "x", None, "In this row the text to compare with is empty."),
        (
            Equals("{{mood}}"),
            "x",
            None,
            "The inputs have no column “mood”, which the text to compare with needs.",
        ),
        (Contains(), "It is POSITIVE!", True, "“positive” is in the answer"),
        (Contains(), "No.", False, "“positive” is not in “No.”"),
        (Contains("I cannot", absent=True), "Sorry, I cannot.", False, "“I cannot” is in the answer"),
        (Contains("I cannot", absent=True), "Sure.", True, "“I cannot” is not in “Sure.”"),
        (Matches(r"^(yes|no)\b"), "yes, it is", True, "Found “yes”"),
        (Matches(r"^(yes|no)\b"), "Maybe", False, "The pattern does not match “Maybe”"),
        (NumberWithin(D(1), D(10)), "Of 12 there are 7.", True, "7"),
        (NumberWithin(D(1), D(10)), "There are 12", False, "12 is more than 10"),
        (Equals("10\u00a0km\r\na\u202fb"), "10 km\na b", True, "Is “10 km a b”"),
        (Contains("10 km"), "It is 10\u00a0km.", True, "“10 km” is in the answer"),
        (
            Equals("a b"),
            "a\nb",
            False,
            "Expected “a b”, got the same words with other spaces or line ends",
        ),
        (
            Equals("a " * 60 + "x" + " a" * 60),
            "a " * 60 + "y" + " a" * 60,
            False,
            f"Expected “… {'a ' * 10}x{' a' * 9} …”, got “… {'a ' * 10}y{' a' * 9} …”",
        ),
        (
            Equals("ha" * 100),
            "ha" * 150,
            False,
            f"Expected “… {'ha' * 10} …”, got “… {'ha' * 20} …”",
        ),
        (
            NumberWithin(D("0.1"), None),
            "0.099999999999999999999",
            False,
            "0.099999999999999999999 is less than 0.1",
        ),
        (NumberWithin(around="{{sum}}"), "= 1234.50", True, "1,234.5"),
        (NumberWithin(around="{{sum}}"), "1235", False, "1,235 is not 1,234.5"),
        (NumberWithin(around="{{sum}}", tolerance=D("0.5")), "1235", True, "1,235"),
        (NumberWithin(around="{{review}}"), "7", None, "“Fine.” has no number to compare with"),
        (NumberWithin(D("NaN")), "7", None, "A limit of the check is not a number that can be compared"),
        (NumberWithin(D(1)), "seven", False, "There is no number in “seven”"),
        (ValidJson(), ' [1, "a"]\n', True, "Is JSON"),
        (ValidJson(), "7", True, "Is JSON"),
        (ValidJson(), "NaN", False, "The answer is text without any JSON in it."),
        (
            ValidJson(),
            '{"a": 1',
            False,
            "The answer is not complete: a comma is missing in line 1, column 8.",
        ),
        (MatchesSchema(SCHEMA), '{"n": 1}', True, "Has the right fields"),
        (MatchesSchema(SCHEMA), "{}", False, "It has no “n”."),
        (MatchesSchema(), "{}", None, "The request asked for no fields"),
        (Length(LengthUnit.WORDS, 2, 3), "a b  c\n", True, "3 words"),
        (Length(LengthUnit.WORDS, None, 1), "a b", False, "2 words are more than 1"),
        (Length(LengthUnit.CHARACTERS, 4), "abc", False, "3 characters are less than 4"),
        (Length(LengthUnit.LINES, 2), "one", False, "1 line is less than 2"),
        (Length(LengthUnit.TOKENS, None, 4), "x", True, "4 tokens"),
        (Judge("Is it so?"), "x", None, "The judge was not asked"),
    ],
)
def test_judged(check: Check, text: str, passed: bool | None, reason: str) -> None:
    outcome = evaluate_check(check, make_answer(text), ROW)
    assert (outcome.passed, outcome.reason) == (passed, reason)


def test_json_with_something_around_it_fits_a_schema_but_is_not_json() -> None:
    fenced = make_answer('```json\n{"n": 1}\n```')
    assert evaluate_check(ValidJson(), fenced, {}).passed is False
    assert evaluate_check(MatchesSchema(SCHEMA), fenced, {}).passed is True
    assert evaluate_check(MatchesSchema(SCHEMA), fenced, {}).reason.startswith("The JSON is in a code fence")


def test_the_schema_that_the_request_carried() -> None:
    assert evaluate_check(MatchesSchema(), make_answer('{"n": 1}', schema=SCHEMA), {}).passed is True
    assert evaluate_check(MatchesSchema(), make_answer('{"n": "1"}', schema=SCHEMA), {}).passed is False


def test_calls_are_what_is_judged_where_there_is_no_text() -> None:
    call = ToolCall("", "weather", '{"city": "Oslo"}')
    assert evaluate_check(Contains("oslo"), make_answer("", calls=(call,)), {}).passed is True
    assert evaluate_check(ValidJson(), make_answer("", calls=(call, call)), {}).passed is True
    assert evaluate_check(Contains("oslo"), make_answer("Let me look.", calls=(call,)), {}).passed is False


@pytest.mark.parametrize("ending", [Ending.ERROR, Ending.CUT_OFF, Ending.STOPPED])
def test_what_did_not_come_whole_is_not_judged(ending: Ending) -> None:
    assert evaluate_check(Equals("a"), make_answer("a", ending=ending), {}).passed is None


def test_tokens_that_nobody_counted() -> None:
    assert evaluate_check(Length(LengthUnit.TOKENS, 1), make_answer("a", usage=None), {}).passed is None


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("1,234.5", "1234.5"),
        ("1.234,5", "1234.5"),
        ("1,234,567", "1234567"),
        ("1.234.567", "1234567"),
        ("1\u202f234,5", "1234.5"),
        ("1'234", "1234"),
        ("1_000", "1000"),
        ("3,14", "3.14"),
        ("1.234", "1.234"),
        ("1,234", "1234"),
        ("-3", "-3"),
        ("−3.5 °C", "-3.5"),
        ("x=-3", "-3"),
        ("5-3", "3"),
        ("2026-11-26", "26"),
        ("26.11.2026", "2026"),
        ("1,2,3", "3"),
        ("85%", "85"),
        ("$1,234.00.", "1234.00"),
        (".5", "0.5"),
        ("1.5e3", "1500"),
        ("2E-2", "0.02"),
        ("It is 42.", "42"),
        ("(7)", "7"),
        ("1. Paris\n2. Rome", "2"),
        ("v1.2.3", "3"),
        ("12,34,567", "1234567"),
        ("₹ 1,00,000.50", "100000.50"),
        ("1 000 000", "1000000"),
        ("-12 500,50 €", "-12500.50"),
        ("of 500–1 000 km", "1000"),
        ("1 2345", "2345"),
        ("2026 100", "100"),
        ("on 2026-11-26 100 people", "100"),
        ("at 10:30 120 people", "120"),
        ("0,125", "0.125"),
        ("-0,250", "-0.25"),
        ("Berlin,42", "42"),
        ("is...42", "42"),
        ("see No.5", "5"),
        ("Fig.3", "3"),
        ("$.50", "0.5"),
        ("a,.5", "0.5"),
        ("٣٫١٤", "3.14"),
        ("٣", "3"),
        ("007", "7"),
        ("none", None),
        ("", None),
        ("1" * 500, None),
        ("1e999999", None),
        ("+5", "5"),
        ("1,234 and h2o", "2"),
    ],
)
def test_the_last_number(text: str, found: str | None) -> None:
    assert numbers_in_text.last_number(text) == (None if found is None else Decimal(found))


@given(st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**12), max_value=10**12))
def test_a_number_is_read_exactly_with_and_without_thousands(value: Decimal) -> None:
    assert numbers_in_text.last_number(f"about {value:,f}!") == value
    assert numbers_in_text.last_number(f"about {value:f}") == value


@given(st.text(alphabet="0123456789.,'-−+eE _\u00a0x:/٫", max_size=40))
def test_no_text_breaks_the_reading(text: str) -> None:
    found = numbers_in_text.last_number(text)
    assert found is None or found.is_finite()


def test_a_search_without_end_is_given_up_and_the_next_one_goes_on() -> None:
    evil = evaluate_check(Matches(r"(a+)+$"), make_answer("a" * 50 + "!"), {})
    assert evil.passed is None
    assert evil.reason == "The pattern took more than 2 seconds and was given up."
    assert evaluate_check(Matches("b+"), make_answer("abba"), {}).reason == "Found “bb”"
    for _ in range(2):
        evaluate_check(Matches(r"(a+)+$"), make_answer("a" * 50 + "!"), {})
    assert evaluate_check(Matches(r"(a+)+$"), make_answer("a"), {}).reason.endswith("is not tried again.")
    assert evaluate_check(Matches("("), make_answer("x"), {}).passed is None
    assert evaluate_check(Matches("x"), make_answer("x" * 200_000), {}).passed is None


def test_many_threads_look_at_once_and_a_dead_process_is_started_again() -> None:
    finder = regex_search.RegexSearcher()
    found: list[str | None] = []
    threads = [
        threading.Thread(target=lambda n=n: found.append(finder.find(r"\d+", f"n {n}"))) for n in range(30)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found, key=str) == sorted(map(str, range(30)))
    assert finder._process._process is not None
    finder._process._process.kill()
    finder._process._process.wait()
    assert finder.find("(x|y)", "zy\ud800") == "y"
    finder.end()
