"""The report shows what the results say, and no text in them can become anything but text."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from html.parser import HTMLParser

import pytest

from lib.chat.answer import Ending
from lib.errors import NoCapacity
from lib.experiment.checks.check_kinds import Check, Contains, Equals
from lib.experiment.inputs.input_table import Inputs
from lib.experiment.plan import Axis, PromptVersion, Variant
from lib.experiment.results.cell_result import Result, Status
from lib.experiment.results.html_report import render_report
from tests.experiment.plan_fixtures import resolve
from tests.experiment.results.sample_results import MODEL, SWEPT, make_answer, reviews_plan, reviews_results

WHEN = datetime(2026, 11, 26, 12, 0)
EVIL = (
    '"><script>alert(1)</script><img src=x onerror=alert(1)>\'</style><a href="http://x.example">&\x00\ud800'
)
VOID = {"meta", "rect", "br"}


class ReportPage(HTMLParser):
    """The page as a browser parses it: tags, attribute names and text. Every tag must be closed in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.attributes: set[str] = set()
        self.open: list[str] = []
        self.text = ""
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes |= {name for name, _ in attrs}
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes |= {name for name, _ in attrs}

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("style", "title"):
            self.text += f"{data}\n" if data.strip() else ""


def test_what_it_says() -> None:
    plan = reviews_plan((Equals(), Contains("idea", absent=True)), rows=5, prompts=2, repetitions=2)
    results = list(reviews_results(plan, lambda cell, expected: expected if cell.variant == 4 else "no idea"))
    error = NoCapacity("No machine is free.")
    lost = make_answer(ending=Ending.ERROR, error=error, usage=None)
    results[-1] = Result(results[-1].cell, Status.FAILED, lost, cost=Decimal("0.01"))
    results[0] = replace(results[0], rating=5)
    page = ReportPage(render_report("Mood of reviews", resolve(plan), results, WHEN))
    text = page.text.replace("\u00a0", " ")
    said = " ".join(text.split())
    best, second = "Temperature 0.7 · Top p 0.9", "Temperature 0 · Top p 0.5"
    for words in (
        "Mood of reviews",
        f"{MODEL.name} ( {MODEL.id} ) on test · 26 November 2026",
        f"{best} passes 20 of 20 (84–100 %), the next, {second}, 0 of 20 (0–16 %): clearly better. "
        "McNemar’s test: p < 0.001.",
        "Answers 179 1 failed",
        "Passed 11 % likely range 7–17 %",
        "Rating 5.0 of 5 1 rated",
        "Cost $0.01",
        f"{best} best 20 / 20",
        "Temperature against top p",
        "By prompt",
        "By check",
        "You label reviews.",
        "5 inputs with “review”, “mood”",
        "Each asked 2 times",
        "Temperature: 0, 0.7, 1.5",
        "What did not pass 6 of 159",
        "Expected “negative”, got “no idea” · “idea” is in the answer",
        "No machine is free. (once)",
        "McNemar",
    ):
        assert words in said, words
    assert page.tags["li"] == 6 + 7 + 1  # failures, what was asked, errors


def test_no_text_becomes_more_than_text() -> None:
    variants = (
        Variant(EVIL, reviews_plan().base),
        Variant(f"2{EVIL}", reviews_plan().base.with_value(SWEPT[0], 1.5)),
    )
    checks: tuple[Check, ...] = (Equals(EVIL), Contains("x"))
    plan = replace(
        reviews_plan(checks, repetitions=1, axes=0),
        prompts=(PromptVersion(EVIL, "S", "U"), PromptVersion("2", "S", "U")),
        inputs=Inputs((EVIL,), ((EVIL,), ("2",))),
        variants=variants,
    )
    results = [
        replace(result, answer=replace(result.answer, text=f"no {EVIL}", backend=EVIL))
        for result in reviews_results(plan, lambda cell, expected: f"no {EVIL}")
        if result.answer is not None
    ]
    results[-1] = Result(
        results[-1].cell, Status.FAILED, make_answer(ending=Ending.ERROR, error=NoCapacity(EVIL))
    )
    plan = replace(plan, prompts=tuple(replace(prompt, system=EVIL, user=EVIL) for prompt in plan.prompts))
    html = render_report(EVIL, resolve(plan), results, WHEN)
    html.encode()  # it can be written
    page = ReportPage(html)
    assert not page.tags.keys() & {"script", "img", "a", "iframe", "link", "object", "form"}
    assert page.attributes <= {
        "aria-label",
        "charset",
        "class",
        "content",
        "data-label",
        "height",
        "http-equiv",
        "lang",
        "name",
        "preserveaspectratio",
        "role",
        "scope",
        "style",
        "viewbox",
        "width",
        "x",
        "y",
    }
    assert page.tags["style"] == 1
    assert page.text.count("<script>alert(1)</script>") > 10
    assert "url(" not in html
    assert "@import" not in html


@pytest.mark.parametrize("checks", [(), (Equals(),)])
def test_an_experiment_without_results_or_inputs(checks: tuple[Check, ...]) -> None:
    plan = replace(
        reviews_plan(checks, prompts=1, axes=0), inputs=Inputs(), prompts=(PromptVersion("A", "", "Hi"),)
    )
    text = ReportPage(render_report("Nothing", resolve(plan), [], WHEN)).text
    assert "No answer was judged" in text
    assert "McNemar" not in text


def test_of_many_settings_the_best_are_listed() -> None:
    values = tuple(number / 100 for number in range(60))
    plan = replace(reviews_plan(rows=1, prompts=1, repetitions=1), axes=(Axis(SWEPT[0], values),))
    results = list(reviews_results(plan, lambda cell, expected: expected if cell.variant == 50 else "no"))
    free = [
        replace(result, answer=replace(result.answer, billed=False))
        for result in results
        if result.answer is not None
    ]
    page = ReportPage(render_report("Many", resolve(plan), free, WHEN))
    assert "Would cost" in page.text
    assert page.tags["svg"] == 20
    assert "And 40 more that were not better." in page.text
    assert "Temperature 0.5 passes 1 of 1" in page.text
