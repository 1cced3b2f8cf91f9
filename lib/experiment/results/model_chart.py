"""The chart of a run's models, pass share against price, as HTML for the page and for the report.

Everything is HTML: the page removes SVG from what it is given, and text keeps its size on a phone. Greys are the
text's own colour made fainter, so they fit a light page and a dark one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from html import escape
from itertools import pairwise
from math import ceil, floor, log10

from lib.experiment.results.model_comparison import ModelComparison, ModelFigures
from lib.experiment.results.winner import format_interval, format_share
from lib.jsonkit.surrogates import replace_lone_surrogates
from lib.model.pricing import format_dollars

STYLE = """<style>
.fit {margin: 0; font-size: .8125rem; line-height: 1.2; font-variant-numeric: tabular-nums}
.fit figcaption {opacity: .75; margin-top: .4rem}
.fit .axis {opacity: .75}
.fit .plot {position: relative; height: 17rem; margin: .5rem 1.4rem 1.7rem 2.9rem}
.fit .plot i {position: absolute; display: block}
.fit .row {left: 0; right: 0; height: 1px; background: currentColor; opacity: .13}
.fit .column {top: 0; bottom: 0; width: 1px; background: currentColor; opacity: .13}
.fit .range {width: 5px; margin-left: -2.5px; border-radius: 3px; background: #3f9a6d; opacity: .5}
.fit .range.off {background: currentColor; opacity: .25}
.fit .front {border: 0 dashed #3f9a6d; opacity: .8}
.fit .front.across {border-top-width: 1.5px}
.fit .front.up {border-left-width: 1.5px}
.fit .plot span {position: absolute; white-space: nowrap; opacity: .75}
.fit span.y {right: calc(100% + .5rem); transform: translateY(50%)}
.fit span.x {top: calc(100% + .4rem); transform: translateX(-50%)}
.fit .plot b {position: absolute; width: 1.25rem; height: 1.25rem; margin: 0 0 -.625rem -.625rem; border-radius: 50%;
    box-sizing: border-box; font-size: .72rem; font-weight: 600; line-height: 1.25rem; text-align: center;
    background: #3f9a6d; color: #fff}
.fit .plot b.off {background: #7b857f}
.fit .plot em {position: absolute; font-style: normal; white-space: nowrap; transform: translateY(50%)}
.fit em.right {padding-left: .9rem} .fit em.left {padding-right: .9rem}
@media (max-width: 640px) {.fit .plot em {display: none} .fit .plot {height: 14rem}}
</style>"""

_LOG_FROM = 6  # a logarithmic axis if the dearest model costs that many times the cheapest
_LABEL_HEIGHT = 7.0  # per cent of the plot
_CHAR_WIDTH = 0.85  # per cent of the plot, on a narrow desktop page
_SHIFTS = (5.0, -5.0, 0.0, 12.0, -12.0, 19.0)  # the dashed line continues at the height of the dot


@dataclass(frozen=True)
class _Point:
    """A model's place in the plot, in per cent from the left and from below."""

    number: int
    model: ModelFigures
    x: float
    y: float
    low: float
    high: float


def ranked_models(comparison: ModelComparison) -> list[ModelFigures]:
    """Return all models as chart and table number them: the cheapest first, those without judgement last."""
    return [*comparison.by_price, *(model for model in comparison.models if not model.tally.judged)]


def model_chart(comparison: ModelComparison, *, billed: bool) -> str:
    """Return the chart, empty if fewer than two models have a share and a price.

    ``billed``: the answers did cost that, and not only would have.
    """
    ranked = ranked_models(comparison)
    shown = [
        (number, model, model.tally.pass_rate, model.dollars)
        for number, model in enumerate(ranked, 1)
        if model.tally.pass_rate is not None and model.dollars is not None
    ]
    if len(shown) < 2:
        return ""
    ticks = _share_ticks(
        min(model.interval.low for _, model, _, _ in shown),
        max(model.interval.high for _, model, _, _ in shown),
    )
    bottom, top = ticks[0], ticks[-1]
    scale = _PriceScale.fit([dollars for *_, dollars in shown])

    def height(share: float) -> float:
        return (share - bottom) / (top - bottom) * 100

    points = [
        _Point(
            number,
            model,
            scale.place(dollars),
            height(share),
            height(model.interval.low),
            height(model.interval.high),
        )
        for number, model, share, dollars in shown
    ]
    left_out = [model.name for model in ranked if all(model is not point.model for point in points)]
    note = f" Not shown, because share or price is not known: {', '.join(left_out)}." if left_out else ""
    cost = "cost" if billed else "would cost"
    return (
        f'{STYLE}<figure class="fit"><div class="axis">Answers that pass, with the likely range (95 %)</div>'
        f'<div class="plot" role="img" aria-label="{escape(_summarise(points))}">'
        f"{_lines_html(points, [height(share) for share in ticks], scale)}"
        + "".join(
            f'<span class="y" style="bottom:{height(share):.2f}%">{share * 100:.0f} %</span>'
            for share in ticks
        )
        + "".join(
            f'<span class="x" style="left:{scale.place(tick):.2f}%">{escape(format_dollars(tick))}</span>'
            for tick in scale.ticks
        )
        + "".join(map(_dot_html, points))
        + _labels_html(points)
        + f'</div><div class="axis" style="text-align:right">What 1,000 answers {cost}{scale.note}</div>'
        "<figcaption>Green, with the dashed line: no other model passes as often for less, or more often for the "
        "same price."
        f"{escape(replace_lone_surrogates(note))}</figcaption></figure>"
    )


@dataclass(frozen=True)
class _PriceScale:
    """The axis of prices, from ``low`` to ``high`` dollars, both logarithms with ``is_log``."""

    low: float
    high: float
    is_log: bool
    ticks: tuple[Decimal, ...]

    @classmethod
    def fit(cls, prices: Sequence[Decimal]) -> _PriceScale:
        least, most = min(prices), max(prices)
        if least > 0 and most / least >= _LOG_FROM:
            low, high = log10(least), log10(most)
            margin = (high - low) * 0.08
            steps = [
                Decimal(digit).scaleb(power)
                for power in range(floor(low), ceil(high) + 1)
                for digit in (1, 2, 5)
            ]
            ticks = tuple(step for step in steps if low - margin <= log10(step) <= high + margin)
            thin = (
                ticks if len(ticks) <= 7 else tuple(tick for tick in ticks if tick.as_tuple().digits == (1,))
            )
            return cls(low - margin, high + margin, is_log=True, ticks=thin or ticks)
        end = float(most) * 1.08 or 1.0
        step = _round_step(Decimal(repr(end)) / 4)
        return cls(
            0.0,
            end,
            is_log=False,
            ticks=tuple(step * number for number in range(int(Decimal(repr(end)) / step) + 1)),
        )

    @property
    def note(self) -> str:
        return ", on a logarithmic scale" if self.is_log else ""

    def place(self, dollars: Decimal) -> float:
        value = log10(dollars) if self.is_log else float(dollars)
        return (value - self.low) / (self.high - self.low) * 100


def _share_ticks(low: float, high: float) -> list[float]:
    """Return round shares from at most ``low`` to at least ``high``."""
    step = 20 if high - low > 0.4 else 10 if high - low > 0.15 else 5
    first, last = floor(low * 100 / step), ceil(high * 100 / step)
    return [number * step / 100 for number in range(first, max(last, first + 1) + 1)]


def _round_step(step: Decimal) -> Decimal:
    """Return the next of 1, 2, 5, 10 times a power of ten."""
    power = Decimal(1).scaleb(step.adjusted())
    return next(power * digit for digit in (1, 2, 5, 10) if power * digit >= step)


def _summarise(points: Sequence[_Point]) -> str:
    parts = [
        f"{point.number}. {point.model.name}: {format_share(point.model.tally.pass_rate or 0.0)} "
        f"({format_interval(point.model.interval)}) for {format_dollars(point.model.dollars or Decimal(0))}"
        for point in points
    ]
    return replace_lone_surrogates(f"Pass share against the price of 1,000 answers. {'; '.join(parts)}.")


def _lines_html(points: Sequence[_Point], heights: Sequence[float], scale: _PriceScale) -> str:
    lines = [f'<i class="row" style="bottom:{height:.2f}%"></i>' for height in heights]
    lines += [f'<i class="column" style="left:{scale.place(tick):.2f}%"></i>' for tick in scale.ticks]
    lines += [
        f'<i class="range{"" if point.model.is_on_front else " off"}" style="left:{point.x:.2f}%;'
        f'bottom:{point.low:.2f}%;height:{point.high - point.low:.2f}%"></i>'
        for point in points
    ]
    return "".join(lines) + _front_html(points)


def _front_html(points: Sequence[_Point]) -> str:
    """Return the front as a staircase: the share that is to be had for each price."""
    corners = sorted((point.x, point.y) for point in points if point.model.is_on_front)
    steps = []
    for (x, y), (next_x, next_y) in pairwise([*corners, (100.0, corners[-1][1])]):
        steps.append(
            f'<i class="front across" style="left:{x:.2f}%;bottom:{y:.2f}%;width:{next_x - x:.2f}%"></i>'
        )
        if next_y > y:
            steps.append(
                f'<i class="front up" style="left:{next_x:.2f}%;bottom:{y:.2f}%;height:{next_y - y:.2f}%"></i>'
            )
    return "".join(steps)


def _dot_html(point: _Point) -> str:
    off = "" if point.model.is_on_front else ' class="off"'
    return f'<b{off} style="left:{point.x:.2f}%;bottom:{point.y:.2f}%">{point.number}</b>'


def _labels_html(points: Sequence[_Point]) -> str:
    """Return the names beside the dots, moved up or down where one would cover another."""
    taken = [(point.x - 2, point.x + 2, point.y) for point in points]
    labels = []
    for point in points:
        width = _CHAR_WIDTH * len(point.model.name) + 3
        sides = ["left", "right"] if point.x + width > 100 else ["right", "left"]
        places = [(side, point.y + shift) for shift in _SHIFTS for side in sides]
        # Outside of the plot it would cover the words of the axes, or be wider than the page.
        inside = [(side, y) for side, y in places if _is_inside(point.x, width, side, y)] or places[:1]
        side, y = next(
            (
                (side, y)
                for side, y in inside
                if not any(_covers(point.x, width, side, y, other) for other in taken)
            ),
            inside[0],
        )
        start = point.x if side == "right" else point.x - width
        taken.append((start, start + width, y))
        edge = f"left:{point.x:.2f}%" if side == "right" else f"right:{100 - point.x:.2f}%"
        name = escape(replace_lone_surrogates(point.model.name))
        labels.append(f'<em class="{side}" style="{edge};bottom:{y:.2f}%">{name}</em>')
    return "".join(labels)


def _is_inside(x: float, width: float, side: str, y: float) -> bool:
    start, end = (x, x + width) if side == "right" else (x - width, x)
    return start >= 0 and end <= 100 and 0 <= y <= 100 - _LABEL_HEIGHT / 2


def _covers(x: float, width: float, side: str, y: float, other: tuple[float, float, float]) -> bool:
    start, end = (x + 2, x + width) if side == "right" else (x - width, x - 2)
    other_start, other_end, other_y = other
    return start < other_end and other_start < end and abs(y - other_y) < _LABEL_HEIGHT
