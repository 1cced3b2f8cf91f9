"""Time of counting, comparing and writing 10,000 results, each relative to one pass that writes them as JSON."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from lib.experiment import plan_grid
from lib.experiment.checks.check_kinds import Contains, Equals, Length, LengthUnit
from lib.experiment.plan_models import ResolvedPlan
from lib.experiment.results import result_export
from lib.experiment.results.html_report import render_report
from lib.experiment.results.paired_comparison import compare_variants
from lib.experiment.results.result_summary import ResultSummary, build_heatmap, summarise_results
from lib.experiment.results.winner import GroupedBy, find_winner
from lib.files.value_codec import write_request
from tests.experiment.results.sample_results import MODEL, reviews_plan, reviews_results

ROWS = 556  # inputs: with 2 prompts and 9 settings 10,008 cells


def main() -> None:
    """Print seconds, and the ratio to the pass that writes JSON."""
    dice = random.Random(1)
    plan = reviews_plan(
        (Equals(), Contains(), Length(LengthUnit.WORDS, None, 3)), rows=ROWS, prompts=2, repetitions=1
    )
    results = list(
        reviews_results(
            plan, lambda cell, expected: expected if dice.random() < 0.7 else "It is hard to say."
        )
    )
    results = [replace(row, rating=dice.choice((None, 3, 5))) for row in results]
    x, y = (axis.name for axis in plan.axes)
    names = [variant.name for variant in plan_grid.variants(ResolvedPlan(plan, MODEL))]
    tallies = summarise_results(plan, results).variants
    growing = ResultSummary(plan)

    def one_more() -> None:
        growing.add(results[0])

    def json_pass() -> object:
        return [
            json.dumps([write_request(row.answer.request), row.answer.text])
            for row in results
            if row.answer is not None
        ]

    jobs: list[tuple[str, Callable[[], object]]] = [
        ("one result more", one_more),
        ("summary", lambda: summarise_results(plan, results)),
        ("heatmap", lambda: build_heatmap(plan, results, x, y)),
        ("winner", lambda: find_winner(results, tallies, names, GroupedBy.VARIANTS)),
        ("two settings", lambda: compare_variants(results, 0, 8).counts),
        ("CSV", lambda: list(result_export.write_csv(ResolvedPlan(plan, MODEL), results))),
        ("JSON lines", lambda: list(result_export.write_json_lines(ResolvedPlan(plan, MODEL), results))),
        ("XLSX", lambda: result_export.write_xlsx(ResolvedPlan(plan, MODEL), results)),
        ("report", lambda: render_report("Bench", ResolvedPlan(plan, MODEL), results, datetime.now(UTC))),
    ]
    base = seconds(json_pass)
    print(f"{len(results):,} results; one pass that writes them as JSON: {base:.3f} s")
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
