"""Menu: what holds for all columns: repetitions, blind rating, differences; other comparisons; the rounds so far."""

from __future__ import annotations

import time

import streamlit as st

from lib.compare.comparison import MAX_REPETITIONS
from lib.compare.comparison_table import comparison_rows
from lib.errors import PaddockError
from lib.files import spreadsheet
from lib.files.markdown_export import make_file_name
from lib.files.spreadsheet import SheetRow
from lib.ui.compare import answers_side_by_side
from lib.ui.compare.answers_side_by_side import WatchedAnswer
from lib.ui.compare.comparison_tab import NO_BASE, ComparisonTab
from lib.ui.shell.registry import registry
from lib.ui.widgets.error_box import draw_error
from lib.ui.widgets.fill import fill
from lib.ui.widgets.safe_markdown import escape_markdown

_TIMES, _BLIND, _FROM = "compare-times", "compare-blind", "compare-from"
WINDOW = 5  # rounds that are drawn
_SHOWN = "compare-shown"

STARTERS = (
    "Explain what a rainbow is to a child of six.",
    "Name three uses of a paperclip, one line each.",
    "Is a tomato a fruit? Answer in one sentence.",
)


def draw_comparison_menu(board: ComparisonTab) -> None:
    """Earlier comparisons, and a new one."""
    with st.popover("Comparisons", type="tertiary", icon=":material/history:", key="comparisons"):
        try:
            kept = registry().store.comparisons(board.owner)
        except PaddockError as error:
            draw_error(error, "Earlier comparisons cannot be read at the moment")
            return
        if not kept:
            st.caption("None yet: a comparison is kept from its first send on.")
        for one in kept:
            with st.container(horizontal=True, vertical_alignment="center", gap="small", wrap=False):
                st.button(
                    escape_markdown(one.title) or "Untitled",
                    key=f"open-{one.id}",
                    type="tertiary",
                    disabled=one.id == board.session.id,
                    on_click=board.open_comparison,
                    args=(one.id,),
                )
                st.space("stretch")
                st.button(
                    "Delete",
                    key=f"forget-{one.id}",
                    type="tertiary",
                    on_click=board.delete_comparison,
                    args=(one.id,),
                    help="Its conversations go into the bin of the History page",
                )
    if board.comparison.rounds and not board.is_hidden:
        _download(board)
    if board.comparison.rounds:
        st.button(
            "New comparison",
            key="compare-new",
            icon=":material/add:",
            type="tertiary",
            on_click=board.new_comparison,
            help="Columns set as these are, with empty threads",
        )


def _download(board: ComparisonTab) -> None:
    """All answers as files, each with what has come by the time of the click."""
    contest, model = board.session, board.model
    stem = make_file_name(contest.comparison.rounds[0].text)

    def rows() -> list[SheetRow]:
        return comparison_rows(model, contest.comparison, contest.conversations())

    with st.popover("Download", type="tertiary", icon=":material/download:", key="compare-download"):
        st.caption("A row for each answer: what it was asked with, what it says, its stars, tokens and cost.")
        st.download_button(
            "CSV",
            lambda: b"".join(spreadsheet.write_csv(rows())),
            f"{stem}.csv",
            "text/csv",
            key="compare-csv",
            on_click="ignore",
            width="stretch",
            help="For any spreadsheet",
        )
        st.download_button(
            "XLSX",
            lambda: spreadsheet.write_xlsx(rows(), "Comparison"),
            f"{stem}.xlsx",
            spreadsheet.XLSX_MEDIA_TYPE,
            key="compare-xlsx",
            on_click="ignore",
            width="stretch",
            help="For Excel",
        )


def draw_options(board: ComparisonTab) -> None:
    """Repetitions, blind rating and differences."""
    comparison = board.comparison
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium", key="compare-options"):
        st.number_input(
            "Repetitions",
            1,
            MAX_REPETITIONS,
            fill(_TIMES, comparison.repetitions),
            key=_TIMES,
            width=130,
            on_change=_repeat,
            args=(board,),
            help="How many answers each column gives to an input, one after the other. A seed that is sent moves on "
            "by one with each of them: else all would be the same.",
        )
        st.toggle(
            "Blind",
            fill(_BLIND, comparison.is_blind),
            key=_BLIND,
            on_change=_blind,
            args=(board,),
            help="From the next send on columns are shuffled, and names, settings and figures are hidden until all "
            "answers are rated.",
        )
        if comparison.rounds:
            names = {NO_BASE: "Off"} | {
                column.id: board.column_label(column) for column in comparison.displayed_columns
            }
            st.segmented_control(
                "Differences from",
                list(names),
                default=fill(_FROM, board.diff_base),
                key=_FROM,
                required=True,
                format_func=lambda id: names.get(id, ""),
                on_change=_compare,
                args=(board,),
                help="Shows the other columns' answers word by word as differences from this one's: what it has more "
                "is struck through, what they have more is underlined.",
            )
        if board.is_hidden:
            left = len(comparison.unrated_answers(board.session.conversations()))
            st.button(
                "Reveal",
                key="reveal",
                icon=":material/visibility:",
                on_click=board.session.reveal,
                help="Show names, settings and figures now",
            )
            if not board.session.is_busy:
                st.caption(f"{left} to be rated", width="content")


def draw_rounds(board: ComparisonTab) -> list[WatchedAnswer]:
    """The last rounds; only the very last while names are hidden, for the earlier ones are known. Gives what runs."""
    count = len(board.comparison.rounds)
    first = count - 1 if board.is_hidden else max(count - int(st.session_state.get(_SHOWN, WINDOW)), 0)
    if first and board.is_hidden:
        st.caption("Earlier inputs are hidden until these answers are rated or revealed.")
    elif first:
        st.button(
            f"Show {min(first, WINDOW)} earlier inputs",
            key="compare-earlier",
            type="tertiary",
            on_click=_more,
        )
    watched: list[WatchedAnswer] = []
    for number in range(first, count):
        watched += answers_side_by_side.draw_round(board, number)
    return watched


def wait_for_hidden_answers(board: ComparisonTab, watched: list[WatchedAnswer]) -> None:
    """Where no answer is drawn while it comes: wait until something has changed."""
    coming = [board.session.pending_count(id) for id in board.panels]
    at = st.empty()
    while not watched and coming == [board.session.pending_count(id) for id in board.panels] and any(coming):
        for id in board.panels:
            _, live = board.session.chat(id).snapshot()
            if live is not None:
                live.run.read_parts(0)  # somebody is looking
        at.caption(f":shimmer[{sum(coming)} still to come]")
        time.sleep(0.1)


def draw_compare_welcome(board: ComparisonTab) -> None:
    """What is to be done, and something to begin with."""
    st.markdown("### What shall we compare?")
    st.caption("Change one thing in a column, then send the same input to all. Duplicate one for up to four.")
    for number, starter in enumerate(STARTERS):
        st.button(
            starter,
            key=f"compare-starter-{number}",
            disabled=board.backend is None,
            on_click=board.send,
            args=(starter,),
        )


def _repeat(board: ComparisonTab) -> None:
    board.session.set_repetitions(int(st.session_state[_TIMES] or 1))


def _blind(board: ComparisonTab) -> None:
    board.session.set_blind(bool(st.session_state[_BLIND]))


def _compare(board: ComparisonTab) -> None:
    if (chosen := st.session_state[_FROM]) is not None:
        board.set_diff_base(chosen)


def _more() -> None:
    st.session_state[_SHOWN] = int(st.session_state.get(_SHOWN, WINDOW)) + WINDOW
