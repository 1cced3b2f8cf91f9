"""10,000 results of an experiment counted, compared and written, each against one pass that writes them as JSON."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from lib.experiment import plan_grid
from lib.experiment.checks.check_kinds import Contains, Equals, Length, LengthUnit
from lib.experiment.results import result_export
from lib.experiment.results.html_report import render_report
from lib.experiment.results.paired_comparison import compare_variants
from lib.experiment.results.result_summary import ResultSummary, build_heatmap, summarise_results
from lib.experiment.results.winner import GroupedBy, find_winner
from lib.files.value_codec import write_request
from tests.experiment.results.sample_results import MODEL, reviews_plan, reviews_results

ROWS = 556  # inputs: with 2 prompts and 9 settings 10,008 cells


def main() -> None:
    """Print seconds, and how many times the pass that writes JSON."""
    dice = random.Random(1)
    ours = reviews_plan(
        (Equals(), Contains(), Length(LengthUnit.WORDS, None, 3)), rows=ROWS, prompts=2, repetitions=1
    )
    found = list(
        reviews_results(
            ours, lambda cell, expected: expected if dice.random() < 0.7 else "It is hard to say."
        )
    )
    found = [replace(one, rating=dice.choice((None, 3, 5))) for one in found]
    x, y = (axis.name for axis in ours.axes)
    names = [one.name for one in plan_grid.variants(ours, MODEL)]
    tallies = summarise_results(ours, found).variants
    growing = ResultSummary(ours)

    def one_more() -> None:
        growing.add(found[0])

    def json_pass() -> object:
        return [
            json.dumps([write_request(one.answer.request), one.answer.text])
            for one in found
            if one.answer is not None
        ]

    jobs: list[tuple[str, Callable[[], object]]] = [
        ("one result more", one_more),
        ("summary", lambda: summarise_results(ours, found)),
        ("heatmap", lambda: build_heatmap(ours, found, x, y)),
        ("winner", lambda: find_winner(found, tallies, names, GroupedBy.VARIANTS)),
        ("two settings", lambda: compare_variants(found, 0, 8).counts),
        ("CSV", lambda: list(result_export.write_csv(ours, MODEL, found))),
        ("JSON lines", lambda: list(result_export.write_json_lines(ours, MODEL, found))),
        ("XLSX", lambda: result_export.write_xlsx(ours, MODEL, found)),
        ("report", lambda: render_report("Bench", ours, MODEL, found, datetime.now(UTC))),
    ]
    base = seconds(json_pass)
    print(f"{len(found):,} results; one pass that writes them as JSON: {base:.3f} s")
    for name, job in jobs:
        took = seconds(job)
        print(f"{name:<16} {took:8.4f} s  {took / base:6.2f} ×")


def seconds(job: Callable[[], object]) -> float:
    """The fastest of three."""
    times = []
    for _ in range(3):
        start = time.perf_counter()
        job()
        times.append(time.perf_counter() - start)
    return min(times)


if __name__ == "__main__":
    main()
