"""An experiment's results as one HTML page to share: it loads nothing, and no script runs in it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lib.api.backend import backend_label
from lib.experiment.checks.check_evaluation import judged_text
from lib.experiment.checks.check_kinds import check_wording
from lib.experiment.plan import Plan
from lib.experiment.plan_grid import count_rows, format_value, variants
from lib.experiment.plan_models import ResolvedPlan, asked_models
from lib.experiment.results.cell_result import Result, Status
from lib.experiment.results.model_chart import model_chart, ranked_models
from lib.experiment.results.model_comparison import ModelComparison, compare_asked_models
from lib.experiment.results.model_verdict import describe_correction, describe_models
from lib.experiment.results.result_summary import ResultTally, build_heatmap, rank_groups, summarise_results
from lib.experiment.results.winner import GroupedBy, Winner, find_winner, format_interval, format_share
from lib.model.pricing import format_dollars

if TYPE_CHECKING:
    from jinja2 import Template

STYLESHEET = Path(__file__).with_suffix(".css")
TEMPLATE = Path(__file__).with_suffix(".html.j2")
MAX_LISTED = 20  # settings in a table
MAX_FAILURES = 6
MAX_TEXT = 600  # characters of a prompt, an input or an answer
_NOT_IN_HTML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")


def render_report(name: str, resolved: ResolvedPlan, results: Sequence[Result], when: datetime) -> str:
    """Return the HTML page. ``when`` is the date that it shows."""
    plan = resolved.plan
    summary = summarise_results(plan, results)
    settings = [variant.name for variant in variants(resolved)]
    prompts = [prompt.name for prompt in plan.prompts]
    best_setting = find_winner(results, summary.variants, settings, GroupedBy.VARIANTS)
    best_prompt = find_winner(results, summary.prompts, prompts, GroupedBy.PROMPTS)
    check_titles = [check_wording(check).title for check in plan.checks]
    answers = [result.answer for result in results if result.answer is not None]
    verdict = _verdict(summary.total, best_setting, "setting")
    if len(settings) == 1 and len(prompts) > 1:
        verdict = _verdict(summary.total, best_prompt, "prompt")
    models = compare_asked_models(resolved, results)
    is_billed = any(answer.billed for answer in answers)
    # Settings that differ in the model only are compared as models.
    are_settings_models = models is not None and len(models.models) == len(settings)
    if models is not None and models.enough is not None:
        verdict = _model_verdict(models)
    not_passed = [result for result in results if result.passed is False and result.answer is not None]
    html = _template().render(
        name=name,
        models=[resolved.model_of(id) for id in asked_models(plan)],
        model_table=None if models is None else _model_table(models, billed=is_billed),
        plan=plan,
        date=f"{when.day} {when:%B %Y}",
        backends=dict.fromkeys(backend_label(answer.backend) for answer in answers),
        verdict=verdict,
        total=summary.total,
        cost_label="Cost" if is_billed else "Would cost",
        setting_table=None
        if are_settings_models
        else _group_table("Setting", summary.variants, settings, best_setting),
        heatmap=_heatmap(resolved, results),
        prompt_table=_group_table("Prompt", summary.prompts, prompts, best_prompt),
        checks=list(zip(check_titles, summary.checks, strict=True)),
        setup=list(_describe_setup(resolved)),
        failures=[_failure(plan, result, settings) for result in _choose_varied_failures(not_passed)],
        failure_count=len(not_passed),
        errors=_errors(results),
    )
    return _NOT_IN_HTML.sub("\ufffd", html)


@cache
def _template() -> Template:
    # Imported late, because the page is drawn without it.
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "count": "{:,}".format,
        "dollars": format_dollars,
        "interval": format_interval,
        "share": format_share,
        "shorten": _shorten,
        "value": format_value,
    }
    environment.globals["stylesheet"] = STYLESHEET.read_text(encoding="utf-8")
    return environment.from_string(TEMPLATE.read_text(encoding="utf-8"))


def _shorten(text: str) -> str:
    return text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT].rstrip()} …"


@dataclass(frozen=True)
class _Verdict:
    heading: str
    text: str
    css_class: str = ""


def _verdict(total: ResultTally, winner: Winner | None, group: str) -> _Verdict:
    if winner is None and not total.judged:
        return _Verdict(
            "Result", "No answer was judged: there was no check, or no check could judge one.", "plain"
        )
    if winner is None or winner.runner_up is None:
        shares = format_interval(total.interval)
        return _Verdict("Result", f"{total.passed:,} of {total.judged:,} answers pass ({shares}).", "plain")
    if winner.is_tie:
        return _Verdict(f"No {group} is the best", winner.text)
    if winner.is_certain:
        return _Verdict(f"The best {group}", f"{winner.text} {winner.test_text}", "certain")
    return _Verdict("Ahead, but too close to call", f"{winner.text} {winner.test_text}".rstrip())


def _model_verdict(models: ModelComparison) -> _Verdict:
    is_clear = any(pair.is_clear for pair in models.differences)
    return _Verdict("Which model is enough", describe_models(models), "certain" if is_clear else "")


def _model_table(models: ModelComparison, *, billed: bool) -> dict[str, Any]:
    return {
        "rows": list(enumerate(ranked_models(models), 1)),
        "enough": models.enough,
        "chart": model_chart(models, billed=billed),
        "correction": describe_correction(models),
        "price": "1,000 answers cost" if billed else "1,000 answers would cost",
    }


def _group_table(
    heading: str, tallies: Mapping[int, ResultTally], names: Sequence[str], winner: Winner | None
) -> dict[str, Any] | None:
    """Return a row for each setting or prompt, best first. ``leader`` is the best one's number, if it is ahead."""
    if len(names) < 2:
        return None
    ranked = rank_groups(tallies)
    is_ahead = winner is not None and winner.runner_up is not None and not winner.is_tie
    return {
        "heading": heading,
        "rows": [(number, names[number], tallies[number]) for number in ranked[:MAX_LISTED]],
        "hidden": max(len(ranked) - MAX_LISTED, 0),
        "leader": winner.best if winner is not None and is_ahead else None,
        "is_certain": winner is not None and winner.is_certain,
        "is_judged": any(tally.judged for tally in tallies.values()),
        "is_rated": any(tally.rated for tally in tallies.values()),
    }


