"""Templates: which names are variables, and filling them once."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.experiment.inputs.prompt_template import (
    count_variables,
    fill_template,
    find_written_headings,
    make_variable_name,
    template_variables,
)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", ()),
        ("{{a}} {{ b }} {{\ta\t}} {{a_1}} {{a-1}} {{first name}}", ("a", "b", "a_1", "a-1", "first name")),
        (
            "{{größe}} {{цвет}} {{色}} {{हिन्दी}} {{می\u200cخواهم}}",
            ("größe", "цвет", "色", "हिन्दी", "می\u200cخواهم"),
        ),
        ("{{u\u0308}} {{ü}}", ("ü",)),  # two ways to write one letter
        ("{{first  name}} {{first\u00a0name}} {{\u00a0a}}", ("first name", "a")),
        ('{{{a}}} {"a": {{b}}}', ("a", "b")),
        ("{a} {{}} {{ }} {{a.b}} {{a}b}} {{a{b}} {{#if}} {{a\nb}} {{a }", ()),
        ("{{" + "a" * 80 + "}}", ("a" * 80,)),
        ("{{" + "a" * 81 + "}}", ()),
    ],
)
def test_variables(text: str, names: tuple[str, ...]) -> None:
    assert template_variables(text) == names


def test_filled_once() -> None:
    values = {"a": "{{b}}", "b": "{{a}} \\1", "ü": "U"}
    assert fill_template("{{a}}{{ b }}{{c}}{{u\u0308}}{x}{{}}", values) == "{{b}}{{a}} \\1{{c}}U{x}{{}}"
    assert count_variables("{{a}}{{ a }}{{c}}") == {"a": 2, "c": 1}


def test_headings_in_braces_are_found() -> None:
    text = "{{Price (€)}} {{E-mail?}} {{ e-MAIL: }} {{Price}} {{other?}} {{}} {{{Price.}}}"
    assert find_written_headings(text, ("Price", "E-mail")) == {
        "Price (€)": "Price",
        "E-mail?": "E-mail",
        "e-MAIL:": "E-mail",
        "Price.": "Price",
    }


TEXTS = st.text(st.sampled_from("{} ab_\n1ü\u0301"), max_size=40)


@given(TEXTS, TEXTS)
def test_filling_changes_the_variables_alone(text: str, value: str) -> None:
    assert fill_template(text, {}) == text
    names = template_variables(text)
    full = fill_template(text, dict.fromkeys(names, "\x00"))
    assert full.count("\x00") == count_variables(text).total()
    assert fill_template(text, dict.fromkeys(names, value)) == full.replace("\x00", value)
    assert all(make_variable_name(name) == " ".join(name.split()) for name in names)


@settings(max_examples=50)
@given(st.text(st.characters(max_codepoint=0x0FFF), max_size=100))
def test_any_name_is_made_usable(name: str) -> None:
    if made := make_variable_name(name):
        assert template_variables(f"{{{{{made}}}}}") == (made,)


def test_a_hundred_thousand_braces_are_read_in_one_pass() -> None:
    for text in ("{" * 100_000, "{{a" * 100_000, "{{a}" * 100_000, "{{" + "a" * 1_000_000):
        assert template_variables(text) == ()
