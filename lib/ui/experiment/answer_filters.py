"""The filters and the order of the table of answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum
from typing import TypeVar

import streamlit as st

from lib.experiment.checks.check_kinds import check_wording
from lib.experiment.results.cell_result import Status
from lib.experiment.results.result_rows import CheckVerdict, ResultColumn, ResultFilter
from lib.ui.experiment.results_view import PREFIX, ResultsView
from lib.ui.widgets.safe_markdown import escape_markdown
from lib.ui.widgets.short_text import shorten

SEARCH, SORT, DOWN = f"{PREFIX}search", f"{PREFIX}sort", f"{PREFIX}down"
PAGE_KEY = f"{PREFIX}page"  # in the session's state: the page of the table, from 0
_PROMPTS, _SETTINGS, _ROWS = f"{PREFIX}prompts", f"{PREFIX}settings", f"{PREFIX}rows"
_CHECK, _VERDICTS = f"{PREFIX}check", f"{PREFIX}verdicts"
_STATUSES, _RATINGS = f"{PREFIX}statuses", f"{PREFIX}ratings"
# With more inputs than this, searching is quicker than choosing.
_MAX_OFFERED_INPUTS = 300
_ALL_CHECKS = -1
_WIDTH = 300  # of the lists to choose from, in pixels
_IS_OPEN = f"{PREFIX}filters-open"  # in the session's state
# “Failed” alone would also be the name of a check's verdict.
STATUS_LABELS = {
    Status.ANSWERED: "Answered",
    Status.FAILED: "No answer",
    Status.DOUBTFUL: "Unclear",
}

T = TypeVar("T")


def draw_filter_line(view: ResultsView) -> None:
    """Draw the search box, the button that opens the filters, and the order, in a line that is already there."""
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
    is_open = bool(st.session_state.get(_IS_OPEN))
    # No popover: the click that closes one does not reach the table below it.
    st.button(
        "Filter",
        key=f"{PREFIX}filter",
        icon=":material/expand_less:" if is_open else ":material/filter_list:",
        on_click=_toggle_filters,
    )
    st.selectbox(
        "Sort by",
        list(shown_columns(view)),
        key=SORT,
        persist_state="session",
        width=150,
        label_visibility="collapsed",
        format_func=lambda column: column.value,
        on_change=_turn_to_first_page,
    )
    is_descending = bool(st.session_state.get(DOWN))
    st.button(
        "Descending" if is_descending else "Ascending",
        key=f"{PREFIX}turn",
        on_click=_reverse,
        icon=":material/arrow_downward:" if is_descending else ":material/arrow_upward:",
        help="Reverse the order",
    )


def draw_filter_box(view: ResultsView) -> None:
    """Draw the filters, if they are open."""
    if st.session_state.get(_IS_OPEN):
        with st.container(border=True, key=f"{PREFIX}filters", gap="small"):
            _draw_filters(view)


def _toggle_filters() -> None:
    st.session_state[_IS_OPEN] = not st.session_state.get(_IS_OPEN)


def shown_columns(view: ResultsView) -> tuple[ResultColumn, ...]:
    """Return the columns in which the answers of this run can differ, in the order of the table."""
    plan = view.plan
    is_rated = any(row.result.rating is not None for row in view.sheet.rows)
    shown = {
        ResultColumn.PROMPT: len(plan.prompts) > 1,
        ResultColumn.SETTING: len(view.setting_names) > 1,
        ResultColumn.INPUT: bool(plan.inputs.rows),
        ResultColumn.VERDICT: bool(plan.checks),
        ResultColumn.RATING: is_rated or sort_order()[0] is ResultColumn.RATING,
    }
    return tuple(column for column in ResultColumn if shown.get(column, True))


def sort_order() -> tuple[ResultColumn, bool]:
    """Return the column that the table is sorted by, and True for descending."""
    return st.session_state.get(SORT) or ResultColumn.NUMBER, bool(st.session_state.get(DOWN))


def sort_by(by: ResultColumn) -> None:
    """Sort by a column; reverse the order if the table is sorted by it already."""
    if sort_order()[0] is by:
        _reverse()
    else:
        st.session_state[SORT], st.session_state[DOWN] = by, False
        _turn_to_first_page()


def _reverse() -> None:
    st.session_state[DOWN] = not st.session_state.get(DOWN)
    _turn_to_first_page()


def _turn_to_first_page() -> None:
    st.session_state[PAGE_KEY] = 0


def current_filter() -> ResultFilter:
    """Return the filter as it is set now."""
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


def show_only(verdict: CheckVerdict) -> None:
    """Filter the answers by a verdict alone."""
    clear_filters()
    st.session_state[_VERDICTS] = [verdict]


def clear_filters() -> None:
    for key in (_PROMPTS, _SETTINGS, _ROWS, _VERDICTS, _STATUSES, _RATINGS):
        st.session_state[key] = []
    st.session_state[SEARCH] = ""
    if _CHECK in st.session_state:
        st.session_state[_CHECK] = _ALL_CHECKS


def _draw_filters(view: ResultsView) -> None:
    # Beside each other: the answers are to stay in sight.
    with st.container(horizontal=True, vertical_alignment="top", gap="medium"):
        if view.plan.checks:
            _draw_check_choice(view)
            _draw_pills("Checks", list(CheckVerdict), _VERDICTS, _capitalize_value)
        _draw_pills("Outcome", list(Status), _STATUSES, STATUS_LABELS.__getitem__)
        _draw_pills("Rating", range(6), _RATINGS, lambda stars: "★" * stars or "None")
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        if len(view.plan.prompts) > 1:
            _draw_multiselect("Prompt", view.prompt_names, _PROMPTS)
        if len(view.setting_names) > 1:
            _draw_multiselect("Setting", view.setting_names, _SETTINGS)
        if 1 < len(view.sheet.input_texts) <= _MAX_OFFERED_INPUTS:
            _draw_multiselect("Input", view.sheet.input_texts, _ROWS)
        _draw_clear_button()


def _draw_check_choice(view: ResultsView) -> None:
    checks = view.plan.checks
    if len(checks) < 2:
        return
    st.selectbox(
        "Check",
        range(_ALL_CHECKS, len(checks)),
        key=_CHECK,
        persist_state="session",
        width=_WIDTH,
        format_func=lambda index: (
            "all checks together"
            if index == _ALL_CHECKS
            else f"{index + 1}. {check_wording(checks[index]).title}"
        ),
    )


def _draw_clear_button() -> None:
    st.button(
        "Clear all",
        key=f"{PREFIX}clear",
        type="tertiary",
        icon=":material/filter_list_off:",
        on_click=clear_filters,
    )


def _draw_pills(label: str, options: Sequence[T], key: str, format_option: Callable[[T], str]) -> None:
    st.pills(
        label, options, key=key, selection_mode="multi", persist_state="session", format_func=format_option
    )


def _capitalize_value(option: Enum) -> str:
    return str(option.value).capitalize()


def _draw_multiselect(name: str, names: tuple[str, ...], key: str) -> None:
    st.multiselect(
        name,
        range(len(names)),
        key=key,
        persist_state="session",
        placeholder="All",
        width=_WIDTH,
        format_func=lambda index: f"{index + 1}. {escape_markdown(shorten(names[index], 80))}",
    )
