"""The models of a run in the overview: which one is enough, as a sentence, a chart and a table."""

from __future__ import annotations

from decimal import Decimal
from html import escape

import streamlit as st

from lib.experiment.results.model_chart import model_chart, ranked_models
from lib.experiment.results.model_comparison import ModelComparison, ModelFigures
from lib.experiment.results.model_verdict import describe_correction, describe_models
from lib.jsonkit.surrogates import replace_lone_surrogates
from lib.model.pricing import format_dollars
from lib.ui.experiment import charts
from lib.ui.experiment.results_view import PREFIX, ResultsView
from lib.ui.widgets.safe_markdown import escape_markdown


def draw_model_verdict(comparison: ModelComparison) -> None:
    """Draw which model is enough, in a sentence."""
    is_clear = any(pair.is_clear for pair in comparison.differences)
    icon = ":material/trophy:" if is_clear else ":material/balance:"
    st.markdown(f"{icon} {escape_markdown(describe_models(comparison))}")


def draw_models(view: ResultsView, comparison: ModelComparison, *, with_cost: bool = True) -> None:
    """Draw the chart and the table of the models; without ``with_cost``, the table alone and without prices."""
    with st.container(key=f"{PREFIX}models", gap="small"):
        if with_cost and (chart := model_chart(comparison, billed=view.is_billed)):
            st.html(chart)
        st.html(_table(comparison, billed=view.is_billed, with_cost=with_cost))
        if correction := describe_correction(comparison):
            st.caption(escape_markdown(correction))


def _table(comparison: ModelComparison, *, billed: bool, with_cost: bool) -> str:
    ranked = ranked_models(comparison)
    is_judged = any(model.tally.judged for model in ranked)
    dearest = max((model.dollars or Decimal(0) for model in ranked), default=Decimal(0))
    head = '<th scope="col">Model</th>'
    if is_judged:
        head += '<th scope="col" class="bar" colspan="2">Passed, with the likely range (95 %)</th>'
    if with_cost:
        head += (
            f'<th scope="col" class="bar" colspan="2">1,000 answers {"cost" if billed else "would cost"}</th>'
        )
    head += '<th scope="col" class="wide">Typical time</th><th scope="col" class="wide">Answers</th>'
    rows = "".join(
        _row(number, model, comparison, dearest if with_cost else None, is_judged=is_judged)
        for number, model in enumerate(ranked, 1)
    )
    return (
        '<div class="scroll"><table class="tally"><caption>Models: passes, price of an answer and time'
        f"</caption><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>{charts.STYLE}"
    )


def _row(
    number: int, model: ModelFigures, comparison: ModelComparison, dearest: Decimal | None, *, is_judged: bool
) -> str:
    tally, is_enough = model.tally, model is comparison.enough and len(comparison.by_price) > 1
    marks = (["enough"] if is_enough else []) + (["best for its price"] if model.is_on_front else [])
    mark = f" <small>{', '.join(marks)}</small>" if marks and dearest is not None else ""
    cells = [f'<th scope="row">{number}. {escape(replace_lone_surrogates(model.name))}{mark}</th>']
    if is_judged:
        cells += [
            f'<td class="bar">{charts.share_bar(tally, model.interval)}</td>',
            f'<td class="share">{charts.share_html(tally, model.interval)}</td>',
        ]
    if dearest is not None:
        width = float(model.dollars / dearest) if model.dollars and dearest else 0.0
        bar = f'<u style="width:{width:.2%}"></u>' if width else ""
        price = "—" if model.dollars is None else format_dollars(model.dollars)
        cells += [f'<td class="bar wide"><span class="track">{bar}</span></td>', f"<td>{price}</td>"]
    failed = f" <small>{tally.failed:,} failed</small>" if tally.failed else ""
    cells += [
        f'<td class="wide">{charts.SECONDS.text(tally)}</td>',
        f'<td class="wide">{tally.answered:,}{failed}</td>',
    ]
    return f"<tr{' class=best' if is_enough else ''}>{''.join(cells)}</tr>"