def _heatmap(resolved: ResolvedPlan, results: Sequence[Result]) -> dict[str, Any] | None:
    """Return the first two swept parameters against each other, None if fewer are swept or no answer was judged."""
    plan = resolved.plan
    axes = [] if plan.variants else [axis for axis in plan.axes if len(axis.values) > 1]
    if len(axes) < 2:
        return None
    across, down = axes[0].name, axes[1].name
    heatmap = build_heatmap(plan, results, across, down)
    if not any(tally.judged for tally in heatmap.cells.values()):
        return None
    return {
        "grid": heatmap,
        "across": resolved.parameter_label(across),
        "down": resolved.parameter_label(down),
        "has_more_axes": len(axes) > 2,
    }


def _describe_setup(resolved: ResolvedPlan) -> Iterator[str]:
    """Yield what was asked besides the prompts, in sentences."""
    plan = resolved.plan
    if plan.inputs.rows:
        count = count_rows(plan)
        columns = ", ".join(f"“{name}”" for name in plan.inputs.columns)
        yield f"{count:,} {'input' if count == 1 else 'inputs'} with {columns}"
    if plan.repetitions > 1:
        yield f"Each asked {plan.repetitions:,} times"
    if not plan.variants:
        for axis in plan.axes:
            values = ", ".join(format_value(value) for value in axis.values)
            yield f"{resolved.parameter_label(axis.name)}: {values}"
        swept = {axis.name for axis in plan.axes}
        fixed = [
            f"{resolved.parameter_label(name)} {format_value(value)}"
            for name, value in plan.base.sent_values().items()
            if name not in swept
        ]
        if fixed:
            yield f"The same for all: {', '.join(fixed)}"
    for check in plan.checks:
        yield f"Check: {check_wording(check).title}"


def _choose_varied_failures(not_passed: Sequence[Result]) -> list[Result]:
    """Choose failures of as many inputs as possible: a reader wants to see different kinds, not one ten times."""
    times_chosen: Counter[int] = Counter()
    ranks = []
    for result in not_passed:
        ranks.append(times_chosen[result.cell.row])
        times_chosen[result.cell.row] += 1
    by_rank = sorted(zip(ranks, not_passed, strict=True), key=lambda ranked: ranked[0])
    return sorted((result for _, result in by_rank[:MAX_FAILURES]), key=lambda result: result.cell.number)


def _failure(plan: Plan, result: Result, settings: Sequence[str]) -> dict[str, str]:
    cell = result.cell
    places, inputs = [], []
    if plan.inputs.rows:
        places.append(f"Input {cell.row + 1:,}")
        values = zip(plan.inputs.columns, plan.inputs.rows[cell.row], strict=True)
        inputs = [f"{name}: {_shorten(value)}" for name, value in values if value.strip()]
    if len(plan.prompts) > 1:
        places.append(plan.prompts[cell.prompt].name)
    if len(settings) > 1:
        places.append(settings[cell.variant])
    reasons = [outcome.reason for outcome in result.outcomes if outcome.passed is False]
    return {
        "place": " · ".join(places),
        "inputs": " · ".join(inputs),
        "answer": "" if result.answer is None else judged_text(result.answer),
        "reasons": " · ".join(reasons),
    }


def _errors(results: Sequence[Result]) -> list[tuple[str, int]]:
    """Return the first different errors of the requests that failed, each with how often it occurred."""
    failed = [result.error for result in results if result.status is Status.FAILED]
    messages = [error.message for error in failed if error is not None]
    return list(Counter(messages).items())[:MAX_FAILURES]
