"""Filters: which answers are listed, and in which order."""

from __future__ import annotations

import streamlit as st

from lib.experiment.checks.check_wording import check_wording
from lib.experiment.results.cell_result import Status
from lib.experiment.results.result_rows import CheckVerdict, ResultColumn, ResultFilter
from lib.ui.experiment.results_view import PREFIX, ResultsView
from lib.ui.widgets.safe_markdown import escape_markdown

SEARCH, SORT, DOWN = f"{PREFIX}search", f"{PREFIX}sort", f"{PREFIX}down"
PAGE_KEY = f"{PREFIX}page"  # of the table, from 0
_PROMPTS, _SETTINGS, _ROWS = f"{PREFIX}prompts", f"{PREFIX}settings", f"{PREFIX}rows"
_VERDICTS, _CHECK, _STATUSES, _RATINGS = (
    f"{PREFIX}verdicts",
    f"{PREFIX}check",
    f"{PREFIX}statuses",
    f"{PREFIX}ratings",
)
_MOST_OFFERED = 300  # of the rows: with more, searching is quicker than choosing
_ALL_CHECKS = -1


def draw_answer_filters(board: ResultsView) -> None:
    """The search, what is filtered by, and the order."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        st.text_input(
            "Search in answers, inputs and reasons",
            key=SEARCH,
            live=True,
            persist_state="session",
            placeholder="Search in answers, inputs and reasons",
            label_visibility="collapsed",
            max_chars=200,
            icon=":material/search:",
            width="stretch",
        )
        with st.popover("Filter", icon=":material/filter_list:", key=f"{PREFIX}filter"):
            _choices(board)
        st.selectbox(
            "Sort by",
            list(shown_columns(board)),
            key=SORT,
            persist_state="session",
            width=150,
            label_visibility="collapsed",
            format_func=lambda column: column.value,
            on_change=_top,
        )
        down = bool(st.session_state.get(DOWN))
        st.button(
            "Descending" if down else "Ascending",
            key=f"{PREFIX}turn",
            on_click=_turn,
            icon=":material/arrow_downward:" if down else ":material/arrow_upward:",
            help="Turn the order round",
        )


def shown_columns(board: ResultsView) -> tuple[ResultColumn, ...]:
    """What the answers of this run differ in, in the order in which it is shown."""
    plan = board.plan
    rated = any(line.result.rating is not None for line in board.sheet.rows)
    shown = {
        ResultColumn.PROMPT: len(plan.prompts) > 1,
        ResultColumn.SETTING: len(board.setting_names) > 1,
        ResultColumn.INPUT: bool(plan.inputs.rows),
        ResultColumn.VERDICT: bool(plan.checks),
        ResultColumn.RATING: rated or sort_order()[0] is ResultColumn.RATING,
    }
    return tuple(column for column in ResultColumn if shown.get(column, True))


def sort_order() -> tuple[ResultColumn, bool]:
    """The column that is sorted by, and whether from the top down."""
    return st.session_state.get(SORT) or ResultColumn.NUMBER, bool(st.session_state.get(DOWN))


def sort_by(by: ResultColumn) -> None:
    """Sort by that column; by the one that is sorted by already, the other way round."""
    if sort_order()[0] is by:
        _turn()
    else:
        st.session_state[SORT], st.session_state[DOWN] = by, False
        _top()


def _turn() -> None:
    st.session_state[DOWN] = not st.session_state.get(DOWN)
    _top()


def _top() -> None:
    st.session_state[PAGE_KEY] = 0


def current_filter(board: ResultsView) -> ResultFilter:
    """What is filtered by at this moment."""
    state = st.session_state
    check = state.get(_CHECK)
    return ResultFilter(
        prompts=_numbers(state.get(_PROMPTS)),
        variants=_numbers(state.get(_SETTINGS)),
        rows=_numbers(state.get(_ROWS)),
        statuses=tuple(state.get(_STATUSES) or ()),
        verdicts=tuple(state.get(_VERDICTS) or ()),
        check=None if check is None or check == _ALL_CHECKS else int(check),
        ratings=_numbers(state.get(_RATINGS)),
        text=str(state.get(SEARCH) or ""),
    )


def _numbers(chosen: object) -> tuple[int, ...]:
    return tuple(chosen) if isinstance(chosen, (list, tuple)) else ()


def clear_filters() -> None:
    """Want all again."""
    for key in (_PROMPTS, _SETTINGS, _ROWS, _VERDICTS, _STATUSES, _RATINGS):
        st.session_state[key] = []
    st.session_state[SEARCH] = ""
    if _CHECK in st.session_state:
        st.session_state[_CHECK] = _ALL_CHECKS


def _choices(board: ResultsView) -> None:
    plan = board.plan
    if plan.checks:
        if len(plan.checks) > 1:
            st.selectbox(
                "Verdict of",
                range(_ALL_CHECKS, len(plan.checks)),
                key=_CHECK,
                persist_state="session",
                format_func=lambda at: (
                    "all together"
                    if at == _ALL_CHECKS
                    else f"{at + 1}. {check_wording(plan.checks[at]).title}"
                ),
            )
        st.pills(
            "Checks",
            list(CheckVerdict),
            key=_VERDICTS,
            selection_mode="multi",
            persist_state="session",
            format_func=lambda one: one.value.capitalize(),
        )
    st.pills(
        "Came to",
        list(Status),
        key=_STATUSES,
        selection_mode="multi",
        persist_state="session",
        format_func=lambda one: one.value.capitalize(),
    )
    st.pills(
        "Rating",
        range(6),
        key=_RATINGS,
        selection_mode="multi",
        persist_state="session",
        format_func=lambda stars: "★" * stars or "None",
    )
    if len(plan.prompts) > 1:
        _multiselect("Prompt", board.prompt_names, _PROMPTS)
    if len(board.setting_names) > 1:
        _multiselect("Setting", board.setting_names, _SETTINGS)
    if 1 < len(board.sheet.input_texts) <= _MOST_OFFERED:
        _multiselect("Input", board.sheet.input_texts, _ROWS)
    st.button(
        "Clear all",
        key=f"{PREFIX}clear",
        type="tertiary",
        icon=":material/filter_list_off:",
        on_click=clear_filters,
    )


def _multiselect(name: str, names: tuple[str, ...], key: str) -> None:
    st.multiselect(
        name,
        range(len(names)),
        key=key,
        persist_state="session",
        placeholder="All",
        format_func=lambda at: f"{at + 1}. {_short(names[at])}",
    )


def _short(text: str) -> str:
    text = " ".join(text.split())
    return escape_markdown(text if len(text) <= 80 else f"{text[:79]}…")
