"""Versus: two settings, prompts or runs side by side: what got better or worse, and the answers word by word."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import streamlit as st

from lib.chat.answer import call_signatures
from lib.compare import text_diff
from lib.compare.text_diff import Added, Removed, Same
from lib.errors import PaddockError
from lib.experiment.plan import Plan
from lib.experiment.results import paired_comparison
from lib.experiment.results.cell_result import Result
from lib.experiment.results.paired_comparison import PairChange, PairedComparison, ResultPair
from lib.experiment.results.pass_statistics import SIGNIFICANCE_LEVEL
from lib.experiment.results.result_rows import CheckVerdict, check_verdict, describe_inputs
from lib.experiment.results.winner import GroupedBy, format_p_value
from lib.jsonkit.surrogates import replace_lone_surrogates
from lib.ui.experiment.results_view import PREFIX, OtherRun, ResultsView
from lib.ui.widgets import bound
from lib.ui.widgets.bound import bind_choice
from lib.ui.widgets.error_box import draw_error
from lib.ui.widgets.safe_markdown import escape_markdown

SETTINGS, PROMPTS, RUNS = "Two settings", "Two prompts", "Another run"
_KIND, _FIRST, _SECOND, _CHANGE, _DIFFER, _PAGE, _OTHER = (
    f"{PREFIX}versus-{name}" for name in ("kind", "first", "second", "change", "differ", "page", "other")
)
PAIRS_PER_PAGE = 10
_MOST_COMPARED = 20_000  # characters of each answer
_SAID = {
    PairChange.WORSE: "Got worse",
    PairChange.BETTER: "Got better",
    PairChange.SAME: "The same",
    PairChange.UNCLEAR: "Not judged",
}
_STYLE = """<style>
.pair {display: grid; grid-template-columns: 1fr 1fr; border-radius: .5rem; font-size: .9rem; line-height: 1.45;
    border: 1px solid color-mix(in srgb, currentColor 16%, transparent)}
.pair > div {padding: .6rem .75rem; min-width: 0}
.pair > div + div {border-left: 1px solid color-mix(in srgb, currentColor 16%, transparent)}
.pair p {margin: 0; white-space: pre-wrap; overflow-wrap: anywhere; max-height: 18rem; overflow: auto}
.pair small {display: block; opacity: .75; margin-bottom: .3rem; overflow-wrap: anywhere}
.pair del, .pair ins {border-radius: 3px; padding: 0 1px; text-decoration-thickness: 2px;
    text-underline-offset: 3px; -webkit-box-decoration-break: clone; box-decoration-break: clone}
