"""Charts of the results as HTML: a table with bars for pass rate, cost and time, and a heatmap."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from html import escape

from lib.experiment.plan_grid import format_value
from lib.experiment.results.pass_statistics import Interval
from lib.experiment.results.result_summary import Heatmap, ResultTally
from lib.experiment.results.winner import format_interval
from lib.jsonkit.surrogates import replace_lone_surrogates
from lib.model.pricing import format_dollars

# HTML, for the reasons given in lib.ui.model.probability_bars. A pass rate is a dot in the band of its confidence
# interval; both are written out as text too.
STYLE = """<style>
.tally, .heat {border-collapse: collapse; font-size: .875rem; line-height: 1.3; font-variant-numeric: tabular-nums}
.tally {width: 100%}
.tally caption, .heat caption {position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%)}
.tally thead th {font-weight: 400; opacity: .75; text-align: right; padding: 0 0 .35rem .9rem; white-space: nowrap}
.tally thead th:first-child, .tally thead th.bar {text-align: left}
.tally td, .tally tbody th {border: 0; padding: .22rem 0 .22rem .9rem; text-align: right; vertical-align: middle;
    white-space: nowrap}
.tally thead th:first-child, .tally tbody th {padding-left: 0}
.tally tbody th {font-weight: 400; text-align: left; white-space: normal; overflow-wrap: anywhere;
    min-width: 7rem; width: 18%}
.tally tr.best th {font-weight: 600}
.tally td.bar {width: 21%; min-width: 5rem}
.tally td.share {text-align: left; width: 15%}
.tally small {opacity: .7; font-size: .8rem}
.tally .track {position: relative; display: block; height: .9rem; border-radius: 3px;
    background: color-mix(in srgb, currentColor 7%, transparent)}
