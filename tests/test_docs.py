"""The documentation is true: API coverage is current and complete, links lead somewhere, the README is short."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests import api_coverage

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([ROOT / "README.md", ROOT / "SECURITY.md", *(ROOT / "docs").glob("*.md")])


def test_the_coverage_page_is_current() -> None:
    written = api_coverage.PAGE.read_text(encoding="utf-8")
    assert written == api_coverage.render(api_coverage.coverage()), "run: python -m tests.api_coverage"


def test_every_documented_property_has_a_control_and_tests() -> None:
    rows = api_coverage.coverage()
    assert len(rows) >= 25
    for row in rows:
        assert row.control, row.property
        for marker in api_coverage.MARKERS:
            assert row.tests[marker], f"no test is marked {marker}({row.property!r})"


def test_every_mark_names_a_property() -> None:
    known = {row.property for row in api_coverage.coverage()}
    marked = api_coverage.marked_tests()
    assert {property for tests in marked.values() for property in tests} <= known


def test_the_readme_is_short() -> None:
    assert (ROOT / "README.md").stat().st_size <= 6_144


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_and_files_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    links = re.findall(r"\]\((?!https?:)([^)#\s]+)", text) + re.findall(r'(?:src|srcset)="([^"]+)"', text)
    for link in links:
        assert (page.parent / link).exists(), link
    for path in re.findall(r"`((?:lib|tests|bench|scripts|pages|docs)/[\w/.-]+)`", text):
        assert (ROOT / path).exists(), path


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_each_page_of_docs_says_whom_it_is_for(page: Path) -> None:
    if page.parent.name == "docs":
        assert page.read_text(encoding="utf-8").split("\n\n")[1].startswith("For people who")


def test_each_benchmark_is_described() -> None:
    text = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    # These are run by another benchmark, not by a person.
    helpers = {"experiment_app", "plain"}
    for file in (ROOT / "bench").glob("*.py"):
        assert file.stem in helpers or f"`{file.stem}`" in text, file.stem
