"""Overview of the results: the best setting and prompt, how certain that is, the costs, and a heatmap."""

from __future__ import annotations

from collections import Counter

import streamlit as st

from lib.experiment.checks.check_kinds import check_wording
from lib.experiment.results.cell_result import Status
from lib.experiment.results.result_rows import CheckVerdict
from lib.experiment.results.result_summary import build_heatmap
from lib.experiment.results.winner import GroupedBy, format_interval
from lib.ui.experiment import answer_filters, charts, model_overview, winner_actions
from lib.ui.experiment.answer_filters import STATUS_LABELS
from lib.ui.experiment.charts import ChartRow
from lib.ui.experiment.results_view import PREFIX, SECTION, ResultsSection, ResultsView
from lib.ui.widgets import bound
from lib.ui.widgets.bound import bind_choice, draw_selectbox
from lib.ui.widgets.safe_markdown import escape_markdown
from lib.ui.widgets.short_text import end_sentence

FIRST_ROWS = 12
_MAX_ERRORS = 3
_ALL, _X, _Y, _MEASURE = f"{PREFIX}all", f"{PREFIX}x", f"{PREFIX}y", f"{PREFIX}measure"
# With fewer judged answers than this, the confidence interval is too wide for a conclusion.
_MIN_JUDGED = 30


def draw_overview(view: ResultsView) -> None:
    total = view.summary.total
    _draw_headline(view)
    _draw_failures(view)
    if not total.answered:
        return
    _draw_all_groups(view)
    winner_actions.draw_winner_actions(view)
    if len(view.plan.checks) > 1 and view.has_judgements:
        _draw_checks(view)
    if len(view.plan.axes) > 1 and not view.plan.variants:
        _draw_heatmap(view)


def draw_for_audience(view: ResultsView) -> None:
    """Draw who won and the pass rates, without failures, costs and buttons."""
    _draw_headline(view, with_cost=False)
    if view.summary.total.answered:
        _draw_all_groups(view, with_cost=False)


def _draw_headline(view: ResultsView, *, with_cost: bool = True) -> None:
    """Draw who won, whether that may be chance, and the pass rate of all answers."""
    total = view.summary.total
    with st.container(key=f"{PREFIX}headline", gap="xsmall"):
        if not total.answered:
            st.markdown(f"**None of the {total.asked:,} requests was answered.**")
        if (models := view.models) is not None and models.by_price:
            model_overview.draw_model_verdict(models)
        for by in view.ranked_groups:
            if (winner := view.winner(by)) is not None:
                icon = ":material/trophy:" if winner.is_certain else ":material/balance:"
                st.markdown(f"{icon} {escape_markdown(winner.text)}", help=winner.test_text or None)
        if total.pass_rate is not None:
            likely = f"likely range {format_interval(total.interval)}"
            share = f"{total.passed:,} of {total.judged:,} answers pass ({likely})"
            few = " These are few answers: the real share may be quite different."
            st.markdown(f":small[Overall, {share}.{few if total.judged < _MIN_JUDGED else ''}]")
            if with_cost and (failed := total.judged - total.passed):
                st.button(
                    f"{failed:,} failed: show {'it' if failed == 1 else 'them'}",
                    key=f"{PREFIX}show-failed",
                    type="tertiary",
                    icon=":material/filter_list:",
                    on_click=_show_failed,
                )
        elif total.answered and with_cost:
            why = (
                "No check could judge an answer"
                if view.plan.checks
                else "There are no checks, so no setting is called better"
            )
            st.markdown(f":small[{why}. Here is what they cost, how long they are and how long they took.]")


def _show_failed() -> None:
    """Show the answers that failed a check."""
    answer_filters.show_only(CheckVerdict.FAILED)
    bound.choose(SECTION, ResultsSection.ANSWERS)


