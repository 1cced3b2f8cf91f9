"""Two settings, prompts or runs side by side: what got better or worse, and the answers as a word diff."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum
from html import escape

import streamlit as st

from lib.chat.answer import call_signatures
from lib.compare import text_diff
from lib.compare.text_diff import Added, Removed, Same
from lib.errors import PaddockError
from lib.experiment.plan import Plan
from lib.experiment.results.cell_result import Result
from lib.experiment.results.paired_comparison import (
    PairChange,
    PairedComparison,
    ResultPair,
    compare_prompts,
    compare_runs,
    compare_variants,
)
from lib.experiment.results.pass_statistics import SIGNIFICANCE_LEVEL
from lib.experiment.results.result_rows import CheckVerdict, check_verdict, describe_inputs
from lib.experiment.results.winner import GroupedBy, format_p_value
from lib.jsonkit.surrogates import replace_lone_surrogates
from lib.ui.experiment.page_buttons import draw_page_buttons
from lib.ui.experiment.results_view import PREFIX, OtherRun, ResultsView
from lib.ui.widgets import bound
from lib.ui.widgets.bound import bind_choice, draw_choice, draw_selectbox
from lib.ui.widgets.error_box import draw_error
from lib.ui.widgets.safe_markdown import escape_markdown
from lib.ui.widgets.short_text import shorten

_KIND, _FIRST, _SECOND, _CHANGE, _DIFFER, _PAGE, _OTHER = (
    f"{PREFIX}versus-{name}" for name in ("kind", "first", "second", "change", "differ", "page", "other")
)
PAIRS_PER_PAGE = 10
_MAX_DIFF_CHARS = 20_000  # of each answer
_MAX_NOTE_CHARS = 160  # of the inputs and the reasons above a pair
# The label, icon and colour of each change, in the order of the filter.
_BADGES = {
    PairChange.WORSE: ("Got worse", ":material/trending_down:", "red"),
    PairChange.BETTER: ("Got better", ":material/trending_up:", "green"),
    PairChange.SAME: ("The same", ":material/trending_flat:", "gray"),
    PairChange.UNCLEAR: ("Not judged", ":material/help:", "orange"),
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


class ComparedThing(StrEnum):
    """The things that can be compared, with their labels."""

    SETTINGS = "Two settings"
    PROMPTS = "Two prompts"
    RUNS = "Another run"


_GROUPS = {ComparedThing.SETTINGS: GroupedBy.VARIANTS, ComparedThing.PROMPTS: GroupedBy.PROMPTS}


def comparable_things(view: ResultsView, others: Sequence[OtherRun]) -> list[ComparedThing]:
    """Return the things of which there are two."""
    things = [thing for thing, by in _GROUPS.items() if by in view.compared_groups]
    return [*things, ComparedThing.RUNS] if others else things


def draw_paired_answers(view: ResultsView, others: Sequence[OtherRun]) -> None:
    """Draw the choice of what is compared, the result in words, and the pairs."""
    kinds = comparable_things(view, others)
    kept_kind = bind_choice(_KIND, kinds, on_change=_forget_choices)
    kind = kept_kind.value
    with st.container(horizontal=True, vertical_alignment="top", key="compared-things"):
        if len(kinds) > 1:
            draw_choice("Compare", kinds, kept_kind)
        try:
            comparison, names = (
                _compare_groups(view, _GROUPS[kind]) if kind in _GROUPS else _compare_runs(view, others)
            )
        except PaddockError as error:
            draw_error(error, "That run cannot be read")
            return
    if comparison is None:
        st.caption("Choose two different ones.")
    elif not comparison.pairs:
        st.caption("Both have no input in common yet, so there is nothing to compare.")
    else:
        p = comparison.p_value
        test = None if p is None else f"McNemar’s test: p {format_p_value(p)}."
        st.markdown(_result_sentence(comparison, names, view), help=test)
        _draw_pairs(view, comparison, names)


def _forget_choices() -> None:
    for name in (_FIRST, _SECOND):
        bound.forget_choices(name)
    _turn_to_first()


def _turn_to_first() -> None:
    st.session_state[_PAGE] = 0


def _compare_groups(view: ResultsView, by: GroupedBy) -> tuple[PairedComparison | None, tuple[str, str]]:
    """Draw the choice of two settings or prompts, at first the runner-up and the best, and compare them.

    Return the comparison, None while both are the same, and the two names.
    """
    names, best = view.names(by), view.winner(by)
    second = best.best if best is not None else 1
    first = best.runner_up if best is not None and best.runner_up is not None else 1 if second == 0 else 0
    picked = []
    for name, key, initial in (("From", _FIRST, first), ("To", _SECOND, second)):
        numbers = range(len(names))
        kept = bind_choice(key, numbers, initial, on_change=_turn_to_first)
        picked.append(draw_selectbox(name, numbers, kept, format_func=names.__getitem__, width=280))
    before, after = picked
    if before == after:
        return None, ("", "")
    compare = compare_variants if by is GroupedBy.VARIANTS else compare_prompts
    comparison = view.cached("versus", (by, before, after), lambda: compare(view.results, before, after))
    return comparison, (names[before], names[after])


def _compare_runs(view: ResultsView, others: Sequence[OtherRun]) -> tuple[PairedComparison, tuple[str, str]]:
    """Draw the choice of another run, and compare it with this one. Raises PaddockError if it cannot be read."""
    other_runs = {other.id: other for other in others}
    runs = list(other_runs)
    kept = bind_choice(_FIRST, runs, on_change=_turn_to_first)
    run = draw_selectbox("From the run", runs, kept, width=330, format_func=lambda id: other_runs[id].name)
    other = other_runs[run]
    loaded: tuple[str, tuple[Plan, Sequence[Result]]] | None = st.session_state.get(_OTHER)
    if loaded is None or loaded[0] != other.id:
        loaded = st.session_state[_OTHER] = (other.id, other.load())
    plan, results = loaded[1]
    before = (replace(view.resolved, plan=plan), results)
    comparison = view.cached("versus", other.id, lambda: compare_runs(before, (view.resolved, view.results)))
    return comparison, (other.name, "this run")


def _result_sentence(comparison: PairedComparison, names: tuple[str, str], view: ResultsView) -> str:
    """Return what got better or worse, and whether that could be chance, as Markdown."""
    first, second = (escape_markdown(name) for name in names)
    unmatched = (
        f" {comparison.unmatched:,} answers exist in only one of them and are left out."
        if comparison.unmatched
        else ""
    )
    if comparison.p_value is None:
        reason = "There are no checks" if not view.plan.checks else "No pair could be judged"
        return (
            f"**{len(comparison.pairs):,} pairs.** {reason}, so none is called better: read them.{unmatched}"
        )
    before, after = comparison.passed
    return (
        f"**{_verdict(comparison, comparison.p_value)}**.  \n"
        f":small[From {first} to {second}: {before:,} and then {after:,} of {comparison.judged:,} pairs pass."
        f"{unmatched}]"
    )


def _verdict(comparison: PairedComparison, p_value: float) -> str:
    better, worse = comparison.counts[PairChange.BETTER], comparison.counts[PairChange.WORSE]
    if not better and not worse:
        return "No answer got better or worse"
    if better == worse:
        verdict = "equally good"
    elif p_value < SIGNIFICANCE_LEVEL:
        verdict = f"clearly {'better' if better > worse else 'worse'}"
    else:
        verdict = "too close to call"
    return f"{better:,} got better and {worse:,} got worse: {verdict}"


def _draw_pairs(view: ResultsView, comparison: PairedComparison, names: tuple[str, str]) -> None:
    pairs = _draw_pair_filter(comparison)
    if not pairs:
        st.caption("No pair matches.")
        return
    page_count = -(-len(pairs) // PAIRS_PER_PAGE)
    page = min(int(st.session_state.get(_PAGE) or 0), page_count - 1)
    first, end = page * PAIRS_PER_PAGE, min((page + 1) * PAIRS_PER_PAGE, len(pairs))
    st.html(_STYLE)
    for pair in pairs[first:end]:
        _draw_pair(view, pair, names)
    if page_count > 1:
        with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
            st.caption(f"{first + 1:,}–{end:,} of {len(pairs):,} pairs", width="stretch")
            draw_page_buttons(_PAGE, page, page_count, "Previous pairs", "Next pairs")


def _draw_pair_filter(comparison: PairedComparison) -> list[ResultPair]:
    counts = comparison.counts
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        chosen_changes = st.pills(
            "Show",
            [change for change in _BADGES if counts[change]],
            key=_CHANGE,
            selection_mode="multi",
            label_visibility="collapsed",
            on_change=_turn_to_first,
            format_func=lambda change: f"{_BADGES[change][0]} ({counts[change]:,})",
        )
        only_different = st.toggle("Only answers that differ", key=_DIFFER, on_change=_turn_to_first)
    pairs = [pair for pair in comparison.pairs if not chosen_changes or pair.change in chosen_changes]
    if only_different:
        pairs = [pair for pair in pairs if _answer_text(pair.first) != _answer_text(pair.second)]
    return pairs


def _draw_pair(view: ResultsView, pair: ResultPair, names: tuple[str, str]) -> None:
    cell = pair.second.cell
    label, icon, colour = _BADGES[pair.change]
    with st.container(key=f"{PREFIX}pair-{cell.number}", gap="xxsmall"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.badge(label, icon=icon, color=colour)  # type: ignore[arg-type]
            parts = [f"**{cell.number + 1}**"]
            if view.plan.inputs.rows:
                parts.append(escape_markdown(shorten(describe_inputs(view.plan, cell.row), _MAX_NOTE_CHARS)))
            st.markdown(f":small[{' · '.join(parts)}]", width="stretch")
        before, after = _diff_html(pair)
        st.html(
            '<div class="pair">'
            + _side_html(names[0], pair.first, before)
            + _side_html(names[1], pair.second, after)
            + "</div>"
        )


def _diff_html(pair: ResultPair) -> tuple[str, str]:
    """Return the first answer with its removed words marked, and the second with its added words, as HTML."""
    before, after = (_answer_text(result)[:_MAX_DIFF_CHARS] for result in (pair.first, pair.second))
    removed, added = [], []
    for piece in text_diff.diff_words(before, after):
        text = escape(piece.text)
        match piece:
            case Same():
                removed.append(text)
                added.append(text)
            case Removed():
                removed.append(f"<del>{text}</del>")
            case Added():
                added.append(f"<ins>{text}</ins>")
    return "".join(removed), "".join(added)


def _side_html(name: str, result: Result, answer: str) -> str:
    return (
        f"<div><small>{escape(replace_lone_surrogates(name))}{_checks_html(result)}</small>"
        f"<p>{replace_lone_surrogates(answer) or '—'}</p></div>"
    )


def _checks_html(result: Result) -> str:
    """Return the verdict of the checks with the reasons of those that failed, as HTML; empty without checks."""
    if not result.outcomes:
        return ""
    labels = {CheckVerdict.PASSED: "✓ passed", CheckVerdict.FAILED: "✗", CheckVerdict.OPEN: "– not judged"}
    reasons = "; ".join(outcome.reason for outcome in result.outcomes if outcome.passed is False)
    verdict = labels[check_verdict(result)]
    return f" · {verdict} {escape(replace_lone_surrogates(shorten(reasons, _MAX_NOTE_CHARS)))}"


def _answer_text(result: Result) -> str:
    """Return the text that is compared: the answer, else its tool calls, else its error."""
    answer = result.answer
    if answer is None:
        return ""
    if answer.text or not answer.calls:
        return answer.text or (answer.error.message if answer.error is not None else "")
    return "\n".join(call_signatures(answer.calls))
