"""Report: an experiment's results as one page of HTML to show to somebody: nothing in it is fetched, nothing runs."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import cache
from html import escape
from pathlib import Path

from lib.experiment.checks.check_evaluation import judged_text
from lib.experiment.checks.check_wording import check_wording
from lib.experiment.plan import Plan
from lib.experiment.plan_grid import count_rows, format_value, parameter_label, variants
from lib.experiment.results.cell_result import Result, Status
from lib.experiment.results.pass_statistics import Interval
from lib.experiment.results.result_summary import (
    Heatmap,
    ResultSummary,
    ResultTally,
    build_heatmap,
    summarise_results,
)
from lib.experiment.results.winner import GroupedBy, Winner, find_winner, format_interval, format_share
from lib.model.model_record import Model
from lib.model.pricing import format_dollars

STYLESHEET = Path(__file__).with_suffix(".css")
MAX_LISTED = 20  # settings in a table; the best come first
MAX_FAILURES = 6
MAX_TEXT = 600  # characters of a text
_UNFIT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")


@cache
def _style() -> str:
    return STYLESHEET.read_text(encoding="utf-8")


def render_report(name: str, plan: Plan, model: Model, results: Sequence[Result], when: datetime) -> str:
    """The page. ``when`` is the date that it shows. Every text in it is escaped, and no script could run."""
    summary = summarise_results(plan, results)
    settings = [one.name for one in variants(plan, model)]
    prompts = [one.name for one in plan.prompts]
    best_setting = find_winner(results, summary.variants, settings, GroupedBy.VARIANTS)
    best_prompt = find_winner(results, summary.prompts, prompts, GroupedBy.PROMPTS)
    billed = any(one.answer is not None and one.answer.billed for one in results)
    of_prompts = len(settings) == 1 and len(prompts) > 1
    parts = [
        *_head(name, model, results, when),
        _verdict(summary, best_prompt, "prompt")
        if of_prompts
        else _verdict(summary, best_setting, "setting"),
        _figures(summary.total, "Cost" if billed else "Would cost"),
        *_table("Setting", summary.variants, settings, best_setting),
        *_map(plan, model, results),
        *_table("Prompt", summary.prompts, prompts, best_prompt),
        *_checks(plan, summary),
        *_asked(plan, model),
        *_failures(plan, results, settings),
    ]
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        # A second lock beside the escaping: no script, no picture, nothing from anywhere.
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta name="generator" content="Paddock"><title>{_safe(name)}</title><style>{_style()}</style></head>\n'
        f"<body><main>\n{chr(10).join(parts)}\n{_foot(summary.total)}\n</main></body></html>\n"
    )


def _safe(text: str) -> str:
    return escape(_UNFIT.sub("\ufffd", text))


def _brief(text: str) -> str:
    return _safe(text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT].rstrip()} …")


def _head(name: str, model: Model, results: Sequence[Result], when: datetime) -> Iterator[str]:
    backends = dict.fromkeys(one.answer.backend for one in results if one.answer is not None)
    on = f" on {_safe(', '.join(backends))}" if backends else ""
    date = f"{when.day} {when:%B %Y}"
    yield f"<header><h1>{_safe(name)}</h1>"
    yield f"<p>{_safe(model.name)} (<code>{_safe(model.id)}</code>){on} · {date}</p></header>"


def _whole(text: str) -> str:
    """The text, never parted between two lines."""
    return text.replace(" ", "\u00a0")


def _verdict(summary: ResultSummary, found: Winner | None, kind: str) -> str:
    whole = summary.total
    if found is None and not whole.judged:
        return _said("plain", "Result", "No answer was judged: there was no check, or none could say.")
    if found is None or found.runner_up is None:
        text = f"{whole.passed:,} of {whole.judged:,} answers pass ({format_interval(whole.interval)})."
        return _said("plain", "Result", text)
    if found.is_tie:
        return _said("", f"No {kind} is the best", found.text)
    if found.is_certain:
        return _said("certain", f"The best {kind}", found.text)
    return _said("", f"Ahead, but not surely the best {kind}", found.text)


def _said(css: str, head: str, text: str) -> str:
    return f'<section class="verdict {css}"><strong>{head}</strong><p>{_safe(text)}</p></section>'


def _figures(whole: ResultTally, cost: str) -> str:
    figures = [
        ("Answers", f"{whole.answered:,}", f"{whole.failed:,} failed" if whole.failed else "none failed")
    ]
    if whole.pass_rate is not None:
        figures.append(
            ("Passed", format_share(whole.pass_rate), f"true share {_whole(format_interval(whole.interval))}")
        )
    if whole.mean_rating is not None:
        figures.append(("Rating", f"{whole.mean_rating:.1f} of 5", f"{whole.rated:,} rated"))
    each = whole.cost / whole.asked if whole.asked else whole.cost
    figures.append((cost, format_dollars(whole.cost), f"{format_dollars(each)} a request"))
    figures.append(
        ("Tokens", f"{whole.tokens_in + whole.tokens_out:,}", f"{whole.tokens_out:,} of them written")
    )
    if whole.median_seconds is not None:
        figures.append(
            ("Time", f"{whole.median_seconds:.1f} s", f"median; 95\u00a0% in {whole.p95_seconds:.1f}\u00a0s")
        )
    inside = "".join(
        f"<div><dt>{dt}</dt><dd>{dd} <small>{small}</small></dd></div>" for dt, dd, small in figures
    )
    return f'<dl class="figures">{inside}</dl>'


def _table(
    head: str, tallies: Mapping[int, ResultTally], names: Sequence[str], best: Winner | None
) -> Iterator[str]:
    """The best first. Where nothing was judged, the columns about passes are left out."""
    if len(names) < 2:
        return
    yield f"<h2>By {head.lower()}</h2>"
    judged = any(tally.judged for tally in tallies.values())
    rated = any(tally.rated for tally in tallies.values())
    order = sorted(
        tallies, key=lambda number: (-(tallies[number].pass_rate or 0), tallies[number].cost, number)
    )
    columns = [f'<th scope="col">{head}</th>']
    columns += ['<th scope="col">Passed</th><th scope="col">0 – 100 %, with its uncertainty</th>'] * judged
    columns += ['<th scope="col" class="number">Rating</th>'] * rated
    columns += ['<th scope="col" class="number">Cost</th><th scope="col" class="number">Median time</th>']
    yield f'<div class="scroll"><table class="list"><thead><tr>{"".join(columns)}</tr></thead><tbody>'
    for number in order[:MAX_LISTED]:
        tally = tallies[number]
        cells = [f'<th scope="row">{_safe(names[number])}{_badge(best, number)}</th>']
        cells += [f'<td class="passed">{_of(tally)}</td><td class="bar">{_bar(tally)}</td>'] * judged
        if rated:
            stars = "—" if tally.mean_rating is None else f"{tally.mean_rating:.1f}"
            cells.append(f'<td class="number extra" data-label="Rating">{stars}</td>')
        seconds = "—" if tally.median_seconds is None else f"{tally.median_seconds:.1f} s"
        cells.append(f'<td class="number extra" data-label="Cost">{format_dollars(tally.cost)}</td>')
        cells.append(f'<td class="number extra" data-label="Time">{seconds}</td>')
        yield f"<tr>{''.join(cells)}</tr>"
    yield "</tbody></table></div>"
    if len(order) > MAX_LISTED:
        yield f"<p><small>And {len(order) - MAX_LISTED:,} more that did no better.</small></p>"


def _badge(best: Winner | None, number: int) -> str:
    if best is None or best.runner_up is None or best.is_tie or number != best.best:
        return ""
    return ' <b class="good">best</b>' if best.is_certain else " <b>ahead</b>"


def _of(tally: ResultTally) -> str:
    return f"{tally.passed:,}\u202f/\u202f{tally.judged:,}"


def _bar(tally: ResultTally) -> str:
    return "" if tally.pass_rate is None else _interval(tally.pass_rate, tally.interval)


def _interval(rate: float, interval: Interval) -> str:
    """The share as a mark on its interval, on a track from 0 to 100 %."""
    low, high, at = interval.low * 100, interval.high * 100, min(max(rate * 100, 0.6), 99.4)
    words = f"{format_share(rate)}, true share {format_interval(interval)}"
    return (
        f'<svg viewBox="0 0 100 10" preserveAspectRatio="none" role="img" aria-label="{words}"><title>{words}</title>'
        '<rect class="track" y="3.5" width="100" height="3"/>'
        f'<rect class="band" x="{low:.2f}" y="1.5" width="{high - low:.2f}" height="7"/>'
        f'<rect class="rate" x="{at - 0.6:.2f}" width="1.2" height="10"/></svg>'
    )


def _checks(plan: Plan, summary: ResultSummary) -> Iterator[str]:
    if len(plan.checks) < 2:
        return
    yield '<h2>By check</h2><div class="scroll"><table class="list"><thead><tr><th scope="col">The answer</th>'
    yield '<th scope="col">Passed</th><th scope="col">0 – 100 %, with its uncertainty</th></tr></thead><tbody>'
    for check, tally in zip(plan.checks, summary.checks, strict=True):
        bar = _interval(tally.passed / tally.judged, tally.interval) if tally.judged else ""
        unclear = f" <small>({tally.unclear:,} unclear)</small>" if tally.unclear else ""
        yield (
            f'<tr><th scope="row">{_safe(check_wording(check).title)}</th>'
            f'<td class="passed">{tally.passed:,}\u202f/\u202f{tally.judged:,}{unclear}</td>'
            f'<td class="bar">{bar}</td></tr>'
        )
    yield "</tbody></table></div>"


def _map(plan: Plan, model: Model, results: Sequence[Result]) -> Iterator[str]:
    """The first two swept parameters against each other."""
    axes = [] if plan.variants else [axis for axis in plan.axes if len(axis.values) > 1]
    if len(axes) < 2:
        return
    found: Heatmap = build_heatmap(plan, results, axes[0].name, axes[1].name)
    if not any(tally.judged for tally in found.cells.values()):
        return
    across, down = (_safe(parameter_label(model, name)) for name in (found.x, found.y))
    yield f"<h2>{across} against {down[:1].lower()}{down[1:]}</h2>"
    yield f'<div class="scroll"><table class="map"><thead><tr><th scope="col">{down} ↓ {across} →</th>'
    yield (
        "".join(f'<th scope="col">{format_value(value)}</th>' for value in found.columns)
        + "</tr></thead><tbody>"
    )
    for y in found.rows:
        cells = (_map_cell(found.cells.get((x, y))) for x in found.columns)
        yield f'<tr><th scope="row">{format_value(y)}</th>{"".join(cells)}</tr>'
    yield "</tbody></table></div>"
    if len(axes) > 2:
        yield "<p><small>Each field holds all values of the other parameters.</small></p>"


def _map_cell(tally: ResultTally | None) -> str:
    if tally is None or tally.pass_rate is None:
        return '<td class="none">—</td>'
    interval = format_interval(tally.interval)
    return (
        f'<td style="--share:{tally.pass_rate:.3f}">{format_share(tally.pass_rate)}'
        f"<small>{interval}</small></td>"
    )


def _asked(plan: Plan, model: Model) -> Iterator[str]:
    yield "<h2>What was asked</h2>"
    for prompt in plan.prompts:
        if len(plan.prompts) > 1:
            yield f"<h3>{_safe(prompt.name)}</h3>"
        if prompt.system.strip():
            yield f"<p><small>System prompt</small></p><pre>{_brief(prompt.system)}</pre>"
        yield f"<p><small>Message</small></p><pre>{_brief(prompt.user)}</pre>"
    yield "<ul>"
    columns = ", ".join(f"“{_safe(name)}”" for name in plan.inputs.columns)
    count = count_rows(plan)
    if plan.inputs.rows:
        yield f"<li>{count:,} {'input' if count == 1 else 'inputs'} with {columns}</li>"
    if plan.repetitions > 1:
        yield f"<li>Each asked {plan.repetitions:,} times</li>"
    swept = [] if plan.variants else plan.axes
    for axis in swept:
        values = ", ".join(format_value(value) for value in axis.values)
        yield f"<li>{_safe(parameter_label(model, axis.name))}: {values}</li>"
    base = plan.base.sent_values()
    rest = [
        f"{parameter_label(model, name)} {format_value(value)}"
        for name, value in base.items()
        if name not in {axis.name for axis in swept}
    ]
    if rest and not plan.variants:
        yield f"<li>The same for all: {_safe(', '.join(rest))}</li>"
    for check in plan.checks:
        yield f"<li>Check: {_safe(check_wording(check).title)}</li>"
    yield "</ul>"


def _failures(plan: Plan, results: Sequence[Result], names: Sequence[str]) -> Iterator[str]:
    """Some, of as many inputs as there are: a reader wants to see kinds of failures, not one ten times."""
    failed = [one for one in results if one.passed is False and one.answer is not None]
    if failed:
        rank: dict[int, int] = {}
        seen: Counter[int] = Counter()
        for one in failed:
            rank[one.cell.number] = seen[one.cell.row]
            seen[one.cell.row] += 1
        chosen = sorted(failed, key=lambda one: rank[one.cell.number])[:MAX_FAILURES]
        of = f" <small>{len(chosen)} of {len(failed):,}</small>" if len(failed) > len(chosen) else ""
        yield f'<h2>What did not pass{of}</h2><ol class="failures">'
        for one in sorted(chosen, key=lambda one: one.cell.number):
            yield _failure(plan, one, names)
        yield "</ol>"
    broken = [one for one in results if one.status is Status.FAILED]
    if broken:
        yield "<h2>Requests that failed</h2><ul>"
        errors = [
            one.answer.error.message
            for one in broken
            if one.answer is not None and one.answer.error is not None
        ]
        for message in list(dict.fromkeys(errors))[:MAX_FAILURES]:
            count = errors.count(message)
            yield f"<li>{_brief(message)} ({'once' if count == 1 else f'{count:,} times'})</li>"
        yield "</ul>"


def _failure(plan: Plan, one: Result, names: Sequence[str]) -> str:
    cell = one.cell
    where = [f"Input {cell.row + 1:,}"] if plan.inputs.rows else []
    where += [plan.prompts[cell.prompt].name] if len(plan.prompts) > 1 else []
    where += [names[cell.variant]] if len(names) > 1 else []
    inputs = ""
    if plan.inputs.rows:
        pairs = zip(plan.inputs.columns, plan.inputs.rows[cell.row], strict=True)
        inputs = " · ".join(f"{_safe(name)}: {_brief(value)}" for name, value in pairs if value.strip())
    reasons = " · ".join(outcome.reason for outcome in one.outcomes if outcome.passed is False)
    answer = judged_text(one.answer) if one.answer is not None else ""
    return (
        f"<li><p><small>{_safe(' · '.join(where))}</small></p><p>{inputs}</p>"
        f'<blockquote>{_brief(answer) or "(empty)"}</blockquote><p class="why">{_safe(reasons)}</p></li>'
    )


def _foot(whole: ResultTally) -> str:
    how = (
        "<p>The band around each mark is the 95 % interval (Wilson) of the true share; the share that "
        "was seen is only near to it. Two settings are compared on the inputs that both were asked "
        "(McNemar's exact test); “could be chance” means that chance alone would make such a difference in more "
        "than one of twenty experiments.</p>"
    )
    return f"<footer>{how if whole.judged else ''}<p>Made with Paddock.</p></footer>"