def _draw_failures(view: ResultsView) -> None:
    """Draw the errors by frequency, and the number of doubtful answers."""
    errors = Counter(
        (error.title, error.message, error.advice)
        for row in view.sheet.rows
        if row.result.status is Status.FAILED and row.result.answer is not None
        for error in [row.result.answer.error]
        if error is not None
    )
    lines = [
        f"- **{count:,} failed: {title}.** {escape_markdown(end_sentence(message))} {advice}"
        for (title, message, advice), count in errors.most_common(_MAX_ERRORS)
    ]
    if len(errors) > _MAX_ERRORS:
        lines.append(f"- For the others, filter the answers by “{STATUS_LABELS[Status.FAILED]}”.")
    if view.summary.total.in_doubt:
        lines.append(
            f"- **{view.summary.total.in_doubt:,} unclear.** Paddock was closed while they were in progress: they "
            "may have been paid for."
        )
    if lines:
        with st.container(key=f"{PREFIX}failures"):
            st.markdown("\n".join(lines))


def _draw_all_groups(view: ResultsView, *, with_cost: bool = True) -> None:
    if (models := view.models) is not None:
        model_overview.draw_models(view, models, with_cost=with_cost)
    for by in view.ranked_groups:
        _draw_groups(view, by, with_cost=with_cost)
    if not view.compared_groups:
        rows = [ChartRow(view.prompt_names[0], view.summary.total)]
        st.html(charts.tally_table("All", rows, view.is_billed, with_cost=with_cost))


def _draw_groups(view: ResultsView, by: GroupedBy, *, with_cost: bool) -> None:
    title = "Setting" if by is GroupedBy.VARIANTS else "Prompt"
    names, best = view.names(by), view.winner(by)
    groups = charts.sort_best_first(
        ChartRow(names[number], tally, best is not None and best.best == number and best.is_certain)
        for number, tally in sorted(view.tallies(by).items())
    )
    shown = groups if st.session_state.get(_ALL) else groups[:FIRST_ROWS]
    with st.container(key=f"{PREFIX}by-{title.lower()}", gap="xsmall"):
        st.html(charts.tally_table(title, shown, view.is_billed, with_cost=with_cost))
        if len(groups) > FIRST_ROWS:
            st.toggle(f"Show all {len(groups):,}", key=_ALL, persist_state="session")


def _draw_checks(view: ResultsView) -> None:
    """Draw how often each check passes: one that always fails says more about itself than about the settings."""
    lines = ["| Check | Passed | Failed | Not judged | Share |", "|---|--:|--:|--:|--:|"]
    for number, (check, tally) in enumerate(zip(view.plan.checks, view.summary.checks, strict=True), 1):
        rate = (
            f"{tally.passed / tally.judged * 100:.0f} % ({format_interval(tally.interval)})"
            if tally.judged
            else "—"
        )
        lines.append(
            f"| {number}. {escape_markdown(check_wording(check).title)} | {tally.passed:,} | {tally.failed:,} "
            f"| {tally.unclear:,} | {rate} |"
        )
    with st.expander("By check", type="compact", key=f"{PREFIX}by-check"):
        st.markdown("\n".join(lines))


def _draw_heatmap(view: ResultsView) -> None:
    names = {axis.name: view.resolved.parameter_label(axis.name) for axis in view.plan.axes}
    measures = [charts.PASSES] if view.has_judgements else []
    measures += [charts.COST, charts.LENGTH, charts.SECONDS]
    with st.container(key=f"{PREFIX}heatmap"):
        st.markdown("**Two settings against each other**")
        with st.container(horizontal=True, vertical_alignment="bottom"):
            axes = list(names)
            x = st.selectbox(
                "Across", axes, key=_X, format_func=names.__getitem__, persist_state="session", width=180
            )
            others = [name for name in axes if name != x]
            y = draw_selectbox(
                "Down", others, bind_choice(_Y, others), format_func=names.__getitem__, width=180
            )
            by_name = {measure.name: measure for measure in measures}
            measure_names = list(by_name)
            measure = by_name[
                draw_selectbox("Shows", measure_names, bind_choice(_MEASURE, measure_names), width=200)
            ]
        map = view.cached("heatmap", (x, y), lambda: build_heatmap(view.plan, view.results, x, y))
        st.html(charts.heatmap_table(map, names, measure))
        if len(axes) > 2:
            st.caption("Each field combines all values of the other settings.")
        if measure is charts.PASSES:
            st.caption(
                "Each field shows the share that passes, with its likely range (95 %). Greener is better."
            )
        else:
            st.caption("Greener is less.")
