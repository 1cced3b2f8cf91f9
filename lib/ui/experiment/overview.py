"""Overview: which setting and which prompt did best, how sure that is, what it costs, and how two parameters play."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import streamlit as st

from lib.experiment.checks.check_wording import check_wording
from lib.experiment.plan_grid import parameter_label as called
from lib.experiment.results.cell_result import Status
from lib.experiment.results.result_summary import ResultTally, build_heatmap
from lib.experiment.results.winner import GroupedBy, Winner, format_interval
from lib.ui.experiment import charts, winner_actions
from lib.ui.experiment.charts import ChartRow
from lib.ui.experiment.results_view import PREFIX, ResultsView
from lib.ui.widgets.bound import bind_choice
from lib.ui.widgets.safe_markdown import escape_markdown

FIRST_ROWS = 12  # rows at first
_MOST_ERRORS = 3
_ALL, _X, _Y, _MEASURE = f"{PREFIX}all", f"{PREFIX}x", f"{PREFIX}y", f"{PREFIX}measure"
_ENOUGH = 30  # judged answers for which an interval is narrow enough to speak of


def draw_overview(board: ResultsView) -> None:
    """All of it."""
    whole = board.summary.total
    _headline(board)
    _failures(board)
    if not whole.answered:
        return
    if len(board.setting_names) > 1:
        _groups(board, "Setting", GroupedBy.VARIANTS)
    if len(board.prompt_names) > 1:
        _groups(board, "Prompt", GroupedBy.PROMPTS)
    if len(board.setting_names) == 1 and len(board.prompt_names) == 1:
        st.html(charts.tally_table("All", [ChartRow(board.prompt_names[0], whole)], is_billed(board)))
    winner_actions.draw_winner_actions(board)
    if len(board.plan.checks) > 1 and board.has_judgements:
        _checks(board)
    if len(board.plan.axes) > 1 and not board.plan.variants:
        _heatmap(board)


def is_billed(board: ResultsView) -> bool:
    """Whether the answers were paid for."""
    return any(line.result.answer is not None and line.result.answer.billed for line in board.sheet.rows[:50])


def _headline(board: ResultsView) -> None:
    """In plain sentences: who won, and whether that may be chance."""
    whole = board.summary.total
    found = [
        _said(winner)
        for among, several in (
            (GroupedBy.VARIANTS, len(board.setting_names) > 1),
            (GroupedBy.PROMPTS, len(board.prompt_names) > 1),
        )
        if several and (winner := board.winner(among)) is not None
    ]
    with st.container(key=f"{PREFIX}headline", gap="xsmall"):
        if not whole.answered:
            st.markdown(f"**None of the {whole.asked:,} requests was answered.**")
        for sentence in found:
            st.markdown(sentence)
        if whole.pass_rate is not None:
            share = f"{whole.passed:,} of {whole.judged:,} answers pass ({format_interval(whole.interval)} at 95 %)"
            few = " Few answers: the true shares may be far from these." if whole.judged < _ENOUGH else ""
            st.markdown(f":small[Over all, {share}.{few}]")
        elif whole.answered:
            why = (
                "No check could judge an answer"
                if board.plan.checks
                else "No check was set, so nothing is called better"
            )
            st.markdown(f":small[{why}. Here is what they cost, how long they are and how long they took.]")


def _said(winner: Winner) -> str:
    icon = ":material/trophy:" if winner.is_certain else ":material/balance:"
    return f"{icon} {escape_markdown(winner.text)}"


def _failures(board: ResultsView) -> None:
    """What went wrong, and how often."""
    errors = Counter(
        (error.title, error.message, error.advice)
        for line in board.sheet.rows
        if line.result.status is Status.FAILED and line.result.answer is not None
        for error in [line.result.answer.error]
        if error is not None
    )
    lines = [
        f"- **{count:,} failed: {title}.** {escape_markdown(message)} {advice}"
        for (title, message, advice), count in errors.most_common(_MOST_ERRORS)
    ]
    if len(errors) > _MOST_ERRORS:
        lines.append("- Others: filter the answers by “Failed”.")
    if board.summary.total.in_doubt:
        lines.append(
            f"- **{board.summary.total.in_doubt:,} in doubt.** On the way as Paddock was ended: perhaps paid."
        )
    if lines:
        with st.container(key=f"{PREFIX}failures"):
            st.markdown("\n".join(lines))


def _groups(board: ResultsView, title: str, among: GroupedBy) -> None:
    names, tallies = _of(board, among)
    best = board.winner(among)
    groups = charts.sort_best_first(
        ChartRow(names[number], tally, best is not None and best.best == number and best.is_certain)
        for number, tally in sorted(tallies.items())
    )
    shown = groups if st.session_state.get(_ALL) else groups[:FIRST_ROWS]
    with st.container(key=f"{PREFIX}by-{title.lower()}", gap="xsmall"):
        st.html(charts.tally_table(title, shown, is_billed(board)))
        if len(groups) > FIRST_ROWS:
            st.toggle(f"Show all {len(groups):,}", key=_ALL, persist_state="session")


def _of(board: ResultsView, among: GroupedBy) -> tuple[tuple[str, ...], Mapping[int, ResultTally]]:
    summary = board.summary
    return (
        (board.setting_names, summary.variants)
        if among is GroupedBy.VARIANTS
        else (board.prompt_names, summary.prompts)
    )


def _checks(board: ResultsView) -> None:
    """How often each check is passed: one that all fail says more of itself than of the settings."""
    lines = ["| Check | Passed | Failed | Could not say | Share |", "|---|--:|--:|--:|--:|"]
    for number, (check, tally) in enumerate(zip(board.plan.checks, board.summary.checks, strict=True), 1):
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


def _heatmap(board: ResultsView) -> None:
    """Two parameters against each other, any two of those that were swept."""
    names = {axis.name: called(board.model, axis.name) for axis in board.plan.axes}
    measures = [charts.PASSES] if board.has_judgements else []
    measures += [charts.COST, charts.LENGTH, charts.SECONDS]
    with st.container(key=f"{PREFIX}heatmap", gap="small"):
        st.markdown("**Two parameters against each other**")
        with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
            axes = list(names)
            x = st.selectbox(
                "Across", axes, key=_X, format_func=names.__getitem__, persist_state="session", width=180
            )
            others = [name for name in axes if name != x]
            down = bind_choice(_Y, others)
            y = down.value
            st.selectbox(
                "Down",
                others,
                others.index(y),
                key=down.key,
                format_func=names.__getitem__,
                on_change=down.on_change,
                width=180,
            )
            known = {one.name: one for one in measures}
            shown = list(known)
            picked = bind_choice(_MEASURE, shown)
            measure = picked.value
            st.selectbox(
                "Shows",
                shown,
                shown.index(measure),
                key=picked.key,
                on_change=picked.on_change,
                width=200,
            )
        map = board.cached("heatmap", (x, y), lambda: build_heatmap(board.plan, board.results, x, y))
        st.html(charts.heatmap_table(map, names, known[measure]))
        if len(axes) > 2:
            st.caption("Each field holds all values of the other swept parameters together.")
        if known[measure] is charts.PASSES:
            st.caption(
                "In each field the share that passes, and where the true share is at 95 %. Greener is better."
            )
        else:
            st.caption("Greener is less.")