.tally .track i {position: absolute; top: 50%; height: .5rem; margin-top: -.25rem; border-radius: 3px; min-width: 2px;
    background: color-mix(in srgb, #3f9a6d 45%, transparent)}
.tally .track b {position: absolute; top: 50%; width: .6rem; height: .6rem; margin: -.3rem 0 0 -.3rem;
    border-radius: 50%; background: #3f9a6d}
.tally .track u {position: absolute; left: 0; top: 50%; height: .5rem; margin-top: -.25rem; min-width: 2px;
    border-radius: 0 3px 3px 0; background: #4a7fb5}
.heat th {font-weight: 400; padding: .2rem .6rem; text-align: center; border: 0; white-space: nowrap}
.heat thead tr:first-child th, .heat th.name {opacity: .75}
.heat tbody th {text-align: right}
.heat td {text-align: center; padding: .45rem .7rem; min-width: 4.2rem; white-space: nowrap;
    border: 2px solid transparent; background-clip: padding-box; border-radius: 5px}
.heat td small {display: block; opacity: .75; font-size: .75rem}
.heat td.best {font-weight: 600}
.scroll {overflow-x: auto}
@media (max-width: 640px) {.tally .wide {display: none} .tally td.bar {width: 22%; min-width: 3.5rem}}
</style>"""


@dataclass(frozen=True)
class ChartRow:
    """A row of the table: a setting, a prompt, or both."""

    name: str
    tally: ResultTally
    best: bool = False


def tally_table(title: str, groups: Sequence[ChartRow], billed: bool, *, with_cost: bool = True) -> str:
    """Return the table of the groups: cost, length and time, and the pass rate if any answer was judged.

    ``billed``: it did cost that, and not only would have. Without ``with_cost``, cost and length are left out.
    """
    is_judged = any(group.tally.judged for group in groups)
    is_rated = any(group.tally.rated for group in groups)
    costs = [cost_each(group.tally) or Decimal(0) for group in groups]
    max_cost = max(costs, default=Decimal(0)) if with_cost else None
    head = [f'<th scope="col">{escape(title)}</th>']
    if is_judged:
        head += ['<th scope="col" class="bar" colspan="2">Passed, with the likely range (95 %)</th>']
    if is_rated:
        head += ['<th scope="col">Rating</th>']
    if with_cost:
        head += [
            f'<th scope="col" class="bar" colspan="2">1,000 answers {"cost" if billed else "would cost"}</th>',
            '<th scope="col" class="wide">Tokens written</th>',
        ]
    head += ['<th scope="col" class="wide">Typical time</th><th scope="col" class="wide">Answers</th>']
    rows = "".join(_row_html(group, max_cost, is_judged=is_judged, is_rated=is_rated) for group in groups)
    contents = "passes, cost, length and time" if with_cost else "passes and time"
    return (
        f'<div class="scroll"><table class="tally"><caption>{escape(title)}: {contents}</caption>'
        f"<thead><tr>{''.join(head)}</tr></thead><tbody>{rows}</tbody></table></div>{STYLE}"
    )


def _row_html(row: ChartRow, max_cost: Decimal | None, *, is_judged: bool, is_rated: bool) -> str:
    """Return the row; without ``max_cost`` the cost and the length are left out."""
    tally = row.tally
    mark = " <small>best</small>" if row.best else ""
    cells = [f'<th scope="row">{escape(replace_lone_surrogates(row.name))}{mark}</th>']
    if is_judged:
        cells += [
            f'<td class="bar">{share_bar(tally, tally.interval)}</td>',
            f'<td class="share">{share_html(tally, tally.interval)}</td>',
        ]
    if is_rated:
        cells += [f"<td>{'—' if tally.mean_rating is None else f'{tally.mean_rating:.1f}'}</td>"]
    if max_cost is not None:
        cost = cost_each(tally)
        width = 0.0 if cost is None or not max_cost else float(cost / max_cost)
        bar = f'<u style="width:{width:.2%}"></u>' if width else ""
        cells += [
            f'<td class="bar"><span class="track">{bar}</span></td>',
            f"<td>{COST.text(tally)}</td>",
            f'<td class="wide">{LENGTH.text(tally)}</td>',
        ]
    failed = f" <small>{tally.failed:,} failed</small>" if tally.failed else ""
    cells += [
        f'<td class="wide">{SECONDS.text(tally)}</td>',
        f'<td class="wide">{tally.answered:,}{failed}</td>',
    ]
    return f"<tr{' class=best' if row.best else ''}>{''.join(cells)}</tr>"


def share_bar(tally: ResultTally, interval: Interval) -> str:
    """Return the pass rate as a dot in its confidence interval; empty if nothing was judged."""
    if tally.pass_rate is None:
        return '<span class="track"></span>'
    low, high = interval.low, interval.high
    return (
        f'<span class="track"><i style="left:{low:.2%};width:{high - low:.2%}"></i>'
        f'<b style="left:{tally.pass_rate:.2%}"></b></span>'
    )


def share_html(tally: ResultTally, interval: Interval) -> str:
    """Return the pass rate with its confidence interval, as HTML."""
    if tally.pass_rate is None:
        return "—"
    return (
        f"{tally.pass_rate * 100:.0f} % <small>({format_interval(interval)}"
        f'<span class="wide">; {tally.passed:,} of {tally.judged:,}</span>)</small>'
    )


def cost_each(tally: ResultTally) -> Decimal | None:
    """Return the dollars for one answer, those of failures included; None if there is no answer."""
    return tally.cost / tally.answered if tally.answered else None


@dataclass(frozen=True)
class Measure:
    """A figure that a heatmap shows. ``value`` gives the colour; ``text`` and ``more`` are HTML."""

    name: str
    value: Callable[[ResultTally], float | None]
    text: Callable[[ResultTally], str]
    more: Callable[[ResultTally], str]
    is_lower_better: bool = False


PASSES = Measure(
    "Pass rate",
    lambda tally: tally.pass_rate,
    lambda tally: "—" if tally.pass_rate is None else f"{tally.pass_rate * 100:.0f} %",
    lambda tally: f"{format_interval(tally.interval)}, n {tally.judged:,}",
)
COST = Measure(
    "Cost of 1,000 answers",
    lambda tally: None if (cost := cost_each(tally)) is None else float(cost),
    lambda tally: "—" if (cost := cost_each(tally)) is None else format_dollars(cost * 1000),
    lambda tally: f"n {tally.asked:,}",
    is_lower_better=True,
)
SECONDS = Measure(
    "Typical time",
    lambda tally: tally.median_seconds,
    lambda tally: "—" if tally.median_seconds is None else f"{tally.median_seconds:.2f} s",
    lambda tally: f"n {tally.answered:,}",
    is_lower_better=True,
)
LENGTH = Measure(
    "Tokens written",
    lambda tally: tally.tokens_out / tally.answered if tally.answered else None,
    lambda tally: f"{tally.tokens_out / tally.answered:,.0f}" if tally.answered else "—",
    lambda tally: f"n {tally.answered:,}",
    is_lower_better=True,
)


def heatmap_table(map: Heatmap, names: Mapping[str, str], measure: Measure) -> str:
    """Return the heatmap as a table in which better fields are greener. ``names`` are the names of the axes."""
    values = [value for tally in map.cells.values() if (value := measure.value(tally)) is not None]
    low, high = (min(values), max(values)) if values else (0.0, 0.0)
    if measure is PASSES:
        # Fixed ends for a share: 60 % is not bad only because the other fields have 80 %.
        low, high = 0.0, 1.0
    best = (min if measure.is_lower_better else max)(values, default=None)
    x, y = names[map.x], names[map.y]
    head = "".join(f'<th scope="col">{escape(format_value(column))}</th>' for column in map.columns)
    rows = "".join(
        f'<tr><th scope="row">{escape(format_value(row))}</th>'
        + "".join(_field(map.cells.get((column, row)), measure, low, high, best) for column in map.columns)
        + "</tr>"
        for row in map.rows
    )
    return (
        f'<div class="scroll"><table class="heat"><caption>{escape(measure.name)} by {escape(x)} and {escape(y)}'
        f'</caption><thead><tr><th></th><th class="name" colspan="{len(map.columns)}">{escape(x)} →</th></tr>'
        f'<tr><th scope="col" class="name">{escape(y)} ↓</th>{head}</tr></thead><tbody>{rows}</tbody></table></div>'
        f"{STYLE}"
    )


def _field(tally: ResultTally | None, measure: Measure, low: float, high: float, best: float | None) -> str:
    value = None if tally is None else measure.value(tally)
    if tally is None or value is None:
        return "<td>—</td>"
    fraction = 0.5 if high <= low else (value - low) / (high - low)
    good = 1 - fraction if measure.is_lower_better else fraction
    colour = f"color-mix(in srgb, #3f9a6d {8 + good * 62:.0f}%, transparent)"
    return (
        f'<td style="background-color:{colour}"{" class=best" if value == best else ""}>{measure.text(tally)}'
        f"<small>{measure.more(tally)}</small></td>"
    )


def sort_best_first(groups: Iterable[ChartRow]) -> list[ChartRow]:
    """Sort by falling pass rate, then by rising cost; groups without an answer come last."""

    def rank(row: ChartRow) -> tuple[bool, float, Decimal]:
        cost = cost_each(row.tally)
        return cost is None, -(row.tally.pass_rate or 0), cost or Decimal(0)

    return sorted(groups, key=rank)