.pair del {background: color-mix(in srgb, #c0553f 24%, transparent); text-decoration: underline dotted #c0553f}
.pair ins {background: color-mix(in srgb, #3f9a6d 26%, transparent); text-decoration: underline #3f9a6d}
@media (max-width: 640px) {.pair {grid-template-columns: 1fr}
    .pair > div + div {border-left: 0; border-top: 1px solid color-mix(in srgb, currentColor 16%, transparent)}}
</style>"""


def can_compare(board: ResultsView, others: Sequence[OtherRun]) -> bool:
    """Whether there are two of anything."""
    return len(board.setting_names) > 1 or len(board.prompt_names) > 1 or bool(others)


def draw_paired_answers(board: ResultsView, others: Sequence[OtherRun]) -> None:
    """What is compared, what came of it, and the pairs."""
    kinds = [SETTINGS] if len(board.setting_names) > 1 else []
    kinds += [PROMPTS] if len(board.prompt_names) > 1 else []
    kinds += [RUNS] if others else []
    chosen = bind_choice(_KIND, kinds, on_change=_another)
    kind = chosen.value
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        if len(kinds) > 1:
            st.segmented_control(
                "Compare", kinds, key=chosen.key, default=kind, required=True, on_change=chosen.on_change
            )
        try:
            found, names = _runs(board, others) if kind == RUNS else _ways(board, kind)
        except PaddockError as error:
            draw_error(error, "That run cannot be read")
            return
    if found is None:
        st.caption("Choose two different ones.")
    elif not found.pairs:
        st.caption("No input was asked in both, so there is nothing to compare yet.")
    else:
        st.markdown(_sentence(found, names, board))
        _pairs(board, found, names)


def _another() -> None:
    for name in (_FIRST, _SECOND):
        bound.forget_choices(name)
    _first_page()


def _first_page() -> None:
    st.session_state[_PAGE] = 0


def _ways(board: ResultsView, kind: str) -> tuple[PairedComparison | None, tuple[str, str]]:
    """Two settings or prompts; at first the best after the next best."""
    among = GroupedBy.VARIANTS if kind == SETTINGS else GroupedBy.PROMPTS
    names = board.setting_names if kind == SETTINGS else board.prompt_names
    best = board.winner(among)
    second = best.best if best is not None else 1
    first = best.runner_up if best is not None and best.runner_up is not None else 1 if second == 0 else 0
    picked = []
    for name, key, at in (("From", _FIRST, first), ("To", _SECOND, second)):
        choice = bind_choice(key, range(len(names)), at, on_change=_first_page)
        picked.append(choice.value)
        st.selectbox(
            name,
            range(len(names)),
            choice.value,
            key=choice.key,
            format_func=names.__getitem__,
            width=280,
            on_change=choice.on_change,
        )
    before, after = picked
    if before == after:
        return None, ("", "")
    of = paired_comparison.compare_variants if kind == SETTINGS else paired_comparison.compare_prompts
    found = board.cached("versus", (kind, before, after), lambda: of(board.results, before, after))
    return found, (names[before], names[after])


def _runs(board: ResultsView, others: Sequence[OtherRun]) -> tuple[PairedComparison, tuple[str, str]]:
    """Another run before this one."""
    known = {one.id: one for one in others}
    runs = list(known)
    run = bind_choice(_FIRST, runs, on_change=_first_page)
    st.selectbox(
        "From the run",
        runs,
        runs.index(run.value),
        key=run.key,
        width=330,
        format_func=lambda id: known[id].name,
        on_change=run.on_change,
    )
    other = known[run.value]
    kept: tuple[str, tuple[Plan, Sequence[Result]]] | None = st.session_state.get(_OTHER)
    if kept is None or kept[0] != other.id:
        kept = st.session_state[_OTHER] = (other.id, other.load())
    before = kept[1]
    found = board.cached(
        "versus",
        other.id,
        lambda: paired_comparison.compare_runs(board.model, before, (board.plan, board.results)),
    )
    return found, (other.name, "this run")


def _sentence(found: PairedComparison, names: tuple[str, str], board: ResultsView) -> str:
    """What came of it, in words."""
    first, second = (escape_markdown(name) for name in names)
    count = len(found.pairs)
    alone = f" {found.unmatched:,} answers have no partner and are left out." if found.unmatched else ""
    if found.p_value is None:
        reason = "No check was set" if not board.plan.checks else "No pair could be judged"
        return f"**{count:,} pairs.** {reason}, so none is called better: read them.{alone}"
    counts, (before, after) = found.counts, found.passed
    changed = counts[PairChange.BETTER] + counts[PairChange.WORSE]
    if not changed:
        said = "No answer got better or worse"
    else:
        better = counts[PairChange.BETTER] > counts[PairChange.WORSE]
        level = counts[PairChange.BETTER] == counts[PairChange.WORSE]
        said = f"{counts[PairChange.BETTER]:,} got better and {counts[PairChange.WORSE]:,} got worse: " + (
            "as good"
            if level
            else f"{'better' if better else 'worse'} beyond chance"
            if found.p_value < SIGNIFICANCE_LEVEL
            else "that could be chance"
        )
    return (
        f"**{said}** (McNemar’s p {format_p_value(found.p_value)}).  \n"
        f":small[From {first} to {second}: {before:,} and then "
        f"{after:,} of {found.judged:,} pairs pass.{alone}]"
    )


def _pairs(board: ResultsView, found: PairedComparison, names: tuple[str, str]) -> None:
    counts = found.counts
    offered = [change for change in _SAID if counts[change]]
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        wanted = st.pills(
            "Show",
            offered,
            key=_CHANGE,
            selection_mode="multi",
            label_visibility="collapsed",
            on_change=_first_page,
            format_func=lambda change: f"{_SAID[change]} ({counts[change]:,})",
        )
        differ = st.toggle("Only answers that differ", key=_DIFFER, on_change=_first_page)
    pairs = [pair for pair in found.pairs if not wanted or pair.change in wanted]
    if differ:
        pairs = [pair for pair in pairs if _text(pair.first) != _text(pair.second)]
    if not pairs:
        st.caption("There is no such pair.")
        return
    page = min(int(st.session_state.get(_PAGE) or 0), (len(pairs) - 1) // PAIRS_PER_PAGE)
    st.html(_STYLE)
    for pair in pairs[page * PAIRS_PER_PAGE : (page + 1) * PAIRS_PER_PAGE]:
        _pair(board, pair, names)
    if len(pairs) > PAIRS_PER_PAGE:
        with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
            last = min((page + 1) * PAIRS_PER_PAGE, len(pairs))
            st.caption(
                f"{page * PAIRS_PER_PAGE + 1:,}–{last:,} of {len(pairs):,} pairs",
                width="stretch",
            )
            for sign, to, help in (
                ("‹", page - 1, "The pairs before"),
                ("›", page + 1, "The next pairs"),
            ):
                st.button(
                    sign,
                    key=f"{PREFIX}pairs{sign}",
                    type="tertiary",
                    help=help,
                    on_click=_turn,
                    args=(to,),
                    disabled=not 0 <= to * PAIRS_PER_PAGE < len(pairs),
                )


def _turn(page: int) -> None:
    st.session_state[_PAGE] = page


_BADGES = {
    PairChange.WORSE: (":material/trending_down:", "red"),
    PairChange.BETTER: (":material/trending_up:", "green"),
    PairChange.SAME: (":material/trending_flat:", "gray"),
    PairChange.UNCLEAR: (":material/help:", "orange"),
}


def _pair(board: ResultsView, pair: ResultPair, names: tuple[str, str]) -> None:
    cell = pair.second.cell
    icon, colour = _BADGES[pair.change]
    with st.container(key=f"{PREFIX}pair-{cell.number}", gap="xxsmall"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.badge(_SAID[pair.change], icon=icon, color=colour)  # type: ignore[arg-type]
            parts = [f"**{cell.number + 1}**"]
            if board.plan.inputs.rows:
                parts.append(escape_markdown(_brief(describe_inputs(board.plan, cell.row), 160)))
            st.markdown(f":small[{' · '.join(parts)}]", width="stretch")
        before, after = (_text(one)[:_MOST_COMPARED] for one in (pair.first, pair.second))
        pieces = text_diff.diff_words(before, after)
        removed = "".join(
            f"<del>{escape(piece.text)}</del>" if isinstance(piece, Removed) else escape(piece.text)
            for piece in pieces
            if isinstance(piece, (Removed, Same))
        )
        added = "".join(
            f"<ins>{escape(piece.text)}</ins>" if isinstance(piece, Added) else escape(piece.text)
            for piece in pieces
            if isinstance(piece, (Added, Same))
        )
        sides = zip((pair.first, pair.second), names, (removed, added), strict=True)
        st.html(
            '<div class="pair">'
            + "".join(
                f"<div><small>{escape(replace_lone_surrogates(name))}{_why(result)}</small>"
                f"<p>{replace_lone_surrogates(text) or '—'}</p></div>"
                for result, name, text in sides
            )
            + "</div>"
        )


def _why(result: Result) -> str:
    """What the checks say, as HTML; where one failed, why."""
    if not result.outcomes:
        return ""
    signs = {CheckVerdict.PASSED: "✓ passed", CheckVerdict.FAILED: "✗", CheckVerdict.OPEN: "– not judged"}
    said = signs[check_verdict(result)]
    failed = [outcome.reason for outcome in result.outcomes if outcome.passed is False]
    return f" · {said} {escape(replace_lone_surrogates(_brief('; '.join(failed), 160)))}"


def _text(result: Result) -> str:
    """What was answered, as it is compared."""
    answer = result.answer
    if answer is None:
        return ""
    if answer.text or not answer.calls:
        return answer.text or (answer.error.message if answer.error is not None else "")
    return "\n".join(call_signatures(answer.calls))


def _brief(text: str, most: int) -> str:
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[: most - 1]}…"
