"""Menu: what holds for all columns: repetitions, blind rating, differences; other comparisons; the rounds so far."""

from __future__ import annotations

import time

import streamlit as st

from lib.compare.comparison import MOST_REPETITIONS
from lib.compare.comparison_table import table
from lib.errors import PaddockError
from lib.files import spreadsheet
from lib.files.markdown_export import file_name
from lib.files.spreadsheet import Row
from lib.ui.compare import answer_columns
from lib.ui.compare.answer_columns import Watched
from lib.ui.compare.comparison_tab import OFF, Board
from lib.ui.shell.registry import registry
from lib.ui.widgets.error_box import trouble
from lib.ui.widgets.fill import fill
from lib.ui.widgets.safe_markdown import label

_TIMES, _BLIND, _FROM = "compare-times", "compare-blind", "compare-from"
WINDOW = 5  # rounds that are drawn
_SHOWN = "compare-shown"

STARTERS = (
    "Explain what a rainbow is to a child of six.",
    "Name three uses of a paperclip, one line each.",
    "Is a tomato a fruit? Answer in one sentence.",
)


def draw(board: Board) -> None:
    """Earlier comparisons, and a new one."""
    with st.popover("Comparisons", type="tertiary", icon=":material/history:", key="comparisons"):
        try:
            kept = registry().store.comparisons(board.owner)
        except PaddockError as error:
            trouble(error, "Earlier comparisons cannot be read at the moment")
            return
        if not kept:
            st.caption("None yet: a comparison is kept from its first send on.")
        for one in kept:
            with st.container(horizontal=True, vertical_alignment="center", gap="small", wrap=False):
                st.button(
                    label(one.title) or "Untitled",
                    key=f"open-{one.id}",
                    type="tertiary",
                    disabled=one.id == board.contest.id,
                    on_click=board.turn_to,
                    args=(one.id,),
                )
                st.space("stretch")
                st.button(
                    "Delete",
                    key=f"forget-{one.id}",
                    type="tertiary",
                    on_click=board.forget,
                    args=(one.id,),
                    help="Its conversations go into the bin of the History page",
                )
    if board.comparison.rounds and not board.hidden:
        _download(board)
    if board.comparison.rounds:
        st.button(
            "New comparison",
            key="compare-new",
            icon=":material/add:",
            type="tertiary",
            on_click=board.new,
            help="Columns set as these are, with empty threads",
        )


def _download(board: Board) -> None:
    """All answers as files, each with what has come by the time of the click."""
    contest, model = board.contest, board.model
    stem = file_name(contest.comparison.rounds[0].text)

    def rows() -> list[Row]:
        return table(model, contest.comparison, contest.threads())

    with st.popover("Download", type="tertiary", icon=":material/download:", key="compare-download"):
        st.caption("A row for each answer: what it was asked with, what it says, its stars, tokens and cost.")
        st.download_button(
            "CSV",
            lambda: b"".join(spreadsheet.csv(rows())),
            f"{stem}.csv",
            "text/csv",
            key="compare-csv",
            on_click="ignore",
            width="stretch",
            help="For any spreadsheet",
        )
        st.download_button(
            "XLSX",
            lambda: spreadsheet.xlsx(rows(), "Comparison"),
            f"{stem}.xlsx",
            spreadsheet.XLSX,
            key="compare-xlsx",
            on_click="ignore",
            width="stretch",
            help="For Excel",
        )


def options(board: Board) -> None:
    """Repetitions, blind rating and differences."""
    comparison = board.comparison
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium", key="compare-options"):
        st.number_input(
            "Repetitions",
            1,
            MOST_REPETITIONS,
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
            fill(_BLIND, comparison.blind),
            key=_BLIND,
            on_change=_blind,
            args=(board,),
            help="From the next send on columns are shuffled, and names, settings and figures are hidden until all "
            "answers are rated.",
        )
        if comparison.rounds:
            names = {OFF: "Off"} | {column.id: board.label(column) for column in comparison.order}
            st.segmented_control(
                "Differences from",
                list(names),
                default=fill(_FROM, board.base),
                key=_FROM,
                required=True,
                format_func=lambda id: names.get(id, ""),
                on_change=_compare,
                args=(board,),
                help="Shows the other columns' answers word by word as differences from this one's: what it has more "
                "is struck through, what they have more is underlined.",
            )
        if board.hidden:
            left = len(comparison.unrated(board.contest.threads()))
            st.button(
                "Reveal",
                key="reveal",
                icon=":material/visibility:",
                on_click=board.contest.reveal,
                help="Show names, settings and figures now",
            )
            if not board.contest.busy:
                st.caption(f"{left} to be rated", width="content")


def rounds(board: Board) -> list[Watched]:
    """The last rounds; only the very last while names are hidden, for the earlier ones are known. Gives what runs."""
    count = len(board.comparison.rounds)
    first = count - 1 if board.hidden else max(count - int(st.session_state.get(_SHOWN, WINDOW)), 0)
    if first and board.hidden:
        st.caption("Earlier inputs are hidden until these answers are rated or revealed.")
    elif first:
        st.button(
            f"Show {min(first, WINDOW)} earlier inputs",
            key="compare-earlier",
            type="tertiary",
            on_click=_more,
        )
    watched: list[Watched] = []
    for number in range(first, count):
        watched += answer_columns.draw_round(board, number)
    return watched


def await_others(board: Board, watched: list[Watched]) -> None:
    """Where no answer is drawn while it comes: wait until something has changed."""
    coming = [board.contest.coming(id) for id in board.panels]
    at = st.empty()
    while not watched and coming == [board.contest.coming(id) for id in board.panels] and any(coming):
        for id in board.panels:
            _, live = board.contest.chat(id).view()
            if live is not None:
                live.run.read(0)  # somebody is looking
        at.caption(f":shimmer[{sum(coming)} still to come]")
        time.sleep(0.1)


def welcome(board: Board) -> None:
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


def _repeat(board: Board) -> None:
    board.contest.repeat(int(st.session_state[_TIMES] or 1))


def _blind(board: Board) -> None:
    board.contest.blind(bool(st.session_state[_BLIND]))


def _compare(board: Board) -> None:
    if (chosen := st.session_state[_FROM]) is not None:
        board.set_base(chosen)


def _more() -> None:
    st.session_state[_SHOWN] = int(st.session_state.get(_SHOWN, WINDOW)) + WINDOW
